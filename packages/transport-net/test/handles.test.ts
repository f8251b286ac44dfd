import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectionRecorder, ContractWatch } from '@peerplex/testkit'
import { parseEndpoint } from '@peerplex/wire/transport'
import { afterAll, expect, it, vi } from 'vitest'
import { netTransport } from '../src/index.js'

// Nothing here takes long; a busy machine may.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** Everything of sockets that holds the process. */
function socketResources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|Pipe|Connect|Shutdown|Write/.test(name))
    .sort()
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

it.each([
  ['tcp', 'tcp://127.0.0.1:0', 'tcp://127.0.0.1:1'],
  ['unix', `unix:${dir}/s`, `unix:${dir}/nobody`],
])('%s leaves no handle behind', async (_name, url, deadUrl) => {
  const before = socketResources()
  const transport = netTransport()
  const watch = new ContractWatch()
  const accepted: ConnectionRecorder[] = []
  const listener = await transport.listen(parseEndpoint(url), {}, (connection) => {
    accepted.push(new ConnectionRecorder(connection, 'accepted', watch))
  })
  const endpoint = parseEndpoint(listener.url)
  const dial = async (signal?: AbortSignal): Promise<ConnectionRecorder> =>
    new ConnectionRecorder(await transport.connect(endpoint, signal ? { signal } : {}), 'dialed', watch)

  // Ended by both; destroyed here; destroyed there; in use when the listener closes; refused; given up; in use twice.
  const dialed = [await dial(), await dial(), await dial(), await dial()]
  for (const recorder of dialed) recorder.write(Uint8Array.of(1))
  while (accepted.length < 4) await turns(1)
  for (const recorder of accepted) await recorder.received(1)
  dialed[0]?.end()
  accepted[0]?.end()
  dialed[1]?.destroy()
  accepted[2]?.destroy()
  expect(socketResources().length).toBeGreaterThan(before.length)
  await expect(transport.connect(parseEndpoint(deadUrl), {})).rejects.toThrow()
  const abort = new AbortController()
  const attempt = dial(abort.signal)
  abort.abort()
  await expect(attempt).rejects.toThrow()
  await expect(transport.listen(endpoint, {}, () => {})).rejects.toThrow()
  await listener.close()
  await Promise.all([dialed[0]?.ended(), accepted[0]?.ended(), accepted[1]?.ended(), dialed[2]?.ended()])
  accepted[1]?.destroy()
  dialed[2]?.destroy()
  dialed[3]?.destroy()
  accepted[3]?.destroy()
  for (const late of accepted.slice(4)) late.destroy()

  for (let i = 0; i < 100 && socketResources().length > before.length; i++) await turns(1)
  expect(socketResources()).toEqual(before)
  expect(watch.violations).toEqual([])
})
