import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Column, runCases } from './run-cases.mjs'

/** Passes one case on each transport, except that it does something else on 'exit', 'crash' and 'partner'. */
const PROGRAM = `
const task = JSON.parse(process.argv[2])
const say = (report) => process.stdout.write(JSON.stringify(report) + '\\n')
say({ event: 'hello', runtime: 'Test 1' })
const answer = () => process.stdin.on('data', () => process.exit(3))
if (task.dir === 'mute') process.exit(0)
if (task.role === 'answer') answer()
else for (const transport of task.transports) {
  say({ event: 'begin', transport, side: 'dialing', name: 'a' })
  if (transport === 'crash') { console.error('it broke'); process.exit(7) }
  if (transport === 'exit') process.exit(0)
  if (transport === 'partner') {
    say({ event: 'line', message: 'die' })
    await new Promise((resolve) => setTimeout(resolve, 60_000))
  }
  say({ event: 'result', result: { transport, side: 'dialing', name: 'a', outcome: { kind: 'pass', ms: 1 } } })
}
say({ event: 'done' })
`

describe('a run of cases', () => {
  let dir = ''
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'peerplex-compat-'))
    writeFileSync(join(dir, 'program.mjs'), PROGRAM)
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  async function run(transports: string[], { hasPartner = false, mode = '' } = {}) {
    const program = { command: process.execPath, args: [], env: {}, file: join(dir, 'program.mjs') }
    const columns: Record<string, Column> = {}
    const names: string[] = []
    await runCases(
      {
        caller: program,
        partner: hasPartner ? program : null,
        task: { sides: ['dialing'], floodBytes: 1, dir: mode, tls: { cert: '', key: '' } },
        cwd: dir,
        onHello: (name) => names.push(name),
        onColumn: (transport, column) => {
          columns[transport] = column
        },
      },
      transports,
    )
    const text = Object.fromEntries(
      Object.entries(columns).map(([name, { results, broken }]) => [name, [results.length, ...broken]]),
    )
    return { text, names }
  }

  it('gathers results by transport', async () => {
    expect(await run(['tcp', 'ws'])).toEqual({ text: { tcp: [1], ws: [1] }, names: ['Test 1'] })
  })

  it('loses one transport to a crash, and says during which case', async () => {
    const { text, names } = await run(['tcp', 'crash', 'ws'])
    expect(text).toEqual({
      tcp: [1],
      crash: [0, "the process ended with exit code 7: it broke during dialing 'a'"],
      ws: [1],
    })
    expect(names).toHaveLength(2)
  })

  it('takes an early end for no success', async () => {
    const { text } = await run(['exit', 'ws'])
    expect(text).toEqual({ exit: [0, "the process ended before it was done during dialing 'a'"], ws: [1] })
  })

  it('does not start for ever what never comes to a transport', async () => {
    const { text, names } = await run(['tcp', 'ws'], { mode: 'mute' })
    const broken = [0, 'the process ended before it was done']
    expect(text).toEqual({ tcp: broken, ws: broken })
    expect(names).toHaveLength(1)
  })

  it('ends with its partner', async () => {
    const { text } = await run(['partner', 'ws'], { hasPartner: true })
    expect(text).toEqual({
      partner: [
        0,
        "the answering process ended too early during dialing 'a'",
        "the answering process ended with exit code 3 during dialing 'a'",
      ],
      ws: [1],
    })
  })
})
