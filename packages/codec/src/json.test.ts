import { LimitError, PeerplexError, type RefExporter, type RefImporter, UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { bytesFrom, errorOf, nested, utf8 } from '../test/support.js'
import { createJsonCodec } from './json.js'

const json = createJsonCodec()
const written = (value: unknown, refs?: RefExporter) => new TextDecoder().decode(json.encode(value, refs))
const read = (text: string, refs?: RefImporter) => json.decode(utf8(text), refs)

describe('values in JSON', () => {
  it.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'null'],
    ['a"b\\\n😀', '"a\\"b\\\\\\n😀"'],
    [[1, [2, { a: [] }]], '[1,[2,{"a":[]}]]'],
    [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
    [new Map<string, unknown>([['a', new Map([['__proto__', 1]])]]), '{"a":{"__proto__":1}}'],
    [{ list: [1, new Map([['k', 'v']]), 3], same: true }, '{"list":[1,{"k":"v"},3],"same":true}'],
    [
      { at: new Date(0), url: new URL('http://a.example/') },
      '{"at":"1970-01-01T00:00:00.000Z","url":"http://a.example/"}',
    ],
    [{ $ref: 0, $: 1 }, '{"$ref":0,"$":1}'],
    [{ toJSON: () => 5 }, '5'],
    [{ b: { toJSON: () => undefined }, a: 1 }, '{"a":1}'],
    [[{ toJSON: (key: string) => key }], '["0"]'],
  ])('%j', (value, text) => {
    expect(written(value)).toBe(text)
  })

  it('are left as they are', () => {
    const value = { list: [new Map([['a', 1]])], at: new Date(0) }
    Object.freeze(value.list)
    Object.freeze(value)
    json.encode(value)
    expect(value).toEqual({ list: [new Map([['a', 1]])], at: new Date(0) })
  })

  it('come back by JSON.parse', () => {
    expect(read(' { "a" : [ 1 , -0.5e3 , "\\u00e9" , { } , [ ] ] , "b" : null } ')).toEqual({
      a: [1, -500, 'é', {}, []],
      b: null,
    })
    expect(read('{"a":1,"a":2}')).toEqual({ a: 2 })
  })

  it.each<[string, unknown, string]>([
    [
      'a function',
      [1, { shout: () => 1 }],
      'value[1].shout is a function, and functions as arguments are not',
    ],
    ['a symbol', { s: Symbol('s') }, 'value.s is a symbol'],
    ['a bigint', { n: 5n }, 'value.n is a bigint'],
    ['no number', [0, Number.NaN], 'value[1] is NaN'],
    ['an endless number', { n: Number.NEGATIVE_INFINITY }, 'value.n is -Infinity'],
    ['bytes', { data: new Uint8Array(1) }, 'value.data is a Uint8Array'],
    ['a view', { data: new Float32Array(1) }, 'value.data is a Float32Array'],
    ['a buffer', { data: new ArrayBuffer(1) }, 'value.data is an ArrayBuffer'],
    ['a Set', { s: new Set() }, 'value.s is a Set'],
    ['a Map with other keys', { m: new Map([[1, 1]]) }, 'value.m is a Map with a key of type number'],
    ['a date without time', { d: new Date(Number.NaN) }, 'value.d is a Date without a valid time'],
    ['a stream', [new ReadableStream()], 'value[0] is a stream'],
    ['a promise', [Promise.resolve()], 'value[0] is a Promise'],
    ['a function in a Map', new Map([['f', () => 1]]), 'value.f is a function'],
    ['a function behind toJSON', { a: { toJSON: () => [() => 1] } }, 'value.a[0] is a function'],
  ])('name the place of %s', (_what, value, message) => {
    const error = errorOf(() => json.encode(value))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ delivery: 'not-sent', origin: 'local' })
    expect(error.message.startsWith(`codec json cannot encode this: ${message}`)).toBe(true)
  })

  it('name the place where a circle closes', () => {
    const self: Record<string, unknown> = {}
    self.list = [self]
    expect(errorOf(() => json.encode({ self })).message).toContain('value.self.list[0] is circular')
  })

  it('fail with a typed error when they fail to be read', () => {
    const boom = new Error('boom')
    const bad = {
      get bad() {
        throw boom
      },
    }
    expect(errorOf(() => json.encode([bad]))).toMatchObject({ cause: boom })
    // Harmless when it is looked at first, and not when JSON.stringify reads it.
    let reads = 0
    const fickle = {
      get n() {
        return reads++ === 0 ? 1 : 1n
      },
    }
    expect(errorOf(() => json.encode(fickle)).message).toContain('value failed while it was read')
  })
})

describe('payloads that are not JSON', () => {
  it.each([
    ['nothing', ''],
    ['half of it', '{"a":'],
    ['something after it', '1 2'],
    ['a mark before it', '\ufeff1'],
    ['words of JavaScript', 'undefined'],
    ['a comma too many', '[1,]'],
    ['a bracket too many', '[1]]'],
    ['brackets that differ', '[1}'],
    ['a string without end', '"abc'],
    ['a backslash at the end', '"abc\\'],
  ])('are refused: %s', (_what, text) => {
    const error = errorOf(() => read(text))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', delivery: 'unknown' })
    expect(error.message).toContain('codec json cannot decode what arrived: ')
    expect(error.cause).toBeInstanceOf(SyntaxError)
    expect(errorOf(() => read(`${text}${' '.repeat(200)}`)).cause).toBeInstanceOf(SyntaxError)
  })

  it.each(['22 ff 22', '22 c3 28 22', '22 ed a0 80 22'])('are refused when they are no UTF-8: %s', (hex) => {
    expect(errorOf(() => json.decode(bytesFrom(hex))).message).toContain('not valid UTF-8')
  })
})

describe('a key __proto__ in JSON', () => {
  it.each([
    '{"__proto__":{"polluted":true},"b":1}',
    '{"\\u005f_proto__":{"polluted":true},"b":1}',
    '{"__pr\\u006Fto__":{"polluted":true},"b":1}',
    '{"__proto__":1,"__proto__":{"polluted":true},"b":1}',
  ])('is inert: %s', (text) => {
    const value = read(`[{"a":${text}}]`) as [{ a: { polluted?: unknown; b: number } }]
    const [{ a }] = value
    expect(Object.getPrototypeOf(a)).toBe(Object.prototype)
    expect(a.polluted).toBeUndefined()
    expect(Object.getOwnPropertyDescriptor(a, '__proto__')?.value).toEqual({ polluted: true })
    const copy: { polluted?: unknown } = Object.assign({}, a)
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(copy.polluted).toBeUndefined()
    expect(Object.keys({ ...a })).toEqual(['b'])
    expect(written(value)).toBe('[{"a":{"b":1}}]')
  })

  it('is told from a value that only looks like it', () => {
    expect(read('["__proto__","\\u0041"]')).toEqual(['__proto__', 'A'])
    expect(written({ a: '__proto__' })).toBe('{"a":"__proto__"}')
  })

  it('keeps its value when a copy is needed on the way out', () => {
    const value = JSON.parse('{"__proto__":{"a":1},"m":0}')
    value.m = new Map([['k', 1]])
    expect(written(value)).toBe('{"__proto__":{"a":1},"m":{"k":1}}')
  })
})

describe('references in JSON', () => {
  const found = [() => 1, { stream: true }]
  const importer = { importRef: (position: number) => found[position] }

  function exporting() {
    const collected: object[] = []
    return { collected, exportRef: (target: object) => collected.push(target) - 1 }
  }

  it('stand for functions and streams, by position', () => {
    const refs = exporting()
    const shout = () => 1
    const stream = new ReadableStream()
    expect(written({ shout, list: [stream, 1], at: new Date(0), n: null }, refs)).toBe(
      '{"shout":{"$ref":0},"list":[{"$ref":1},1],"at":"1970-01-01T00:00:00.000Z","n":null}',
    )
    expect(refs.collected).toEqual([shout, stream])
    expect(written(shout, exporting())).toBe('{"$ref":0}')
  })

  it('make keys that begin with $ longer, only where there is a reference', () => {
    const value = { $ref: 5, $$: [{ $a: 1 }], a$: 2 }
    expect(written(value, exporting())).toBe('{"$ref":5,"$$":[{"$a":1}],"a$":2}')
    const text = written({ ...value, f: () => 1 }, exporting())
    expect(text).toBe('{"$$ref":5,"$$$":[{"$$a":1}],"a$":2,"f":{"$ref":0}}')
    expect(read(text, importer)).toEqual({ ...value, f: found[0] })
    expect(Object.keys(read(text, importer) as object)).toEqual(['$ref', '$$', 'a$', 'f'])
  })

  it('come back as what the importer has there', () => {
    expect(read('{"$ref":1}', importer)).toBe(found[1])
    expect(read('[[{"$ref":1}],{"a":{"$ref":0},"b":null}]', importer)).toEqual([
      [found[1]],
      { a: found[0], b: null },
    ])
  })

  it('are data where the message announces none', () => {
    expect(read('{"$ref":0,"$$":1}')).toEqual({ $ref: 0, $$: 1 })
  })

  it.each([
    ['{"$ref":7}', 'reference 7 is not among those that the message announces'],
    ['{"$ref":-1}', 'there is a reference without a position'],
    ['{"$ref":0.5}', 'there is a reference without a position'],
    ['{"$ref":"0"}', 'there is a reference without a position'],
    ['{"$ref":{"$ref":0}}', 'there is a reference without a position'],
    ['{"$ref":0,"a":1}', 'in a message with references there is a key "$ref"'],
    ['[{"a":1,"$other":1}]', 'in a message with references there is a key "$other"'],
    ['{"$":1}', 'in a message with references there is a key "$"'],
  ])('are refused when they are malformed: %s', (text, message) => {
    expect(errorOf(() => read(text, importer)).message).toContain(message)
  })

  it('leave __proto__ inert', () => {
    const value = read('{"__proto__":{"$ref":0},"a":{"$$b":1,"__proto__":2}}', importer) as { a: object }
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')).toMatchObject({
      value: found[0],
      enumerable: false,
    })
    expect(Object.keys(value.a)).toEqual(['$b'])
    expect(Object.getPrototypeOf(value.a)).toBe(Object.prototype)
  })

  it('pass on errors of this library and wrap others', () => {
    const gone = new PeerplexError('RESOURCE_EXHAUSTED', 'too many references')
    const failing = (error: unknown) => ({
      exportRef() {
        throw error
      },
      importRef() {
        throw error
      },
    })
    expect(() => json.encode(() => 1, failing(gone))).toThrow(gone)
    expect(() => read('{"$ref":0}', failing(gone))).toThrow(gone)
    const boom = new TypeError('boom')
    expect(errorOf(() => json.encode(() => 1, failing(boom))).cause).toBe(boom)
    expect(errorOf(() => read('{"$ref":0}', failing(boom))).cause).toBe(boom)
  })
})

describe('limits of JSON', () => {
  const deepText = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)

  it('allow 64 levels and no more, both ways', () => {
    expect(read(written(nested(64)))).toEqual(nested(64))
    expect(errorOf(() => json.encode(nested(65)))).toBeInstanceOf(LimitError)
    expect(read(deepText(64))).toEqual(nested(64))
    for (const text of [deepText(65), `${deepText(64, '{"a":[', ']}')}`, ` ${deepText(65, ' [ ', ' ] ')}`]) {
      const error = errorOf(() => read(text))
      expect(error).toBeInstanceOf(LimitError)
      expect(error.message).toContain('maxDepth, 64')
    }
    // Not JSON at all, and refused before JSON.parse sees it.
    expect(errorOf(() => read('['.repeat(1_000_000)))).toBeInstanceOf(LimitError)
    expect(errorOf(() => read('['.repeat(100)))).not.toBeInstanceOf(LimitError)
  })

  it('allow 100 000 values and no more, both ways', () => {
    const most = new Array<number>(99_999).fill(0)
    expect(read(written(most))).toEqual(most)
    for (const run of [() => json.encode([...most, 0]), () => read(`[0${',0'.repeat(99_999)}]`)]) {
      const error = errorOf(run)
      expect(error).toBeInstanceOf(LimitError)
      expect(error.message).toContain('maxElementCount, 100000')
    }
  })

  it.each<[string, number]>([
    ['1', 1],
    ['[]', 1],
    ['{}', 1],
    [' [ ] ', 1],
    ['[1]', 2],
    ['["a"]', 2],
    ['[[]]', 2],
    ['[[],[]]', 3],
    ['[{},{ }]', 3],
    ['{"a":1}', 2],
    ['{"a":[],"b":{"c":null}}', 4],
    ['["[,{", "]}"]', 3],
    ['["\\"[,", 1]', 3],
    ['[-1,true]', 3],
    [`["${'x'.repeat(50)}\\"${'y'.repeat(50)},[\\\\",2]`, 3],
    [`["${'\\\\'.repeat(50)}",2]`, 3],
    [`["${'\\"'.repeat(50)}",2]`, 3],
    [`["${'x'.repeat(23)}\\"${','.repeat(50)}",2]`, 3],
  ])('count in %s as many as there are: %i', (text, count) => {
    const padded = text + ' '.repeat(2 * count)
    const enough = createJsonCodec({ maxElementCount: count })
    expect(enough.decode(utf8(padded))).toEqual(JSON.parse(text))
    expect(enough.encode(JSON.parse(text)).length).toBeGreaterThan(0)
    if (count === 1) return
    const short = createJsonCodec({ maxElementCount: count - 1 })
    expect(errorOf(() => short.decode(utf8(padded)))).toBeInstanceOf(LimitError)
    expect(errorOf(() => short.encode(JSON.parse(text)))).toBeInstanceOf(LimitError)
  })

  it('are found in time that grows with the payload and not with its square', () => {
    const quotes = `["${'\\"'.repeat(500_000)}"]`
    expect((read(quotes) as string[])[0]).toHaveLength(500_000)
    const slashes = `["${'\\\\'.repeat(500_000)}"]`
    expect((read(slashes) as string[])[0]).toHaveLength(500_000)
  })
})
