import { TransportError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { brokenError, connectError, listenError, systemCode } from './system-errors.js'

function systemError(code: string, more: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(`call ${code} 1.2.3.4:5`), { code, ...more })
}

describe('an error of connect', () => {
  it('says what was tried, what the system answered, and what to do', () => {
    const cause = systemError('ECONNREFUSED', { address: '127.0.0.1' })
    const error = connectError('tcp://127.0.0.1:7000', cause)
    expect(error).toBeInstanceOf(TransportError)
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'connect tcp://127.0.0.1:7000: connection refused (ECONNREFUSED)',
      hint: 'nothing listens there: check host and port, and that the other side is running',
      retryable: true,
      cause,
    })
  })

  it('names the address behind a host name', () => {
    const error = connectError('tcp://db.local:1', systemError('ETIMEDOUT', { address: '10.0.0.5' }))
    expect(error.message).toBe('connect tcp://db.local:1: no answer in time (ETIMEDOUT) at 10.0.0.5')
  })

  it('names all addresses that were tried', () => {
    const errors = [{ address: '::1' }, { address: '127.0.0.1' }, {}]
    const error = connectError('tcp://localhost:1', systemError('ECONNREFUSED', { errors }))
    expect(error.message).toBe(
      'connect tcp://localhost:1: connection refused (ECONNREFUSED) at ::1 and 127.0.0.1',
    )
  })

  it.each([
    ['tcp://h:1', 'ENOTFOUND', true],
    ['tcp://h:1', 'EAI_AGAIN', true],
    ['tcp://h:1', 'EHOSTUNREACH', true],
    ['tcp://h:1', 'EADDRNOTAVAIL', true],
    ['tcp://h:1', 'EMFILE', true],
    ['tcp://h:1', 'ECONNRESET', true],
    ['tcp://h:1', 'EAFNOSUPPORT', false],
    ['unix:/s', 'ENOENT', true],
    ['unix:/s', 'ECONNREFUSED', true],
    ['unix:/s', 'EAGAIN', true],
    ['unix:/s', 'EACCES', false],
    ['unix:/s', 'ENOTDIR', false],
  ])('%s %s has a hint and retryable %s', (url, code, isRetryable) => {
    const error = connectError(url, systemError(code))
    expect(error.code).toBe('UNAVAILABLE')
    expect(error.hint).not.toBe('')
    expect(error.retryable).toBe(isRetryable)
    expect(error.message).toMatch(new RegExp(`^connect ${url}: [a-z].* \\(${code}\\)$`))
  })

  it('keeps the words of the system for a code it does not know', () => {
    expect(connectError('tcp://h:1', systemError('ESTRANGE')).message).toBe(
      'connect tcp://h:1: call ESTRANGE 1.2.3.4:5',
    )
    const wordless = Object.assign(new Error('odd'), { code: 'EODD' })
    expect(connectError('tcp://h:1', wordless).message).toBe('connect tcp://h:1: odd (EODD)')
    expect(connectError('tcp://h:1', 'no error at all').message).toBe('connect tcp://h:1: no error at all')
  })
})

describe('an error of listen', () => {
  it.each([
    ['tcp://h:1', 'EADDRINUSE', 'FAILED_PRECONDITION', false],
    ['unix:/s', 'EADDRINUSE', 'FAILED_PRECONDITION', false],
    ['tcp://h:1', 'EACCES', 'PERMISSION_DENIED', false],
    ['unix:/s', 'EACCES', 'PERMISSION_DENIED', false],
    ['unix:/s', 'EPERM', 'PERMISSION_DENIED', false],
    ['tcp://h:1', 'EADDRNOTAVAIL', 'FAILED_PRECONDITION', false],
    ['unix:/s', 'ENOENT', 'FAILED_PRECONDITION', true],
    ['tcp://h:1', 'EMFILE', 'RESOURCE_EXHAUSTED', true],
    ['tcp://h:1', 'ENOTFOUND', 'UNAVAILABLE', true],
  ])('%s %s is %s', (url, code, name, isRetryable) => {
    const error = listenError(url, systemError(code))
    expect(error).toMatchObject({ code: name, retryable: isRetryable })
    expect(error.hint).not.toBe('')
    expect(error.message).toMatch(new RegExp(`^listen ${url}: `))
  })
})

describe('an error of a connection', () => {
  it('can be tried again', () => {
    expect(brokenError('tcp://h:1', systemError('ECONNRESET'))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'tcp://h:1: connection reset by the other side (ECONNRESET)',
      retryable: true,
    })
  })
})

it('has no code for what is not an error of the system', () => {
  expect([null, undefined, 'x', new Error('x'), { code: 5 }].map(systemCode)).toEqual(['', '', '', '', ''])
})
