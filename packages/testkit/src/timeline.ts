/**
 * Owns: the record of what happened on a connection, in order and with times, for failure messages.
 * Must not know: what was expected.
 */
import { hex } from './bytes.js'
import { describeFrames } from './describe-frame.js'

/** `to` and `from` are seen from the script: to the session, from the session. `note` is anything else. */
export type TimelineDirection = 'to' | 'from' | 'note'

export interface TimelineEvent {
  readonly atMs: number
  readonly direction: TimelineDirection
  /** The note, or what to say of bytes that are no frames; null: the bytes are frames, put into words when asked. */
  readonly lines: readonly string[] | null
  /** What was on the wire; empty for a note. */
  readonly bytes: Uint8Array
  readonly comment: string
}

const ARROWS: Readonly<Record<TimelineDirection, string>> = { to: '-->', from: '<--', note: ' * ' }
const SHOWN_HEX_BYTES = 64

export class Timeline {
  readonly events: TimelineEvent[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Bytes on the wire; `lines` only where they are not frames. */
  bytes(
    direction: 'to' | 'from',
    bytes: Uint8Array,
    comment = '',
    lines: readonly string[] | null = null,
  ): void {
    this.events.push({ atMs: this.#now(), direction, lines, bytes, comment })
  }

  note(text: string): void {
    this.events.push({
      atMs: this.#now(),
      direction: 'note',
      lines: [text],
      bytes: new Uint8Array(0),
      comment: '',
    })
  }

  /** The last events as text: time, direction, fields, comment, and below it the hex. */
  format(count = 20): string {
    const skipped = this.events.length - count
    const shown = this.events.slice(-count).map(eventText)
    return skipped > 0 ? [`  … ${skipped} earlier events`, ...shown].join('\n') : shown.join('\n')
  }
}

function eventText({ atMs, direction, lines, bytes, comment }: TimelineEvent): string {
  const texts = lines ?? describeFrames(bytes)
  const head = `${String(atMs).padStart(8)} ms ${ARROWS[direction]} `
  const text = texts.map((line, index) => (index === 0 ? head : ' '.repeat(head.length)) + line).join('\n')
  const withComment = comment === '' ? text : `${text}   // ${comment}`
  if (bytes.length === 0) return withComment
  const rest = bytes.length > SHOWN_HEX_BYTES ? ` … (${bytes.length} bytes)` : ''
  return `${withComment}\n${' '.repeat(head.length)}${hex(bytes.slice(0, SHOWN_HEX_BYTES), 4)}${rest}`
}
