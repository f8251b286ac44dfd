/**
 * Owns: lines over ports, and the one between a page and Node, made of functions that Node puts into the page and calls in it.
 * Must not know: what goes over them.
 */
import type { Line } from '../behaviour/line.js'
import type { DomPort } from './dom.js'

/** A port that was not used before. */
export function portLine(port: DomPort): Line {
  const line: Line = {
    send: (message, transfer) => port.postMessage(message, transfer),
    onMessage: () => {},
  }
  port.onmessage = ({ data }) => line.onMessage(data)
  return line
}

/** The page's end; Node has put `tellNode` into the page, and calls `tellPage` in it. */
export function nodeLine(): Line {
  const scope = globalThis as unknown as {
    tellNode(message: unknown): void
    tellPage(message: unknown): void
  }
  const line: Line = { send: (message) => scope.tellNode(message), onMessage: () => {} }
  scope.tellPage = (message) => line.onMessage(message)
  return line
}
