import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createPeer, type Peer } from 'peerplex'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SCRIPTS, scriptCode } from '../../scripts/build.mjs'
import { findChromium, launchChromium, NO_CHROMIUM } from '../../scripts/chromium.mjs'
import { checkTypes, makeFolder, removeFolder } from './support.js'

const NAME = '09-browser'
const example = join(import.meta.dirname, '..', NAME)

/** The program as a user starts it, and its URL. */
interface Server {
  readonly url: string
  readonly port: string
  readonly child: ChildProcess
  /** What it wrote to stderr so far. */
  readonly complaints: string[]
}

/** What is read of elements; the tests are compiled for Node, which has none. */
interface Box {
  readonly scrollWidth: number
  readonly clientWidth: number
}

let folder = ''
let servers: Server[] = []
let peers: Peer[] = []

beforeAll(async () => {
  folder = await makeFolder()
  cpSync(example, join(folder, NAME), { recursive: true })
  for (const script of SCRIPTS) {
    const name = script.output.replace('packages/', '')
    writeFileSync(join(folder, 'node_modules', name), await scriptCode(script))
  }
})

afterAll(() => removeFolder(folder))

afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.close()))
  await Promise.all(servers.map((server) => endServer(server)))
  peers = []
  servers = []
})

async function startServer(port = '0'): Promise<Server> {
  const child = spawn(process.execPath, ['--unhandled-rejections=strict', join(folder, NAME, 'server.mjs')], {
    env: { ...process.env, PORT: port, SAMPLE_MS: '50' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const complaints: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text))
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the server ended: ${complaints.join('')}`)
  })
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended])
  ended.catch(() => {})
  const url = String(line).replace(/^open /, '')
  const server = { url, port: new URL(url).port, child, complaints }
  servers.push(server)
  return server
}

/** Resolves with the exit code; null when the signal has ended it. */
async function endServer(
  { child }: Server,
  signal: 'SIGINT' | 'SIGKILL' = 'SIGKILL',
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
  return child.exitCode
}

/** A visitor that is no browser. */
function visit({ url }: Server, whoami: unknown): Peer {
  const peer = createPeer()
  peers.push(peer)
  peer.handle('whoami', () => whoami)
  peer.connect(`${url.replace('http', 'ws')}/peer`)
  return peer
}

describe('the files', () => {
  it('are short programs', () => {
    const files = readdirSync(example, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.m?js$/.test(file),
    )
    expect(files).toContain('server.mjs')
    for (const file of files) {
      const lines = readFileSync(join(example, file), 'utf8').trimEnd().split('\n')
      expect(lines[0], file).toMatch(/^\/\/ .+\.$/)
      expect(lines.length, file).toBeLessThanOrEqual(file === 'server.mjs' ? 90 : 180)
    }
  })

  it('of the page are right in their types', () => {
    const files = readdirSync(join(folder, NAME, 'page')).filter((file) => file.endsWith('.js'))
    const problems = checkTypes(folder, {
      files: files.map((file) => join(NAME, 'page', file)),
      options: { lib: ['es2023', 'esnext.disposable', 'dom', 'dom.iterable'], types: [] },
    })
    expect(problems).toEqual([])
  })
})

describe('the server', () => {
  it('ends in peace when it is told to', async () => {
    const server = await startServer()
    expect(await endServer(server, 'SIGINT')).toBe(0)
    expect(server.complaints).toEqual([])
  })

  it('gives its files under a strict policy, and nothing else', async () => {
    const { url } = await startServer()
    const page = await fetch(url)
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    )
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const found = await Promise.all(
      ['/peerplex.js', '/server.mjs', '/../server.mjs', '//', '/%2e%2e/server.mjs'].map((path) =>
        fetch(url + path),
      ),
    )
    expect(found.map(({ status }) => status)).toEqual([200, 404, 404, 404, 404])
  })
})

describe('the chat', () => {
  it.each([
    { what: 'an empty name', whoami: ' ', message: 'the name is empty', hint: 'give 1 to 24 characters' },
    { what: 'no text as a name', whoami: [1], message: 'the name is empty', hint: 'give 1 to 24 characters' },
    {
      what: 'a long name',
      whoami: 'x'.repeat(25),
      message: 'the name has 25 characters',
      hint: 'give 1 to 24 characters',
    },
  ])('refuses $what', async ({ whoami, message, hint }) => {
    const server = await startServer()
    const visitor = visit(server, whoami)
    const error = await visitor
      .stream('chat.join')
      .next()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message, hint })
    await expect(visitor.call('chat.say', { key: 1, text: 'hello' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      hint: "open the stream 'chat.join'",
    })
    expect(server.complaints).toEqual([])
  })

  it.each([
    { what: 'nothing', input: undefined, message: 'the message is empty' },
    { what: 'an empty text', input: { key: 1, text: '  ' }, message: 'the message is empty' },
    { what: 'what is no text', input: { key: 1, text: { a: 1 } }, message: 'the message is empty' },
    {
      what: 'a long text',
      input: { key: 1, text: 'x'.repeat(501) },
      message: 'the message has 501 characters',
    },
    { what: 'a text without a key', input: { text: 'hello' }, message: 'the key is no whole number' },
  ])('refuses $what as a message', async ({ input, message }) => {
    const server = await startServer()
    const visitor = visit(server, 'Ada')
    const said = visitor.stream('chat.join')
    const refused = visitor.call('chat.say', input)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message })
    await expect(refused).rejects.toMatchObject({ hint: expect.stringMatching(/./) })
    // Nothing of it was said: the next one is the first.
    await visitor.call('chat.say', { key: 2, text: ' hello ' })
    expect(await said.next()).toMatchObject({ value: { number: 1, name: 'Ada', text: 'hello' } })
    expect(server.complaints).toEqual([])
  })

  it('says a message once that comes twice, and keeps the last 50', async () => {
    const server = await startServer()
    const visitor = visit(server, 'Ada')
    const said = visitor.stream('chat.join')
    const first = await visitor.call('chat.say', { key: 0, text: 'message 0' })
    expect(await visitor.call('chat.say', { key: 0, text: 'message 0' })).toEqual(first)
    for (let key = 1; key <= 50; key++) await visitor.call('chat.say', { key, text: `message ${key}` })
    for (let key = 0; key <= 50; key++) {
      expect(await said.next()).toMatchObject({ value: { number: key + 1, text: `message ${key}` } })
    }
    const late = visit(server, 'Late').stream('chat.join')
    expect(await late.next()).toMatchObject({ value: { text: 'message 1' } })
  })

  it('measures for nobody who does not listen', async () => {
    const server = await startServer()
    const visitor = visit(server, 'Ada')
    const samples = visitor.stream<{ values: Record<string, number> }>('metrics')
    const sample = await samples.next()
    expect(sample.value?.values).toMatchObject({ connections: 1 })
    for (const [name, value] of Object.entries(sample.value?.values ?? {})) {
      expect(Number.isFinite(value) && value >= 0, `${name} is ${value}`).toBe(true)
    }
    await samples.return()
    // The handler is over, and its slot is free: the server ends at once, without waiting for anybody.
    expect(await endServer(server, 'SIGINT')).toBe(0)
  })
})

// Without Chromium one test says so, in the place of all others.
if (findChromium() === null) it('in Chromium', ({ skip }) => skip(NO_CHROMIUM))
else
  describe('in Chromium', () => {
    let browser: Browser
    let contexts: BrowserContext[] = []
    /** What the pages complained about: errors, refusals by the policy, failed loads. */
    let problems: string[] = []

    beforeAll(async () => {
      browser = await launchChromium()
    })

    afterAll(() => browser?.close())

    beforeEach(() => {
      problems = []
    })

    afterEach(async () => {
      await Promise.all(contexts.map((context) => context.close()))
      contexts = []
    })

    async function openPage(url: string, width = 1280): Promise<Page> {
      const context = await browser.newContext({ viewport: { width, height: 800 } })
      contexts.push(context)
      const page = await context.newPage()
      page.on('pageerror', (error) => problems.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
      })
      await page.goto(url)
      return page
    }

    async function join(page: Page, name: string): Promise<void> {
      await page.getByLabel('Your name').fill(name)
      await page.getByRole('button', { name: 'Join' }).click()
      await page.getByText('Connected').waitFor()
    }

    async function say(page: Page, text: string): Promise<void> {
      await page.getByLabel('Your message').fill(text)
      await page.keyboard.press('Enter')
    }

    /** Resolves when the page shows the message as said; rejects when it takes for ever. */
    async function shown(page: Page, text: string): Promise<void> {
      await page.locator('.message[data-state=said]', { hasText: text }).waitFor()
    }

    const messages = (page: Page): Promise<string[]> => page.locator('.message .text').allTextContents()

    /** The element with the focus: its id, its text, or its value. */
    const focused = (page: Page): Promise<string> =>
      page.locator(':focus').evaluate((element) => {
        const { id, value = '', textContent } = element as unknown as Record<string, string>
        return id || value || String(textContent)
      })

    it('two pages talk, and see text as text', async () => {
      const { url, complaints } = await startServer()
      const ada = await openPage(url)
      const grace = await openPage(url)
      await join(ada, 'Ada')
      await join(grace, '<b>Grace</b>')
      await ada.getByText('<b>Grace</b> is here').first().waitFor()
      await say(ada, 'hello <img src=x onerror=alert(1)>')
      await shown(grace, 'hello <img')
      await say(grace, 'hello Ada')
      await shown(ada, 'hello Ada')
      expect(await messages(ada)).toEqual(['hello <img src=x onerror=alert(1)>', 'hello Ada'])
      expect(await messages(grace)).toEqual(await messages(ada))
      expect(await ada.locator('.own .text').allTextContents()).toEqual([
        'hello <img src=x onerror=alert(1)>',
      ])
      // One who comes later sees what was said before.
      const late = await openPage(url)
      await join(late, 'Late')
      await shown(late, 'hello Ada')
      expect(await messages(late)).toEqual(await messages(ada))
      expect(problems).toEqual([])
      expect(complaints).toEqual([])
    })

    it('the server calls the page: for the name, and to say who types', async () => {
      const { url } = await startServer()
      const ada = await openPage(url)
      const grace = await openPage(url)
      await join(ada, 'Ada')
      await ada.getByRole('row', { name: 'whoami 1 answered “Ada”' }).waitFor()
      await join(grace, 'Grace')
      await ada.getByRole('row', { name: /people \d Ada, Grace/ }).waitFor()
      await grace.getByLabel('Your message').pressSequentially('h')
      await ada.getByText('Grace is typing').waitFor()
      await grace.getByRole('button', { name: 'Leave' }).click()
      await ada.getByRole('row', { name: /people \d Ada$/ }).waitFor()
      expect(problems).toEqual([])
    })

    it('the chart moves, stops and goes on', async () => {
      const server = await startServer()
      const { url } = server
      const page = await openPage(url)
      const line = page.locator('.line-0')
      const moved = async (): Promise<void> => {
        const before = await line.getAttribute('d')
        await expect.poll(() => line.getAttribute('d'), { timeout: 30_000 }).not.toBe(before)
      }
      await line.waitFor({ state: 'attached' })
      await moved()
      expect(await page.getByRole('img', { name: /^Load now: Event loop [\d.]+ %/ }).count()).toBe(1)
      await page.getByRole('radio', { name: 'Memory' }).check()
      await page.getByRole('img', { name: /^Memory now: Heap [\d.]+ MB/ }).waitFor()
      await page.getByRole('button', { name: 'Pause' }).click()
      const resume = page.getByRole('button', { name: 'Resume' })
      await resume.waitFor()
      const paused = await line.getAttribute('d')
      // Somebody else goes on getting samples meanwhile.
      const samples = visit(server, 'Other').stream('metrics')
      for (let count = 0; count < 10; count++) await samples.next()
      expect(await line.getAttribute('d')).toBe(paused)
      await resume.click()
      await moved()
      expect(problems).toEqual([])
    })

    it('the keyboard is enough', async () => {
      const { url } = await startServer()
      const page = await openPage(url)
      await page.getByText('Connected').waitFor()
      const order: string[] = []
      for (let step = 0; step < 6; step++) {
        await page.keyboard.press('Tab')
        order.push(await focused(page))
      }
      expect(order).toEqual(['theme', 'pause', 'Load', 'log', 'name', 'Join'])
      await page.keyboard.press('Shift+Tab')
      await page.keyboard.type('Ada')
      await page.keyboard.press('Enter')
      await page.getByLabel('Your message').waitFor()
      expect(await focused(page)).toBe('text')
      await page.keyboard.type('by keyboard')
      await page.keyboard.press('Enter')
      await shown(page, 'by keyboard')
      expect(await focused(page)).toBe('text')
      // Back to the choice of the chart, which the arrows move.
      for (let step = 0; step < 3; step++) await page.keyboard.press('Shift+Tab')
      expect(await focused(page)).toBe('Load')
      await page.keyboard.press('ArrowRight')
      await page.getByRole('img', { name: /^Memory now/ }).waitFor()
      expect(problems).toEqual([])
    })

    it.each([
      { how: 'drained', signal: 'SIGINT', code: 0 },
      { how: 'killed', signal: 'SIGKILL', code: null },
    ] as const)(
      'what is written after the server was $how arrives when it is back',
      async ({ signal, code }) => {
        const first = await startServer()
        const ada = await openPage(first.url)
        const grace = await openPage(first.url)
        await join(ada, 'Ada')
        await join(grace, 'Grace')
        await say(ada, 'before')
        await shown(grace, 'before')
        expect(await endServer(first, signal)).toBe(code)
        if (code === 0) await ada.locator('.notice', { hasText: 'The server goes away' }).waitFor()
        await ada.getByText('Reconnecting').waitFor()
        await say(ada, 'meanwhile')
        await ada.getByText('1 waiting to be sent').waitFor()
        const second = await startServer(first.port)
        await shown(grace, 'meanwhile')
        await shown(ada, 'meanwhile')
        await ada.getByText('Connected').waitFor()
        expect(await messages(ada)).toEqual(['before', 'meanwhile'])
        expect([...first.complaints, ...second.complaints]).toEqual([])
        // A browser itself writes that a socket could not be opened; nothing else is written.
        expect(problems.filter((problem) => !problem.includes('WebSocket connection to'))).toEqual([])
      },
    )

    it.each([1280, 880, 390, 320])('nothing is wider than a window of %i pixels', async (width) => {
      const server = await startServer()
      const page = await openPage(server.url, width)
      /** By how much the page, or the list of messages, is wider than what is seen of it. */
      const hidden = (): Promise<number[]> =>
        page
          .locator('html, #log')
          .evaluateAll((elements) =>
            (elements as unknown as Box[]).map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth),
          )
      await join(page, 'a name as long as can be')
      await say(page, 'w'.repeat(500))
      await shown(page, 'www')
      expect(await hidden()).toEqual([0, 0])
      await endServer(server)
      await page.getByText('Reconnecting').waitFor()
      await say(page, 'w'.repeat(500))
      await page.getByText('1 waiting to be sent').waitFor()
      expect(await hidden()).toEqual([0, 0])
    })
  })
