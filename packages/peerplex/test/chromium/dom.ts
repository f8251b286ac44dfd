/**
 * Owns: the few things of a page that the scripts here use, as types: the tests are compiled for Node, which has none of them.
 * Must not know: what uses them.
 */

export interface DomPort {
  postMessage(message: unknown, transfer?: readonly object[]): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
  close(): void
}

export interface DomWorker {
  postMessage(message: unknown, transfer: readonly object[]): void
  terminate(): void
}

interface PageScope {
  readonly MessageChannel: new () => { readonly port1: DomPort; readonly port2: DomPort }
  readonly Worker: new (url: string) => DomWorker
  readonly SharedWorker: new (url: string, options: { name: string }) => { readonly port: DomPort }
}

interface WorkerScope {
  readonly location: { readonly search: string }
  /** Of a shared worker. */
  onconnect?: ((event: { readonly ports: readonly DomPort[] }) => void) | null
  /** Of a worker of one page. */
  onmessage?: ((event: { readonly data: unknown }) => void) | null
}

export const page: PageScope = globalThis as unknown as PageScope
export const worker: WorkerScope = globalThis as unknown as WorkerScope
