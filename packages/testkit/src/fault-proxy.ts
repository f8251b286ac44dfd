/**
 * Owns: a proxy that stands between two peers on TCP or a Unix socket, and hurts their connections on command or by script.
 * Must not know: what the bytes mean, how a fault is done to one connection (fault-connection.ts, fault-pipe.ts).
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { parseEndpoint } from '@peerplex/wire/transport'
import { type FaultClock, MACHINE_CLOCK } from './fault-clock.js'
import { type ConnectionEvents, type PlannedCut, ProxyConnection, reset } from './fault-connection.js'
import {
  type CutKind,
  checkCutBytes,
  checkSettings,
  type Direction,
  type FaultSettings,
  type FaultStep,
  NO_FAULTS,
  type OneDirection,
} from './fault-script.js'

export type ProxyAddress = { readonly host: string; readonly port: number } | { readonly path: string }

export interface FaultProxyOptions {
  /** Where connections are taken to; dialed anew for each. */
  readonly target: ProxyAddress
  /** Where to listen; a free port of 127.0.0.1 by default. A socket file must not exist yet. */
  readonly listen?: ProxyAddress
  /** For jitter and damage; 1 by default. */
  readonly seed?: number
  /** Of latency, jitter, rate, merging and scripts; the machine's by default. */
  readonly clock?: FaultClock
}

/** The address that a URL names: `tcp://host:port` or `unix:path`. */
export function proxyAddress(url: string): ProxyAddress {
  const { scheme, host, port, path } = parseEndpoint(url)
  if (scheme === 'tcp') return { host, port }
  if (scheme === 'unix') return { path }
  throw new Error(`a fault proxy stands on tcp: or unix:, not on '${url}'`)
}

/** Listens, and resolves with the proxy; rejects with the system's error when it cannot. */
export async function createFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(options.listen ?? { host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  return new FaultProxy(options, server)
}

/** A script that runs. */
interface Playing {
  timer: unknown
  readonly resolve: () => void
}

export class FaultProxy {
  readonly address: ProxyAddress
  /** The same for `connect`: `tcp://host:port` or `unix:path`. */
  readonly url: string
  /** Looks on: bytes as they go on, with whatever damage was done to them, lent for the call. It may cut. */
  onBytes: ((direction: OneDirection, connectionId: number, bytes: Uint8Array) => void) | null = null
  readonly #target: ProxyAddress
  readonly #server: Server
  readonly #clock: FaultClock
  readonly #seed: number
  readonly #settings: Readonly<Record<OneDirection, FaultSettings>> = {
    up: { ...NO_FAULTS },
    down: { ...NO_FAULTS },
  }
  readonly #connections = new Set<ProxyConnection>()
  readonly #plans: PlannedCut[] = []
  readonly #playing = new Set<Playing>()
  readonly #counts: Record<string, number> = {}
  readonly #events: ConnectionEvents
  #isRefusing = false
  #lastId = 0
  #closing: Promise<void> | null = null
  #onEmpty: () => void = () => {}

  /** Of a server that listens, for sockets that are paused and may be half open; use `createFaultProxy`. */
  constructor({ target, seed = 1, clock = MACHINE_CLOCK }: FaultProxyOptions, server: Server) {
    this.#target = target
    this.#server = server
    this.#clock = clock
    this.#seed = Math.imul(seed, 0x9e3779b1)
    const bound = server.address() as AddressInfo | string
    if (typeof bound === 'string') {
      this.address = { path: bound }
      this.url = `unix:${bound}`
    } else {
      const { address: host, port } = bound
      this.address = { host, port }
      this.url = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
    }
    this.#events = {
      count: (what) => this.#count(what),
      onBytes: (direction, connectionId, bytes) => this.onBytes?.(direction, connectionId, bytes),
      onClose: (connection) => {
        this.#connections.delete(connection)
        if (this.#connections.size === 0) this.#onEmpty()
      },
    }
    server.on('connection', (near) => this.#accept(near))
    // A connection that could not be accepted is nobody's; who dialed hears of it from the system.
    server.on('error', () => {})
  }

  /** Those that are there now, oldest first. */
  get connections(): readonly ProxyConnection[] {
    return [...this.#connections]
  }

  /**
   * How often each kind was injected. Settings: each time one was set to something that hurts. Cuts: each connection that was cut; those
   * that were planned also as `cutAfter`. `refuse`: each connection that was refused. Besides, `flippedBits`, and `unreachable` for each
   * connection whose target could not be dialed.
   */
  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts }
  }

  /** Changes settings for all present and future connections; those that are not named stay. `direction` is `both` by default. */
  set(settings: Partial<FaultSettings>, direction: Direction = 'both'): void {
    checkSettings(settings)
    for (const [name, value] of Object.entries(settings)) {
      if (value !== NO_FAULTS[name as keyof FaultSettings]) this.#count(name)
    }
    this.#apply(settings, direction, false)
  }

  /**
   * Back to no faults: settings, refusing, and cuts that were planned and have not come. What is held goes on at once; what is connected
   * stays connected.
   */
  heal(): void {
    this.#isRefusing = false
    this.#plans.length = 0
    this.#apply(NO_FAULTS, 'both', true)
  }

  /**
   * Cuts all present connections, and returns how many. `direction`: which one a `halfClose` ends, `up` by default. There is no RST on Unix
   * sockets: there `reset` closes at once, which a reader sees as an end, or as ECONNRESET when something of its own was not read.
   */
  cut(kind: CutKind, direction: Direction = 'up'): number {
    const connections = this.connections
    for (const connection of connections) connection.cut(kind, direction)
    return connections.length
  }

  /**
   * The next new connection is cut once exactly so many bytes have gone on in `direction`, or in both together; 0 is: once it has reached its
   * target. Each call is for one connection; further calls are for those after it. A `halfClose` ends the direction itself.
   */
  cutAfter(bytes: number, direction: Direction, kind: CutKind): void {
    checkCutBytes(bytes)
    this.#plans.push({ bytes, direction, kind })
  }

  /** Whether new connections are reset at once, without going to the target. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing
  }

  /**
   * Does the steps when their time has come, counted from now; resolves after the last, or when the proxy is closed. Rejects at the start
   * when a step cannot be done.
   */
  async play(script: readonly FaultStep[]): Promise<void> {
    for (const step of script) checkStep(step)
    const steps = [...script].sort((a, b) => a.atMs - b.atMs)
    const startMs = this.#clock.now()
    await new Promise<void>((resolve) => {
      const playing: Playing = { timer: null, resolve }
      const next = (): void => {
        for (let step = steps[0]; step !== undefined; step = steps[0]) {
          const atMs = startMs + step.atMs
          if (atMs > this.#clock.now()) {
            playing.timer = this.#clock.setTimer(atMs, next)
            return
          }
          steps.shift()
          this.#do(step)
        }
        this.#playing.delete(playing)
        resolve()
      }
      if (this.#closing !== null) return resolve()
      this.#playing.add(playing)
      next()
    })
  }

  /** Destroys every connection and stops listening; when it resolves there is no socket, timer, listener or socket file left. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const { timer, resolve } of this.#playing) {
      this.#clock.clearTimer(timer)
      resolve()
    }
    this.#playing.clear()
    const isEmpty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      if (this.#connections.size === 0) resolve()
    })
    const isServerClosed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.destroy()
    await Promise.all([isEmpty, isServerClosed])
  }

  #accept(near: Socket): void {
    if (this.#isRefusing || this.#closing !== null) {
      near.on('error', () => {})
      if (this.#isRefusing) this.#count('refuse')
      reset(near)
      return
    }
    this.#lastId += 1
    const connection = new ProxyConnection({
      id: this.#lastId,
      near,
      far: new Socket({ allowHalfOpen: true }),
      target: this.#target,
      settings: this.#settings,
      plan: this.#plans.shift() ?? null,
      clock: this.#clock,
      seed: this.#seed,
      events: this.#events,
    })
    this.#connections.add(connection)
    connection.dial()
  }

  #apply(settings: Partial<FaultSettings>, direction: Direction, isHealed: boolean): void {
    // The pipes look at these objects.
    if (direction !== 'down') Object.assign(this.#settings.up, settings)
    if (direction !== 'up') Object.assign(this.#settings.down, settings)
    for (const connection of this.connections) connection.refresh(isHealed)
  }

  #do(step: FaultStep): void {
    switch (step.do) {
      case 'set':
        this.set(step.settings, step.direction)
        return
      case 'heal':
        this.heal()
        return
      case 'cut':
        this.cut(step.kind, step.direction)
        return
      case 'cutAfter':
        this.cutAfter(step.bytes, step.direction, step.kind)
        return
      case 'refuse':
        this.refuse(step.isRefusing)
        return
    }
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
  }
}

function checkStep(step: FaultStep): void {
  if (!(step.atMs >= 0 && step.atMs < Number.POSITIVE_INFINITY))
    throw new Error(`a step is at ${step.atMs} ms; it is a number from 0`)
  if (step.do === 'set') checkSettings(step.settings)
  if (step.do === 'cutAfter') checkCutBytes(step.bytes)
}
