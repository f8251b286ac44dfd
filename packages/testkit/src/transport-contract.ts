/**
 * Owns: what every transport must do, as cases that any test runner can run.
 * Must not know: any particular transport; a setup brings one and the endpoints to use.
 */
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { type ConnectionKind, TransportError } from '@peerplex/wire'
import { parseEndpoint } from '@peerplex/wire/transport'
import { ConnectionRecorder, sendRandom, within } from './connection-recorder.js'
import { Environment, type TransportSetup } from './transport-environment.js'

/**
 * `half-close`: one direction ends while the other goes on. `back-pressure`: a receiver that does not read makes the sender wait.
 * `loss`: what has not left yet can be taken back. `address`: there are listeners that can be closed and bound again, and places where
 * nobody listens.
 */
type TransportAbility = 'half-close' | 'back-pressure' | 'loss' | 'address'

export interface TransportContractSetup extends TransportSetup {
  readonly kind: ConnectionKind
  /** What this kind of transport cannot do by its nature; the cases that need it are left out, or replaced. */
  readonly lacks?: readonly TransportAbility[]
  /** An endpoint that nobody listens on. */
  readonly deadUrl: string
}

export interface TransportContractCase {
  readonly name: string
  run(): Promise<void>
}

const MANY_BYTES = 10_000_000
/** More than all buffers between two sides can hold. */
const TOO_MANY_BYTES = 64_000_000

type Body = (env: Environment, setup: TransportContractSetup) => Promise<void>

/** The cases, each independent of the others; they may run at the same time. */
export function transportContract(setup: TransportContractSetup): readonly TransportContractCase[] {
  const { lacks = [] } = setup
  const cases = [
    ...Object.entries(CASES),
    ...Object.entries(CASES_WITH).flatMap(([ability, each]) =>
      lacks.includes(ability as TransportAbility) ? [] : Object.entries(each),
    ),
    ...(lacks.includes('half-close') ? Object.entries(CASES_WITHOUT_HALF_CLOSE) : []),
  ]
  return cases.map(([name, body]) => ({ name, run: () => runCase(setup, body) }))
}

async function runCase(setup: TransportContractSetup, body: Body): Promise<void> {
  const env = new Environment(setup)
  try {
    await env.bind()
    await body(env, setup)
  } finally {
    await env.tearDown()
  }
  deepEqual(env.watch.violations, [])
}

/** A few turns of the event loop: enough for anything already under way within this process. */
async function someTurns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** Checks an error of a transport; `url` must be in its message, so that a reader knows what was tried. */
function transportError(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    ok(error instanceof TransportError, `a TransportError instead of ${String(error)}`)
    equal(error.code, code)
    match(error.message, text)
    if (code !== 'CANCELLED') notEqual(error.hint, '', 'a hint')
    return true
  }
}

const escaped = (text: string): RegExp => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))

async function connectsAndAccepts(env: Environment, { kind }: TransportContractSetup): Promise<void> {
  const { a, b } = await env.pair()
  for (const { connection } of [a, b]) {
    equal(connection.kind, kind)
    equal(parseEndpoint(connection.url).scheme, parseEndpoint(env.listener.url).scheme)
    ok(env.transport.schemes.includes(parseEndpoint(connection.url).scheme))
  }
  equal(a.connection.sink, a)
  equal(b.connection.sink, b)
  a.write(bytes(1, 2), bytes(3))
  b.write(bytes(4))
  await b.received(3)
  await a.received(1)
  deepEqual([...b.bytes], [1, 2, 3])
  deepEqual([...a.bytes], [4])
}

async function movesMuchBothWays(env: Environment, { kind }: TransportContractSetup): Promise<void> {
  const { a, b } = await env.pair()
  const [there, back] = await Promise.all([sendRandom(a, MANY_BYTES, 1), sendRandom(b, MANY_BYTES, 2)])
  await Promise.all([b.received(MANY_BYTES), a.received(MANY_BYTES)])
  equal(b.digest, there.digest)
  equal(a.digest, back.digest)
  // Nothing is told to wait without being told to go on.
  equal(a.drainCount, there.waitCount)
  equal(b.drainCount, back.waitCount)
  if (kind === 'message') deepEqual([b.chunkCount, a.chunkCount], [there.writeCount, back.writeCount])
}

async function holdsBack(env: Environment): Promise<void> {
  env.isTaking = false
  const { a, b } = await env.pair()
  // Nobody reads yet: there must come a point where the sender is told to wait and nothing moves any more. The first wait
  // need not be it: the buffers of a system grow with the demand.
  let sent = 0
  let isStuck = false
  while (!isStuck && sent < TOO_MANY_BYTES) {
    sent += 65_536
    if (a.write(new Uint8Array(65_536))) continue
    const { drainCount } = a
    await someTurns()
    isStuck = a.drainCount === drainCount
  }
  ok(isStuck, 'back-pressure')
  const { drainCount } = a
  b.take()
  await a.drained()
  equal(a.drainCount, drainCount + 1)
  await b.received(sent)
  ok(a.write(bytes(1)), 'room again')
  await b.received(sent + 1)
}

async function keepsEarlyData(env: Environment): Promise<void> {
  env.isTaking = false
  const { a, b } = await env.pair()
  a.write(bytes(1, 2, 3))
  a.write(bytes(4))
  a.end()
  await someTurns()
  equal(b.byteCount, 0)
  b.take()
  equal(await b.ended(), undefined)
  deepEqual([...b.bytes], [1, 2, 3, 4])
}

async function keepsEarlyLoss(env: Environment): Promise<void> {
  env.isTaking = false
  const { a, b } = await env.pair()
  a.destroy()
  await someTurns()
  equal(b.endCount, 0)
  b.take()
  await b.ended()
  equal(b.endCount, 1)
}

async function replacesSink(env: Environment): Promise<void> {
  const { a, b } = await env.pair()
  a.write(bytes(1))
  await b.received(1)
  const second = new ConnectionRecorder(b.connection, 'second owner', env.watch)
  a.write(bytes(2))
  await second.received(1)
  deepEqual([...second.bytes], [2])
  equal(b.byteCount, 1)
}

async function echoes(env: Environment): Promise<void> {
  env.onAcceptedChunk = (chunk, recorder) => recorder.connection.write([chunk])
  const { a } = await env.pair()
  for (let i = 1; i <= 200; i++) {
    a.write(bytes(i))
    await a.received(i)
  }
  equal(a.byteCount, 200)
}

async function halfCloses(env: Environment): Promise<void> {
  const { a, b } = await env.pair()
  await halfClose(a, b)
  const other = await env.pair()
  await halfClose(other.b, other.a)
}

async function halfClose(a: ConnectionRecorder, b: ConnectionRecorder): Promise<void> {
  a.write(bytes(1))
  a.end()
  a.end()
  equal(await b.ended(), undefined)
  deepEqual([...b.bytes], [1])
  equal(a.write(bytes(2)), false)
  // The other direction is open, without drains: those would come after the end. The data is held until it can leave.
  for (let sent = 0; sent < MANY_BYTES; sent += 500_000) b.write(new Uint8Array(500_000))
  await a.received(MANY_BYTES)
  b.end()
  equal(await a.ended(), undefined)
  await someTurns()
  equal(b.byteCount, 1)
}

/** Where one direction cannot end alone: what was sent arrives, then both sides are told of a clean end. */
async function endsTogether(env: Environment): Promise<void> {
  for (const isDialingSide of [true, false]) {
    const { a: dialed, b: accepted } = await env.pair()
    const [a, b] = isDialingSide ? [dialed, accepted] : [accepted, dialed]
    a.write(bytes(1))
    a.end()
    a.end()
    equal(a.write(bytes(2)), false)
    equal(await b.ended(), undefined)
    deepEqual([...b.bytes], [1])
    equal(await a.ended(), undefined)
    equal(b.write(bytes(3)), false)
    b.end()
  }
}

async function flushesBeforeEnd(env: Environment): Promise<void> {
  const { a, b } = await env.pair()
  for (let sent = 0; sent < MANY_BYTES; sent += 1_000_000) a.write(new Uint8Array(1_000_000))
  a.end()
  equal(await b.ended(), undefined)
  equal(b.byteCount, MANY_BYTES)
}

async function losesOnDestroy(env: Environment): Promise<void> {
  const { a, b } = await env.pair()
  let sent = 0
  for (; sent < TOO_MANY_BYTES; sent += 1_000_000) a.write(new Uint8Array(1_000_000))
  await b.received(1)
  a.destroy()
  a.destroy()
  equal(a.write(bytes(1)), false)
  a.end()
  await b.ended()
  ok(b.byteCount < sent, 'some of it is lost')
  await someTurns()
  equal(a.endCount, 0)
}

async function survivesDestroyByReceiver(env: Environment): Promise<void> {
  env.onAcceptedChunk = (_chunk, recorder) => {
    if (recorder.byteCount > 1_000_000) recorder.destroy()
  }
  const { a, b } = await env.pair()
  await sendRandom(a, TOO_MANY_BYTES, 3)
  const error = await a.ended()
  if (error !== undefined) transportError('UNAVAILABLE', escaped(a.connection.url))(error)
  equal(a.write(bytes(1)), false)
  a.end()
  a.destroy()
  await someTurns()
  equal(b.endCount, 0)
}

async function isSilentAfterDestroy(env: Environment): Promise<void> {
  env.isTaking = false
  const { a, b } = await env.pair()
  // Several pieces wait, so that more could come when the first one leads to the end.
  for (let i = 0; i < 3; i++) {
    a.write(bytes(i))
    await someTurns(5)
  }
  a.end()
  b.onChunk = () => b.destroy()
  b.take()
  await b.received(1)
  await someTurns()
  equal(b.chunkCount, 1)
}

async function bothDestroy(env: Environment): Promise<void> {
  const { a, b } = await env.pair()
  a.write(bytes(1))
  b.write(bytes(1))
  a.destroy()
  b.destroy()
  await someTurns()
  deepEqual([a.endCount, b.endCount, a.byteCount, b.byteCount], [0, 0, 0, 0])
}

async function abortsBefore(env: Environment): Promise<void> {
  const reason = new Error('no longer needed')
  const signal = AbortSignal.abort(reason)
  const check = transportError('CANCELLED', escaped(env.listener.url))
  await rejects(env.connect(undefined, { signal }), (error: Error) => check(error) && error.cause === reason)
  await someTurns()
  equal(env.accepted.length, 0)
}

async function abortsDuring(env: Environment): Promise<void> {
  const abort = new AbortController()
  const attempt = env.connect(undefined, { signal: abort.signal })
  abort.abort(new Error('too late'))
  await rejects(attempt, transportError('CANCELLED', escaped(env.listener.url)))
  await someTurns()
  // The other side may have seen it come; then it has seen it go.
  for (const recorder of env.accepted) await recorder.ended()
}

async function abortsAfter(env: Environment): Promise<void> {
  const abort = new AbortController()
  const connection = await env.connect(undefined, { signal: abort.signal })
  await env.acceptedCount(1)
  const a = new ConnectionRecorder(connection, 'dialed', env.watch)
  abort.abort()
  await someTurns()
  a.write(bytes(1))
  await env.accepted[0]?.received(1)
  equal(a.endCount, 0)
  a.destroy()
}

async function reportsNobody(env: Environment, { deadUrl }: TransportContractSetup): Promise<void> {
  const check = transportError('UNAVAILABLE', escaped(`connect ${deadUrl}: `))
  await rejects(env.connect(deadUrl), (error: TransportError) => check(error) && error.retryable)
}

async function closesListener(env: Environment): Promise<void> {
  const { a, b } = await env.pair()
  const { url } = env.listener
  await within(Promise.all([env.listener.close(), env.listener.close()]), 'the listener to close')
  await within(env.listener.close(), 'the listener to close once more')
  await rejects(env.connect(url), transportError('UNAVAILABLE', /./))
  a.write(bytes(1))
  await b.received(1)
  b.write(bytes(2))
  await a.received(1)
  // The address is free again, while the connection lives on.
  const again = await env.bind(url)
  equal(again.url, url)
  const second = await env.pair(again.url)
  second.a.write(bytes(3))
  await second.b.received(1)
}

async function refusesSecondListener(env: Environment): Promise<void> {
  const { url } = env.listener
  await rejects(env.bind(url), transportError('FAILED_PRECONDITION', escaped(`listen ${url}: `)))
  const { a, b } = await env.pair(url)
  a.write(bytes(1))
  await b.received(1)
}

async function servesMany(env: Environment): Promise<void> {
  env.onAcceptedChunk = (chunk, recorder) => recorder.connection.write([chunk])
  const dialed = await Promise.all(Array.from({ length: 50 }, () => env.dial()))
  const sent = await Promise.all(dialed.map((recorder, index) => sendRandom(recorder, 50_000, index)))
  await Promise.all(dialed.map((recorder) => recorder.received(50_000)))
  deepEqual(
    dialed.map((recorder) => recorder.digest),
    sent.map(({ digest }) => digest),
  )
  equal(env.accepted.length, 50)
}

/** Neither a callback nor a timer may starve while two sides talk without a pause. */
async function letsOthersWork(env: Environment): Promise<void> {
  let isOver = false
  env.onAcceptedChunk = (chunk, recorder) => recorder.connection.write([chunk])
  const { a } = await env.pair()
  a.onChunk = (chunk) => {
    if (!isOver) a.connection.write([chunk])
  }
  a.write(bytes(1))
  await new Promise<void>((resolve) => setTimeout(resolve, 5))
  isOver = true
  await a.received(1)
}

const CASES: Readonly<Record<string, Body>> = {
  'connects, accepts, and carries data both ways': connectsAndAccepts,
  'carries 10 MB each way at the same time': movesMuchBothWays,
  'keeps what comes before the first sink': keepsEarlyData,
  'tells a late sink that the connection is gone': keepsEarlyLoss,
  'delivers to the sink that is set now': replacesSink,
  'can be written to from onData': echoes,
  'sends everything before the end': flushesBeforeEnd,
  'tells the sender that the receiver is gone': survivesDestroyByReceiver,
  'says nothing any more after destroy': isSilentAfterDestroy,
  'says nothing when both sides destroy': bothDestroy,
  'does not connect when aborted before': abortsBefore,
  'gives up when aborted on the way': abortsDuring,
  'ignores an abort after it has connected': abortsAfter,
  'serves many connections': servesMany,
  'leaves turns to timers while data goes to and fro': letsOthersWork,
}

const CASES_WITH: Readonly<Record<TransportAbility, Readonly<Record<string, Body>>>> = {
  'half-close': {
    'ends one direction and goes on with the other': halfCloses,
  },
  'back-pressure': {
    'tells the sender to wait when nobody reads, and to go on when somebody does': holdsBack,
  },
  loss: {
    'drops what is under way on destroy, and tells the other side': losesOnDestroy,
  },
  address: {
    'says what was tried when nobody listens': reportsNobody,
    'closes a listener and leaves its connections alone': closesListener,
    'refuses a second listener on one address': refusesSecondListener,
  },
}

const CASES_WITHOUT_HALF_CLOSE: Readonly<Record<string, Body>> = {
  'ends both directions together': endsTogether,
}
