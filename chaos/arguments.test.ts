import { describe, expect, it } from 'vitest'
import { ArgumentError, parseArguments } from './arguments.mjs'

describe('the arguments of npm run chaos', () => {
  it('have defaults', () => {
    expect(parseArguments([])).toMatchObject({ calls: 200_000, seed: 1, bad: '', simulate: 0 })
    expect(parseArguments([]).seconds).toBe(Number.POSITIVE_INFINITY)
    expect(parseArguments([]).transports).toEqual(['tcp', 'unix', 'ws'])
  })

  it('may end a run by time instead', () => {
    expect(parseArguments(['--', '--seconds', '5'])).toMatchObject({ seconds: 5 })
    expect(parseArguments(['--seconds', '5']).calls).toBe(Number.POSITIVE_INFINITY)
  })

  it('choose transports, whatever their order', () => {
    expect(parseArguments(['--transport', 'ws,tcp']).transports).toEqual(['tcp', 'ws'])
  })

  it.each([
    ['--calls', '0'],
    ['--calls', 'many'],
    ['--calls', ''],
    ['--seed', '1.5'],
    ['--seconds', '-1'],
    ['--transport', 'tcp,smoke'],
    ['--bad', 'toString'],
    ['--calls', '1', '--seconds', '1'],
    ['--nonsense'],
    ['calls'],
  ])('that make no sense are refused in one line: %s', (...args) => {
    let message = ''
    try {
      parseArguments(args)
    } catch (error) {
      expect(error).toBeInstanceOf(ArgumentError)
      message = (error as Error).message
    }
    expect(message).toMatch(/^\S.*$/)
  })
})
