// The types of the public API: what a program that compiles may rely on. Checked by `tsc -p tsconfig.tests.json`.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Headers } from '@peerplex/wire'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import type {
  CallOptions,
  Context,
  Handler,
  Peer,
  PeerEvent,
  RemotePeer,
  ReplyHeaders,
  ReplyStream,
  Target,
} from '../src/index.js'

// Never run: only its types matter.
function program(peer: Peer, ctx: Context, remote: RemotePeer): void {
  // Calls are unknown until somebody says what they are.
  for (const caller of [peer, ctx, remote]) {
    expectTypeOf(caller.call('x')).toEqualTypeOf<Promise<unknown>>()
    expectTypeOf(caller.call<number>('x', [1, 2], { timeoutMs: 1 })).toEqualTypeOf<Promise<number>>()
    expectTypeOf(caller.stream('x')).toEqualTypeOf<ReplyStream<unknown>>()
    expectTypeOf(caller.stream<string>('x', 1)).toEqualTypeOf<ReplyStream<string>>()
    expectTypeOf(caller.notify('x', 1, {})).toEqualTypeOf<Promise<void>>()
  }

  // The input of an untyped handler is any, and may be given a type; its context is known.
  peer.handle('x', (input, handlerCtx) => {
    expectTypeOf(input).toBeAny()
    expectTypeOf(handlerCtx).toEqualTypeOf<Context>()
  })
  peer.handle('x', ([a, b]: [number, number]) => a + b)
  peer.handle({
    ticks: async function* ({ n }: { n: number }, handlerCtx) {
      expectTypeOf(handlerCtx).toEqualTypeOf<Context>()
      yield n
    },
    sum: async (numbers: AsyncIterable<number>) => numbers,
    none: () => {},
  })
  expectTypeOf(peer.handle('x', () => 1)).toEqualTypeOf<() => void>()
  expectTypeOf<Handler>().returns.toBeUnknown()
  // @ts-expect-error a name needs a handler
  peer.handle('x')
  // @ts-expect-error a handler is a function
  peer.handle({ x: 1 })

  expectTypeOf(ctx.name).toEqualTypeOf<string>()
  expectTypeOf(ctx.codec).toEqualTypeOf<string>()
  expectTypeOf(ctx.headers).toEqualTypeOf<Headers>()
  expectTypeOf(ctx.replyHeaders).toEqualTypeOf<ReplyHeaders>()
  expectTypeOf(ctx.replyTrailers).toEqualTypeOf<ReplyHeaders>()
  expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>()
  expectTypeOf(ctx.timeRemainingMs).toEqualTypeOf<number>()
  expectTypeOf(ctx.input).toEqualTypeOf<AsyncIterable<unknown> | undefined>()
  expectTypeOf(ctx.remote).toEqualTypeOf<RemotePeer>()
  expectTypeOf(ctx.identity).toBeUnknown()
  // @ts-expect-error what was asked is not to be changed
  ctx.name = 'y'

  const stream = peer.stream<number>('x')
  expectTypeOf(stream.headers).toEqualTypeOf<Promise<Headers>>()
  expectTypeOf(stream.trailers).toEqualTypeOf<Promise<Headers>>()
  expectTypeOf(stream.toWeb()).toEqualTypeOf<ReadableStream<number>>()
  expectTypeOf(stream.next()).toEqualTypeOf<Promise<IteratorResult<number, undefined>>>()
  expectTypeOf(stream).toExtend<AsyncIterable<number>>()
  expectTypeOf(stream).toExtend<AsyncDisposable>()
  expectTypeOf(peer).toExtend<AsyncDisposable>()

  // Options: every one optional, undefined allowed, nothing else.
  const options: CallOptions = {
    signal: undefined,
    timeoutMs: undefined,
    headers: { a: '1', b: ['1', '2'], c: new Uint8Array(1) },
    codec: undefined,
    to: (other) => other.state === 'ready',
    idempotent: true,
    waitForReady: false,
    onHeaders: (headers) => expectTypeOf(headers).toEqualTypeOf<Headers>(),
    onTrailers: undefined,
  }
  void options
  expectTypeOf<Target>().toEqualTypeOf<string | ((remote: RemotePeer) => boolean)>()
  // @ts-expect-error there is no such option
  peer.call('x', 1, { timeout: 1 })
  // @ts-expect-error milliseconds are a number
  peer.call('x', 1, { timeoutMs: '1s' })

  peer.on('connect', (event) => expectTypeOf(event).toEqualTypeOf<PeerEvent>())
  // @ts-expect-error there is no such event
  peer.on('connected', () => {})
  expectTypeOf(peer.peers()).toEqualTypeOf<RemotePeer[]>()
  expectTypeOf(remote.identity).toBeUnknown()
  expectTypeOf(remote.state).toEqualTypeOf<'ready' | 'draining' | 'gone'>()
}

it('the types of a program are as above', () => {
  expect(program).toBeTypeOf('function')
})

describe('the declarations of this package', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  let folder = ''
  let files: string[] = []

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'declarations-'))
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const options = ['--declaration', '--emitDeclarationOnly', '--removeComments', '--outDir', folder]
    const flags = ['--composite', 'false', '--incremental', 'false', '--tsBuildInfoFile', 'null']
    spawnSync(process.execPath, [compiler, '-p', join(root, 'packages/rpc'), ...options, ...flags])
    files = readdirSync(folder)
  }, 60_000)

  afterAll(() => rmSync(folder, { recursive: true }))

  it('hold `any` once: the input of an untyped handler', () => {
    expect(files).toContain('inbound-call.d.ts')
    const lines = files.flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .filter((line) => /\bany\b/.test(line)),
    )
    expect(lines).toEqual(['export type Handler = (input: any, ctx: Context) => unknown;'])
  })

  it('name no type of Node', () => {
    for (const file of files) {
      expect(readFileSync(join(folder, file), 'utf8')).not.toMatch(/\bBuffer\b|NodeJS\.|node:/)
    }
  })
})
