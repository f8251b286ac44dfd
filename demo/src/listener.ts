// Owns: the second process: it listens, serves one connection and ends with it. It never outlives the first.
// Must not know: what the first process prints.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { NetConnection } from './net-connection.js'
import { Side, type SideReport } from './side.js'

/** What it tells the first process. */
export type ListenerMessage =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'report'; readonly report: SideReport }

/** Runs to the end of the connection; resolves with the exit code. Needs the IPC channel of `fork`. */
export async function runListener(file: string): Promise<number> {
  // Ctrl-C reaches both processes; the first decides, and this one learns of its end by the closed IPC channel.
  process.on('SIGINT', () => {})
  const isAbandoned = new Promise<never>((_resolve, reject) => {
    const abandon = (): void => reject(new Error('the dialer process is gone'))
    process.once('disconnect', abandon)
    // It may have gone while this process was still loading.
    if (!process.connected) abandon()
  })
  try {
    await Promise.race([serve(file), isAbandoned])
  } catch (error) {
    process.stderr.write(`listener: ${(error as Error).message}\n`)
    return 1
  }
  if (process.connected) process.disconnect()
  return 0
}

async function serve(file: string): Promise<void> {
  const socket = await acceptOne()
  const side = new Side(new NetConnection(socket, 'tcp://127.0.0.1'), file)
  tell({ kind: 'report', report: await side.report })
  await side.released
}

/** Waits for one connection on a free port of this machine, and for no other. */
function acceptOne(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      server.close()
      resolve(socket)
    })
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      tell({ kind: 'listening', port: (server.address() as AddressInfo).port })
    })
  })
}

function tell(message: ListenerMessage): void {
  // The first process may be gone; the error then goes to the callback instead of the process.
  process.send?.(message, undefined, undefined, () => {})
}
