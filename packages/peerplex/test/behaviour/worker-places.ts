/**
 * Owns: places across threads: the answering peer in a worker, or the cases in one. Each worker ends by
 * itself when its peers have.
 * Must not know: what is tested.
 */
import { once } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import { localHost } from './callee.js'
import { Exchange, hostAnswerer, type Runner, remoteHost, remoteRunner } from './line.js'
import { createPlace, type Introduction, introduceByPort } from './meet.js'
import { LIBRARY, nodeLine, ONCE } from './node-places.js'
import type { CalleeHost, Place, Side } from './place.js'
import { within } from './tools.js'

/**
 * A place whose answering peers are in workers, one worker each. `file`: worker-callee-program.ts, bundled.
 */
export function workerPlace(side: Side, file: string): Place {
  return createPlace({
    transport: 'worker, the other in it',
    side,
    library: LIBRARY,
    introduce: () => introduceWorker(side, file),
    missing: { restart: ONCE },
  })
}

function introduceWorker(side: Side, file: string): Introduction {
  const { port1: line, port2 } = new MessageChannel()
  const worker = new Worker(file, { workerData: { line: port2 }, transferList: [port2] })
  const exited = once(worker, 'exit')
  const host = remoteHost(new Exchange(nodeLine(line)))
  const thatEnds: CalleeHost = {
    startCallee: async (options, target) => {
      const callee = await host.startCallee(options, target)
      const { restart, drain, stats } = callee
      let reported: readonly string[] | null = null
      const close = async (): Promise<void> => {
        if (reported !== null) return
        reported = await callee.reported()
        await callee.close()
        // Nothing else is to hold it.
        line.close()
        const [code] = await within(exited, 'the end of the worker')
        if (code !== 0) throw new Error(`the worker ended with ${code}`)
      }
      return { url: '', restart, drain, stats, reported: async () => reported ?? callee.reported(), close }
    },
  }
  return introduceByPort(side, thatEnds, { ours: worker, theirs: 'parent' })
}

/**
 * Cases that run in a worker, against answering peers in this thread. `file`: worker-caller-program.ts,
 * bundled.
 */
export function runnerInWorker(side: Side, file: string, floodBytes: number): Runner {
  const { port1: line, port2 } = new MessageChannel()
  const workerData = { line: port2, side, floodBytes }
  const worker = new Worker(file, { workerData, transferList: [port2] })
  const exited = once(worker, 'exit')
  const host = localHost(LIBRARY)
  const here: CalleeHost = {
    startCallee: async (options, target) => {
      if ('bind' in target) {
        return host.startCallee(options, target.bind === 'worker' ? { bind: worker } : target)
      }
      if (target.connect !== 'worker') return host.startCallee(options, target)
      const starting = host.startCallee(options, { connect: worker })
      // The worker says nothing before somebody listens, which is from here on.
      await exchange.ask('bind', null)
      return starting
    },
  }
  const exchange: Exchange = new Exchange(nodeLine(line), hostAnswerer(here))
  const runner = remoteRunner(exchange)
  return {
    run: runner.run,
    close: async () => {
      await runner.close()
      line.close()
      const [code] = await within(exited, 'the end of the worker')
      if (code !== 0) throw new Error(`the worker ended with ${code}`)
    },
  }
}
