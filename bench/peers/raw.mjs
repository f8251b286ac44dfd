// Owns: `raw`, the measure of all things: node:net and frames with a length, as fast as they get without being of use.
// Payload: opaque bytes. No codec, no promise, no flow control, no names, no errors, no limits: callbacks in a table.
// Options: `flushAt` writes as soon as so many bytes are pending (0: once per drain of the microtasks); `unix` uses a Unix socket.

import { createServer, connect as netConnect } from 'node:net'
import { awaitTimes, bytesOf } from '../interface.mjs'
import { temporarySocketPath } from './temporary.mjs'

const HEADER_BYTES = 8
const POOL_BYTES = 65_536
/** From here on a payload is written as it is instead of being copied into the pool. */
const UNCOPIED_BYTES = 8_192
/** A stream keeps so much in the process, so that the socket never waits for it. */
const STREAM_AHEAD_BYTES = 262_144
/** In the place of the number of a call: asks for a stream. */
const OPEN_STREAM = 0xffff_ffff

/** Frames out of one socket: copied together, written once per drain, or earlier when there is enough. */
class Output {
  /** @param {import('node:net').Socket} socket @param {number} flushAt */
  constructor(socket, flushAt) {
    this.socket = socket
    this.flushAt = flushAt
    this.pool = Buffer.allocUnsafeSlow(POOL_BYTES)
    this.start = 0
    this.end = 0
    /** @type {Uint8Array[]} */
    this.chunks = []
    this.isScheduled = false
    this.flush = this.flush.bind(this)
  }

  /** @param {number} id @param {Uint8Array} payload */
  frame(id, payload) {
    const { length } = payload
    const copied = length < UNCOPIED_BYTES ? HEADER_BYTES + length : HEADER_BYTES
    if (this.end + copied > POOL_BYTES) this.renew()
    this.pool.writeUInt32LE(length, this.end)
    this.pool.writeUInt32LE(id, this.end + 4)
    if (copied > HEADER_BYTES) this.pool.set(payload, this.end + HEADER_BYTES)
    this.end += copied
    if (copied === HEADER_BYTES && length > 0) {
      this.take()
      this.chunks.push(payload)
    }
    if (this.flushAt > 0 && this.end - this.start >= this.flushAt) this.flush()
    else if (!this.isScheduled) {
      this.isScheduled = true
      queueMicrotask(this.flush)
    }
  }

  flush() {
    this.isScheduled = false
    this.take()
    const { chunks, socket } = this
    if (chunks.length === 0) return
    this.chunks = []
    const [first] = chunks
    if (chunks.length === 1 && first !== undefined) {
      socket.write(first)
      return
    }
    socket.cork()
    for (const chunk of chunks) socket.write(chunk)
    socket.uncork()
  }

  take() {
    if (this.end > this.start) this.chunks.push(this.pool.subarray(this.start, this.end))
    this.start = this.end
  }

  renew() {
    this.take()
    this.pool = Buffer.allocUnsafeSlow(POOL_BYTES)
    this.start = 0
    this.end = 0
  }
}

/**
 * Calls `onFrame` for each whole frame of a socket.
 * @param {import('node:net').Socket} socket
 * @param {(id: number, payload: Buffer) => void} onFrame the payload is a view
 */
function readFrames(socket, onFrame) {
  /** @type {Buffer | null} what is there of a frame; as long as the frame, once its header is known */
  let partial = null
  let filled = 0
  socket.on('data', (/** @type {Buffer} */ chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (partial === null) {
        const rest = chunk.length - at
        const size = rest < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + chunk.readUInt32LE(at)
        if (rest >= size) {
          onFrame(chunk.readUInt32LE(at + 4), chunk.subarray(at + HEADER_BYTES, at + size))
          at += size
          continue
        }
        partial = Buffer.allocUnsafe(size)
        filled = 0
      }
      const copied = chunk.copy(partial, filled, at)
      at += copied
      filled += copied
      if (filled < partial.length) return
      const size = HEADER_BYTES + partial.readUInt32LE(0)
      if (size > partial.length) {
        const header = partial
        partial = Buffer.allocUnsafe(size)
        header.copy(partial)
        continue
      }
      const whole = partial
      partial = null
      onFrame(whole.readUInt32LE(4), whole.subarray(HEADER_BYTES))
    }
  })
}

/**
 * One end: calls go out with an even word, answers come back with the next odd one.
 * @param {import('node:net').Socket} socket
 * @param {import('../interface.mjs').Setup} setup
 */
function endOf(socket, { workload, options }) {
  socket.setNoDelay(true)
  socket.on('error', () => {})
  const payload = bytesOf(workload.bytes)
  const output = new Output(socket, Number(options.flushAt ?? 0))
  /** @type {(import('../interface.mjs').Done | undefined)[]} */
  const waiting = []
  /** @type {number[]} */
  const free = []
  /** @type {(() => void)[]} */
  const streams = []
  let streamsServed = 0
  readFrames(socket, (word, bytes) => {
    if (word === OPEN_STREAM) serveStream(output, payload, streamsServed++ * 2)
    else if ((word & 1) === 0) {
      const stream = streams[word >>> 1]
      if (stream !== undefined) stream()
      else if (workload.awaits === 0) output.frame(word + 1, bytes)
      else void awaitTimes(workload.awaits).then(() => output.frame(word + 1, bytes))
    } else {
      const slot = word >>> 1
      const done = waiting[slot]
      waiting[slot] = undefined
      free.push(slot)
      done?.(null, bytes)
    }
  })
  return {
    /** @param {import('../interface.mjs').Done} done */
    echo(done) {
      const slot = free.pop() ?? waiting.length
      waiting[slot] = done
      output.frame(slot << 1, payload)
    },
    /** @param {() => void} onMessage */
    stream(onMessage) {
      streams.push(onMessage)
      output.frame(OPEN_STREAM, new Uint8Array(0))
    },
  }
}

/**
 * Sends for ever, whenever the socket takes more.
 * @param {Output} output
 * @param {Uint8Array} payload
 * @param {number} word
 */
function serveStream(output, payload, word) {
  const { socket } = output
  // One for each stream.
  socket.setMaxListeners(0)
  const burst = Math.max(1, Math.floor(POOL_BYTES / (HEADER_BYTES + payload.length)))
  const fill = () => {
    while (socket.writableLength < STREAM_AHEAD_BYTES && !socket.destroyed) {
      for (let n = 0; n < burst; n++) output.frame(word, payload)
      output.flush()
    }
    socket.once('drain', fill)
  }
  fill()
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve(setup) {
  /** @type {ReturnType<typeof endOf> | undefined} */
  let last
  const server = createServer((socket) => {
    last = endOf(socket, setup)
  })
  const path = setup.options.unix ? temporarySocketPath() : undefined
  await new Promise((resolve) => {
    if (path !== undefined) server.listen(path, () => resolve(undefined))
    else server.listen(0, '127.0.0.1', 4096, () => resolve(undefined))
  })
  const address = path === undefined ? server.address() : { path }
  return { address, echo: (done) => last?.echo(done) }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(address, setup) {
  const dial = async () => {
    const { path, port } = address
    const socket = path === undefined ? netConnect(port, '127.0.0.1') : netConnect(path)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return endOf(socket, setup)
  }
  const end = await dial()
  return {
    ...end,
    another: async () => {
      await dial()
    },
  }
}
