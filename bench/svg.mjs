// Owns: bar charts as plain SVG, in a light and a dark form.
// Must not know: what the bars are about.

/**
 * @typedef {{ label: string, note: string, value: number | null, text: string, isOwn: boolean }} Bar value null: not measured
 * @typedef {{ title: string, unit: string, bars: readonly Bar[] }} Chart
 * @typedef {'light' | 'dark'} Theme
 */

const COLOURS = {
  light: { paper: '#ffffff', ink: '#1f2328', faint: '#59636e', own: '#1a7f52', other: '#8c96a3' },
  dark: { paper: '#0d1117', ink: '#e6edf3', faint: '#9198a1', own: '#3fb97f', other: '#6e7681' },
}

const WIDTH = 760
const MARGIN = 16
const BAR_LEFT = 300
const BAR_RIGHT = WIDTH - 120
const ROW_HEIGHT = 26
const HEAD_HEIGHT = 64

/**
 * @param {readonly Chart[]} charts below each other
 * @param {Theme} theme
 * @returns {string}
 */
export function chartsSvg(charts, theme) {
  const colours = COLOURS[theme]
  let top = 0
  const parts = charts.map((chart) => {
    const part = chartPart(chart, top, colours)
    top += HEAD_HEIGHT + chart.bars.length * ROW_HEIGHT + MARGIN
    return part
  })
  const titles = escapeText(charts.map((chart) => chart.title).join('; '))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="${titles}">`,
    `<rect width="${WIDTH}" height="${top}" fill="${colours.paper}"/>`,
    `<g font-family="system-ui, sans-serif" font-size="13" fill="${colours.ink}">`,
    ...parts,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/**
 * @param {Chart} chart
 * @param {number} top
 * @param {typeof COLOURS.light} colours
 */
function chartPart({ title, unit, bars }, top, colours) {
  const longest = Math.max(0, ...bars.map((bar) => bar.value ?? 0))
  const lines = [
    `<text x="${MARGIN}" y="${top + 28}" font-size="17" font-weight="600">${escapeText(title)}</text>`,
    `<text x="${MARGIN}" y="${top + 48}" fill="${colours.faint}">${escapeText(unit)}</text>`,
  ]
  for (const [index, bar] of bars.entries()) {
    const y = top + HEAD_HEIGHT + index * ROW_HEIGHT
    const length = longest === 0 ? 0 : (Math.max(0, bar.value ?? 0) / longest) * (BAR_RIGHT - BAR_LEFT)
    const weight = bar.isOwn ? ' font-weight="600"' : ''
    lines.push(
      `<text x="${MARGIN}" y="${y + 14}"${weight}>${escapeText(bar.label)}</text>`,
      `<text x="${BAR_LEFT - 8}" y="${y + 14}" text-anchor="end" font-size="11" fill="${colours.faint}">${escapeText(bar.note)}</text>`,
      `<rect x="${BAR_LEFT}" y="${y}" width="${Math.max(1, length).toFixed(1)}" height="18" rx="2" fill="${bar.isOwn ? colours.own : colours.other}"/>`,
      `<text x="${(BAR_LEFT + length + 8).toFixed(1)}" y="${y + 14}"${weight}>${escapeText(bar.text)}</text>`,
    )
  }
  return lines.join('\n')
}

/** @param {string} text */
function escapeText(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
