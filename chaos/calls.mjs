// Owns: what a ledger says of each call, of each run of a handler and of each fault, brought together from lines in any order of processes.
// Must not know: what is right or wrong with it (checker.mjs). It keeps numbers and no lines, so that millions of lines fit in memory.

import { checksum, itemOf } from './ledger.mjs'

/** Every kind of line; another one is a ledger of somebody else. */
const KINDS = new Set(['start', 'settle', 'got', 'took', 'cancel', 'abort', 'run', 'done', 'fault', 'rest'])

/** A ledger that cannot be judged: a line that is none. */
export class LedgerError extends Error {}

/** Items that came one by one: how many in order, and what was wrong with the first that was not. */
class Items {
  count = 0
  fault = ''

  /** @param {string} id @param {number} n @param {number} sum */
  add(id, n, sum) {
    if (n !== this.count) this.fault ||= `item ${n} where ${this.count} was next`
    else if (sum !== checksum(itemOf(id, n))) this.fault ||= `item ${n} has the checksum ${sum}`
    this.count = Math.max(this.count, n + 1)
  }
}

/** One run of a handler. */
export class Run {
  /** @param {Call} call @param {import('./ledger.mjs').Run} line @param {string} peer @param {string} connection @param {number} at */
  constructor(call, line, peer, connection, at) {
    this.call = call
    this.attempt = line.attempt
    this.peer = peer
    this.connection = connection
    this.order = line.order
    this.t = line.t
    /** Place of its line in the ledger. */
    this.at = at
    this.doneMs = Number.POSITIVE_INFINITY
    this.isOk = false
    this.abortMs = Number.POSITIVE_INFINITY
  }
}

/** One call: `startMs` is NaN until its start was seen. */
export class Call {
  /** @param {string} id */
  constructor(id) {
    this.id = id
    const dash = id.lastIndexOf('-')
    this.caller = id.slice(0, dash)
    this.number = Number(id.slice(dash + 1))
    /** @type {import('./ledger.mjs').Start['kind'] | ''} */
    this.kind = ''
    this.isIdempotent = false
    this.isLarge = false
    this.startMs = Number.NaN
    this.timeoutMs = 0
    this.items = 0
    this.starts = 0
    this.settles = 0
    this.settleMs = Number.NaN
    /** @type {import('./ledger.mjs').Outcome | ''} */
    this.outcome = ''
    this.delivery = ''
    this.attempts = 0
    /** @type {string | undefined} */
    this.result = undefined
    this.cancelMs = Number.NaN
    /** An item was got after the caller had given up, or after it was told how the call ended. */
    this.hasLateItem = false
    this.hasItemAfterEnd = false
    /** @type {Items | null} */
    this.got = null
    /** What callees took, by attempt. @type {Map<number, Items> | null} */
    this.took = null
    /** @type {Run[]} */
    this.runs = NO_RUNS
    /** `done` and `abort` of runs that were not seen to begin. */
    this.strays = 0
  }
}

/** @type {Run[]} */
const NO_RUNS = []

export class Calls {
  /** @type {Map<string, Call>} */
  byId = new Map()
  /** Runs as each callee began them, by connection. @type {Map<string, Run[][]>} */
  byConnection = new Map()
  /** @type {import('./ledger.mjs').Fault[]} */
  faults = []
  /** @type {import('./ledger.mjs').Rest[]} */
  rests = []
  /** When each process wrote its last line but `rest`, by name. @type {Map<string, number>} */
  lastMs = new Map()
  lineCount = 0
  gotCount = 0
  tookCount = 0
  /** One string for each name, however many lines have it. @type {Map<string, string>} */
  #names = new Map()

  /** @param {import('./ledger.mjs').Line} line Throws LedgerError for what is no line. */
  add(line) {
    if (!KINDS.has(line?.k))
      throw new LedgerError(`no line of a ledger: ${JSON.stringify(line)?.slice(0, 200)}`)
    this.lineCount++
    if (line.k === 'fault') this.faults.push(line)
    else if (line.k === 'rest') this.rests.push(line)
    else this.#addToCall(this.#callOf(line.id), line)
  }

  /** @param {Call} call @param {Exclude<import('./ledger.mjs').Line, { k: 'fault' | 'rest' }>} line */
  #addToCall(call, line) {
    switch (line.k) {
      case 'start':
        call.starts++
        call.kind = line.kind
        call.isIdempotent = line.idempotent
        call.isLarge = line.large === true
        call.startMs = line.t
        call.timeoutMs = line.timeoutMs
        call.items = line.items
        this.#seen(call.caller, line.t)
        return
      case 'settle':
        call.settles++
        call.settleMs = line.t
        call.outcome = line.outcome
        call.delivery = this.#name(line.delivery)
        call.attempts = line.attempts
        call.result = line.result
        this.#seen(call.caller, line.t)
        return
      case 'cancel':
        call.cancelMs = line.t
        return
      case 'got':
        this.gotCount++
        call.got ??= new Items()
        call.got.add(call.id, line.n, line.sum)
        // Both are lines of the caller, so their order is the order in which things happened.
        if (!Number.isNaN(call.cancelMs)) call.hasLateItem = true
        if (call.settles > 0) call.hasItemAfterEnd = true
        return
      case 'took':
        this.tookCount++
        this.#tookOf(call, line.attempt).add(call.id, line.n, line.sum)
        return
      case 'run':
        this.#addRun(call, line)
        return
      case 'done':
      case 'abort':
        this.#addToRun(call, line)
    }
  }

  /** @param {Call} call @param {import('./ledger.mjs').Run} line */
  #addRun(call, line) {
    const peer = this.#name(line.peer)
    const run = new Run(call, line, peer, this.#name(line.connection), this.lineCount)
    if (call.runs === NO_RUNS) call.runs = []
    call.runs.push(run)
    this.#seen(peer, line.t)
    const key = this.#name(`${peer} ${line.connection}`)
    const lives = getOrMake(this.byConnection, key, () => [[]])
    // A name may come again, such as that of a port: its runs are counted from 0 again then.
    const last = lives.at(-1)
    if (line.order === 0 && last?.some(({ order }) => order === 0)) lives.push([run])
    else last?.push(run)
  }

  /** @param {Call} call @param {import('./ledger.mjs').Done | import('./ledger.mjs').Abort} line */
  #addToRun(call, line) {
    // The last one: an attempt that ran twice is a fault by itself.
    const run = call.runs.findLast(({ attempt }) => attempt === line.attempt)
    if (run === undefined) {
      call.strays++
      return
    }
    this.#seen(run.peer, line.t)
    if (line.k === 'abort') run.abortMs = Math.min(run.abortMs, line.t)
    else {
      if (run.doneMs !== Number.POSITIVE_INFINITY) call.strays++
      run.doneMs = line.t
      run.isOk = line.ok
    }
  }

  /** @param {Call} call @param {number} attempt */
  #tookOf(call, attempt) {
    call.took ??= new Map()
    return getOrMake(call.took, attempt, () => new Items())
  }

  /** @param {string} id */
  #callOf(id) {
    let call = this.byId.get(id)
    if (call === undefined) {
      if (typeof id !== 'string') throw new LedgerError(`a line has the id ${JSON.stringify(id)}`)
      call = new Call(id)
      this.byId.set(id, call)
      call.caller = this.#name(call.caller)
    }
    return call
  }

  /** @param {string} peer @param {number} t */
  #seen(peer, t) {
    const known = this.lastMs.get(peer)
    if (known === undefined || t > known) this.lastMs.set(peer, t)
  }

  /** @param {string} name */
  #name(name) {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    this.#names.set(name, name)
    return name
  }
}

/** When which faults were at work, to be asked about many spans of time. */
export class Faults {
  /** @type {Map<string, Spans>} */
  #byName = new Map()
  #all = new Spans()
  /** @type {Map<string, number[]>} */
  #deaths = new Map()
  /** @type {import('./ledger.mjs').Fault[]} */
  #freezes = []

  /** @param {readonly import('./ledger.mjs').Fault[]} faults */
  constructor(faults) {
    for (const fault of [...faults].sort((a, b) => a.t - b.t)) {
      const endMs = fault.t + (fault.forMs ?? 0)
      this.#all.add(fault.t, fault.t)
      if (fault.kind === 'freeze') this.#freezes.push(fault)
      // What somebody noticed is no cause of anything but the order of calls.
      if (fault.kind === 'lost') continue
      for (const name of namesOf(fault.target)) {
        getOrMake(this.#byName, name, () => new Spans()).add(fault.t, endMs)
        if (fault.kind !== 'kill') continue
        getOrMake(this.#deaths, name, () => []).push(fault.t)
      }
    }
  }

  /** Whether any fault began in a span. @param {number} fromMs @param {number} toMs */
  hasBegun(fromMs, toMs) {
    return this.#all.overlap(fromMs, toMs)
  }

  /** Whether one was at work that may have touched a run of a handler. @param {Run} run @param {number} fromMs @param {number} toMs */
  hasTouched({ call: { caller }, peer, connection }, fromMs, toMs) {
    const names = [caller, peer, connection, `${caller}>${peer}`, '*']
    return names.some((name) => this.#byName.get(name)?.overlap(fromMs, toMs) === true)
  }

  /** For how long a process stood still in a span, at most. @param {string} peer @param {number} fromMs @param {number} toMs */
  frozenMs(peer, fromMs, toMs) {
    let sum = 0
    for (const { t, target, forMs = 0 } of this.#freezes) {
      if (t <= toMs && t + forMs >= fromMs && namesOf(target).includes(peer)) sum += forMs
    }
    return sum
  }

  /** When a process was killed first, at or after a time; Infinity when it was not. @param {string} peer @param {number} fromMs */
  deathMs(peer, fromMs) {
    return this.#deaths.get(peer)?.find((deathMs) => deathMs >= fromMs) ?? Number.POSITIVE_INFINITY
  }
}

/** Spans of time, added in the order of their beginnings. */
class Spans {
  /** @type {number[]} */
  #fromMs = []
  /** The latest end of all up to here. @type {number[]} */
  #endMs = []

  /** @param {number} fromMs @param {number} endMs */
  add(fromMs, endMs) {
    this.#endMs.push(Math.max(endMs, this.#endMs.at(-1) ?? endMs))
    this.#fromMs.push(fromMs)
  }

  /** @param {number} fromMs @param {number} toMs */
  overlap(fromMs, toMs) {
    let low = 0
    let high = this.#fromMs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (/** @type {number} */ (this.#fromMs[middle]) <= toMs) low = middle + 1
      else high = middle
    }
    return low > 0 && /** @type {number} */ (this.#endMs[low - 1]) >= fromMs
  }
}

/** @param {string} target */
function namesOf(target) {
  const names = target.split(/[\s,]+/).filter((name) => name !== '')
  return names.length === 0 ? ['*'] : names
}

/** @template K, V @param {Map<K, V>} map @param {K} key @param {() => V} make */
function getOrMake(map, key, make) {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
