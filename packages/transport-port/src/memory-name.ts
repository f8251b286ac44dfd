// Owns: what stands after `memory:`: a name, and optionally the kind of connection.
// Must not know: who listens under which name.
import { type ConnectionKind, UsageError } from '@peerplex/wire'
import type { Endpoint } from '@peerplex/wire/transport'

export interface MemoryName {
  readonly name: string
  /** Undefined: whatever the listener has. */
  readonly kind: ConnectionKind | undefined
}

/** Reads `name` and `name?kind=message`. Throws UsageError INVALID_ARGUMENT for anything else. */
export function parseMemoryName(endpoint: Endpoint): MemoryName {
  const mark = endpoint.path.indexOf('?')
  const name = mark < 0 ? endpoint.path : endpoint.path.slice(0, mark)
  const query = mark < 0 ? undefined : endpoint.path.slice(mark + 1)
  if (name === '') throw badName(endpoint, 'has no name')
  if (query === undefined) return { name, kind: undefined }
  if (query === 'kind=byte') return { name, kind: 'byte' }
  if (query === 'kind=message') return { name, kind: 'message' }
  throw badName(endpoint, `has the unknown setting '${query}'`)
}

function badName(endpoint: Endpoint, what: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', `the endpoint '${endpoint.url}' ${what}`, {
    hint: 'write memory:name, memory:name?kind=byte or memory:name?kind=message',
  })
}
