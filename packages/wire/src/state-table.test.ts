import { describe, expect, it } from 'vitest'
import { NO_TRANSITION, StateTable } from './state-table.js'

describe('StateTable', () => {
  const table = new StateTable(
    ['OFF', 'ON'],
    [
      ['OFF', 'press', 'ON', 1],
      ['ON', 'press', 'OFF', 1],
      ['ON', 'BREAK', 'OFF', 2],
    ],
  )

  it('knows the next state of every row, and that there is none elsewhere', () => {
    const next = (state: string, event: string): number => table.next(table.state(state), table.event(event))
    expect(next('OFF', 'press')).toBe(table.state('ON'))
    expect(next('ON', 'press')).toBe(table.state('OFF'))
    expect(next('ON', 'BREAK')).toBe(table.state('OFF'))
    expect(next('OFF', 'BREAK')).toBe(NO_TRANSITION)
  })

  it('lists each event once', () => {
    expect(table.events).toEqual(['press', 'BREAK'])
  })

  it('a name that it does not know is a mistake in the program', () => {
    expect(() => table.state('BROKEN')).toThrow(RangeError)
    expect(() => table.event('kick')).toThrow("no state or event 'kick'")
    expect(() => new StateTable(['OFF'], [['OFF', 'press', 'ON', 1]])).toThrow(RangeError)
  })
})
