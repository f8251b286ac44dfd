// Owns: the first process: it starts the second, connects to it, and judges and prints what both report.
// Must not know: what travels on the connection.
import { connect, type Socket } from 'node:net'
import { ListenerProcess } from './listener-process.js'
import { NetConnection } from './net-connection.js'
import { ProgressWatch } from './progress-watch.js'
import { checksOf, reportText } from './report.js'
import { Side } from './side.js'
import { within } from './within.js'

/** How long a process that is about to end may take for it before it is ended. */
const ENDING_MS = 5_000
/** A lost connection is noticed before the process behind it is; its end explains more. */
const EXPLANATION_MS = 500

/** Runs the demonstration with `program` as the second process; resolves with the exit code. */
export async function runDialer(program: string, file: string): Promise<number> {
  const listener = new ListenerProcess(program, file)
  const kill = (): void => listener.kill()
  process.once('exit', kill)
  try {
    return await dial(listener, file)
  } catch (error) {
    const ending = await within(EXPLANATION_MS, listener.ending, '')
    const { message } = error as Error
    process.stderr.write(`demo: ${ending === '' || ending === message ? message : `${ending}: ${message}`}\n`)
    return 1
  } finally {
    listener.kill()
    process.off('exit', kill)
  }
}

async function dial(listener: ListenerProcess, file: string): Promise<number> {
  const port = await listener.port
  const socket = await connectTo(port)
  const side = new Side(new NetConnection(socket, `tcp://127.0.0.1:${port}`), file)
  const watch = new ProgressWatch(() => side.progress)
  try {
    const both = Promise.all([side.report, listener.report])
    const [own, other] = await Promise.race([both, watch.stall])
    side.close()
    await side.released
    const ending = await within(ENDING_MS, listener.ending, 'the listener process did not end by itself')
    const checks = checksOf(own, other, ending)
    watch.stop()
    process.stdout.write(reportText(own, other, checks))
    return checks.every((check) => check.isOk) ? 0 : 1
  } finally {
    watch.stop()
  }
}

function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
