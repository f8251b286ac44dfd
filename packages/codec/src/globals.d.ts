// The only names outside the ECMAScript library that this package uses; both are in every browser and in Node.
declare class TextEncoder {
  encode(input?: string): Uint8Array
  encodeInto(input: string, target: Uint8Array): { read: number; written: number }
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(input?: Uint8Array): string
}
