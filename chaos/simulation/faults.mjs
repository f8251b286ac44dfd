// Owns: what goes wrong in a simulation: which fault comes next, what it hits, and its line in the ledger.
// Must not know: how peers deal with it.

/** @typedef {import('./world.mjs').World} World */
/** @typedef {{ kind: string, target: string, forMs?: number, count?: number }} Told what the ledger says of it; null when there was nothing to hit */

/** How often which. Those that end a process cost the most, and are the rarest. */
const WEIGHTS = {
  cut: 22,
  reset: 8,
  halfOpen: 6,
  halfClose: 6,
  hold: 10,
  holdOneWay: 8,
  slow: 8,
  shred: 6,
  full: 5,
  spoil: 6,
  refuse: 4,
  holdDials: 3,
  drop: 3,
  relink: 3,
  drain: 6,
  close: 3,
  kill: 6,
  freeze: 5,
  drainCaller: 1,
  closeCaller: 1,
  killCaller: 1,
}

/** Who was not told hears of it by its keepalive; what was on its way has had its time then. */
const HALF_OPEN_MS = 10_000

/** @param {World} world @returns {string} the kind of the fault; empty when there was nothing to hit */
export function strike(world) {
  const kind = world.random.weighted(WEIGHTS)
  const told = FAULTS[kind](world)
  if (told === null) return ''
  // Whose process it is the target says.
  world.tell({ kind: kind.replace('Caller', ''), ...told })
  return kind
}

/** @type {Readonly<Record<keyof typeof WEIGHTS, (world: World) => Omit<Told, 'kind'> | null>>} */
const FAULTS = {
  cut: (world) =>
    onWire(world, (wire) => {
      const pipe = world.random.pick(wire.pipes)
      pipe.cutAtBytes = pipe.deliveredBytes + world.random.int(0, world.random.chance(0.5) ? 64 : 2_000)
    }),
  reset: (world) => onWire(world, (wire) => wire.break('both')),
  halfOpen: (world) =>
    onWire(world, (wire) => {
      wire.break(world.random.chance(0.5) ? 'dialer' : 'listener')
      return HALF_OPEN_MS
    }),
  halfClose: (world) =>
    onWire(world, (wire) => wire.halfClose(world.random.chance(0.5) ? wire.dialer : wire.listener)),
  hold: (world) => onWire(world, (wire) => hold(world, wire, wire.pipes)),
  holdOneWay: (world) => onWire(world, (wire) => hold(world, wire, [world.random.pick(wire.pipes)])),
  slow: (world) =>
    onWire(world, (wire) => {
      const forMs = world.random.int(10, 3_000)
      for (const pipe of wire.pipes) {
        pipe.slowMs = world.random.int(10, 500)
        pipe.slowUntilMs = world.clock.now() + forMs
      }
      return forMs + 1_000
    }),
  shred: (world) =>
    onWire(world, (wire) => {
      const forMs = world.random.int(10, 300)
      for (const pipe of wire.pipes) pipe.shredUntilMs = world.clock.now() + forMs
      return forMs + 1_000
    }),
  full: (world) =>
    onWire(world, (wire) => {
      const forMs = world.random.int(10, 1_000)
      world.random.pick(wire.pipes).fullUntilMs = world.clock.now() + forMs
      return forMs
    }),
  spoil: (world) =>
    onWire(world, (wire) => {
      world.random.pick(wire.pipes).isSpoiling = true
    }),
  refuse: (world) =>
    onCallee(world, (name, forMs) => world.net.refusedUntilMs.set(name, world.clock.now() + forMs)),
  holdDials: (world) =>
    onCallee(world, (name, forMs) => world.net.heldUntilMs.set(name, world.clock.now() + forMs)),
  drop: (world) => {
    const caller = world.random.pick(world.callers)
    const remote = canAct(world, caller) ? caller.peer?.peers()[0] : undefined
    if (remote === undefined) return null
    const count = world.takeUnderWay(caller.name, remote.id)
    remote.drop()
    return { target: `${caller.name}>${remote.id}`, count }
  },
  relink: (world) => {
    const caller = world.random.pick(world.callers)
    const link = canAct(world, caller) ? caller.links.shift() : undefined
    if (link === undefined || caller.peer === null) return null
    const remote = link.url.slice('memory:'.length)
    const count = world.takeUnderWay(caller.name, remote)
    link.close()
    caller.links.push(caller.peer.connect(link.url))
    return { target: `${caller.name}>${remote}`, count }
  },
  drain: (world) => drain(world, world.random.pick(world.callees)),
  close: (world) => close(world, world.random.pick(world.callees)),
  kill: (world) => kill(world, world.random.pick(world.callees)),
  freeze: (world) => {
    const host = world.random.pick([...world.callees, ...world.callers])
    if (host.process === null) return null
    const forMs = world.random.int(10, 4_000)
    host.process.thawMs = Math.max(host.process.thawMs, world.clock.now() + forMs)
    return { target: host.name, forMs }
  },
  drainCaller: (world) => drain(world, world.random.pick(world.callers)),
  closeCaller: (world) => close(world, world.random.pick(world.callers)),
  killCaller: (world) => kill(world, world.random.pick(world.callers)),
}

/** @param {World} world @param {(wire: import('./wire.mjs').Wire) => number | void} hit returns how long it lasts, if it does */
function onWire(world, hit) {
  const wires = world.net.wires.filter(({ isOver }) => !isOver)
  if (wires.length === 0) return null
  const wire = world.random.pick(wires)
  const target = wire.name
  const forMs = hit(wire)
  return forMs === undefined ? { target } : { target, forMs }
}

/** @param {World} world @param {(name: string, forMs: number) => void} hit */
function onCallee(world, hit) {
  const { name } = world.random.pick(world.callees)
  const forMs = world.random.int(10, 3_000)
  hit(name, forMs)
  return { target: name, forMs }
}

/** Some of those that are held break in the end. @param {World} world @param {import('./wire.mjs').Wire} wire @param {readonly import('./wire.mjs').Pipe[]} pipes */
function hold(world, wire, pipes) {
  const forMs = world.random.int(10, world.random.chance(0.2) ? 12_000 : 2_000)
  for (const pipe of pipes) pipe.heldUntilMs = world.clock.now() + forMs
  if (world.random.chance(0.25)) {
    world.clock.setTimer(world.clock.now() + world.random.int(1, forMs), () => wire.break('both'))
  }
  return forMs
}

/** Whether its program can do anything: a process is there, and does not stand still. @param {World} world @param {import('./world.mjs').Host} host */
function canAct(world, { process }) {
  return process !== null && process.thawMs <= world.clock.now()
}

/** @param {World} world @param {import('./world.mjs').Host} host */
function drain(world, host) {
  if (!canAct(world, host)) return null
  const graceMs = world.random.int(0, world.random.chance(0.5) ? 20 : 800)
  return { ...leave(world, host, graceMs), forMs: graceMs + 1_000 }
}

/** @param {World} world @param {import('./world.mjs').Host} host */
function close(world, host) {
  return canAct(world, host) ? leave(world, host, -1) : null
}

/** @param {World} world @param {import('./world.mjs').Host} host @param {number} graceMs */
function leave(world, host, graceMs) {
  // What it had asked for itself it will never know.
  const count = world.takeUnderWay(host.name)
  world.leave(host, graceMs)
  return { target: host.name, count }
}

/** @param {World} world @param {import('./world.mjs').Host} host */
function kill(world, host) {
  if (host.process === null) return null
  world.kill(host)
  return { target: host.name }
}
