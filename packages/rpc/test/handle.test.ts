// Which handler answers to a name, and what a caller hears when none does.
import { describe, expect, it } from 'vitest'
import { createPeer, type Handler, Peer } from '../src/index.js'
import { rejection, settle, thrown, useWorld } from './support.js'

const world = useWorld()

describe('handle', () => {
  it('takes one name, or many at once, and gives back what undoes that', async () => {
    const { a, b } = await world().pair({})
    const undoOne = b.handle('one', () => 1)
    const undoMany = b.handle({ two: () => 2, three: () => 3 })
    expect(await Promise.all(['one', 'two', 'three'].map((name) => a.call(name)))).toEqual([1, 2, 3])
    undoMany()
    expect(await rejection(a.call('two'))).toMatchObject({ code: 'UNIMPLEMENTED' })
    expect(await a.call('one')).toBe(1)
    undoOne()
    expect(await rejection(a.call('one'))).toMatchObject({ code: 'UNIMPLEMENTED' })
    b.handle('one', () => 'again')
    undoOne()
    undoMany()
    expect(await a.call('one')).toBe('again')
  })

  it('refuses a name twice; of a record with one, nothing is handled', async () => {
    const { a, b } = await world().pair({ taken: () => 1 })
    expect(thrown(() => b.handle('taken', () => 2))).toMatchObject({
      name: 'UsageError',
      code: 'ALREADY_EXISTS',
      message: "'taken' is handled already",
    })
    thrown(() => b.handle({ free: () => 1, taken: () => 2 }))
    expect(await rejection(a.call('free'))).toMatchObject({ code: 'UNIMPLEMENTED' })
    b.handle('free', () => 3)
    expect(await a.call('free')).toBe(3)
  })

  it('refuses the same pattern twice', async () => {
    const { b } = await world().pair({ 'a.*': () => 1 })
    expect(thrown(() => b.handle('a.*', () => 2))).toMatchObject({ code: 'ALREADY_EXISTS' })
  })

  it.each<[string, unknown[]]>([
    ['no function', ['x']],
    ['null', ['x', null]],
    ['text', ['x', 'y']],
    ['a record with something else', [{ x: () => 1, y: 7 }]],
    ['nothing at all', []],
    ['null for a record', [null]],
    ['a number', [7]],
  ])('refuses %s', async (_what, args) => {
    const { a, b } = await world().pair({})
    const error = thrown(() => Reflect.apply(b.handle, b, args))
    expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(error.hint).toContain('function (input, ctx)')
    expect(await rejection(a.call('x'))).toMatchObject({ code: 'UNIMPLEMENTED' })
  })

  it.each(['', 'a.**.b', 'a*', '~ref', 'x'.repeat(256), 'a\u0000b'])('refuses the name %j', async (name) => {
    const { b } = await world().pair({})
    expect(thrown(() => b.handle(name, () => 1))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
    })
  })

  it('finds the exact name first, then the wildcard with the longest literal beginning', async () => {
    const name: Handler = (_input, ctx) => ctx.name
    const { a } = await world().pair({
      '**': () => '**',
      'a.**': () => 'a.**',
      'a.*': () => 'a.*',
      'a.b.*': () => 'a.b.*',
      'a.b.c': name,
    })
    const answers = await Promise.all(['a.b.c', 'a.b.x', 'a.x', 'a.x.y.z', 'q'].map((each) => a.call(each)))
    expect(answers).toEqual(['a.b.c', 'a.b.*', 'a.*', 'a.**', '**'])
  })

  it('does not let a handler that is undone meanwhile lose its answer', async () => {
    const { a, b } = await world().pair({})
    const undo = b.handle('x', async () => {
      await settle()
      return 'answered'
    })
    const answer = a.call('x')
    await settle()
    undo()
    expect(await answer).toBe('answered')
  })
})

describe('a name that nobody handles', () => {
  it('is UNIMPLEMENTED: what was tried, where, and what may have been meant', async () => {
    const pricing = world().peer('pricing')
    pricing.handle({ 'math.add': () => 1, 'math.subtract': () => 1 })
    await pricing.bind('tcp://127.0.0.1:7000')
    const a = world().peer('a')
    a.connect('tcp://127.0.0.1:7000')
    expect(await rejection(a.call('math.ad'))).toMatchObject({
      name: 'CallError',
      code: 'UNIMPLEMENTED',
      message: "no handler for 'math.ad' at peer pricing (tcp://127.0.0.1:7000); did you mean 'math.add'?",
      hint: "did you mean 'math.add'?",
      delivery: 'not-processed',
      origin: 'remote',
      remote: 'pricing',
      attempts: 1,
    })
    expect(await rejection(a.stream('somebody.else').next())).toMatchObject({
      message: "no handler for 'somebody.else' at peer pricing (tcp://127.0.0.1:7000)",
      hint: 'check the name, and what that peer handles',
    })
  })

  it('does nothing to a one-way', async () => {
    const { a } = await world().pair({})
    await a.notify('nobody', 1)
    await a.notify('nobody', 'x'.repeat(100_000))
    await settle()
    expect(world().openChannelCount).toBe(0)
  })
})

describe('createPeer', () => {
  it('makes a Peer with an id, its own or a random one', () => {
    const parts = {
      transports: [],
      codecs: {
        announce: () => '',
        parse: () => new Map(),
        byTheirId: () => undefined,
        choose: () => new Error() as never,
      },
    }
    expect(createPeer(parts, { id: 'me' }).id).toBe('me')
    const other = createPeer(parts)
    expect(other).toBeInstanceOf(Peer)
    expect(other.id).toMatch(/^peer-[0-9a-f]{12}$/)
    expect(other.id).not.toBe(createPeer(parts).id)
  })

  it('refuses options that make no sense', () => {
    expect(thrown(() => world().peer('', {}))).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(thrown(() => world().peer('x', { timeoutMs: -1 }))).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
