// For sibling packages and tests of this repository; no promise of stability. @internal
export { endWithError, messageForRemote, wireCodeOf } from './channel-errors.js'
export { isThenable } from './channel-handler.js'
export { NO_OPTIONS, type OpenShape, openSpec, SpecCache } from './channel-options.js'
export { decodeRange, encodeTo } from './codec-ranges.js'
export type { OpenSpec, RequestSink, RequestState, Target } from './open-request.js'
export { asPeerplexError, isAnswered, notSentError, OpenRequest, outcomeError } from './open-request.js'
export { PatternTable } from './pattern-table.js'
export { DONE, type PullEnd, type PulledItem, Puller } from './puller.js'
