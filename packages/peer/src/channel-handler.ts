// Owns: the life of an accepted channel in the hands of its handler: from the call to what its end means for the channel.
// Must not know: how a handler is found, what it does.
import { ChannelCore } from './channel-core.js'
import { CommonParts, type CoreHost } from './core-host.js'
import type { InboundHandler } from './inbox.js'
import { PeerChannel } from './peer-channel.js'

/**
 * Answers channels. When it returns, or its promise resolves, the output is ended and nothing more is read; unless it has set
 * `onMessage` or used `toWeb()` or `join()`: then the channel lives until both directions have ended. What it throws ends the
 * channel with that error.
 */
export type ChannelHandler<T = unknown> = (channel: PeerChannel<T>) => unknown

export function inboundHandler<T>(host: CoreHost, handler: ChannelHandler<T>): InboundHandler {
  return (channel, codec, remote, headers) => {
    let { common } = remote
    if (common === null || common.codec !== codec) {
      common = new CommonParts(host, null, undefined, codec, remote)
      remote.common = common
    }
    const core = new ChannelCore(common, headers === channel.headers ? null : headers)
    if (!core.accept(channel)) return
    run(core, handler)
  }
}

function run<T>(core: ChannelCore, handler: ChannelHandler<T>): void {
  let result: unknown
  try {
    result = handler(new PeerChannel<T>(core))
  } catch (error) {
    core.handlerThrew(error)
    return
  }
  if (isThenable(result)) waitFor(core, result)
  else core.handlerReturned()
}

/** Apart, where its closures cost those alone that need them. */
function waitFor(core: ChannelCore, result: PromiseLike<unknown>): void {
  result.then(
    () => core.handlerReturned(),
    (error: unknown) => core.handlerThrew(error),
  )
}

/** Whether a handler answers later. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
