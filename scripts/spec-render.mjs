// Owns: how the rows of spec/tables/*.json look as Markdown, one function a table.
// Must not know: files, or where in the prose a table stands.

const DASH = '–'

/** @typedef {Record<string, any>} Row one row of a table; spec/tables/schema/ says what is in it */

/**
 * The Markdown of every table by the name of its marker.
 * @param {Record<string, any>} tables
 * @returns {Record<string, string>}
 */
export function renderTables(tables) {
  const { frames, states } = tables
  return {
    frames: blocks(framesTable(frames), typeRangesTable(frames)),
    flags: flagsTable(frames),
    'flag-rules': flagRulesTable(frames),
    layouts: layoutTables(frames),
    charges: chargesTable(frames),
    'channel-states': blocks(
      markdownTable(
        ['received', 'which is'],
        states.channel.received.map((/** @type {Row} */ row) => [row.name, row.meaning]),
      ),
      'What it does, by state of the channel:',
      channelGrid(states.channel),
      'A condition goes before the grid:',
      conditionsTable(states.channel),
      'Local actions; an action without a cell is an error of the program that asks for it:',
      machineTable(states.channel, 'local'),
    ),
    'session-states': machineTable(states.session),
    'drain-states': blocks(
      'This side drains:',
      machineTable(states.localDrain),
      'The other side drains:',
      machineTable(states.remoteDrain),
    ),
    errors: errorsTable(tables.errors),
    'header-keys': headerKeysTable(tables['header-keys']),
    codecs: codecsTable(tables.codecs),
    limits: limitsTable(tables.limits),
    constants: constantsTable(tables.limits),
    economy: economyTable(tables.economy),
  }
}

// ---- frames ---------------------------------------------------------------------------------------------------------

/** @param {Row} frames */
function framesTable(frames) {
  /** @type {Record<string, string>} */
  const chans = { zero: '0', positive: '> 0', nonzero: '±n', any: '0, ±n' }
  return markdownTable(
    ['type', 'name', 'chan', 'flags', 'metadata section', 'payload', 'charged', 'meaning'],
    frames.types.map((/** @type {Row} */ type) => [
      hex(type.code),
      type.name,
      chans[type.chan],
      type.flags.join(' ') || DASH,
      metaText(type.meta),
      payloadText(type.payload),
      type.charge === 'none' ? DASH : chargeOf(frames, type).formula,
      type.meaning,
    ]),
  )
}

/** @param {Row} meta */
function metaText(meta) {
  if (meta.fixedBytes === 0) return meta.entries ? 'entries' : DASH
  return `${meta.fixedBytes} B${meta.entries ? ' + entries' : ''}`
}

/** @param {Row} payload */
function payloadText(payload) {
  /** @type {Record<string, string>} */
  const texts = {
    none: DASH,
    message: 'message or fragment',
    details: 'error details, optional',
    fixed: `${payload.minBytes} B`,
    items: `n × ${payload.multipleOf} B, n ≥ 1`,
  }
  return texts[payload.rule] ?? payload.rule
}

/**
 * @param {Row} frames
 * @param {Row} type
 * @returns {Row}
 */
function chargeOf(frames, type) {
  return frames.charges.find((/** @type {Row} */ charge) => charge.name === type.charge)
}

/** @param {Row} frames */
function typeRangesTable(frames) {
  return markdownTable(
    ['types', 'rule', 'when received', 'meaning'],
    frames.typeRanges.map((/** @type {Row} */ range) => [
      range.first === range.last ? hex(range.first) : `${hex(range.first)}–${hex(range.last)}`,
      range.rule,
      range.error ?? (range.rule === 'ignorable' ? 'ignored' : DASH),
      range.meaning,
    ]),
  )
}

/** @param {Row} frames */
function flagsTable(frames) {
  return markdownTable(
    ['bit', 'flag', 'on', 'meaning'],
    frames.flags.map((/** @type {Row} */ flag) => [
      hex(flag.bit),
      flag.name,
      flag.types.join(', '),
      flag.meaning,
    ]),
  )
}

/** @param {Row} frames */
function flagRulesTable(frames) {
  return markdownTable(
    ['on', 'illegal', 'error', 'section'],
    frames.flagRules.map((/** @type {Row} */ rule) => [
      rule.types.join(', '),
      rule.meaning,
      rule.error,
      `${rule.spec}`,
    ]),
  )
}

/** @param {Row} frames */
function layoutTables(frames) {
  return frames.layouts
    .map((/** @type {Row} */ layout) =>
      blocks(
        `**${layout.name}** (${layout.place}, ${layout.repeats ? 'n × ' : ''}${layout.bytes} B)`,
        markdownTable(
          ['offset', 'type', 'field', 'range', 'meaning'],
          layout.fields.map((/** @type {Row} */ field) => [
            `${field.offset}`,
            field.type,
            field.name,
            field.min === null ? DASH : `${plainNumber(field.min)} … ${plainNumber(field.max)}`,
            field.meaning,
          ]),
        ),
      ),
    )
    .join('\n\n')
}

/** @param {Row} frames */
function chargesTable(frames) {
  return markdownTable(
    ['frames', 'charge', 'meaning'],
    frames.charges.map((/** @type {Row} */ charge) => [
      frames.types
        .filter((/** @type {Row} */ type) => type.charge === charge.name)
        .map((/** @type {Row} */ type) => type.name)
        .join(', '),
      charge.formula,
      charge.meaning,
    ]),
  )
}

// ---- states ---------------------------------------------------------------------------------------------------------

/**
 * Received frames × states. Rows that say the same for both openers, or for neighbouring frames, are shown as one.
 * @param {Row} channel
 */
function channelGrid(channel) {
  const names = channel.states.map((/** @type {Row} */ state) => state.name)
  /** @type {{ frames: string[], opener: string, cells: string[], notes: string }[]} */
  const lines = []
  for (const { opener, received } of gridOrder(channel)) {
    const row = channel.grid.filter(
      (/** @type {Row} */ cell) =>
        cell.received === received && (opener === 'either' || cell.opener === opener),
    )
    const cells = names.map((/** @type {string} */ name) =>
      cellText(row.find((/** @type {Row} */ cell) => cell.state === name)),
    )
    const line = { frames: [received], opener, cells, notes: notesText(row) }
    const twin = lines.find(
      (other) => other.opener === opener && other.notes === line.notes && `${other.cells}` === `${cells}`,
    )
    if (twin) twin.frames.push(received)
    else lines.push(line)
  }
  return markdownTable(
    ['received', 'channel opened by', ...names, 'notes'],
    lines.map(({ frames, opener, cells, notes }) => [frames.join(', '), opener, ...cells, notes]),
  )
}

/**
 * @param {Row} channel
 * @returns {{ opener: string, received: string }[]}
 */
function gridOrder(channel) {
  return channel.received.flatMap((/** @type {Row} */ { name }) => {
    const ofOpener = (/** @type {string} */ opener) =>
      channel.grid
        .filter((/** @type {Row} */ cell) => cell.received === name && cell.opener === opener)
        .map((/** @type {Row} */ cell) => `${cell.state} ${cellText(cell)} ${cell.note}`)
        .join()
    if (ofOpener('local') === ofOpener('remote')) return [{ opener: 'either', received: name }]
    return [
      { opener: 'remote', received: name },
      { opener: 'local', received: name },
    ]
  })
}

/** @param {Row} cell */
function cellText(cell) {
  if (cell.action === 'connection-error') return `**${cell.error}**`
  return cell.to === cell.state ? cell.action : `${cell.action} → ${cell.to}`
}

/**
 * The notes of a row, each with the states it is for. Why a frame is an error is shown only where it always is one.
 * @param {Row[]} row
 */
function notesText(row) {
  const legal = row.filter((cell) => cell.action !== 'connection-error')
  const shown = legal.length > 0 ? legal : row
  /** @type {Map<string, string[]>} */
  const states = new Map()
  for (const cell of shown) {
    if (cell.note === '') continue
    const known = states.get(cell.note) ?? []
    states.set(cell.note, known.includes(cell.state) ? known : [...known, cell.state])
  }
  const isEverywhere = shown.length === row.length && states.size === 1
  return [...states].map(([note, of]) => (isEverywhere ? note : `${of.join(', ')}: ${note}`)).join('; ')
}

/** @param {Row} channel */
function conditionsTable(channel) {
  return markdownTable(
    ['received', 'in', 'when', 'then', 'notes'],
    channel.conditions.map((/** @type {Row} */ row) => [
      row.received.join(', '),
      row.states.join(', '),
      row.when.join(' and '),
      row.error === null ? row.action : `**${row.error}**`,
      row.note,
    ]),
  )
}

/**
 * Events × states of one machine.
 * @param {Row} machine
 * @param {string} [origin] only the events from there
 */
function machineTable(machine, origin) {
  const names = machine.states.map((/** @type {Row} */ state) => state.name)
  return markdownTable(
    ['event', 'from', ...names, 'meaning'],
    machine.events
      .filter((/** @type {Row} */ event) => origin === undefined || event.origin === origin)
      .map((/** @type {Row} */ event) => [
        event.name,
        event.origin,
        ...names.map((/** @type {string} */ name) => {
          const row = machine.transitions.find(
            (/** @type {Row} */ transition) => transition.event === event.name && transition.from === name,
          )
          return row?.to ?? DASH
        }),
        event.meaning,
      ]),
  )
}

// ---- the other tables -----------------------------------------------------------------------------------------------

/** @param {Row} table */
function errorsTable(table) {
  const rows = markdownTable(
    ['code', 'name', 'ends', 'sent by', 'retry', 'meaning', 'hint'],
    table.errors.map((/** @type {Row} */ error) => [
      `${error.wireCode}`,
      error.name,
      error.scope === 'none' ? DASH : error.scope,
      error.senders.join(', ') || DASH,
      error.retry === 'none' ? DASH : error.retry,
      error.meaning,
      error.hint,
    ]),
  )
  return blocks(
    rows,
    'sent by: *endpoint* is either side of a connection, *local* means that a side also tells it to its own program. ' +
      'retry: *later* after a pause, *elsewhere* at once on another connection, both only as far as delivery allows; *never* because the outcome would be the same.',
  )
}

/** @param {Row} table */
function headerKeysTable(table) {
  const rows = markdownTable(
    ['id', 'key', 'value', 'on', 'proxies', 'use'],
    table.keys.map((/** @type {Row} */ key) => [
      hex(key.id),
      `\`${key.key}\``,
      key.type,
      key.frames.join(', '),
      key.proxy,
      key.reserved ? `reserved: ${key.use}` : key.use,
    ]),
  )
  return blocks(
    rows,
    'proxies: *pass* as it is, *rewrite* for the next hop, *stamp* when absent, *hello* stays on its connection.',
  )
}

/** @param {Row} table */
function codecsTable(table) {
  const rows = table.codecs.map((/** @type {Row} */ codec) => [`${codec.id}`, codec.name, codec.meaning])
  for (const range of table.ranges) {
    if (range.rule !== 'assigned') rows.push([`${range.first}–${range.last}`, range.rule, range.meaning])
  }
  return markdownTable(['id', 'codec', 'meaning'], rows)
}

/** @param {Row} table */
function limitsTable(table) {
  return markdownTable(
    ['name', 'default', 'at least', 'at most', 'public profile', 'announced in', 'at the limit'],
    table.limits.map((/** @type {Row} */ limit) => [
      limit.name,
      quantity(limit.default, limit.unit),
      quantity(limit.floor, limit.unit),
      quantity(limit.max, limit.unit),
      quantity(limit.publicProfile, limit.unit),
      limit.announced ?? DASH,
      limit.atLimit,
    ]),
  )
}

/** @param {Row} table */
function constantsTable(table) {
  return markdownTable(
    ['name', 'value', 'meaning'],
    table.constants.map((/** @type {Row} */ constant) => [
      constant.name,
      quantity(constant.value, constant.unit),
      constant.meaning,
    ]),
  )
}

/** @param {Row} table */
function economyTable(table) {
  const signed = (/** @type {Row[]} */ rows, /** @type {string} */ sign) =>
    rows.map((row) => [row.points === 0 ? '0' : `${sign}${row.points}`, row.event])
  return blocks(
    `The counter starts at ${table.start}, stays at or below ${table.cap}, and gets ${table.refill} every ${quantity(table.refillIntervalMs, 'ms')}; below 0: ${table.error}.`,
    markdownTable(
      ['points', 'event'],
      [...signed(table.gains, '+'), ...signed(table.costs, '−'), ...signed(table.free, '')],
    ),
  )
}

// ---- text -----------------------------------------------------------------------------------------------------------

/** @param {...string} parts */
function blocks(...parts) {
  return parts.join('\n\n')
}

/**
 * @param {string[]} heads
 * @param {(string | undefined)[][]} rows
 */
function markdownTable(heads, rows) {
  const line = (/** @type {(string | undefined)[]} */ cells) =>
    `| ${cells.map((cell) => (cell || ' ').replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

/** @param {number} value */
function hex(value) {
  return value.toString(16).toUpperCase().padStart(2, '0')
}

/** @param {number} value */
function plainNumber(value) {
  for (const [limit, text] of /** @type {[number, string][]} */ ([
    [2 ** 30 - 1, '2^30−1'],
    [2 ** 31 - 1, '2^31−1'],
    [2 ** 32 - 1, '2^32−1'],
    [Number.MAX_SAFE_INTEGER, '2^53−1'],
  ])) {
    if (value === limit) return text
    if (value === -limit) return `−(${text})`
  }
  return `${value}`
}

/**
 * A number with its unit, the way a reader says it.
 * @param {number | null} value
 * @param {string} unit
 */
function quantity(value, unit) {
  if (value === null) return DASH
  if (unit === 'B' && value > 0 && value % 1_048_576 === 0) return `${value / 1_048_576} MiB`
  if (unit === 'B' && value > 0 && value % 1024 === 0) return `${value / 1024} KiB`
  if (unit === 'ms' && value > 0 && value % 1000 === 0) return `${value / 1000} s`
  if (unit === 'B' || unit === 'ms' || unit === '%') return `${plainNumber(value)} ${unit}`
  return plainNumber(value)
}
