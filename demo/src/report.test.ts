import { describe, expect, it } from 'vitest'
import { checksOf, reportText } from './report.js'
import type { SideReport } from './side.js'
import type { TransferReport } from './transfer.js'

const transfer: TransferReport = {
  messageCount: 2,
  byteCount: 100_000,
  elapsedMs: 50,
  digest: 'a'.repeat(64),
  otherDigest: 'a'.repeat(64),
}

/** A report with nothing wrong in it; of the counts of a session only a few are shown. */
const good = {
  pid: 1,
  fileSent: transfer,
  fileReceived: transfer,
  pausedSent: transfer,
  pausedReceived: transfer,
  pause: { pausedMs: 1000, aheadBytes: 278_528, allowedBytes: 278_528, otherBytes: 5e6 },
  calls: { expectedCount: 10, rightCount: 10, byteCount: 640, elapsedMs: 5, problem: '' },
  elapsedMs: 1100,
  memory: { beforeBytes: 50e6, peakBytes: 114e6 },
  stats: { messagesSent: 14, bytesSent: 200_000, bytesReceived: 200_000, framesSent: 20, creditsReceived: 3 },
} as unknown as SideReport

function failedTexts(dialer: Partial<SideReport>, listener: Partial<SideReport> = {}, ending = ''): string[] {
  const checks = checksOf({ ...good, ...dialer }, { ...good, ...listener }, ending)
  return checks.filter((check) => !check.isOk).map((check) => check.text)
}

describe('the checks', () => {
  it('find nothing where nothing is wrong', () => {
    expect(failedTexts({})).toEqual([])
  })

  it.each([
    ['another digest on the other side', { digest: 'b'.repeat(64) }],
    ['a digest that did not arrive', { otherDigest: '' }],
    ['bytes that are missing', { byteCount: 99_999 }],
    ['messages that were joined', { messageCount: 1 }],
  ])('find %s', (_what, wrong) => {
    const received = { ...transfer, ...wrong }
    expect(failedTexts({}, { fileReceived: received })).toEqual([
      expect.stringMatching(/^file, dialer → listener: /),
    ])
    expect(failedTexts({ fileReceived: received })).toEqual([
      expect.stringMatching(/^file, listener → dialer: /),
    ])
    expect(failedTexts({}, { pausedReceived: received })).toEqual([
      expect.stringMatching(/^paused stream, dialer → listener: /),
    ])
  })

  it('find a writer that got further than a window and a message', () => {
    const pause = { ...good.pause, aheadBytes: 278_529 }
    expect(failedTexts({ pause })).toEqual([expect.stringContaining('dialer stopped reading')])
    expect(failedTexts({}, { pause })).toEqual([expect.stringContaining('listener stopped reading')])
  })

  it('find calls without the right answer, and say what went wrong first', () => {
    const calls = { ...good.calls, rightCount: 9, problem: 'REFUSED' }
    expect(failedTexts({ calls })).toEqual([
      'calls of the dialer: 9 of 10 answered as expected; first problem: REFUSED',
    ])
  })

  it('find a process that grew too much', () => {
    const memory = { beforeBytes: 50e6, peakBytes: 114e6 + 1 }
    expect(failedTexts({}, { memory })).toEqual([expect.stringContaining('memory of the listener')])
  })

  it('find a listener that did not end well', () => {
    expect(failedTexts({}, {}, 'it crashed')).toEqual(['it crashed'])
  })
})

describe('the report', () => {
  it('is a table for both directions and a line for each check', () => {
    const text = reportText(good, good, checksOf(good, good, 'it crashed'))
    const [head, direction, file] = text.split('\n')
    expect(head?.trim().split(/\s+/)).toEqual(['messages', 'bytes', 'time', 'rate', 'frames', 'credits'])
    expect(direction).toBe('dialer → listener')
    expect(file?.trim().split(/\s+/)).toEqual(['file', '2', '100,000', '0.05', 's', '2', 'MB/s'])
    expect(text.match(/^ok /gm)).toHaveLength(10)
    expect(text).toMatch(/\nFAILED {2}it crashed\n$/)
  })
})
