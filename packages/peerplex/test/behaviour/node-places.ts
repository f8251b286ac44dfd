/**
 * Owns: the places of Node: each transport between two peers of this process, with the caller on either
 * side.
 * Must not know: what is tested.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MessagePort, Transferable } from 'node:worker_threads'
import { CallError, createPeer } from '../../src/index.js'
import { localHost } from './callee.js'
import type { Line } from './line.js'
import { createPlace, introduceByPort, introduceByUrl, type UrlOptions } from './meet.js'
import type { Library, Place, Side } from './place.js'

export const LIBRARY: Library = { createPeer, CallError }

/** Why nothing restarts over ports. */
export const ONCE = 'a port or worker carries one connection: whoever restarts needs a new one'

export const SIDES: readonly Side[] = ['dialing', 'listening']

/** `tls`: the certificate of 127.0.0.1 and its key, as PEM. */
export interface NodePlaceOptions {
  readonly tls: { readonly cert: string; readonly key: string }
}

/** Places where both peers are in this process. */
export function nodePlaces({ tls }: NodePlaceOptions): Place[] {
  const wss = { bind: { tls }, connect: { tls: { ca: tls.cert } } }
  const makers: readonly ((side: Side) => Place)[] = [
    (side) => urlPlace('tcp', side, { newUrl: () => 'tcp://127.0.0.1:0' }),
    unixPlace,
    (side) => urlPlace('ws', side, { newUrl: () => 'ws://127.0.0.1:0/peer' }),
    (side) => urlPlace('wss', side, { newUrl: () => 'wss://127.0.0.1:0', ...wss }),
    (side) => urlPlace('memory, bytes', side, memoryUrls('byte')),
    (side) => urlPlace('memory, messages', side, memoryUrls('message')),
    portPlace,
  ]
  return makers.flatMap((make) => SIDES.map(make))
}

function urlPlace(transport: string, side: Side, options: UrlOptions, close?: () => void): Place {
  return createPlace({
    transport,
    side,
    library: LIBRARY,
    introduce: () => introduceByUrl(side, localHost(LIBRARY), options),
    ...(close && { close: async () => close() }),
  })
}

function portPlace(side: Side): Place {
  return createPlace({
    transport: 'MessagePort',
    side,
    library: LIBRARY,
    introduce: () => {
      const { port1, port2 } = new MessageChannel()
      return introduceByPort(side, localHost(LIBRARY), { ours: port1, theirs: port2 })
    },
    missing: { restart: ONCE },
  })
}

function unixPlace(side: Side): Place {
  const dir = mkdtempSync(join(tmpdir(), 'peerplex-behaviour-'))
  let count = 0
  return urlPlace('unix', side, { newUrl: () => `unix:${join(dir, `${count++}.sock`)}` }, () =>
    rmSync(dir, { recursive: true, force: true }),
  )
}

function memoryUrls(kind: 'byte' | 'message'): UrlOptions {
  return { newUrl: () => `memory:behaviour-${crypto.randomUUID()}?kind=${kind}` }
}

/** A MessagePort of Node as a line. */
export function nodeLine(port: MessagePort): Line {
  const line: Line = {
    send: (message, transfer) => port.postMessage(message, transfer as Transferable[]),
    onMessage: () => {},
  }
  port.on('message', (message: unknown) => line.onMessage(message))
  return line
}
