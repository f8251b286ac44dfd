// Owns: a MessagePack codec with the limits that are the default, and what it makes of bytes that are written in hexadecimal.
import type { Codec, RefExporter, RefImporter } from '@peerplex/wire'
import { createMsgpackCodec } from '../src/msgpack.js'
import { bytesFrom, hexOf } from './support.js'

export const msgpack: Codec = createMsgpackCodec()
export const read = (hex: string, refs?: RefImporter): unknown => msgpack.decode(bytesFrom(hex), refs)
export const written = (value: unknown, refs?: RefExporter): string => hexOf(msgpack.encode(value, refs))
