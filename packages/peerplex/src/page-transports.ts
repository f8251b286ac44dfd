// Owns: which transports a page or a worker has; all its peers share them, so that they find
// each other's `memory:` names and no port is used twice.
// Must not know: codecs.
import { createMemoryTransport, portTransport } from '@peerplex/transport-port'
import { wsTransport } from '@peerplex/transport-ws/browser'
import type { Transport } from '@peerplex/wire/transport'

export const PAGE_TRANSPORTS: readonly Transport[] = [createMemoryTransport(), portTransport(), wsTransport()]
