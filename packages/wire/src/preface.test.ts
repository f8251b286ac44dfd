import { describe, expect, it } from 'vitest'
import { PREFACE } from './constants.js'
import { PrefaceReader } from './preface.js'

const GOOD = Uint8Array.from(PREFACE)

describe('PrefaceReader', () => {
  it('reads eight bytes in any pieces and nothing beyond them', () => {
    for (let cut = 0; cut <= 8; cut++) {
      const reader = new PrefaceReader()
      expect(reader.push(GOOD.slice(0, cut))).toBeNull()
      expect([reader.length, reader.isComplete]).toEqual([cut, cut === 8])
      expect(reader.push(Uint8Array.of(...GOOD.slice(cut), 0x55, 0x66))).toBeNull()
      expect([reader.length, reader.isComplete]).toEqual([8, true])
    }
  })

  it('says at the first wrong byte what it saw, also when the bytes came one by one', () => {
    for (let at = 0; at < 8; at++) {
      if (at === 4) continue
      const reader = new PrefaceReader()
      for (const byte of GOOD.slice(0, at)) expect(reader.push(Uint8Array.of(byte))).toBeNull()
      const error = reader.push(Uint8Array.of((GOOD[at] as number) ^ 0x80))
      expect(error?.code).toBe('PROTOCOL_ERROR')
      const seen = [...GOOD.slice(0, at), (GOOD[at] as number) ^ 0x80]
      expect(error?.message).toContain(seen.map((byte) => byte.toString(16).padStart(2, '0')).join(' '))
    }
  })

  it('quotes what was right and what was wrong once, however they came together', () => {
    for (let cut = 0; cut <= 3; cut++) {
      const reader = new PrefaceReader()
      expect(reader.push(GOOD.slice(0, cut))).toBeNull()
      const error = reader.push(Uint8Array.of(...GOOD.slice(cut, 3), 0xee, 0xdd))
      const seen = [...GOOD.slice(0, 3), 0xee, 0xdd].map((byte) => byte.toString(16).padStart(2, '0'))
      expect(error?.message.endsWith(`it began with ${seen.join(' ')}`)).toBe(true)
    }
  })

  it('the fifth byte is the version', () => {
    const error = new PrefaceReader().push(Uint8Array.of(...GOOD.slice(0, 4), 0x39))
    expect(error).toMatchObject({ code: 'VERSION', delivery: 'not-processed' })
    expect(error?.message).toContain("'9'")
  })

  it('quotes at most eight bytes', () => {
    const error = new PrefaceReader().push(new TextEncoder().encode('POST /a/very/long/request HTTP/1.1'))
    expect(error?.message.match(/ [0-9a-f]{2}\b/g)).toHaveLength(8)
    expect(error?.hint).toMatch(/HTTP/)
  })
})
