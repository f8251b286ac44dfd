// What only Node has: channels as streams of node:stream, and targets from the name service and from files.
import { Duplex } from 'node:stream'
import type { PeerChannel } from '@peerplex/peer'

export {
  type DnsTargetsOptions,
  dnsTargets,
  type FileTargetsOptions,
  fileTargets,
  type NameAddress,
  type NameResolver,
  type NameService,
  type TargetClock,
} from '@peerplex/transport-net'
export type { TargetResolver } from '@peerplex/wire/transport'

/**
 * A channel as a Duplex in object mode: what is written is sent, what arrives is read, half-close is kept, back-pressure works
 * both ways. Destroying it resets the channel; a channel that fails destroys it with the error.
 */
export function toNode(channel: PeerChannel): Duplex {
  const iterator = channel[Symbol.asyncIterator]()
  const duplex = new Duplex({
    objectMode: true,
    allowHalfOpen: true,
    read() {
      iterator.next().then(
        (item) => this.push(item.done === true ? null : item.value),
        (error: Error) => this.destroy(error),
      )
    },
    write(chunk, _encoding, callback) {
      channel.send(chunk).then(() => callback(), callback)
    },
    final(callback) {
      channel.end()
      callback()
    },
    destroy(error, callback) {
      if (error !== null) channel.reset()
      else void iterator.return?.()
      callback(error)
    },
  })
  return duplex
}
