// What the program does, in every state of a channel: as the channel state table has it, or refused.
import { credit, data } from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { CODE, FIN, inbound, MSG, ONEWAY, opened, openedAndSent, ready } from './lifecycle-support.js'
import {
  events,
  HELLO,
  localScene,
  remoteScene,
  type Scene,
  sceneIn,
  transitions,
} from './state-cells-support.js'

/** What a program does to bring a local event about. What comes back is what the call returned. */
const LOCAL: Readonly<Record<string, (scene: Scene) => unknown>> = {
  send: ({ channel }) => channel?.send(Uint8Array.of(1)),
  sendFin: ({ channel }) => channel?.end(),
  sendEnd: ({ channel }) => channel?.fail(CODE.NOT_FOUND),
  sendReset: ({ channel }) => channel?.reset(),
  sendStop: ({ channel }) => channel?.stop(),
  sendCredit: ({ script, chan }) => {
    // Half of our message window, which is 2: CREDIT is due for each message while there is a window to raise.
    script.send(data({ chan, payload: 'read at once' }))
  },
  lose: ({ script }) => script.endInput(),
}

const SENT: Readonly<Record<string, string>> = {
  send: 'DATA',
  sendFin: 'DATA',
  sendEnd: 'END',
  sendReset: 'RESET',
  sendStop: 'STOP',
  sendCredit: 'CREDIT',
}

/** Missing cells: how the library answers a program that asks for them. */
const REFUSALS: Readonly<Record<string, 'nothing happens' | 'UsageError'>> = {
  'send HALF_LOCAL': 'UsageError',
}

describe('what the program does, in every state', () => {
  const rows = transitions.filter(
    ({ event }) => events.find((one) => one.name === event)?.origin === 'local' && event in LOCAL,
  )
  for (const event of Object.keys(LOCAL)) {
    for (const state of ['OPEN', 'HALF_LOCAL', 'HALF_REMOTE', 'CLOSED']) {
      const row = rows.find((one) => one.event === event && one.from === state)
      // CREDIT is not asked for: without a message to read there is none, and such a state gets no message.
      if (event === 'sendCredit' && row === undefined) continue
      for (const opener of ['local', 'remote'] as const) {
        const answer = REFUSALS[`${event} ${state}`] ?? 'nothing happens'
        it(`${event} in ${state}, opened by ${opener}: ${row?.to ?? answer}`, () => {
          const scene = event === 'sendCredit' ? creditScene(state, opener) : sceneIn(state, opener)
          if (row === undefined && answer === 'UsageError') {
            expect(() => LOCAL[event]?.(scene)).toThrow(
              expect.objectContaining({ name: 'UsageError', hint: expect.stringMatching(/.+/) }),
            )
            scene.script.expectNothing('a call that is wrong sends nothing')
            return
          }
          LOCAL[event]?.(scene)
          expect(scene.channel?.state).toBe(row?.to ?? state)
          if (event === 'lose') {
            expect(scene.sink?.types).toEqual(state === 'CLOSED' ? [] : ['close'])
            scene.script.expectClosed('UNAVAILABLE')
            return
          }
          if (row !== undefined)
            scene.script.expect((frame) => frame.kind === SENT[event] && frame.chan === -scene.chan)
          scene.script.expectNothing(event)
        })
      }
    }
  }

  /** A channel with a message window of 2 on our side. */
  function creditScene(state: string, opener: 'local' | 'remote'): Scene {
    const script = ready({ limits: { channelWindowMessages: 2 } }, HELLO)
    const bystander = openedAndSent(script, {}, 'bystander').sink
    return opener === 'local' ? localScene(script, bystander, state) : remoteScene(script, bystander, state)
  }

  it.each([
    { event: 'open', options: {}, to: 'OPEN' },
    { event: 'openFin', options: { isLast: true }, to: 'HALF_LOCAL' },
    { event: 'openOneway', options: { isOneway: true }, to: 'CLOSED' },
  ])('$event in IDLE: $to', ({ event, options, to }) => {
    expect(transitions).toContainEqual(expect.objectContaining({ from: 'IDLE', event, to }))
    const script = ready()
    const { channel, sink } = opened(script, options)
    expect(channel.state).toBe(to)
    script.expect({ kind: 'OPEN', chan: 1 })
    script.expectNothing('one frame')
    expect(sink.types).toEqual(to === 'CLOSED' ? ['close'] : [])
  })

  it('settleOneway in HALF_REMOTE: CLOSED, without a frame [STA-018]', () => {
    const script = ready()
    const { channel, sink } = inbound(script, { flags: FIN + ONEWAY })
    expect(channel.state).toBe('HALF_REMOTE')
    channel.settle()
    expect(channel.state).toBe('CLOSED')
    expect(sink.types).toEqual(['end', 'close'])
    script.expectNothing('a one-way is never answered')
  })

  describe('while the OPEN waits (IDLE)', () => {
    function waiting() {
      const script = ready({}, { opens: 0 })
      const { channel, sink } = opened(script)
      expect(channel).toMatchObject({ state: 'IDLE', id: 0, isWritable: true })
      return { script, channel, sink }
    }

    it('messages and the end of output wait with it and follow it in order [MSG-023]', () => {
      const { script, channel } = waiting()
      expect(channel.send(Uint8Array.of(1))).toBe(false)
      channel.end()
      script.expectNothing('no open credit')
      script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }), 'one OPEN is allowed')
      script.expectAll([
        { kind: 'OPEN', chan: 1, flags: 0 },
        { kind: 'DATA', chan: 1, flags: MSG },
        { kind: 'DATA', chan: 1, flags: FIN },
      ])
      expect(channel.state).toBe('HALF_LOCAL')
    })

    it.each([
      ['fail', (channel: Channel) => channel.fail(CODE.ABORTED), CODE.ABORTED],
      ['reset', (channel: Channel) => channel.reset(), CODE.CANCELLED],
    ] as const)('%s takes it back and nothing is ever sent [DLN-008]', (_, act, code) => {
      const { script, channel, sink } = waiting()
      channel.send(Uint8Array.of(1))
      act(channel)
      expect(channel).toMatchObject({ isClosed: true, isWritable: false, bufferedBytes: 0 })
      expect(sink.types).toEqual(['close'])
      expect(sink.outcome).toMatchObject({ code, delivery: 'not-sent', origin: 'local' })
      script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }), 'an OPEN would be allowed')
      script.expectNothing('there is none')
      expect(script.session.stats()).toMatchObject({ openingChannels: 0, queuedOutputBytes: 0 })
    })
  })
})
