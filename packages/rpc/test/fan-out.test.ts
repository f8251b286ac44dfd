// One call to everybody, and where calls go: by key, by resolver.
import { CallError } from '@peerplex/wire'
import { expect, it } from 'vitest'
import type { Peer } from '../src/index.js'
import { rejection, settle, useWorld } from './support.js'

const world = useWorld()

/** A peer connected to so many others, which answer `who` with their name. */
async function connected(...names: string[]): Promise<{ a: Peer; others: Map<string, Peer> }> {
  const a = world().peer('a')
  const others = new Map<string, Peer>()
  for (const name of names) {
    const other = world().peer(name)
    other.handle('who', () => name)
    await other.bind(`memory:${name}`)
    await a.connect(`memory:${name}`).ready
    others.set(name, other)
  }
  return { a, others }
}

it('all: gives the answer of everybody as it comes, errors among them', async () => {
  const { a, others } = await connected('b', 'c', 'd')
  let answer: (text: string) => void = () => {}
  others.get('b')?.handle('health', () => new Promise((resolve) => (answer = resolve)))
  others.get('c')?.handle('health', () => {
    throw new CallError('NOT_FOUND', 'no health')
  })
  others.get('d')?.handle('health', (input: unknown) => input)
  const heard: string[] = []
  for await (const { remote, value, error } of a.all('health', 'fine')) {
    heard.push(`${remote.id} ${error instanceof CallError ? error.code : String(value)}`)
    if (heard.length === 2) answer('late')
  }
  expect(heard.slice(0, 2).sort()).toEqual(['c NOT_FOUND', 'd fine'])
  expect(heard[2]).toBe('b late')
})

it('all: leaving the loop gives up what still runs', async () => {
  const { a, others } = await connected('b', 'c')
  const aborted: string[] = []
  for (const [name, other] of others) {
    other.handle('slow', async (_input, ctx) => {
      if (name === 'b') return 'first'
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      aborted.push(name)
      return undefined
    })
  }
  for await (const { value } of a.all('slow')) {
    expect(value).toBe('first')
    break
  }
  await settle()
  expect(aborted).toEqual(['c'])
})

it('all: the signal of the program ends it with its reason, in every answer', async () => {
  const { a, others } = await connected('b', 'c')
  for (const other of others.values()) other.handle('slow', () => new Promise(() => {}))
  const abort = new AbortController()
  const reasons: unknown[] = []
  const reading = (async () => {
    for await (const { error } of a.all('slow', null, { signal: abort.signal })) reasons.push(error)
  })()
  await settle()
  abort.abort('enough')
  await reading
  expect(reasons).toEqual(['enough', 'enough'])
})

it('all: with nobody there the loop throws', async () => {
  const a = world().peer('a')
  const error = await rejection(a.all('health').next())
  expect(error).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
})

it('all: streams cannot go to everybody', async () => {
  const { a } = await connected('b')
  const stream = (async function* () {
    yield 1
  })()
  expect(() => a.all('health', stream)).toThrow(/the input of all 'health' is a stream/)
})

it('all: is for nobody in particular', async () => {
  const { a } = await connected('b')
  expect(() => a.all('health', null, { to: 'b' } as object)).toThrow(/option to of all 'health' is given/)
})

it('all: only those that serve the name, and the targets of its resolver, are asked', async () => {
  const { a, others } = await connected('b', 'c')
  const choosy = world().peer('choosy', { serves: ['other'] })
  await choosy.bind('memory:choosy')
  await a.connect('memory:choosy').ready
  const ids: string[] = []
  for await (const { remote } of a.all('who')) ids.push(remote.id)
  expect(ids.sort()).toEqual(['b', 'c'])
  const looked = world().peer('looked')
  looked.handle('who', () => 'looked')
  await looked.bind('memory:looked')
  const undo = a.auto('who', () => 'memory:looked')
  expect(await a.call('who')).toBe('looked')
  const found: unknown[] = []
  for await (const { value } of a.all('who')) found.push(value)
  expect(found).toEqual(['looked'])
  undo()
  expect(others.size).toBe(2)
})

it('a route key leads calls and streams to one peer', async () => {
  const { a } = await connected('b', 'c', 'd')
  const first = await a.call('who', null, { routeKey: 'user-7' })
  for (let i = 0; i < 5; i++) expect(await a.call('who', null, { routeKey: 'user-7' })).toBe(first)
  for await (const item of a.stream('who', null, { routeKey: 'user-7' })) expect(item).toBe(first)
  const all = new Set<unknown>()
  for (let i = 0; i < 30; i++) all.add(await a.call('who', null, { routeKey: `user-${i}` }))
  expect(all).toEqual(new Set(['b', 'c', 'd']))
})
