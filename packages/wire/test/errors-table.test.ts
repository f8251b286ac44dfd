import { readFileSync } from 'node:fs'
import {
  CallError,
  ClosedError,
  codeName,
  codeNumber,
  ERRORS,
  type ErrorName,
  FIRST_APPLICATION_CODE,
  LimitError,
  PeerplexError,
  ProtocolError,
  TransportError,
  UsageError,
} from '@peerplex/wire'
import { describe, expect, it } from 'vitest'

const table = JSON.parse(
  readFileSync(new URL('../../../spec/tables/errors.json', import.meta.url), 'utf8'),
) as {
  firstApplicationCode: number
  errors: { wireCode: number; name: string; scope: string; meaning: string }[]
}

describe('the error table', () => {
  it('holds the rows of the specification, no more and no less', () => {
    expect(Object.keys(ERRORS)).toEqual(table.errors.map((row) => row.name))
    for (const { name, wireCode, scope, meaning } of table.errors) {
      expect(ERRORS[name as ErrorName]).toEqual({ wireCode, scope, message: meaning })
    }
    expect(FIRST_APPLICATION_CODE).toBe(table.firstApplicationCode)
  })

  it('cannot be changed', () => {
    expect(Object.isFrozen(ERRORS)).toBe(true)
    expect(Object.values(ERRORS).every((row) => Object.isFrozen(row))).toBe(true)
  })

  it('numbers 0 … 16 are those of gRPC', () => {
    const names = table.errors.filter((row) => row.wireCode <= 16).map((row) => row.name)
    expect(names).toHaveLength(17)
    expect(names.map((name) => ERRORS[name as ErrorName].wireCode)).toEqual(names.map((_, index) => index))
  })
})

describe('names and numbers', () => {
  it('of the table, both ways', () => {
    for (const { name, wireCode } of table.errors) {
      expect(codeName(wireCode)).toBe(name)
      expect(codeNumber(name)).toBe(wireCode)
    }
  })

  it.each([17, 31, 40, 63, 75, 65_535, 65_536, 4_294_967_295])(
    'a code that is not in the table keeps its number: %i [ERR-002]',
    (code) => {
      expect(codeName(code)).toBe(`CODE_${code}`)
      expect(codeNumber(`CODE_${code}`)).toBe(code)
    },
  )

  it.each([
    '',
    'code',
    'ok',
    'CODE_',
    'CODE_x',
    'CODE_-1',
    'CODE_4294967296',
    'CODE_99999999999',
    '__proto__',
    'toString',
  ])('any other text is UNKNOWN: %j', (name) => {
    expect(codeNumber(name)).toBe(ERRORS.UNKNOWN.wireCode)
  })
})

describe('error objects', () => {
  const classes = { ProtocolError, UsageError, ClosedError, LimitError, TransportError, CallError } as const

  it.each(Object.entries(classes))(
    '%s is a PeerplexError and an Error, under its own name',
    (name, Class) => {
      const cause = new Error('below')
      const error = new Class('ABORTED', 'what was tried', {
        hint: 'what to do',
        delivery: 'unknown',
        retryable: true,
        origin: 'remote',
        details: { a: 1 },
        remote: 'b@tcp://x',
        attempts: 2,
        cause,
      })
      expect(error).toBeInstanceOf(PeerplexError)
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({
        name,
        code: 'ABORTED',
        message: 'what was tried',
        hint: 'what to do',
        delivery: 'unknown',
        retryable: true,
        origin: 'remote',
        details: { a: 1 },
        remote: 'b@tcp://x',
        attempts: 2,
        cause,
      })
    },
  )

  it('what is not said is harmless: nothing was sent, nothing is to be repeated', () => {
    const error = new PeerplexError('INTERNAL', 'why')
    expect(error).toMatchObject({
      name: 'PeerplexError',
      hint: '',
      delivery: 'not-sent',
      retryable: false,
      origin: 'local',
      details: undefined,
      remote: '',
      attempts: 0,
    })
    expect('cause' in error).toBe(false)
  })
})
