// Owns: writing the frame that a vector's value describes, with the encoder that sessions use.
// Must not know: sessions; the canonical bytes it is compared with.
import { unhex } from '@peerplex/testkit'
import { FLAG_FINAL } from '../src/constants.js'
import { concatBytes, encodeEntry } from '../src/entries.js'
import { encodeHello } from '../src/hello.js'
import { Headers } from '../src/index.js'
import { Outbox } from '../src/outbox.js'

const FLAGS: Readonly<Record<string, number>> = {
  FIN: 1,
  MORE: 2,
  MSG: 4,
  TRL: 8,
  IDEM: 0x10,
  NOPROC: 0x10,
  ONEWAY: 0x20,
  FINAL: FLAG_FINAL,
}

export function encodeVector(value: any): Uint8Array {
  const outbox = new Outbox()
  const flags = (value.flags as string[]).reduce((sum, name) => sum | (FLAGS[name] as number), 0)
  const entries = encodeHeaders(value.headers ?? [])
  const payload = unhex(value.payload ?? '')
  const view = new DataView(payload.buffer, payload.byteOffset)
  switch (value.type) {
    case 'HELLO':
      outbox.hello(
        encodeHello({
          features: value.features,
          maxFrameBytes: value.maxFrame,
          maxMessageBytes: value.maxMessage,
          channelWindowBytes: value.rxBytes,
          channelWindowMessages: value.rxMsgs,
          connectionWindowBytes: value.connBytes,
          maxOpenChannels: value.opens,
          maxHeaderBytes: value.maxMeta,
          maxPartialMessages: value.partials,
          idleTimeoutMs: value.idleMs,
          instance: unhex(value.instance),
          headers: new Headers(entries),
        }),
      )
      break
    case 'OPEN': {
      const { channel, timeoutMs, windowBytes, windowMessages, codec } = value
      const name = new TextEncoder().encode(value.name)
      outbox.open(flags, channel, timeoutMs, windowBytes, windowMessages, codec, name, entries, payload)
      break
    }
    case 'DATA':
      outbox.data(flags, value.channel, entries, payload)
      break
    case 'END':
    case 'RESET':
      outbox.coded(value.type === 'END' ? 4 : 5, flags, value.channel, value.code, entries, payload)
      break
    case 'STOP':
      outbox.stop(value.channel, value.code)
      break
    case 'CREDIT':
      outbox.credit(value.channel, value.byteLimit, value.messageLimit ?? value.openLimit)
      break
    case 'PING':
      outbox.ping(view.getUint32(0, true), view.getUint32(4, true))
      break
    case 'PONG':
      outbox.pong(view.getUint32(0, true), view.getUint32(4, true))
      break
    case 'GOAWAY':
      outbox.goaway(flags === FLAG_FINAL, value.code, value.lastId, value.graceMs, entries)
      break
    case 'REF':
      outbox.ref(
        (value.releases as { refId: number; count: number }[]).flatMap((each) => [each.refId, each.count]),
      )
      break
    default:
      throw new Error(`a vector of type ${value.type} cannot be encoded`)
  }
  return concatBytes(outbox.take())
}

function encodeHeaders(
  headers: readonly (readonly [string, { t: string; v: string | number }])[],
): Uint8Array {
  return concatBytes(headers.map(([key, { t, v }]) => encodeEntry(key, t === 'bin' ? unhex(String(v)) : v)))
}
