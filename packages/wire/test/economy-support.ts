// Owns: the table of the economy counter as the specification has it, for the tests that compare with it.

import { readFileSync } from 'node:fs'

interface Row {
  readonly id: string
  readonly points: number
  readonly event: string
}

export const TABLE: {
  readonly start: number
  readonly cap: number
  readonly refill: number
  readonly refillIntervalMs: number
  readonly gains: readonly Row[]
  readonly costs: readonly Row[]
  readonly free: readonly Row[]
} = JSON.parse(readFileSync(new URL('../../../spec/tables/economy.json', import.meta.url), 'utf8'))
