// `npm test`: owns the list of checks. Each is a program of its own and can be run alone; how they are run and counted is in `runner.mjs`.

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAMS } from './programs.mjs'
import { countTests, runSteps } from './runner.mjs'
import { readJson, root } from './workspace.mjs'

/** No step may hang the run; the longest takes well under a minute. */
const STEP_TIMEOUT_MS = 15 * 60_000
const TEST_COUNTS = join(root, '.cache/test-counts.json')

// The package manager is pinned in the root scripts instead: with the field, pnpm 12 would fetch binaries of another version and stop.
const SHERIF_OPTIONS = ['--fail-on-warnings', '-r', 'root-package-manager-field']

const node = process.execPath
const tsc = [node, 'node_modules/typescript/bin/tsc']

/** @type {import('./runner.mjs').Step[]} */
const STEPS = [
  { title: 'build', command: [node, 'scripts/build.mjs'] },
  { title: 'types of the tests', needs: ['build'], command: [...tsc, '-p', 'tsconfig.tests.json'] },
  {
    title: 'lint and format',
    command: [
      node,
      'node_modules/@biomejs/biome/bin/biome',
      'ci',
      '--colors=off',
      '--error-on-warnings',
      '.',
    ],
  },
  { title: 'layers', command: [node, 'scripts/layers.mjs'] },
  { title: 'tables of the specification', command: [node, 'scripts/spec-tables.mjs', '--check'] },
  { title: 'vectors and transcripts', command: [node, 'scripts/vectors/generate.mjs', '--check'] },
  { title: 'unused code and dependencies', command: [node, 'node_modules/knip/bin/knip.js'] },
  { title: 'consistent manifests', command: [node, 'node_modules/sherif/index.js', ...SHERIF_OPTIONS] },
  { title: 'package contents', needs: ['build'], command: [node, 'scripts/packages.mjs'] },
  {
    title: 'tests',
    command: [node, 'node_modules/vitest/vitest.mjs', 'run', '--coverage'],
    count: (isOk) => countTests(existsSync(TEST_COUNTS) ? readJson(TEST_COUNTS) : null, isOk),
  },
  ...PROGRAMS.flatMap(({ name, file, args = [], short }) =>
    short
      ? [{ title: `${name}, short form`, needs: ['build'], command: [node, file, ...args, ...short] }]
      : [],
  ),
]

// The counts of an earlier run must not stand in for those of a run that crashed.
rmSync(TEST_COUNTS, { force: true })

process.exitCode = await runSteps(STEPS, {
  execute: ([program, ...args]) => {
    const run = spawnSync(String(program), args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: STEP_TIMEOUT_MS,
    })
    if (run.error) console.log(run.error.message)
    return run.status === 0
  },
  print: (line) => console.log(line),
  now: () => performance.now(),
})
