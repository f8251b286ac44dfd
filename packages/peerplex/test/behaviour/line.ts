/**
 * Owns: telling another realm what to do, and hearing of it, over anything that carries messages: answering
 * peers there, cases there.
 * Must not know: what a line is made of.
 */
import type {
  BehaviourCase,
  CalleeHost,
  CalleeTarget,
  CaseResult,
  MeetingOptions,
  OtherSide,
  Stats,
} from './place.js'

/** Carries data, and ports where there are ports. */
export interface Line {
  send(message: unknown, transfer: readonly object[]): void
  /** Set by who uses the line. */
  onMessage: (message: unknown) => void
}

type Answerer = (name: string, input: unknown) => Promise<unknown>

interface Ask {
  readonly ask: number
  readonly name: string
  readonly input: unknown
}

interface Answer {
  readonly answer: number
  readonly result?: unknown
  readonly error?: string
}

/** Questions in both directions, each with its answer. */
export class Exchange {
  readonly #line: Line
  readonly #answerer: Answerer
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  #count = 0

  constructor(line: Line, answerer: Answerer = async (name) => Promise.reject(new Error(`asked ${name}`))) {
    this.#line = line
    this.#answerer = answerer
    line.onMessage = (message) => this.#onMessage(message as Ask | Answer)
  }

  async ask<T>(name: string, input: unknown, transfer: readonly object[] = []): Promise<T> {
    const ask = this.#count++
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(ask, { resolve, reject })
    })
    this.#line.send({ ask, name, input } satisfies Ask, transfer)
    return answer as Promise<T>
  }

  #onMessage(message: Ask | Answer): void {
    if ('ask' in message) {
      const { ask } = message
      this.#answerer(message.name, message.input).then(
        (result) => this.#line.send({ answer: ask, result } satisfies Answer, []),
        (error: unknown) => this.#line.send({ answer: ask, error: String(error) } satisfies Answer, []),
      )
      return
    }
    const waiting = this.#waiting.get(message.answer)
    this.#waiting.delete(message.answer)
    if (message.error === undefined) waiting?.resolve(message.result)
    else waiting?.reject(new Error(message.error))
  }
}

// ---- answering peers in another realm -----------------------------------------------------------

/** What answers the questions of `remoteHost`, on the side where the peers are. */
export function hostAnswerer(host: CalleeHost): Answerer {
  const callees: OtherSide[] = []
  return async (name, input) => {
    if (name === 'start') {
      const { options, target } = input as { options: MeetingOptions; target: CalleeTarget }
      const callee = await host.startCallee(options, target)
      return { number: callees.push(callee) - 1, url: callee.url }
    }
    const { number, graceMs = 0 } = input as { number: number; graceMs?: number }
    const callee = callees[number]
    if (callee === undefined) throw new Error(`there is no callee ${number}`)
    if (name === 'restart') return callee.restart()
    if (name === 'drain') return callee.drain(graceMs)
    if (name === 'stats') return callee.stats()
    if (name === 'reported') return callee.reported()
    if (name === 'close') return callee.close()
    throw new Error(`no such question: ${name}`)
  }
}

/** A host at the other end. A port as target is transferred; a string is what the other end makes of it. */
export function remoteHost(exchange: Exchange): CalleeHost {
  return {
    startCallee: async (options, target) => {
      const where = 'bind' in target ? target.bind : target.connect
      const transfer = typeof where === 'string' ? [] : [where]
      const { number, url } = await exchange.ask<{ number: number; url: string }>(
        'start',
        { options, target },
        transfer,
      )
      return {
        url,
        restart: () => exchange.ask('restart', { number }),
        drain: (graceMs) => exchange.ask('drain', { number, graceMs }),
        stats: () => exchange.ask<Stats>('stats', { number }),
        reported: () => exchange.ask<string[]>('reported', { number }),
        close: () => exchange.ask('close', { number }),
      }
    },
  }
}

// ---- cases in another realm ---------------------------------------------------------------------

/** Runs cases; CaseRunner is one. */
export interface Runner {
  run(behaviour: BehaviourCase): Promise<CaseResult>
  close(): Promise<void>
}

/** What answers the questions of `remoteRunner`, on the side where the cases run. */
export function runnerAnswerer(runner: Runner, cases: readonly BehaviourCase[]): Answerer {
  return async (name, input) => {
    if (name === 'close') return runner.close()
    const behaviour = cases.find((one) => one.name === input)
    if (name !== 'run' || behaviour === undefined) throw new Error(`no such question: ${name} ${input}`)
    return runner.run(behaviour)
  }
}

export function remoteRunner(exchange: Exchange): Runner {
  return {
    run: (behaviour) => exchange.ask<CaseResult>('run', behaviour.name),
    close: () => exchange.ask('close', null),
  }
}
