// Owns the arguments of the compatibility run. It must not know what they lead to.

export const USAGE = `usage: npm run compat -- [options]

Runs the behaviour suite on every transport in every runtime, and each runtime against the running Node, on the built packages.
Runtimes that are not here are fetched from the registry (some 100 MB each, kept in .cache/runtimes).

  --only ID,…          only these runtimes: node20, node22, bun, deno, chromium
  --transports NAME,…  only these columns
  --json FILE          also write every result to FILE
  --short              fetch nothing; only this Node and Chromium, tcp and ws, dialing
  --help               this text

Exit codes: 0 everything passed or is a known gap, 1 something else failed, 2 wrong arguments.
`

/** A wrong argument, in one sentence. */
export class BadArgument extends Error {}

/**
 * @typedef {{ only: readonly string[] | null, transports: readonly string[] | null, jsonFile: string | null, isShort: boolean, isHelp: boolean }} Options
 */

/**
 * Throws BadArgument.
 * @param {readonly string[]} args
 * @param {readonly string[]} ids of the runtimes there are
 * @param {readonly string[]} transports there are
 * @returns {Options}
 */
export function parseOptions(args, ids, transports) {
  /** @type {{ -readonly [K in keyof Options]: Options[K] }} */
  const options = { only: null, transports: null, jsonFile: null, isShort: false, isHelp: false }
  const rest = [...args]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--short') options.isShort = true
    else if (arg === '--help') options.isHelp = true
    else if (arg === '--json') options.jsonFile = takeValue(arg, rest)
    else if (arg === '--only') options.only = takeChoice(arg, rest, ids)
    else if (arg === '--transports') options.transports = takeChoice(arg, rest, transports)
    else throw new BadArgument(`unknown argument '${arg}'`)
  }
  return options
}

/**
 * @param {string} name
 * @param {string[]} rest
 * @returns {string}
 */
function takeValue(name, rest) {
  const value = rest.shift()
  if (value === undefined || value === '' || value.startsWith('--'))
    throw new BadArgument(`${name} needs a value`)
  return value
}

/**
 * @param {string} name
 * @param {string[]} rest
 * @param {readonly string[]} choices
 * @returns {string[]}
 */
function takeChoice(name, rest, choices) {
  const chosen = takeValue(name, rest).split(',')
  const unknown = chosen.find((value) => !choices.includes(value))
  if (unknown !== undefined)
    throw new BadArgument(`${name}: there is no '${unknown}', only ${choices.join(', ')}`)
  return chosen
}
