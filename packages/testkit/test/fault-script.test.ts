// Scripts made up from a seed, and that what they do repeats itself.
import { expect, it } from 'vitest'
import {
  FAULT_KINDS,
  type FaultKind,
  type FaultStep,
  Random,
  randomFaultScript,
  VirtualClock,
} from '../src/index.js'
import { Stage, someTurns, until } from './fault-support.js'

/** Which kinds a step injects. */
function kindsOf(step: FaultStep): string[] {
  switch (step.do) {
    case 'set':
      return Object.keys(step.settings)
    case 'cut':
      return [step.kind]
    case 'heal':
      return []
    default:
      return [step.do]
  }
}

it('the same options give the same script, others give another one', () => {
  const options = { seed: 7, durationMs: 10_000, steps: 40 }
  const script = randomFaultScript(options)
  expect(randomFaultScript(options)).toEqual(script)
  expect(randomFaultScript({ ...options, seed: 8 })).not.toEqual(script)
  expect(JSON.parse(JSON.stringify(script))).toEqual(script)
})

it.each([1, 2, 3, 99])(
  'seed %i: every kind occurs, in order of time, and all is healed in the end',
  (seed) => {
    const script = randomFaultScript({ seed, durationMs: 6_000, steps: FAULT_KINDS.length })
    expect(new Set(script.flatMap(kindsOf))).toEqual(new Set(FAULT_KINDS))
    const times = script.map(({ atMs }) => atMs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times.every((ms) => Number.isInteger(ms) && ms >= 0)).toBe(true)
    expect(script.at(-1)).toEqual({ atMs: 6_000, do: 'heal' })
    // What lets nothing through is over before the next fault.
    for (const [index, step] of script.entries()) {
      const isBarring = kindsOf(step).some((kind) => ['isBlackHole', 'refuse', 'corruptEvery'].includes(kind))
      if (isBarring) expect(script.slice(index + 1).find((next) => next.do !== 'cut')?.do).toBe('heal')
    }
  },
)

it('only the kinds that were asked for occur', () => {
  const kinds: FaultKind[] = ['latencyMs', 'reset']
  const script = randomFaultScript({ seed: 1, durationMs: 1_000, steps: 50, kinds })
  expect(new Set(script.flatMap(kindsOf))).toEqual(new Set(kinds))
  expect(randomFaultScript({ seed: 1, durationMs: 100, steps: 0 })).toEqual([{ atMs: 100, do: 'heal' }])
})

/**
 * What arrives when a script runs while two sides talk and come back whenever they are cut off, and what was counted. Everything that is
 * sent has gone on, or is held, before time goes on.
 */
async function replay(seed: number): Promise<unknown> {
  const own = new Stage()
  const clock = new VirtualClock()
  const proxy = await own.open({ clock, seed })
  const script = randomFaultScript({ seed, durationMs: 2_400, steps: 24 })
  const rng = new Random(seed)
  const passed: Record<string, number[]> = {}
  proxy.onBytes = (direction, id, bytes) => {
    const key = `${direction} ${id}`
    passed[key] ??= []
    passed[key].push(clock.now(), ...bytes)
  }
  void proxy.play(script)
  let near = await own.dial()
  for (let ms = 0; ms < 2_500; ms += 20) {
    if (near.events.length > 0) {
      near.socket.destroy()
      near = await own.dial()
    }
    near.socket.write(rng.bytes(50))
    own.accepted.at(-1)?.socket.write(rng.bytes(50))
    await someTurns(70)
    clock.advance(20)
    await someTurns(20)
  }
  const { counts } = proxy
  await own.close()
  return { counts, passed }
}

it('a script does the same again', async () => {
  const first = await replay(11)
  expect(await replay(11)).toEqual(first)
  const { counts } = first as { counts: Record<string, number> }
  for (const kind of FAULT_KINDS) expect(counts[kind], kind).toBeGreaterThan(0)
})

it('plays in real time too', async () => {
  const own = new Stage()
  const proxy = await own.open()
  const { near, far } = await own.pair()
  const playing = proxy.play([
    { atMs: 0, do: 'set', settings: { latencyMs: 2, jitterMs: 2, mergeMs: 1 } },
    { atMs: 10, do: 'set', settings: { bytesPerSecond: 1_000_000 } },
    { atMs: 20, do: 'heal' },
  ])
  near.socket.write('some bytes')
  await playing
  await until(() => far.text === 'some bytes', 'the bytes')
  await own.close()
})
