import { describe, expect, it } from 'vitest'
import { unhex } from './bytes.js'
import * as build from './frame-builders.js'
import { Timeline } from './timeline.js'
import { VirtualClock } from './virtual-clock.js'

describe('Timeline', () => {
  it('shows time, direction, fields, comment and hex', () => {
    const clock = new VirtualClock()
    const timeline = new Timeline(clock.now)
    timeline.bytes('to', build.stop(), 'enough')
    clock.advance(1500)
    timeline.bytes('from', unhex('8950'), '', ['2 raw bytes'])
    timeline.note('nothing more')
    expect(timeline.format()).toBe(
      [
        '       0 ms --> STOP +1 size=4 meta=4 code=1   // enough',
        '                04000000 06000400 01000000 01000000',
        '    1500 ms <-- 2 raw bytes',
        '                8950',
        '    1500 ms  *  nothing more',
      ].join('\n'),
    )
  })

  it('shows only the last events and only the start of long ones', () => {
    const timeline = new Timeline(() => 0)
    for (let i = 0; i < 30; i++) timeline.note(`note ${i}`)
    timeline.bytes('from', build.data({ payload: new Uint8Array(100) }))
    const text = timeline.format(3)
    expect(text).toContain('… 28 earlier events')
    expect(text).not.toContain('note 27')
    expect(text).toContain('note 28')
    expect(text).toContain('… (112 bytes)')
  })
})
