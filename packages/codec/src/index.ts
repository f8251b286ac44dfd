// What a user of the codecs needs. The type of a codec itself is in @peerplex/wire.
export type { CodecList } from './codec-table.js'
export {
  CodecTable,
  FIRST_PRIVATE_CODEC_ID,
  LAST_PRIVATE_CODEC_ID,
  parseCodecs,
  STANDARD_CODEC_IDS,
} from './codec-table.js'
export { createJsonCodec } from './json.js'
export { createMsgpackCodec } from './msgpack.js'
export type { CodecLimits } from './options.js'
export { CODEC_LIMIT_RANGES, DEFAULT_CODEC_LIMITS, resolveCodecLimits } from './options.js'
export { createRawCodec } from './raw.js'
export type { StandardCodecsOptions } from './standard-codecs.js'
export { standardCodecs } from './standard-codecs.js'
export { createTextCodec } from './text.js'
