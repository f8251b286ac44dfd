// The code of the wire package is what the tables of the specification say. A row that differs fails.
import * as wire from '@peerplex/wire'
import * as internal from '@peerplex/wire/internal'
import { describe, expect, test } from 'vitest'
import * as constants from '../../packages/wire/src/constants.js'
import * as economyCode from '../../packages/wire/src/economy.js'
import * as headerKeyCode from '../../packages/wire/src/header-keys.js'
import * as helloCode from '../../packages/wire/src/hello.js'
import { loadTables } from '../../scripts/spec-tables.mjs'

const tables = loadTables()
const { frames, states, errors, limits, economy } = tables
const headerKeys = tables['header-keys']

const sources = { ...constants, ...economyCode, ...headerKeyCode, ...helloCode, ...internal, ...wire }

/** Something that the wire package defines, by name. */
function code(name: string): any {
  if (!(name in sources)) throw new Error(`packages/wire has no '${name}'`)
  return (sources as Record<string, unknown>)[name]
}

const names = (rows: any[]): string[] => rows.map((row) => row.name)
const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()
const bitsOf = (type: any): number =>
  frames.flags
    .filter((flag: any) => flag.types.includes(type.name))
    .reduce((mask: number, flag: any) => mask | flag.bit, 0)

describe('code', () => {
  test('preface, constants and frame types', () => {
    expect(Buffer.from(code('PREFACE')).toString('hex')).toBe(frames.preface.hex)
    expect(code('PREFACE_VERSION_AT')).toBe(frames.preface.versionOffset)
    const range = (layout: string, field: string): unknown => {
      const { fields } = frames.layouts.find((row: any) => row.name === layout)
      const { min, max } = fields.find((row: any) => row.name === field)
      return [min, max]
    }
    const maxId = code('MAX_CHANNEL_ID')
    expect(range('header', 'size')).toEqual([0, code('MAX_FRAME_BYTES')])
    expect(range('header', 'chan')).toEqual([-maxId, maxId])
    expect(range('goaway', 'lastId')).toEqual([0, maxId])
    for (const constant of limits.constants) expect(code(constant.name), constant.name).toBe(constant.value)
    expect(code('FRAME_TYPES')).toEqual(
      Object.fromEntries(frames.types.map((type: any) => [type.name, type.code])),
    )
    for (const layout of frames.layouts) {
      const constant = {
        header: 'HEADER',
        hello: 'HELLO_PREFIX',
        open: 'OPEN_PREFIX',
        goaway: 'GOAWAY_PREFIX',
      }[layout.name as string]
      if (constant) expect(code(`${constant}_BYTES`), layout.name).toBe(layout.bytes)
    }
  })

  test('flags and their masks', () => {
    for (const flag of frames.flags) expect(code(`FLAG_${flag.name}`), flag.name).toBe(flag.bit)
    const masks = [0, ...frames.types.map(bitsOf)]
    expect(frames.types.map((type: any) => type.code)).toEqual(
      frames.types.map((_: any, at: number) => at + 1),
    )
    expect([...code('FLAG_MASKS')]).toEqual(masks)
  })

  test('error codes', () => {
    const rows = errors.errors.map(({ name, wireCode, scope, meaning }: any) => [
      name,
      { wireCode, scope, message: meaning },
    ])
    expect(code('ERRORS')).toEqual(Object.fromEntries(rows))
    expect(code('FIRST_APPLICATION_CODE')).toBe(errors.firstApplicationCode)
  })

  test('static header keys', () => {
    expect(code('HEADER_KEYS')).toEqual(headerKeys.keys.map(({ id, key, type }: any) => ({ id, key, type })))
    expect(code('FIRST_STATIC_KEY')).toBe(headerKeys.firstStaticId)
    expect(headerKeys.keys.map((row: any) => row.id)).toEqual(
      Array.from({ length: 32 }, (_, at) => headerKeys.firstStaticId + at),
    )
    expect(headerKeys.lastStaticId).toBe(headerKeys.firstStaticId + 31)
    expect([headerKeys.firstOpaqueId, headerKeys.lastOpaqueId]).toEqual([headerKeys.lastStaticId + 1, 255])
  })

  test('characters of a literal key, and values of each static type', () => {
    const isLegal = (...entry: number[]): boolean =>
      code('scanEntries')(Uint8Array.from(entry), 0, entry.length) === 1
    for (let byte = 0; byte < 256; byte++) {
      const isKey = byte < 128 && headerKeys.keyCharacters.includes(String.fromCharCode(byte))
      expect(isLegal(1, byte, 0, 0), `key byte ${byte}`).toBe(isKey)
    }
    const longest = headerKeys.maxKeyBytes
    expect(isLegal(longest, ...Array.from({ length: longest }, () => 0x61), 0, 0)).toBe(true)
    for (const { id, key, type } of headerKeys.keys) {
      const lengths = Array.from({ length: 10 }, (_, length) => length).filter((length) =>
        isLegal(id, length, 0, ...Array.from({ length }, (_, at) => (at % 8 === 0 ? 1 : 0))),
      )
      const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
      expect(lengths, key).toEqual(id === 0x8c ? [8] : type === 'u8' ? [1] : type === 'u32' ? [4] : all)
    }
  })

  test('an element of refs: each field at and above its range', () => {
    const layout = frames.layouts.find((row: any) => row.name === 'refs')
    const accepts = (field: any, value: number): boolean => {
      const entry = new DataView(new ArrayBuffer(3 + layout.bytes))
      entry.setUint8(0, headerKeys.keys.find((row: any) => row.key === 'refs').id)
      entry.setUint16(1, layout.bytes, true)
      entry.setUint32(3, 1, true)
      const put = { u8: 'setUint8', u16: 'setUint16', u32: 'setUint32' }[field.type as string] as 'setUint16'
      entry[put](3 + field.offset, value, true)
      return code('scanEntries')(new Uint8Array(entry.buffer), 0, entry.byteLength) === 1
    }
    for (const field of layout.fields) {
      expect(accepts(field, field.min), `${field.name} least`).toBe(true)
      expect(accepts(field, field.max), `${field.name} most`).toBe(true)
      if (field.min > 0) expect(accepts(field, field.min - 1), `${field.name} below`).toBe(false)
      if (field.max < 2 ** 32 - 1) expect(accepts(field, field.max + 1), `${field.name} above`).toBe(false)
    }
  })

  test.each([
    ['channel', 'CHANNEL_STATES', 'CHANNEL_TRANSITIONS'],
    ['session', 'SESSION_STATES', 'SESSION_TRANSITIONS'],
    ['localDrain', 'DRAIN_STATES', 'LOCAL_DRAIN_TRANSITIONS'],
    ['remoteDrain', 'DRAIN_STATES', 'REMOTE_DRAIN_TRANSITIONS'],
  ])('transitions of machine %s', (name, stateNames, transitions) => {
    const machine = states[name]
    expect(code(stateNames)).toEqual(names(machine.states))
    const rows = machine.transitions.map((row: any) => [row.from, row.event, row.to, row.spec])
    expect(sorted([...code(transitions)])).toEqual(sorted(rows))
  })

  test('limits of a session: defaults, ranges, public profile', () => {
    const options = limits.limits.filter((limit: any) => limit.option !== null)
    const of = (pick: (limit: any) => unknown) =>
      Object.fromEntries(options.map((limit: any) => [limit.option, pick(limit)]))
    expect(code('DEFAULT_SESSION_LIMITS')).toEqual(of((limit) => limit.default))
    expect(code('SESSION_LIMIT_ROWS')).toEqual(of((limit) => [limit.floor, limit.max, limit.default]))
    expect(code('PUBLIC_SESSION_LIMITS')).toEqual(of((limit) => limit.publicProfile ?? limit.default))
  })

  test('economy', () => {
    const defaults = code('DEFAULT_SESSION_LIMITS')
    expect([defaults.economyCap, defaults.economyRefill, defaults.economyRefillMs]).toEqual([
      economy.cap,
      economy.refill,
      economy.refillIntervalMs,
    ])
    const points = Object.fromEntries(
      [...economy.gains, ...economy.costs, ...economy.free].map((row: any) => [row.id, row.points]),
    )
    expect(points.message).toBe(code('EARN_MESSAGE'))
    expect(points['channel-removed']).toBe(code('EARN_CHANNEL'))
    expect(points['open-over-limit']).toBe(code('COST_REFUSED_OPEN'))
    const others = economy.costs.filter((row: any) => row.id !== 'open-over-limit')
    expect(new Set(others.map((row: any) => row.points))).toEqual(new Set([code('COST_IDLE_FRAME')]))
    const counter = new (code('Economy'))(economy.cap, economy.refill, economy.refillIntervalMs, 0)
    expect(counter.balance).toBe(economy.start)
  })
})

describe('decoder', () => {
  const sink = { isReceiving: true, isHelloNext: false, onFrame: () => undefined }

  /** What the decoder says to a header alone: a code, or 'legal'. */
  function judge(type: number, flags: number, meta: number, size: number, chan: number): string {
    const header = new DataView(new ArrayBuffer(12))
    header.setUint32(0, size, true)
    header.setUint8(4, type)
    header.setUint8(5, flags)
    header.setUint16(6, meta, true)
    header.setInt32(8, chan, true)
    const decoder = new (code('FrameDecoder'))({ ...sink, isHelloNext: type === 1 }, 65_536, 16_384)
    try {
      decoder.push(new Uint8Array(header.buffer), 0)
      return 'legal'
    } catch (error) {
      return (error as any).code
    }
  }

  const chanOf = (rule: string): number => (rule === 'zero' ? 0 : 1)
  const leastSize = (type: any): number => type.meta.minBytes + type.payload.minBytes

  test('types', () => {
    for (const range of frames.typeRanges) {
      for (let type = range.first; type <= range.last; type++) {
        const row = frames.types.find((known: any) => known.code === type)
        const verdict = row
          ? judge(type, type === 3 ? 4 : 0, row.meta.minBytes, leastSize(row), chanOf(row.chan))
          : judge(type, 0, 0, 0, 0)
        expect(verdict, `type ${type}`).toBe(range.error ?? 'legal')
      }
    }
  })

  test('flags: every byte on every type, with and without metadata and payload, in both directions', () => {
    for (const type of frames.types) {
      const metas = [type.meta.minBytes, type.meta.minBytes + 1].filter(
        (meta) =>
          meta <= (type.meta.maxBytes ?? 65_535) && (type.meta.entries || meta === type.meta.minBytes),
      )
      const payloads = [...new Set([type.payload.minBytes, type.payload.maxBytes === null ? 8 : 0])].filter(
        (bytes) => bytes >= type.payload.minBytes,
      )
      const chans = { zero: [0], positive: [1], nonzero: [1, -1], any: [0, 1, -1] }[type.chan as string] ?? []
      for (const meta of metas) {
        for (const payload of payloads) {
          for (const chan of chans) {
            for (let flags = 0; flags < 256; flags++) {
              const isLegal =
                (flags & ~bitsOf(type)) === 0 &&
                !frames.flagRules.some((rule: any) => isBroken(rule, type.name, flags, meta, payload, chan))
              expect(
                judge(type.code, flags, meta, meta + payload, chan),
                `${type.name} flags ${flags} meta ${meta} payload ${payload} chan ${chan}`,
              ).toBe(isLegal ? 'legal' : 'PROTOCOL_ERROR')
            }
          }
        }
      }
    }
  })

  function isBroken(rule: any, type: string, flags: number, meta: number, payload: number, chan: number) {
    const { illegal } = rule
    const isSet = (name: string): boolean =>
      (flags & frames.flags.find((flag: any) => flag.name === name && flag.types.includes(type)).bit) !== 0
    const fits = (wanted: string, bytes: number): boolean =>
      wanted === 'any' || (wanted === 'present') === bytes > 0
    return (
      rule.types.includes(type) &&
      illegal.inMessage !== true && // needs memory of the channel: not for the decoder
      illegal.set.every(isSet) &&
      !illegal.clear.some(isSet) &&
      fits(illegal.meta, meta) &&
      fits(illegal.payload, payload) &&
      (illegal.chan === 'any' || chan > 0)
    )
  }

  test('lengths: metadata and payload below, at and above what the type allows', () => {
    for (const type of frames.types) {
      const { meta, payload } = type
      for (let metaBytes = 0; metaBytes <= 60; metaBytes++) {
        for (let payloadBytes = 0; payloadBytes <= 24; payloadBytes++) {
          const isRight =
            metaBytes >= meta.minBytes &&
            metaBytes <= (meta.entries ? (meta.maxBytes ?? 16_384) : meta.fixedBytes) &&
            payloadBytes >= payload.minBytes &&
            payloadBytes <= (payload.maxBytes ?? 65_536) &&
            payloadBytes % payload.multipleOf === 0
          const flags = payload.rule === 'message' ? 4 : 0
          expect(
            judge(type.code, flags, metaBytes, metaBytes + payloadBytes, chanOf(type.chan)),
            `${type.name} meta ${metaBytes} payload ${payloadBytes}`,
          ).toBe(isRight ? 'legal' : 'FRAME_SIZE')
        }
      }
    }
  })

  test('channel rule of each type', () => {
    for (const type of frames.types) {
      for (const chan of [0, 1, -1, 2 ** 30 - 1, 1 - 2 ** 30, 2 ** 30, -(2 ** 30), -(2 ** 31)]) {
        const isInRange = Math.abs(chan) < 2 ** 30
        const isRight = { zero: chan === 0, positive: chan > 0, nonzero: chan !== 0, any: true }[
          type.chan as string
        ]
        const flags = type.name === 'DATA' ? 4 : 0
        expect(
          judge(type.code, flags, type.meta.minBytes, leastSize(type), chan),
          `${type.name} chan ${chan}`,
        ).toBe(isRight && isInRange ? 'legal' : 'PROTOCOL_ERROR')
      }
    }
  })

  test('HELLO: each field at, below and above its range', () => {
    const layout = frames.layouts.find((row: any) => row.name === 'hello')
    const legal = new DataView(new ArrayBuffer(layout.bytes))
    const put = (view: DataView, field: any, value: number): void =>
      field.type === 'u16'
        ? view.setUint16(field.offset, value, true)
        : view.setUint32(field.offset, value, true)
    for (const field of layout.fields) if (field.min !== null) put(legal, field, field.min)
    const accepts = (field: any, value: number): boolean => {
      const bytes = new Uint8Array(legal.buffer.slice(0))
      put(new DataView(bytes.buffer), field, value)
      try {
        code('decodeHello')(bytes, 64)
        return true
      } catch (error) {
        expect((error as any).code).toBe('PROTOCOL_ERROR')
        return false
      }
    }
    for (const field of layout.fields.filter((row: any) => row.min !== null)) {
      const top = field.type === 'u16' ? 65_535 : 4_294_967_295
      // How far prefixLen may go depends on the length of the frame; here it has no more than the 56 bytes.
      const max = field.name === 'prefixLen' ? layout.bytes : field.max
      expect(accepts(field, field.min), `${field.name} least`).toBe(true)
      expect(accepts(field, max), `${field.name} most`).toBe(true)
      if (field.min > 0) expect(accepts(field, field.min - 1), `${field.name} below`).toBe(false)
      if (max < top) expect(accepts(field, max + 1), `${field.name} above`).toBe(false)
    }
    const idle = layout.fields.find((row: any) => row.name === 'idleMs')
    expect([0, 1, 999, 1_000].map((value) => accepts(idle, value))).toEqual([true, false, false, true])
  })
})
