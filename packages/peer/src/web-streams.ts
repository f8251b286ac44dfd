// Owns: a channel as Web Streams: messages in and out as chunks, with back-pressure both ways.
// Must not know: connections, codecs.

import { ClosedError, Headers } from '@peerplex/wire'
import { CODE_CANCELLED } from '@peerplex/wire/internal'
import type { ChannelCore } from './channel-core.js'
import { MessageIterator } from './message-iterator.js'

/** Both directions of a channel. */
export interface WebStreams<T = unknown> {
  /** Messages of the other side. Cancelling it tells the other side to stop; it errors when the channel fails. */
  readonly readable: ReadableStream<T>
  /** Messages to the other side. Closing it ends the output, aborting it resets the channel. */
  readonly writable: WritableStream<unknown>
}

export function webStreams<T>(core: ChannelCore): WebStreams<T> {
  return { readable: readableOf<T>(new MessageIterator<T>(core)), writable: writableOf(core) }
}

function readableOf<T>(iterator: MessageIterator<T>): ReadableStream<T> {
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const result = await iterator.next()
        if (result.done === true) controller.close()
        else controller.enqueue(result.value)
      },
      cancel: async () => {
        await iterator.return()
      },
    },
    // Nothing is read ahead: the window of the channel is the only buffer.
    { highWaterMark: 0 },
  )
}

function writableOf(core: ChannelCore): WritableStream<unknown> {
  return new WritableStream<unknown>({
    start: (controller) => {
      if (!core.isWritable && !core.isOutputEnded) controller.error(outputError(core))
      core.extras.onOutputClosed = () => controller.error(outputError(core))
    },
    write: async (value) => {
      if (!core.isWritable) throw outputError(core)
      await core.sendValue(value, Headers.EMPTY)
    },
    close: () => core.endOutput(Headers.EMPTY),
    abort: () => core.reset(CODE_CANCELLED),
  })
}

/** Why nothing can be sent. */
function outputError(core: ChannelCore): unknown {
  if (core.ending.hasFailed) return core.ending.failure
  return new ClosedError('CANCELLED', `channel '${core.name}': the other side wants no more`, {
    origin: 'remote',
    delivery: 'processed',
    remote: core.remote?.id,
  })
}
