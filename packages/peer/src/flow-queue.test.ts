import { expect, it } from 'vitest'
import { FlowQueue } from './flow-queue.js'

it('calls each once in order when the turn is over, those that come meanwhile a turn later', async () => {
  const queue = new FlowQueue()
  const told: string[] = []
  for (const turn of ['one', 'two']) {
    queue.add({
      flow: () => {
        told.push(turn)
        queue.add({ flow: () => told.push(`${turn} late`) })
      },
    })
    queue.add({ flow: () => told.push(`${turn} last`) })
    expect(told.filter((name) => name.startsWith(turn))).toEqual([])
    await Promise.resolve()
    expect(told.slice(-2)).toEqual([turn, `${turn} last`])
    await Promise.resolve()
    expect(told.at(-1)).toBe(`${turn} late`)
  }
  expect(told).toHaveLength(6)
})

it('keeps nobody from its turn when one throws, then and later', async () => {
  const queue = new FlowQueue()
  const told: unknown[] = []
  const defect = new Error('a defect')
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.once('unhandledRejection', (error) => told.push(error))
  const failing = {
    flow: (): void => {
      throw defect
    },
  }
  try {
    for (const channel of [failing, { flow: () => told.push(1) }, { flow: () => told.push(2) }]) {
      queue.add(channel)
    }
    await new Promise((resolve) => setImmediate(resolve))
    queue.add({ flow: () => told.push(3) })
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    for (const listener of listeners) process.on('unhandledRejection', listener)
  }
  expect(told).toEqual([1, 2, defect, 3])
})
