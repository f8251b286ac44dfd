// Owns the list of programs behind root commands (`npm start`, `npm run fuzz`). A new program is one row here; its manifest exports the entry.
// A row with `short` also runs in `npm test`, with those arguments: enough to notice breakage, bounded in time.

/**
 * @typedef {{ name: string, file: string, args?: string[], short?: string[] }} Program file: relative to the root, written by the build
 */

/** @type {Program[]} */
export const PROGRAMS = [
  { name: 'demo', file: 'demo/dist/main.js', short: ['--file', 'pnpm-lock.yaml'] },
  {
    name: 'fuzz',
    file: 'packages/testkit/dist/fuzz-program.js',
    short: ['--frames', '200000', '--seed', '1'],
  },
  { name: 'bench', file: 'bench/main.mjs' },
  { name: 'chaos', file: 'chaos/main.mjs', short: ['--short'] },
  { name: 'compat', file: 'scripts/compat.mjs', short: ['--short'] },
]
