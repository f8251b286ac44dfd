import { join } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'
import { countReporter } from './scripts/count-reporter.mjs'
import { packageEntries, root, workspacePackages } from './scripts/workspace.mjs'

// Tests run on the sources, also across packages: an exported name leads to `src`, not to the last build.
const alias = workspacePackages()
  .flatMap((pkg) => packageEntries(pkg))
  .map((entry) => ({ find: new RegExp(`^${entry.specifier}$`), replacement: entry.source }))

export default defineConfig({
  resolve: { alias },
  test: {
    // Only to end what hangs: how long something takes is measured by the bench, on machines of any speed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    include: ['{packages/*,demo,examples,scripts,spec,bench,chaos}/**/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/dist/**'],
    reporters: ['default', countReporter({ file: join(root, '.cache/test-counts.json'), root })],
    coverage: {
      provider: 'v8',
      include: ['packages/wire/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.d.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'coverage',
      thresholds: { lines: 97, branches: 92 },
    },
  },
})
