import { describe, expect, it } from 'vitest'
import type { CodecSet } from './codec-set.js'
import { resolvePeerOptions } from './options.js'
import { createProfiles, type Profiles } from './profiles.js'

/** A set of codecs that announces `names` as they are at that moment. */
function setUp(names = ['json']): { profileOf: Profiles; names: string[] } {
  const codecs = { announce: () => names.join(',') } as unknown as CodecSet
  const options = resolvePeerOptions({ id: 'me' })
  const profilesFor = createProfiles(options, { codecs, agent: 'test/1' })
  return { profileOf: profilesFor({ limits: options.sessionLimits, isAuthRequired: false }), names }
}

describe('what the connections of a peer announce', () => {
  it('is made once', () => {
    const { profileOf } = setUp()
    const profile = profileOf(undefined)
    expect([...profile.hello.headers]).toEqual([
      ['peer', 'me'],
      ['codecs', 'json'],
      ['agent', 'test/1'],
    ])
    expect(profileOf(undefined)).toBe(profile)
    expect(profileOf('token')).not.toBe(profile)
    expect(profileOf(undefined), 'beside the one with credentials').toBe(profile)
  })

  it('is made anew for other credentials, which no connection without them gets', () => {
    const { profileOf } = setUp()
    const first = profileOf('one')
    expect(profileOf('one')).toBe(first)
    expect(profileOf('two').hello.headers.get('auth')).toBe('two')
    expect(profileOf('one').hello.headers.get('auth')).toBe('one')
    expect(profileOf(undefined).hello.headers.has('auth')).toBe(false)
  })

  it('sees that bytes were changed', () => {
    const { profileOf } = setUp()
    const auth = Uint8Array.of(65)
    expect(profileOf(auth).hello.headers.get('auth')).toBe('A')
    auth[0] = 66
    expect(profileOf(auth).hello.headers.get('auth')).toBe('B')
  })

  it('is made anew when there is another codec, with the same instance', () => {
    const { profileOf, names } = setUp()
    const before = profileOf(undefined)
    names.push('text')
    const after = profileOf(undefined)
    expect(after.hello.headers.get('codecs')).toBe('json,text')
    expect(after.hello.instance).toEqual(before.hello.instance)
  })

  it('refuses credentials that are too long before there is a connection', () => {
    const { profileOf } = setUp()
    expect(() => profileOf('x'.repeat(70_000))).toThrow(
      expect.objectContaining({ code: 'METADATA_TOO_LARGE' }),
    )
  })
})
