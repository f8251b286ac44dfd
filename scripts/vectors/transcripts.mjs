// Owns: the list of all transcripts, in the order in which they get their numbers.
// Must not know: what they say.
import { drain, messageConnection, order } from './transcripts-closing.mjs'
import { economy, references } from './transcripts-economy.mjs'
import { deadlines, errors } from './transcripts-errors.mjs'
import { flow } from './transcripts-flow.mjs'
import { auth, handshake, keepalive } from './transcripts-handshake.mjs'
import { messages, metadata, openCredit } from './transcripts-messages.mjs'
import { ids, states } from './transcripts-states.mjs'

/** @type {readonly import('./steps.mjs').Transcript[]} */
export const transcripts = [
  handshake,
  ids,
  states,
  messages,
  metadata,
  flow,
  openCredit,
  errors,
  deadlines,
  references,
  keepalive,
  drain,
  economy,
  messageConnection,
  auth,
  order,
].flatMap((area) => area.transcripts)
