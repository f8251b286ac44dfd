// What a page needs that leaves msgpack out: this entry leads to none of its code, whatever the bundler drops or keeps.
export type { CodecList } from './codec-table.js'
export { CodecTable } from './codec-table.js'
export { createJsonCodec } from './json.js'
export type { CodecLimits } from './options.js'
export { createRawCodec } from './raw.js'
export { createTextCodec } from './text.js'
