// Runs one program of `programs.mjs` on freshly bundled packages: `node scripts/run.mjs <name> [arguments]`. It owns nothing but that hand-over.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { buildBundles } from './build.mjs'
import { PROGRAMS } from './programs.mjs'
import { root } from './workspace.mjs'

const [name, ...args] = process.argv.slice(2)
const program = PROGRAMS.find((candidate) => candidate.name === name)
if (!program) {
  process.stderr.write(
    `usage: node scripts/run.mjs ${PROGRAMS.map((row) => row.name).join(' | ')} [arguments]\n`,
  )
  process.exitCode = 2
} else {
  await buildBundles()
  const child = spawn(process.execPath, [join(root, program.file), ...(program.args ?? []), ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  // Ctrl-C reaches the whole group; the program decides how to end and this process reports how it did.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal ? 1 : 0)
  })
}
