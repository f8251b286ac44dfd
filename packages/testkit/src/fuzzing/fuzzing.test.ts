import { ProtocolError, type Session } from '@peerplex/wire'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { runCampaign } from './campaign.js'
import { main, readOptions } from './command.js'

/** On a busy machine; alone each test takes less than a second. */
vi.setConfig({ testTimeout: 120_000 })

describe('a campaign', () => {
  it('finds nothing in 30,000 frames, most of which arrive while channels are open', () => {
    const report = runCampaign({ seed: 2, frameCount: 30_000 })
    expect(report.failure).toBeNull()
    expect(report.frameCount).toBeGreaterThanOrEqual(30_000)
    expect(report.liveFrameCount).toBeGreaterThan(report.frameCount / 2)
    const codes = ['PROTOCOL_ERROR', 'FRAME_SIZE', 'FLOW_CONTROL', 'HELLO_TIMEOUT', 'remote GOAWAY', 'open']
    expect([...report.endings.keys()]).toEqual(expect.arrayContaining(codes))
  })

  it('does the same for the same seed, and something else for another', () => {
    const told = (seed: number) => {
      const { frameCount, liveFrameCount, caseCount, endings } = runCampaign({ seed, frameCount: 5_000 })
      return { frameCount, liveFrameCount, caseCount, endings }
    }
    expect(told(7)).toEqual(told(7))
    expect(told(8)).not.toEqual(told(7))
  })

  it('stops when its time is up', () => {
    const report = runCampaign({ seed: 1, frameCount: Number.MAX_SAFE_INTEGER, seconds: 0 })
    expect(report).toMatchObject({ failure: null, frameCount: 0 })
  })
})

/** Ways to break a session, and what the report has to say. */
const defects: Record<string, readonly [(session: Session) => void, RegExp]> = {
  'a throw inside, with its cause': [
    (session) =>
      Object.assign(session.channels.receiver, {
        addHeaders: () => {
          throw new TypeError('boom')
        },
      }),
    /INTERNAL_ERROR: TypeError: boom/,
  ],
  'a throw out of receive': [
    (session) =>
      Object.assign(session, {
        receive: () => {
          throw new RangeError('boom')
        },
      }),
    /RangeError: boom/,
  ],
  'a channel that is never told its end': [
    (session) => Object.assign(session.channels.receiver, { handEnd: () => {} }),
    /had onClose 0 times/,
  ],
  'a channel that is told its end twice': [
    (session) => {
      const { receiver } = session.channels
      const handEnd = receiver.handEnd.bind(receiver)
      receiver.handEnd = (channel) => {
        handEnd(channel)
        if (channel.outcome !== null) channel.sink.onClose?.(channel.outcome, channel)
      }
    },
    /told something after onClose|had onClose 2 times|before it was accepted/,
  ],
  'another code than the naive decoder finds': [
    (session) => {
      const fail = session.fail.bind(session)
      session.fail = (error) =>
        fail(error.code === 'FRAME_SIZE' ? new ProtocolError('PROTOCOL_ERROR', error.message) : error)
    },
    /the naive decoder/,
  ],
  'legal input that is refused': [
    (session) => Object.assign(session.channels.economy, { spend: () => false }),
    /legal input was refused: ENHANCE_CALM|the session is local ENHANCE_CALM/,
  ],
  'unread messages that are never let go': [
    (session) => Object.assign(session.channels.receiver, { dropQueue: () => {} }),
    /unreadBytes is \d+ after the end|had onClose 0 times/,
  ],
  'a call of the sink after the end': [
    (session) => {
      const settle = session.channels.settleChannel.bind(session.channels)
      session.channels.settleChannel = (channel) => {
        settle(channel)
        if (!session.isOpen) channel.sink.onWritable?.(channel)
      }
    },
    /after onClose|before it was accepted/,
  ],
}

describe('a campaign on broken sessions', () => {
  it.each(Object.entries(defects))(
    'reports %s, so that the case can be run again',
    (_, [onSession, words]) => {
      const first = runCampaign({ seed: 3, frameCount: 200_000, onSession }).failure
      expect(first).toMatch(words)
      const index = Number(/--seed 3 --case (\d+)$/.exec(first ?? '')?.[1])
      const again = runCampaign({ seed: 3, frameCount: 1, caseIndex: index, onSession }).failure
      expect(again).toMatch(words)
      expect(inputOf(again)).toBe(inputOf(first))
    },
  )
})

function inputOf(failure: string | null): string {
  const input = /input, one line for each delivery:\n([\s\S]*)\nrun it again/.exec(failure ?? '')?.[1]
  if (input === undefined) throw new Error(`there is no input in ${failure}`)
  return input
}

describe('npm run fuzz', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('judges frames and prints seed, counts, endings and memory', () => {
    const lines: string[] = []
    expect(main(['--frames', '2000', '--seed', '5'], (line) => lines.push(line))).toBe(0)
    expect(lines[0]).toBe('seed 5')
    expect(lines.join('\n')).toMatch(
      /frames: 2\d{3} in \d+ sessions[\s\S]*live channel[\s\S]*PROTOCOL_ERROR[\s\S]*memory/,
    )
  })

  it('runs conversations of the model', () => {
    const lines: string[] = []
    expect(main(['--model', '20', '--seed', '5'], (line) => lines.push(line))).toBe(0)
    expect(lines).toEqual(['seed 5', expect.stringMatching(/^model: 20 conversations, \d+ steps/)])
  })

  it('chooses a seed by itself and prints it', () => {
    const lines: string[] = []
    main(['--frames', '1'], (line) => lines.push(line))
    expect(lines[0]).toMatch(/^seed \d+$/)
  })

  it.each([
    ['--frames', '0'],
    ['--frames', 'many'],
    ['--frames', '-1'],
    ['--seed', '4294967296'],
    ['--seconds', '0'],
    ['--model'],
    ['--path', '1:0'],
    ['--colour'],
    ['file.txt'],
  ])('answers wrong options with the usage and 2: %s %s', (...args) => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const lines: string[] = []
    expect(main(args, (line) => lines.push(line))).toBe(2)
    expect(lines).toEqual([])
    expect(write.mock.calls.flat().join('')).toContain('usage: npm run fuzz')
  })

  it('judges a million frames when told nothing', () => {
    expect(readOptions([])).toMatchObject({ frameCount: 1_000_000, modelCount: 0 })
    expect(readOptions(['--model', '5'])).toMatchObject({ frameCount: 0, modelCount: 5 })
    expect(readOptions(['--model', '5', '--frames', '6'])).toMatchObject({ frameCount: 6, modelCount: 5 })
  })
})
