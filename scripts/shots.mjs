// Owns the pictures of the browser example in docs/shots: two pages talk, and one of them is photographed in two sizes, light and dark; once
// more when the server has gone.
// It must not know how the page is made: it types, clicks and reads as a person does.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildBundles } from './build.mjs'
import { launchChromium } from './chromium.mjs'
import { root } from './workspace.mjs'

const FOLDER = join(root, 'docs/shots')
const WIDE = { width: 1280, height: 800 }
const NARROW = { width: 390, height: 844 }
/** @type {readonly ('light' | 'dark')[]} */
const SCHEMES = ['light', 'dark']
/** The chart holds 60 samples. */
const SAMPLE_MS = 100
const FILLED_MS = 66 * SAMPLE_MS

/** Who says what; the pictures are of Ada's page. */
const TALK = [
  ['Grace', 'Good morning! Is the new line open?'],
  ['Ada', 'It is. I see your words before you have let go of the key.'],
  ['Grace', 'And the curve beside them?'],
  ['Ada', 'That is the server itself, measured while we talk: a stream, over the same connection.'],
  ['Grace', 'So one socket carries the chat, the chart and the calls to our pages.'],
  ['Ada', 'Each as a channel of its own. Pause the chart and its generator ends in the server.'],
  ['Grace', 'Trying that now.'],
]

await buildBundles()
mkdirSync(FOLDER, { recursive: true })
const server = spawn(process.execPath, [join(root, 'examples/09-browser/server.mjs')], {
  env: { ...process.env, PORT: '0', SAMPLE_MS: String(SAMPLE_MS) },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const [line] = await once(createInterface(server.stdout), 'line')
  const browser = await launchChromium()
  try {
    await photograph(browser, String(line).replace('open ', ''))
  } finally {
    await browser.close()
  }
} finally {
  await endServer()
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 */
async function photograph(browser, url) {
  const ada = await openPage(browser, url, 'Ada')
  const grace = await openPage(browser, url, 'Grace')
  for (const [name, words = ''] of TALK) {
    await say(name === 'Ada' ? ada : grace, words)
    await ada.getByText(words).waitFor()
  }
  await ada.waitForTimeout(FILLED_MS)
  for (const size of [WIDE, NARROW]) {
    for (const colorScheme of SCHEMES) {
      await ada.setViewportSize(size)
      await ada.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      // So that what the change has cost does not stand at the end of the curve.
      await ada.waitForTimeout(10 * SAMPLE_MS)
      await grace.getByLabel('Your message').pressSequentially('…')
      await ada.getByText('Grace is typing').waitFor()
      await shoot(ada, `chat-${size.width}-${colorScheme}`)
    }
  }
  await endServer()
  await ada.getByText('Reconnecting').waitFor()
  await say(ada, 'Grace, are you there?')
  await ada.getByText('1 waiting to be sent').waitFor()
  await shoot(ada, `away-${NARROW.width}-dark`)
}

async function endServer() {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  await ended
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} words
 */
async function say(page, words) {
  await page.getByLabel('Your message').fill(words)
  await page.keyboard.press('Enter')
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {string} name
 */
async function openPage(browser, url, name) {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await page.keyboard.press('Enter')
  await page.getByText('Connected').waitFor()
  return page
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function shoot(page, name) {
  const path = join(FOLDER, `${name}.png`)
  const { byteLength } = await page.screenshot({ path })
  console.log(`docs/shots/${name}.png ${Math.ceil(byteLength / 1024)} KiB`)
}
