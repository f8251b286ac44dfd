// The tables of the specification fit their schemas and each other, and the prose shows them.
import { describe, expect, test } from 'vitest'
import { renderTables } from '../../scripts/spec-render.mjs'
import { applyTables, loadTables, TABLE_FILES } from '../../scripts/spec-tables.mjs'
import { readJson, readText, schemaFindings } from './spec-files.js'

const tables = loadTables()
const { frames, states, errors, codecs } = tables
const machines: [string, any][] = ['channel', 'session', 'localDrain', 'remoteDrain'].map((name) => [
  name,
  states[name],
])

const names = (rows: any[]): string[] => rows.map((row) => row.name)
const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

describe('schemas', () => {
  test.each(TABLE_FILES.map((name: string) => [name]))('table %s', (name) => {
    expect(
      schemaFindings(readJson('tables', `${name}.json`), 'tables/schema', `${name}.schema.json`),
    ).toEqual([])
  })
})

describe('prose', () => {
  test('spec/protocol.md shows the tables as they are', () => {
    const protocol = readText('protocol.md')
    const isCurrent = applyTables(protocol, renderTables(tables)) === protocol
    expect(isCurrent, 'run: node scripts/spec-tables.mjs').toBe(true)
  })

  test('every section that a table names is a heading', () => {
    const headings = new Set(
      [...readText('protocol.md').matchAll(/^## (\d+)\b/gm)].map((match) => Number(match[1])),
    )
    const sections: number[] = [...JSON.stringify(tables).matchAll(/"spec":(\d+)/g)].map((m) => Number(m[1]))
    expect(sections.length).toBeGreaterThan(200)
    expect([...new Set(sections)].filter((section) => !headings.has(section))).toEqual([])
  })
})

describe('layouts in the prose', () => {
  test.each(['header', 'hello', 'open', 'end', 'goaway'])('%s is drawn as the table has it', (name) => {
    const lines = readText('protocol.md').split('\n')
    for (const field of frames.layouts.find((row: any) => row.name === name).fields) {
      const type = field.type === 'bytes16' ? '16 B' : field.type
      const drawn = new RegExp(`^(off)? *${field.offset} +${type} +${field.name}\\b`)
      expect(
        lines.some((line) => drawn.test(line)),
        field.name,
      ).toBe(true)
    }
  })
})

describe('frames table', () => {
  test('every type byte has exactly one rule', () => {
    const rules = Array.from(
      { length: 256 },
      (_, type) => frames.typeRanges.filter((range: any) => range.first <= type && type <= range.last).length,
    )
    expect(rules).toEqual(rules.map(() => 1))
  })

  test('layouts have no gap and no overlap', () => {
    const widths: Record<string, number> = { u8: 1, u16: 2, u32: 4, i32: 4, bytes8: 8, bytes16: 16 }
    for (const layout of frames.layouts) {
      let offset = 0
      for (const field of layout.fields) {
        expect(field.offset, `${layout.name}.${field.name}`).toBe(offset)
        offset += widths[field.type] as number
      }
      expect(offset, layout.name).toBe(layout.bytes)
    }
  })

  test('types, flags, layouts and charges refer to each other', () => {
    const layouts = names(frames.layouts)
    for (const type of frames.types) {
      expect(names(frames.charges)).toContain(type.charge)
      for (const layout of [type.meta.layout, type.payload.layout])
        if (layout) expect(layouts).toContain(layout)
      if (!type.meta.entries) expect(type.meta.maxBytes, type.name).toBe(type.meta.fixedBytes)
      if (type.payload.rule !== 'items') expect(type.payload.multipleOf, type.name).toBe(1)
      const flags = frames.flags.filter((flag: any) => flag.types.includes(type.name))
      expect(sorted(names(flags)), type.name).toEqual(sorted(type.flags))
      expect(new Set(flags.map((flag: any) => flag.bit)).size, type.name).toBe(flags.length)
    }
    for (const rule of frames.flagRules) {
      for (const type of rule.types) {
        const { flags } = frames.types.find((row: any) => row.name === type)
        for (const flag of [...rule.illegal.set, ...rule.illegal.clear])
          expect(flags, rule.id).toContain(flag)
      }
    }
  })

  test('codes are named once, and every error that a table names is one of them', () => {
    expect(new Set(names(errors.errors)).size).toBe(errors.errors.length)
    expect(new Set(errors.errors.map((row: any) => row.wireCode)).size).toBe(errors.errors.length)
    for (const match of JSON.stringify(tables).matchAll(/"error":"([A-Z_]+)"/g)) {
      expect(names(errors.errors)).toContain(match[1])
    }
  })

  test('codec ranges cover the byte, and the named codecs are the assigned ones', () => {
    const rules = Array.from({ length: 256 }, (_, id) =>
      codecs.ranges.filter((range: any) => range.first <= id && id <= range.last),
    )
    expect(rules.every((found) => found.length === 1)).toBe(true)
    const assigned = rules.flatMap((found, id) => (found[0].rule === 'assigned' ? [id] : []))
    expect(codecs.codecs.map((codec: any) => codec.id)).toEqual(assigned)
  })
})

describe('state tables', () => {
  test.each(machines)('machine %s has no unknown name and no double row', (_, machine) => {
    const stateNames = names(machine.states)
    const eventNames = names(machine.events)
    expect(stateNames).toContain(machine.initial)
    const keys = machine.transitions.map((row: any) => `${row.from} ${row.event}`)
    expect(new Set(keys).size).toBe(keys.length)
    for (const row of machine.transitions) {
      expect(stateNames).toContain(row.from)
      expect(stateNames).toContain(row.to)
      expect(eventNames).toContain(row.event)
    }
    for (const event of machine.events) {
      expect(event.origin, event.name).toBe(/^[A-Z]/.test(event.name) ? 'remote' : 'local')
      expect(
        machine.transitions.some((row: any) => row.event === event.name),
        event.name,
      ).toBe(true)
    }
  })

  test('the grid has one cell for each received frame, state and opener', () => {
    const { received, states: stateRows, grid } = states.channel
    const wanted = names(received).flatMap((frame) =>
      names(stateRows).flatMap((state) => ['local', 'remote'].map((opener) => `${frame} ${state} ${opener}`)),
    )
    expect(sorted(grid.map((cell: any) => `${cell.received} ${cell.state} ${cell.opener}`))).toEqual(
      sorted(wanted),
    )
  })

  test('every frame type that a channel can get is in the grid', () => {
    const ofChannels = frames.types.filter((type: any) => type.chan !== 'zero')
    expect(sorted([...new Set(states.channel.received.map((row: any) => row.frame))])).toEqual(
      sorted(names(ofChannels)),
    )
  })

  test('received frames and conditions use the flags and modifiers that exist', () => {
    const modifiers = names(states.channel.modifiers)
    for (const row of states.channel.received) {
      const { flags } = frames.types.find((type: any) => type.name === row.frame)
      for (const flag of [...row.set, ...row.clear]) expect(flags, row.name).toContain(flag)
    }
    for (const row of states.channel.conditions) {
      for (const when of row.when) expect(modifiers).toContain(when.replace(/^not /, ''))
      for (const frame of row.received) expect(names(states.channel.received)).toContain(frame)
      for (const state of row.states) expect(names(states.channel.states)).toContain(state)
    }
  })

  test('the grid says what the transitions say', () => {
    const { received, transitions, grid } = states.channel
    const eventOf = new Map(received.map((row: any) => [row.name, row.event]))
    const next = (state: string, event: unknown): string | undefined =>
      transitions.find((row: any) => row.from === state && row.event === event)?.to
    for (const cell of grid) {
      const label = `${cell.received} in ${cell.state}, opened by ${cell.opener}`
      const isError = cell.action === 'connection-error'
      expect(cell.error !== null, label).toBe(isError)
      if (!isError) expect(cell.to, label).toBe(next(cell.state, eventOf.get(cell.received)))
      else expect(cell.to, label).toBe(null)
    }
    for (const row of transitions.filter((row: any) => /^[A-Z]/.test(row.event))) {
      const legal = grid.filter(
        (cell: any) =>
          eventOf.get(cell.received) === row.event && cell.state === row.from && cell.to === row.to,
      )
      expect(legal.length, `${row.from} ${row.event}`).toBeGreaterThan(0)
    }
  })
})
