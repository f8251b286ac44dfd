// Owns how check steps are run and counted: one after the other, a failing one hides none of the later ones, and the count comes last.
// It must not know what a step does; `check.mjs` holds the list.

/**
 * @typedef {{ passed: number, failed: number, skipped: string[], notes?: string[] }} Counts
 * @typedef {{
 *   title: string,
 *   command: string[],
 *   needs?: string[],
 *   count?: (isOk: boolean) => Counts,
 * }} Step needs: titles of earlier steps without which this one means nothing. count: without it, a step is one check
 * @typedef {{
 *   execute: (command: string[]) => Promise<boolean> | boolean,
 *   print: (line: string) => void,
 *   now: () => number,
 * }} Host
 */

/**
 * Runs the steps and prints their headings, what was skipped, what failed, and as the very last line `N passed, N failed`.
 * @param {Step[]} steps
 * @param {Host} host
 * @returns {Promise<number>} the exit code: 1 when anything failed or nothing ran
 */
export async function runSteps(steps, host) {
  const broken = new Set()
  /** @type {string[]} */
  const failures = []
  /** @type {string[]} */
  const skipped = []
  let passed = 0
  let failed = 0
  for (const step of steps) {
    host.print(`\n=== ${step.title}`)
    const missing = step.needs?.find((title) => broken.has(title))
    if (missing !== undefined) {
      host.print(`=== ${step.title}: not run, it needs "${missing}"`)
      failures.push(`${step.title} (not run: "${missing}" failed)`)
      broken.add(step.title)
      failed += 1
      continue
    }
    const startedMs = host.now()
    const isOk = await host.execute(step.command)
    const counts = step.count?.(isOk) ?? { passed: isOk ? 1 : 0, failed: isOk ? 0 : 1, skipped: [] }
    passed += counts.passed
    failed += counts.failed
    skipped.push(...counts.skipped)
    for (const note of counts.notes ?? []) host.print(note)
    if (counts.failed > 0) {
      broken.add(step.title)
      failures.push(step.title)
    }
    const seconds = ((host.now() - startedMs) / 1000).toFixed(1)
    host.print(`=== ${step.title}: ${counts.failed > 0 ? 'FAILED' : 'ok'} (${seconds} s)`)
  }
  host.print('')
  for (const line of skipped) host.print(`skipped: ${line}`)
  for (const title of failures) host.print(`failed: ${title}`)
  host.print(`${passed} passed, ${failed} failed`)
  return failed > 0 || passed === 0 ? 1 : 0
}

/**
 * What a test run adds to the count. A run that ends badly without a failing test (a coverage threshold, an error outside a test, a crash before
 * the report was written) and a run without a test are failures too.
 * @param {Counts | null} report what `count-reporter.mjs` wrote, if it came to that
 * @param {boolean} isOk whether the runner ended well
 * @returns {Counts}
 */
export function countTests(report, isOk) {
  const counts = report ?? { passed: 0, failed: 0, skipped: [] }
  if (counts.failed > 0) return counts
  if (counts.passed === 0) return { ...counts, failed: 1, notes: ['No test ran.'] }
  if (!isOk)
    return {
      ...counts,
      failed: 1,
      notes: ['Every test passed, but the run did not: see the messages above.'],
    }
  return counts
}
