import { expect, it } from 'vitest'
import { runSequences } from './sequences.js'

it('agree', () => {
  const t = performance.now()
  const report = runSequences({ runCount: Number(process.env.N ?? 200), seed: Number(process.env.SEED ?? 1) })
  console.log(report, performance.now() - t)
  expect(report.failure).toBeNull()
}, 600000)
