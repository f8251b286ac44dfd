// Owns: graceful drain in both directions (spec §16): which of notice, fence and FINAL has happened on either side.
// Must not know: frames, channels, timers.
import { DRAIN_FINAL, DRAIN_NONE, localDrainTable, remoteDrainTable } from './session-state.js'
import { NO_TRANSITION } from './state-table.js'

const DO_DRAIN = localDrainTable.event('drain')
const ON_FENCE = localDrainTable.event('FENCE')
const DO_CLOSE = localDrainTable.event('close')
const ON_NOTICE = remoteDrainTable.event('GOAWAY_NOTICE')
const ON_FINAL = remoteDrainTable.event('GOAWAY_FINAL')

export class Drain {
  #local: number = DRAIN_NONE
  #remote: number = DRAIN_NONE
  /** Our PING that proves, once answered, that every OPEN sent before our notice was read has arrived. */
  fencePing = 0
  /** When our grace ends; Infinity while we do not drain. */
  graceEndsMs: number = Number.POSITIVE_INFINITY

  get isLocalFinal(): boolean {
    return this.#local === DRAIN_FINAL
  }

  get isRemote(): boolean {
    return this.#remote !== DRAIN_NONE
  }

  get isRemoteFinal(): boolean {
    return this.#remote === DRAIN_FINAL
  }

  /** Begins our drain; false when it has begun already. */
  begin(): boolean {
    return this.#stepLocal(DO_DRAIN)
  }

  /** The fence is answered; true when FINAL is to be sent now. */
  onFence(): boolean {
    return this.#stepLocal(ON_FENCE)
  }

  /** No fence: FINAL is to be sent at once; false when it was. */
  finish(): boolean {
    return this.#stepLocal(DO_CLOSE)
  }

  /** Their notice; true the first time. */
  onNotice(): boolean {
    return this.#stepRemote(ON_NOTICE)
  }

  /** Their FINAL; true the first time, which fixes lastId. */
  onFinal(): boolean {
    return this.#stepRemote(ON_FINAL)
  }

  #stepLocal(event: number): boolean {
    const next = localDrainTable.next(this.#local, event)
    if (next === NO_TRANSITION || next === this.#local) return false
    this.#local = next
    return true
  }

  #stepRemote(event: number): boolean {
    const next = remoteDrainTable.next(this.#remote, event)
    if (next === NO_TRANSITION || next === this.#remote) return false
    this.#remote = next
    return true
  }
}
