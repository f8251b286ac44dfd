/**
 * Owns: the entry of `npm run fuzz`. Exit code 0: nothing found, 1: something found, 2: wrong options.
 * Must not know: what is fuzzed and how.
 */
import { main } from './fuzzing/command.js'

process.exitCode = main(process.argv.slice(2), (line) => process.stdout.write(`${line}\n`))
