/**
 * Owns: one Chromium with the pages of a site, and everything that a page complains about.
 * Must not know: what the pages are for.
 */
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { findChromium, launchChromium, NO_CHROMIUM } from '../../../../scripts/chromium.mjs'
import type { Line } from '../behaviour/line.js'
import type { PageDoor } from './page.js'
import { type Build, Site } from './site.js'

/** What page functions find in the global scope. */
export type PageGlobals = typeof globalThis & { door: PageDoor }

/** A page, and what it complained about: violations of its policy, errors that nobody caught, what its console calls an error. */
export class Tab {
  readonly page: Page
  readonly problems: string[] = []
  /** The end in Node of the line that the page has as `nodeLine`. */
  readonly line: Line

  constructor(page: Page) {
    this.page = page
    this.line = {
      // A page that is gone answers nothing.
      send: (message) =>
        void page.evaluate((data) => (globalThis as any).tellPage(data), message).catch(() => {}),
      onMessage: () => {},
    }
    page.on('pageerror', (error) => this.problems.push(`not caught: ${error.message}`))
    page.on('console', (message) => {
      const text = message.text()
      // Chromium says it whenever nobody listens where a peer tries to connect, which the peer tells better.
      if (message.type() === 'error' && !text.startsWith('WebSocket connection to')) {
        this.problems.push(`console: ${text}`)
      }
    })
  }

  async open(url: string): Promise<this> {
    await this.page.exposeFunction('tellViolation', (text: string) => this.problems.push(text))
    await this.page.exposeFunction('tellNode', (message: unknown) => this.line.onMessage(message))
    await this.page.addInitScript(() => {
      const scope = globalThis as any
      scope.addEventListener('securitypolicyviolation', (event: any) => {
        scope.tellViolation(`violates ${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`)
      })
    })
    await this.page.goto(url)
    await this.page.waitForFunction(() => 'door' in globalThis)
    return this
  }

  /** With its window. */
  close(): Promise<void> {
    return this.page.context().close()
  }

  devTools(): Promise<CDPSession> {
    return this.page.context().newCDPSession(this.page)
  }
}

export class Chrome {
  readonly browser: Browser
  readonly site: Site

  constructor(browser: Browser, site: Site) {
    this.browser = browser
    this.site = site
  }

  static async start(): Promise<Chrome> {
    const site = await new Site().start()
    return new Chrome(await launchChromium({ isThrottling: true }), site)
  }

  /** A page in a window of its own, or in the given one. */
  async open(build: Build, context?: BrowserContext): Promise<Tab> {
    const page = await (context === undefined ? this.browser.newPage() : context.newPage())
    return new Tab(page).open(await this.site.urlOf(build))
  }

  async close(): Promise<void> {
    await this.browser.close()
    this.site.close()
  }
}

/** Tests that share a Chromium; without one on this machine, a test of that name that says so. */
export function describeInChromium(name: string, body: (chrome: () => Chrome) => void): void {
  if (findChromium() === null) {
    it(name, (context) => context.skip(NO_CHROMIUM))
    return
  }
  describe(name, () => {
    let chrome: Chrome
    beforeAll(async () => {
      chrome = await Chrome.start()
    })
    afterAll(() => chrome?.close())
    body(() => chrome)
  })
}
