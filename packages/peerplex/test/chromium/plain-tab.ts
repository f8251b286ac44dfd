/**
 * Owns: tabs as a user has them: hidden behind another one, slowed down, frozen. The pages of the driver are always held visible.
 * Must not know: what the pages are for.
 */
import type { Browser, CDPSession } from 'playwright-core'
import { until } from '../behaviour/tools.js'

interface Reply {
  readonly id?: number
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: object }
  readonly error?: { readonly message: string }
}

/** A window with tabs, of which the last that was opened or shown is visible. */
export class PlainWindow {
  readonly #root: CDPSession
  readonly #context: string

  private constructor(root: CDPSession, context: string) {
    this.#root = root
    this.#context = context
  }

  static async open(browser: Browser): Promise<PlainWindow> {
    const root = await browser.newBrowserCDPSession()
    // A context that the driver has not made is none of its business.
    const { browserContextId } = await root.send('Target.createBrowserContext')
    return new PlainWindow(root, browserContextId)
  }

  /** Resolves when the page has what its scripts put into the global scope as `door`. */
  async tab(url: string): Promise<PlainTab> {
    const browserContextId = this.#context
    const { targetId } = await this.#root.send('Target.createTarget', {
      url: 'about:blank',
      browserContextId,
    })
    const { sessionId } = await this.#root.send('Target.attachToTarget', { targetId, flatten: false })
    const tab = new PlainTab(this.#root, sessionId)
    await tab.open(url)
    return tab
  }

  async close(): Promise<void> {
    await this.#root.send('Target.disposeBrowserContext', { browserContextId: this.#context })
    await this.#root.detach()
  }
}

export class PlainTab {
  readonly #root: CDPSession
  readonly #sessionId: string
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #count = 0

  /** @internal */
  constructor(root: CDPSession, sessionId: string) {
    this.#root = root
    this.#sessionId = sessionId
    root.on('Target.receivedMessageFromTarget', ({ sessionId: from, message }) => {
      if (from !== sessionId) return
      const reply = JSON.parse(message) as Reply
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply)
    })
  }

  /** @internal */
  async open(url: string): Promise<void> {
    await this.#send('Page.enable')
    await this.#send('Page.addScriptToEvaluateOnNewDocument', { source: `(${watchPage})()` })
    await this.#send('Page.navigate', { url })
    // Until the page is there, this asks the one before it.
    await until(() => this.run(() => 'door' in globalThis), 'the page')
  }

  /** Runs a function that stands alone in the page, also in a frozen one; resolves with what it resolves with, as data. */
  async run<Input, Output>(task: (input: Input) => Output | Promise<Output>, input?: Input): Promise<Output> {
    const expression = `(${task})(${JSON.stringify(input)})`
    const { result } = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (result?.exceptionDetails !== undefined) throw new Error(JSON.stringify(result.exceptionDetails))
    return result?.result?.value as Output
  }

  async freeze(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'frozen' })
  }

  async resume(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'active' })
  }

  /** What the page complained about. */
  problems(): Promise<readonly string[]> {
    return this.run(() => (globalThis as any).problems)
  }

  async #send(method: string, params: object = {}): Promise<Reply> {
    const id = ++this.#count
    const reply = new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve)
    })
    const message = JSON.stringify({ id, method, params })
    await this.#root.send('Target.sendMessageToTarget', { sessionId: this.#sessionId, message })
    const { error, ...rest } = await reply
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return rest
  }
}

/** Runs in the page before its scripts. */
function watchPage(): void {
  const scope = globalThis as any
  scope.problems = []
  scope.addEventListener('securitypolicyviolation', (event: any) => {
    scope.problems.push(`violates ${event.effectiveDirective}: ${event.blockedURI}`)
  })
  for (const name of ['error', 'unhandledrejection']) {
    scope.addEventListener(name, (event: any) => scope.problems.push(`${event.message ?? event.reason}`))
  }
}
