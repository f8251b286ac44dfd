// SRV records from a name server on this machine: what `node:dns` answers for each way in which a server can answer or fail to.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { dnsTargets } from './dns-targets.js'

let server: Socket
let answer: (question: Buffer) => Buffer | null
let onQuestion = (): void => {}
/** A question that goes on holds the process, and nothing shows which do. */
let cancelCount = 0

vi.mock(import('node:dns/promises'), async (original) => {
  const real = await original()
  return {
    ...real,
    Resolver: class extends real.Resolver {
      constructor(...options: ConstructorParameters<typeof real.Resolver>) {
        super(...options)
        this.setServers([`127.0.0.1:${server.address().port}`])
      }

      override cancel(): void {
        cancelCount += 1
        super.cancel()
      }
    },
  }
})

beforeEach(async () => {
  server = createSocket('udp4')
  server.on('message', (question, { port, address }) => {
    const bytes = answer(question)
    if (bytes !== null) server.send(bytes, port, address)
    onQuestion()
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(() => {
  server.close()
  onQuestion = () => {}
  cancelCount = 0
})

/** The question again, with an error code and records behind it. */
function reply(question: Buffer, code: number, records: readonly Buffer[] = []): Buffer {
  const end = question.indexOf(0, 12) + 5
  const head = Buffer.from(question.subarray(0, end))
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(records.length, 6)
  head.writeUInt32BE(0, 8)
  return Buffer.concat([head, ...records])
}

function srv(priority: number, weight: number, port: number, target: string): Buffer {
  const labels = target.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]))
  const name = Buffer.concat([...labels, Buffer.from([0])])
  const head = Buffer.alloc(18)
  // The name of the question; SRV; IN; 60 s.
  for (const [index, value] of [0xc00c, 33, 1, 0, 60, 6 + name.length, priority, weight, port].entries()) {
    head.writeUInt16BE(value, 2 * index)
  }
  return Buffer.concat([head, name])
}

function ask(signal: AbortSignal = new AbortController().signal): Promise<readonly string[]> {
  const targets = dnsTargets({ host: '_peerplex._tcp.billing.internal', type: 'srv' })
  return targets('billing', { signal }) as Promise<readonly string[]>
}

it('gives hosts and ports', async () => {
  answer = (question) => reply(question, 0, [srv(1, 0, 7001, 'a.internal'), srv(2, 0, 7002, 'b.internal')])
  expect(await ask()).toEqual(['tcp://a.internal:7001'])
})

it.each([
  [3, 'there is no such name (ENOTFOUND)'],
  [0, 'the name exists and has no such record (ENODATA)'],
  [2, 'the name server failed (ESERVFAIL)'],
  [5, 'the name server refuses to answer (EREFUSED)'],
])('tells a server that answers with code %i', async (code, words) => {
  answer = (question) => reply(question, code)
  await expect(ask()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: `look up SRV records of _peerplex._tcp.billing.internal: ${words}`,
  })
})

it('lets go of a server that does not answer', async () => {
  const abort = new AbortController()
  answer = () => null
  onQuestion = () => abort.abort('enough')
  await expect(ask(abort.signal)).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
  expect(cancelCount).toBe(1)
})
