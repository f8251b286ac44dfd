import { describe, expect, it } from 'vitest'
import type { CodecSet } from './codec-set.js'
import { resolvePeerOptions } from './options.js'
import { Profiles } from './profiles.js'

/** A set of codecs that announces `names` as they are at that moment. */
function setUp(names = ['json']): { profiles: Profiles; names: string[] } {
  const codecs = { announce: () => names.join(',') } as unknown as CodecSet
  return { profiles: new Profiles(resolvePeerOptions({ id: 'me' }), { codecs, agent: 'test/1' }), names }
}

describe('what the connections of a peer announce', () => {
  it('is made once', () => {
    const { profiles } = setUp()
    const profile = profiles.of(undefined)
    expect([...profile.hello.headers]).toEqual([
      ['peer', 'me'],
      ['codecs', 'json'],
      ['agent', 'test/1'],
    ])
    expect(profiles.of(undefined)).toBe(profile)
    expect(profiles.of('token')).not.toBe(profile)
    expect(profiles.of(undefined), 'beside the one with credentials').toBe(profile)
  })

  it('is made anew for other credentials, which no connection without them gets', () => {
    const { profiles } = setUp()
    const first = profiles.of('one')
    expect(profiles.of('one')).toBe(first)
    expect(profiles.of('two').hello.headers.get('auth')).toBe('two')
    expect(profiles.of('one').hello.headers.get('auth')).toBe('one')
    expect(profiles.of(undefined).hello.headers.has('auth')).toBe(false)
  })

  it('sees that bytes were changed', () => {
    const { profiles } = setUp()
    const auth = Uint8Array.of(65)
    expect(profiles.of(auth).hello.headers.get('auth')).toBe('A')
    auth[0] = 66
    expect(profiles.of(auth).hello.headers.get('auth')).toBe('B')
  })

  it('is made anew when there is another codec, with the same instance', () => {
    const { profiles, names } = setUp()
    const before = profiles.of(undefined)
    names.push('text')
    const after = profiles.of(undefined)
    expect(after.hello.headers.get('codecs')).toBe('json,text')
    expect(after.hello.instance).toEqual(before.hello.instance)
  })
})
