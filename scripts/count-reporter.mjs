// A vitest reporter that owns one thing: the file with the numbers and the skipped tests of a run, read by `check.mjs`. It prints nothing.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'

/**
 * @param {{ file: string, root: string }} options file: where to write, absolute
 * @returns {import('vitest/node').Reporter}
 */
export function countReporter({ file, root }) {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      /** @type {import('./runner.mjs').Counts} */
      const counts = { passed: 0, failed: unhandledErrors.length, skipped: [] }
      for (const module of modules) {
        // A file that cannot be loaded has no test that could fail.
        counts.failed += module.errors().length
        for (const test of module.children.allTests()) {
          const result = test.result()
          if (result.state === 'passed') counts.passed += 1
          else if (result.state === 'skipped') {
            counts.skipped.push(
              `${relative(root, module.moduleId)} > ${test.fullName}: ${result.note ?? 'no reason given'}`,
            )
          } else counts.failed += 1
        }
      }
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, JSON.stringify(counts))
    },
  }
}
