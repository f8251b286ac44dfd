// Owns: how numbers look for people.
// Must not know: what they count.

/** 1,234,567 */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** Millions of bytes, without decimals. */
export function megabytesText(bytes: number): string {
  return `${countText(Math.round(bytes / 1e6))} MB`
}

export function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

export function rateText(bytes: number, ms: number): string {
  return `${countText(Math.round(bytes / 1e3 / ms))} MB/s`
}

/** Rows of cells as lines: the first column to the left, the others to the right. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
