// Owns: the form of the files of spec/vectors/transcripts, and reading them.
// Must not know: what a step does; spec/vectors/README.md defines it and transcript-runner.ts plays it.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { concat, unhex } from '@peerplex/testkit'

/** Hex, or copies of it. */
type Part = string | { readonly hex: string; readonly repeat: number }

/** Bytes as they stand in a step. */
export type Bytes = Part | readonly Part[]

/** A header entry as in the values of vectors. */
export type EntryValue = readonly [
  key: string,
  value: { readonly t: 'text' | 'bin' | 'u8' | 'u32'; readonly v: string | number },
]

interface FramePattern {
  readonly frame: string
  readonly skip?: readonly string[]
  /** Whatever else the frame must say. */
  readonly [field: string]: unknown
}

export interface OpenOp {
  readonly op: 'open'
  readonly name: string
  readonly codec?: number
  readonly timeoutMs?: number
  readonly windowBytes?: number
  readonly windowMessages?: number
  readonly headers?: readonly EntryValue[]
  readonly message?: Bytes
  readonly isLast?: boolean
  readonly isOneway?: boolean
  readonly isIdempotent?: boolean
  readonly paused?: boolean
}

export interface SendOp {
  readonly op: 'send'
  readonly channel: number
  readonly message: Bytes
  readonly headers?: readonly EntryValue[]
  readonly isLast?: boolean
}

export interface ExpectOp {
  readonly op: 'expect'
  readonly channel: number
  readonly messages?: readonly string[]
  readonly isEnded?: boolean
  readonly outcome?: { readonly code?: number; readonly delivery?: string; readonly entries?: number }
}

/** What the application does with one channel. */
export type ChannelOp =
  | SendOp
  | ExpectOp
  | { readonly op: 'end' | 'read' | 'accept' | 'settle'; readonly channel: number }
  | { readonly op: 'fail' | 'refuse'; readonly channel: number; readonly code: number }
  | { readonly op: 'reset'; readonly channel: number; readonly code?: number }

/** What it does with the session. */
export type SessionOp =
  | { readonly op: 'drain'; readonly graceMs: number }
  | { readonly op: 'close' | 'admit' | 'refuseAuth' }

export type Op = OpenOp | ChannelOp | SessionOp

export interface SendStep {
  readonly send: Bytes | { readonly frame: 'PONG' }
}

export type Step =
  | SendStep
  | { readonly recv: FramePattern | string | null }
  | { readonly now: number }
  | { readonly do: Op }
  | { readonly closed: string | null }

export interface Transcript {
  readonly id: string
  readonly title: string
  readonly req: readonly string[]
  readonly kind: 'byte' | 'message'
  /** Limits of the session by their names, and two that are none. */
  readonly options?: { readonly handshake?: 'none'; readonly auth?: boolean } & Readonly<
    Record<string, unknown>
  >
  readonly steps: readonly Step[]
}

const folder = fileURLToPath(new URL('../../../spec/vectors/transcripts/', import.meta.url))

/** All transcripts, by id. */
export function loadTranscripts(): Transcript[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as Transcript)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The bytes that a step stands for. */
export function expand(bytes: Bytes): Uint8Array {
  if (typeof bytes === 'string') return unhex(bytes)
  if (!('repeat' in bytes)) return concat(bytes.map(expand))
  return concat(Array.from({ length: bytes.repeat }, () => unhex(bytes.hex)))
}
