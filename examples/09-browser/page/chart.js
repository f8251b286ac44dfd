// A line chart of the last samples, drawn as SVG: sharp on every screen, coloured by the style sheet. It does not know where samples come from.

/**
 * @typedef {{ at: Date, everyMs: number, values: Record<string, number> }} Sample
 * @typedef {{ title: string, unit: string, digits: number, axis: string, series: Record<string, string> }} View series: titles by key of `values`
 */

const EDGE = { left: 44, right: 16, top: 26, bottom: 26 }
const calm = matchMedia('(prefers-reduced-motion: reduce)')

/** @param {SVGSVGElement} svg @param {HTMLElement} legend @param {number} maxSamples shown at once; older ones are dropped */
export function createChart(svg, legend, maxSamples) {
  /** @type {Sample[]} */
  const samples = []
  /** @type {View} */
  let view = { title: '', unit: '', digits: 0, axis: '', series: {} }

  function draw() {
    const { clientWidth: width, clientHeight: height } = svg
    const newest = samples.at(-1)
    if (newest === undefined || width === 0) return
    const keys = Object.keys(view.series)
    const spanMs = newest.everyMs * (maxSamples - 1)
    const right = width - EDGE.right
    const bottom = height - EDGE.bottom
    const stepX = (right - EDGE.left) / (maxSamples - 1)
    const highest = Math.max(...samples.flatMap(({ values }) => keys.map((key) => values[key] ?? 0)))
    const step = niceStep(Math.max(highest / 4, 10 ** -view.digits))
    const stepCount = Math.max(1, Math.ceil(highest / step))
    const x = (/** @type {Sample} */ { at }) =>
      right - ((newest.at.getTime() - at.getTime()) / spanMs) * (right - EDGE.left)
    const y = (/** @type {number} */ value) => bottom - (value / (step * stepCount)) * (bottom - EDGE.top)

    const parts = [shape('text', { class: 'axis', x: EDGE.left, y: 12 }, view.axis)]
    for (let n = 0; n <= stepCount; n++) {
      const value = n * step
      parts.push(shape('line', { class: 'grid', x1: EDGE.left, x2: right, y1: y(value), y2: y(value) }))
      parts.push(shape('text', { class: 'tick y', x: EDGE.left - 8, y: y(value) + 4 }, format(value)))
    }
    for (const share of width > 480 ? [1, 0.75, 0.5, 0.25, 0] : [1, 0.5, 0]) {
      const text = share === 0 ? 'now' : `−${format((spanMs * share) / 1000)} s`
      const anchor = share === 1 ? 'start' : share === 0 ? 'end' : 'middle'
      parts.push(
        shape(
          'text',
          { class: 'tick', x: right - share * (right - EDGE.left), y: bottom + 18, 'text-anchor': anchor },
          text,
        ),
      )
    }
    const lines = keys.flatMap((key, at) => {
      const points = samples.map(
        (sample) => `${x(sample).toFixed(1)} ${y(sample.values[key] ?? 0).toFixed(1)}`,
      )
      // Where samples are missing, so is the line.
      const path = points
        .map((point, n) => (n > 0 && isNext(samples[n - 1], samples[n]) ? 'L' : 'M') + point)
        .join('')
      const end = { cx: x(newest), cy: y(newest.values[key] ?? 0), r: 3.5 }
      return [
        shape('path', { class: `line line-${at}`, d: path }),
        shape('circle', { class: `end end-${at}`, ...end }),
      ]
    })
    const clip = shape('clipPath', { id: 'plot-area' })
    clip.append(shape('rect', { x: EDGE.left, y: 0, width: right - EDGE.left + 8, height }))
    const window = shape('g', { 'clip-path': 'url(#plot-area)' })
    const moving = shape('g', {})
    moving.append(...lines)
    window.append(moving)
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    svg.replaceChildren(clip, ...parts, window)
    return { moving, stepX, everyMs: newest.everyMs }
  }

  function tell() {
    const now = samples.at(-1)?.values
    const texts = Object.entries(view.series).map(([key, title]) => {
      const highest = Math.max(...samples.map(({ values }) => values[key] ?? 0))
      const value = now === undefined ? '–' : `${format(now[key] ?? 0, view.digits)} ${view.unit}`
      const shown = legend.querySelector(`[data-key="${key}"]`)
      if (shown !== null) shown.textContent = value
      return `${title} ${value}, at most ${format(highest, view.digits)} ${view.unit}`
    })
    svg.setAttribute(
      'aria-label',
      now === undefined ? 'No samples yet' : `${view.title} now: ${texts.join('; ')}`,
    )
  }

  new ResizeObserver(draw).observe(svg)
  return {
    /** @param {View} next */
    show(next) {
      view = next
      legend.replaceChildren(
        ...Object.entries(view.series).map(([key, title], at) => {
          const item = document.createElement('span')
          const value = document.createElement('b')
          value.dataset.key = key
          item.className = `key key-${at}`
          item.append(`${title} `, value)
          return item
        }),
      )
      draw()
      tell()
    },
    /** @param {Sample} sample */
    add(sample) {
      samples.push(sample)
      if (samples.length > maxSamples) samples.shift()
      const drawn = draw()
      tell()
      if (drawn === undefined || calm.matches) return
      // Between two samples the lines glide to where they have been drawn already.
      const from = { transform: `translateX(${drawn.stepX}px)` }
      drawn.moving.animate([from, { transform: 'none' }], { duration: drawn.everyMs })
    },
  }
}

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
function shape(name, attributes, text = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  element.textContent = text
  return element
}

/** @param {Sample | undefined} before @param {Sample | undefined} after */
function isNext(before, after) {
  return Number(after?.at) - Number(before?.at) < 3 * Number(after?.everyMs)
}

/** The least of … 0.5, 1, 2, 5, 10, 20 … that is not less. @param {number} least */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * (least <= power ? 1 : least <= 2 * power ? 2 : least <= 5 * power ? 5 : 10)
}

/** @param {number} value @param {number} [digits] behind the point, always; as few as will do without */
function format(value, digits) {
  return value.toLocaleString('en', {
    minimumFractionDigits: digits ?? 0,
    maximumFractionDigits: digits ?? 2,
  })
}
