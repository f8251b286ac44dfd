// Owns: reading the vector and transcript files of spec/vectors, and deciding when two vectors say the same.
// Must not know: the wire package; a vector is judged by the tables and by its own bytes.
import { jsonFiles, readJson } from './spec-files.js'

export interface Vector {
  readonly file: string
  readonly type: string
  readonly context: unknown
  readonly test: any
}

export interface Transcript {
  readonly file: string
  readonly document: any
}

export function loadVectorFiles(): [file: string, document: any][] {
  return jsonFiles('vectors').map((file) => [file, readJson('vectors', file)])
}

export function loadVectors(): Vector[] {
  return loadVectorFiles().flatMap(([file, document]) =>
    document.groups.flatMap((group: any) =>
      group.tests.map((test: any) => ({ file, type: group.type, context: group.context ?? null, test })),
    ),
  )
}

export function loadTranscripts(): Transcript[] {
  return jsonFiles('vectors/transcripts').map((file) => ({
    file,
    document: readJson('vectors/transcripts', file),
  }))
}

const PREFACE_BYTES = 8
const HEADER_BYTES = 12
const MAX_CHANNEL_ID = 2 ** 30 - 1
/** Payload lengths that differ in kind: none, one byte, a tiny fragment, up to the floor, up to the default frame, more. */
const LENGTH_CLASSES = [0, 1, 511, 16_384, 65_536]

/**
 * What a vector shows, with the channel ids and the payload bytes taken out: two vectors with the same shape differ in
 * nothing that matters. `frames` is the table of frame types.
 */
export function shapeOf({ type, context, test }: Vector, frames: any): string {
  const { hex, result, error, canonical, anyOf } = test
  const bytes = Buffer.from((hex ?? canonical ?? anyOf?.[0] ?? '').replace(/\s/g, ''), 'hex')
  const known = JSON.stringify([context, test.context ?? null])
  const prefaceBytes = /preface/.test(`${type} ${known}`) ? PREFACE_BYTES : 0
  const parts = /entries|headers/.test(type)
    ? [bytes.toString('hex')]
    : [bytes.toString('hex', 0, prefaceBytes), ...frameShapes(bytes.subarray(prefaceBytes), frames)]
  return JSON.stringify([type, known, result, error ?? null, parts])
}

function frameShapes(bytes: Buffer, frames: any): unknown[] {
  const shapes: unknown[] = []
  const channels: number[] = []
  let at = 0
  while (bytes.length - at >= HEADER_BYTES) {
    const size = bytes.readUInt32LE(at)
    const type = bytes[at + 4] as number
    const metaBytes = bytes.readUInt16LE(at + 6)
    const bodyAt = at + HEADER_BYTES
    const end = Math.min(bodyAt + size, bytes.length)
    const payloadAt = Math.min(bodyAt + metaBytes, end)
    shapes.push({
      type,
      flags: bytes[at + 5],
      chan: chanShape(bytes.readInt32LE(at + 8), channels),
      metaBytes,
      meta: bytes.toString('hex', bodyAt, payloadAt),
      announced: size > bytes.length - bodyAt ? size : null,
      payload: payloadShape(bytes.subarray(payloadAt, end), type, frames),
    })
    at = end
  }
  if (at < bytes.length) shapes.push(bytes.toString('hex', at))
  return shapes
}

/** Who opened the channel, whether the number is at an edge, and which of the channels of this vector it is; not its number. */
function chanShape(chan: number, channels: number[]): string {
  if (chan === 0) return '0'
  if (chan === -(2 ** 31)) return 'the smallest i32'
  const distance = Math.abs(chan) - MAX_CHANNEL_ID
  const place = distance > 0 ? 'out of range' : distance === 0 ? 'highest' : ''
  if (!channels.includes(chan)) channels.push(chan)
  return `${chan > 0 ? 'sender' : 'receiver'} ${place} ${channels.indexOf(chan)}`
}

/** The bytes where the protocol reads them (CREDIT, REF), the length where it is prescribed, else what kind of length it is. */
function payloadShape(payload: Buffer, type: number, frames: any): string {
  const row = frames.types.find((known: any) => known.code === type)
  if (row?.payload.layout === 'credit' || row?.payload.layout === 'ref') return payload.toString('hex')
  const isFree = row?.payload.rule === 'message' || row?.payload.rule === 'details'
  if (!isFree) return `${payload.length} bytes`
  const above = LENGTH_CLASSES.findIndex((limit) => payload.length <= limit)
  return `length class ${above < 0 ? LENGTH_CLASSES.length : above}`
}
