// Codecs beside the standard ones: negotiated by name, whatever number each side gives them.
import type { Codec } from '@peerplex/wire'
import { createPeer } from 'peerplex'
import { expect, it } from 'vitest'

/** Text, backwards; proves that it was used on both sides. */
const backwards = (id: number): Codec => ({
  id,
  name: 'backwards',
  encode: (value) => new TextEncoder().encode([...JSON.stringify(value ?? null)].reverse().join('')),
  decode: (payload) => JSON.parse([...new TextDecoder().decode(payload)].reverse().join('')),
})

it('a private codec works between peers that number it differently, from both sides', async () => {
  const a = createPeer({ codecs: [backwards(70)] })
  const b = createPeer({ codecs: [backwards(101)] })
  try {
    const codecOf = (_input: unknown, ctx: { codec: string }) => ctx.codec
    a.handle('codec', codecOf)
    b.handle('codec', codecOf)
    const { url } = await b.bind('tcp://127.0.0.1:0')
    await a.connect(url).ready
    expect(await a.call('codec', { x: 1 }, { codec: 'backwards' })).toBe('backwards')
    expect(await b.call('codec', { x: 1 }, { codec: 'backwards' })).toBe('backwards')
    expect(await a.call('codec')).toBe('msgpack')
  } finally {
    await Promise.all([a.close(), b.close()])
  }
})

it('a codec that the other side lacks is an error that names both lists, before anything is sent', async () => {
  const a = createPeer({ codecs: [backwards(70)] })
  const b = createPeer()
  try {
    b.handle('codec', () => 'never')
    const { url } = await b.bind('tcp://127.0.0.1:0')
    await a.connect(url).ready
    await expect(a.call('codec', 1, { codec: 'backwards' })).rejects.toMatchObject({
      code: 'UNSUPPORTED_CODEC',
      delivery: 'not-sent',
      message: expect.stringMatching(/backwards.*msgpack/s),
    })
  } finally {
    await Promise.all([a.close(), b.close()])
  }
})
