// Owns: the second process: it listens, serves one connection and ends with it. It never outlives the first.
// Must not know: what the first process prints.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { liveAsChild, tellParent } from './child-life.js'
import { NetConnection } from './net-connection.js'
import { Side, type SideReport } from './side.js'

/** What it tells the first process. */
export type ListenerMessage =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'report'; readonly report: SideReport }

/** Runs to the end of the connection; resolves with the exit code. Needs the IPC channel of `fork`. */
export function runListener(file: string): Promise<number> {
  return liveAsChild(() => serve(file))
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
  tellParent(message)
}
