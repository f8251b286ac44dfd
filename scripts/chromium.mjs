// Owns the one way to a real Chromium: where it is looked for, how it is started, and what a test says that cannot have one.
// It must not know what a page does.

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** No graphics card, no sandbox of its own (root in a container has none), and nothing that talks to anyone but the page's server. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Why a test is left out, as in `context.skip(NO_CHROMIUM)`; the run prints it behind `skipped:` and the name of the test. */
export const NO_CHROMIUM = 'no Chromium on this machine: install the package chromium, or set CHROMIUM_PATH'

/**
 * The program to start, or null: CHROMIUM_PATH, or else the usual names on PATH.
 * A CHROMIUM_PATH that leads to no program is an error, not a reason to take another one or to skip.
 * @returns {string | null} an absolute path, unless CHROMIUM_PATH is relative
 */
export function findChromium() {
  const chosen = process.env.CHROMIUM_PATH
  if (chosen) {
    if (!isProgram(chosen)) throw new Error(`CHROMIUM_PATH is ${chosen}, which is not a program`)
    return chosen
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = [...folders, '/usr/bin'].flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return candidates.find(isProgram) ?? null
}

/** What the driver adds so that tabs in the background go on at full speed. */
const UNTHROTTLED = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]

/**
 * Starts a headless Chromium of its own, with nothing kept from another run; `close()` ends it.
 * Throws when there is none: ask `findChromium` first and skip with `NO_CHROMIUM`.
 * @param {{ args?: readonly string[], isThrottling?: boolean }} [options] args: further arguments of the program. isThrottling: tabs
 *   in the background are slowed down, as they are for a user
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launchChromium({ args = [], isThrottling = false } = {}) {
  const executablePath = findChromium()
  if (executablePath === null) throw new Error(NO_CHROMIUM)
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [...ARGUMENTS, ...args],
    ...(isThrottling && { ignoreDefaultArgs: UNTHROTTLED }),
  })
}

/**
 * @param {string} file
 * @returns {boolean}
 */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
