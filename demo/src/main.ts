// Owns: the entry of the demonstration (`npm start`): which of the two processes this is, and its exit code.
// Must not know: what either of them does.
import { fileURLToPath } from 'node:url'
import { runDialer } from './dialer.js'
import { runListener } from './listener.js'
import { LISTENER_ARGUMENT } from './listener-process.js'
import { type DemoOptions, readOptions, USAGE, UsageProblem } from './options.js'

const EXIT_USAGE = 2

async function main(args: readonly string[]): Promise<number> {
  if (process.send !== undefined && args[0] === LISTENER_ARGUMENT) return runListener(args[1] ?? '')
  let options: DemoOptions
  try {
    options = readOptions(args)
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error
    process.stderr.write(`demo: ${error.message}\n${USAGE}\n`)
    return EXIT_USAGE
  }
  if (options.isHelp) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  return runDialer(fileURLToPath(import.meta.url), options.file)
}

const code = await main(process.argv.slice(2))
// After success nothing is left that could hold the process; if something is, its not ending shows it.
if (code === 0) process.exitCode = 0
else process.exit(code)
