// The page: a peer that keeps connected, is called by the server, and reads a stream of numbers. The chat is in chat.js, the drawing in chart.js.
import { createChart } from './chart.js'
import { startChat } from './chat.js'
import { byId, make } from './dom.js'

const { createPeer } = /** @type {typeof import('peerplex/browser')} */ (Reflect.get(globalThis, 'Peerplex'))

const peer = createPeer({
  reconnect: { initialMs: 250, maxMs: 2_000 },
  queue: { maxCalls: 50, waitMs: 0 }, // what is said while the server is away waits here, however long that takes
})
const link = peer.connect(`${location.origin.replace(/^http/, 'ws')}/peer`)

// ---- streams --------------------------------------------------------------------------------------------------------

/**
 * Reads a stream until `signal` ends it, and anew whenever the connection is back.
 * @param {string} name @param {AbortSignal} signal @param {(item: any) => void} onItem
 */
async function follow(name, signal, onItem) {
  while (!signal.aborted) {
    try {
      for await (const item of peer.stream(name, undefined, { signal })) onItem(item)
    } catch (error) {
      if (signal.aborted) return
      if (/** @type {{ code?: string }} */ (error).code !== 'UNAVAILABLE') throw error
    }
  }
}

// ---- what the server calls ------------------------------------------------------------------------------------------

const chat = startChat(peer, follow)

for (const [name, handler] of Object.entries(chat.handlers)) {
  const row = make('tr')
  const count = make('td', 'count', '0')
  const last = make('td', 'last', '–')
  const head = make('th')
  head.scope = 'row'
  head.append(make('code', '', name))
  row.append(head, count, last)
  byId('calls').append(row)
  peer.handle(name, (input) => {
    const answer = handler(input)
    count.textContent = String(Number(count.textContent) + 1)
    last.textContent = answer === undefined ? [input].flat().join(', ') : `answered “${answer}”`
    return answer
  })
}
byId('own-id').textContent = peer.id

// ---- the chart ------------------------------------------------------------------------------------------------------

/** @type {Record<string, import('./chart.js').View>} */
const views = {
  Load: {
    title: 'Load',
    unit: '%',
    digits: 1,
    axis: '% of the time',
    series: { eventLoop: 'Event loop', cpu: 'CPU' },
  },
  Memory: {
    title: 'Memory',
    unit: 'MB',
    digits: 1,
    axis: 'megabytes',
    series: { heap: 'Heap', process: 'Process' },
  },
  Traffic: {
    title: 'Traffic',
    unit: '/s',
    digits: 0,
    axis: 'messages a second',
    series: { sent: 'Sent', received: 'Received' },
  },
  Pages: { title: 'Pages', unit: '', digits: 0, axis: 'connections', series: { connections: 'Connections' } },
}
const plot = /** @type {SVGSVGElement} */ (document.querySelector('#plot'))
const chart = createChart(plot, byId('legend'), 61)

for (const [name, view] of Object.entries(views)) {
  const label = make('label', '', ` ${name}`)
  const choice = make('input')
  Object.assign(choice, { type: 'radio', name: 'view', value: name, checked: name === 'Load' })
  choice.onchange = () => chart.show(view)
  label.prepend(choice)
  byId('views').append(label)
}
chart.show(/** @type {import('./chart.js').View} */ (views.Load))

/** Ends the stream of samples; null while paused. @type {AbortController | null} */
let samples = null

function togglePause() {
  if (samples === null) {
    samples = new AbortController()
    follow('metrics', samples.signal, chart.add).catch((error) => chat.showProblem(error.message))
  } else {
    samples.abort() // ends the generator in the server: nothing is measured for a page that does not look
    samples = null
  }
  byId('pause').textContent = samples === null ? 'Resume' : 'Pause'
}

byId('pause').onclick = togglePause
togglePause()

// ---- the connection, and light or dark ------------------------------------------------------------------------------

let wasReady = false

function showLink() {
  const state = link.state === 'READY' ? 'ready' : link.state === 'CLOSED' ? 'closed' : 'waiting'
  wasReady ||= state === 'ready'
  const texts = { ready: 'Connected', closed: 'Closed', waiting: wasReady ? 'Reconnecting…' : 'Connecting…' }
  if (byId('link-text').textContent !== texts[state]) byId('link-text').textContent = texts[state]
  document.documentElement.dataset.link = state
  chat.showLink(state === 'ready')
}

link.onState = showLink
showLink()

const systemIsDark = matchMedia('(prefers-color-scheme: dark)')
const { dataset } = document.documentElement

function showTheme() {
  const isDark = dataset.theme === undefined ? systemIsDark.matches : dataset.theme === 'dark'
  byId('theme').textContent = isDark ? 'Light' : 'Dark'
  byId('theme').ariaLabel = isDark ? 'Light theme' : 'Dark theme'
  return isDark
}

byId('theme').onclick = () => {
  dataset.theme = showTheme() ? 'light' : 'dark'
  showTheme()
}
systemIsDark.onchange = showTheme
showTheme()
