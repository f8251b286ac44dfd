// Owns: the entry of the demonstration (`npm start`): which of its processes this is, and its exit code.
// Must not know: what any of them does.
import { fileURLToPath } from 'node:url'
import { runDialer } from './dialer.js'
import { runListener } from './listener.js'
import { LISTENER_ARGUMENT } from './listener-process.js'
import { type DemoOptions, readOptions, USAGE, UsageProblem } from './options.js'
import { runPeersListener } from './peers/listener.js'
import { runPeersPart } from './peers/part.js'
import { PEERS_ARGUMENT } from './peers/peers-run.js'

const EXIT_USAGE = 2

async function main(args: readonly string[]): Promise<number> {
  if (process.send !== undefined && args[0] === LISTENER_ARGUMENT) return runListener(args[1] ?? '')
  if (process.send !== undefined && args[0] === PEERS_ARGUMENT) return runPeersListener(args[1] ?? '')
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
  exitOnSignals()
  const program = fileURLToPath(import.meta.url)
  const code = await runDialer(program, options.file)
  // Numbers of peers mean little where what they stand on has failed.
  return code === 0 ? runPeersPart(program, options.file) : code
}

/** By way of `exit`, whose listeners take other processes and files along. */
function exitOnSignals(): void {
  for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
    process.once(signal, () => {
      process.stderr.write(`demo: interrupted by ${signal}\n`)
      process.exit(code)
    })
  }
}

const code = await main(process.argv.slice(2))
// After success nothing is left that could hold the process; if something is, its not ending shows it.
if (code === 0) process.exitCode = 0
else process.exit(code)
