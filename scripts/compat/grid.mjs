// Owns how outcomes become text: a grid with short cells, and numbered notes below it for all that does not fit into one.
// It must not know where an outcome comes from.

const DIGITS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/**
 * @typedef {{ kind: 'ran', passed: number, total: number, isFailure: boolean, notes: readonly string[] }
 *   | { kind: 'not applicable', reason: string }} Cell isFailure: something failed that nobody has explained
 * @typedef {{ title: string, cells: Readonly<Record<string, Cell>> }} Row cells: by column
 * @typedef {{ title: string, columns: readonly string[], rows: readonly Row[] }} Grid
 */

/**
 * All grids, then their notes. Equal notes share a number.
 * @param {readonly Grid[]} grids
 * @returns {string}
 */
export function renderGrids(grids) {
  /** @type {string[]} */
  const notes = []
  /** @param {string} text */
  const mark = (text) => {
    if (!notes.includes(text)) notes.push(text)
    return superscript(notes.indexOf(text) + 1)
  }
  const blocks = grids.map((grid) => renderGrid(grid, mark).join('\n'))
  if (notes.length > 0) {
    blocks.push(notes.map((text, index) => `${superscript(index + 1)} ${text}`).join('\n'))
  }
  return `${blocks.join('\n\n')}\n`
}

/**
 * @param {Grid} grid
 * @param {(text: string) => string} mark
 * @returns {string[]}
 */
function renderGrid({ title, columns, rows }, mark) {
  const table = [
    [title, ...columns],
    ...rows.map((row) => [row.title, ...columns.map((column) => renderCell(row.cells[column], mark))]),
  ]
  const widths = [title, ...columns].map((_, column) =>
    Math.max(...table.map((line) => (line[column] ?? '').length)),
  )
  const lines = table.map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
  return lines
}

/**
 * @param {Cell | undefined} cell
 * @param {(text: string) => string} mark
 * @returns {string}
 */
function renderCell(cell, mark) {
  if (cell === undefined) throw new Error('the grid has an empty cell')
  if (cell.kind === 'not applicable') return `n/a${mark(cell.reason)}`
  const marks = [...new Set(cell.notes)].map(mark).join(',')
  return `${cell.isFailure ? 'FAIL ' : ''}${cell.passed}/${cell.total}${marks}`
}

/**
 * @param {number} number
 * @returns {string}
 */
function superscript(number) {
  return [...String(number)].map((digit) => DIGITS[Number(digit)]).join('')
}
