// Every sentence of spec/protocol.md that binds has one id, and every id that a receiver can check has bytes that break it.
import { describe, expect, test } from 'vitest'
import { loadTables } from '../../scripts/spec-tables.mjs'
import { ANY_ID, parseSpec, sentences } from './requirements.js'
import { jsonFiles, readJson, readText, schemaFindings } from './spec-files.js'
import { loadTranscripts, loadVectorFiles, loadVectors, shapeOf } from './vectors.js'

const spec = parseSpec(readText('protocol.md'))
const ids = new Set(spec.requirements.map((requirement) => requirement.id))
const retired: string[] = readJson('retired.json')
const tables = loadTables()

const MIN_VECTOR_COUNT = 400
const MIN_INVALID_SHARE = 0.4
const MIN_TRANSCRIPT_COUNT = 40

describe('parsing', () => {
  test('sentences end at full stops, not at abbreviations or inside words', () => {
    expect(sentences('- A b, e.g. c, MUST d [ABC-001]{rx}. Text with 4.1 in it! Last one')).toEqual([
      'A b, e.g. c, MUST d [ABC-001]{rx}.',
      'Text with 4.1 in it!',
      'Last one',
    ])
  })

  test('what is wrong is found', () => {
    const { findings, requirements } = parseSpec(
      'It MUST a. It SHOULD b [ABC-001]. It MUST c [ABC-002] and d [ABC-003]. Plain [ABC-004]. One [ABC-005] SHALL e.\n' +
        '```\nMUST\n```\n`MUST` is a word. <!-- MUST --> Two MUST NOT `f. g` [ABC-006]{rx}.',
    )
    expect(findings).toHaveLength(4)
    expect(requirements.filter((one) => one.isReceiveCheck)).toEqual([
      { id: 'ABC-006', text: 'Two MUST NOT `f. g`.', isReceiveCheck: true },
    ])
  })
})

describe('ids', () => {
  test('every binding sentence ends with exactly one id', () => {
    expect(spec.findings).toEqual([])
    expect(spec.requirements.length).toBeGreaterThan(200)
  })

  test('no id is used twice or again', () => {
    const used = spec.requirements.map((requirement) => requirement.id)
    expect(used.filter((id, at) => used.indexOf(id) !== at || retired.includes(id))).toEqual([])
  })

  test('the numbers of an area have no gap but the retired ones', () => {
    const known = [...ids, ...retired].map((id) => id.split('-') as [string, string])
    const missing = [...new Set(known.map(([area]) => area))].flatMap((area) => {
      const numbers = known.filter((id) => id[0] === area).map((id) => Number(id[1]))
      return Array.from({ length: Math.max(...numbers) }, (_, at) => at + 1)
        .filter((number) => !numbers.includes(number))
        .map((number) => `${area}-${String(number).padStart(3, '0')}`)
    })
    expect(missing).toEqual([])
  })

  test('ids in passing exist', () => {
    expect(spec.mentions.filter((id) => !ids.has(id))).toEqual([])
  })

  test('ids in tables, questions, vectors and transcripts exist', () => {
    const files = [
      ...jsonFiles('tables').map((name) => ['tables', name]),
      ...jsonFiles('vectors').map((name) => ['vectors', name]),
      ...jsonFiles('vectors/transcripts').map((name) => ['vectors/transcripts', name]),
      ['questions.md'],
    ]
    const unknown = files.flatMap((path) =>
      [...readText(...path).matchAll(ANY_ID)]
        .map((match) => match[0])
        .filter((id) => !ids.has(id))
        .map((id) => `${id} in ${path.join('/')}`),
    )
    expect(unknown).toEqual([])
  })
})

describe('how vectors are judged', () => {
  const test1 = {
    id: 'V00001',
    comment: 'a',
    hex: '0100000003040000010000004a',
    result: 'valid',
    req: ['MSG-006'],
  }
  const file = (test: object) => ({
    suite: 'data',
    schema: 'schema/vectors.schema.json',
    specVersion: '1.0',
    notes: {},
    groups: [{ type: 'decode', context: { helloSeen: true }, tests: [test] }],
  })
  const isRight = (test: object): boolean =>
    schemaFindings(file(test), 'vectors/schema', 'vectors.schema.json').length === 0

  test('the schema of vectors refuses what it must', () => {
    expect(isRight(test1)).toBe(true)
    expect(isRight({ ...test1, result: 'invalid', error: 'FRAME_SIZE' })).toBe(true)
    expect(isRight({ ...test1, result: 'invalid' })).toBe(false)
    expect(isRight({ ...test1, error: 'FRAME_SIZE' })).toBe(false)
    expect(isRight({ ...test1, hex: '0' })).toBe(false)
    expect(isRight({ ...test1, req: [] })).toBe(false)
    expect(isRight({ ...test1, more: 1 })).toBe(false)
  })

  test('the schema of transcripts refuses what it must', () => {
    const isTranscript = (changes: object): boolean =>
      schemaFindings(
        { id: 'T0001', title: 'a', req: ['STA-001'], kind: 'byte', steps: [{ send: '00' }], ...changes },
        'vectors/schema',
        'transcript.schema.json',
      ).length === 0
    expect(isTranscript({})).toBe(true)
    expect(
      isTranscript({ steps: [{ now: 5 }, { recv: { frame: 'GOAWAY', code: 64 } }, { closed: 'AUTH' }] }),
    ).toBe(true)
    expect(isTranscript({ steps: [] })).toBe(false)
    expect(isTranscript({ steps: [{ now: 5, send: '00' }] })).toBe(false)
    expect(isTranscript({ kind: 'tcp' })).toBe(false)
    expect(isTranscript({ more: 1 })).toBe(false)
  })

  test('what the shape of a vector keeps and what it forgets', () => {
    const shape = (hex: string, changes: object = {}) =>
      shapeOf({ file: '', type: 'decode', context: null, test: { ...test1, hex, ...changes } }, tables.frames)
    const plain = shape('04000000 03040000 01000000 4a4a4a4a')
    expect(shape('08000000 03040000 07000000 1111111111111111')).toBe(plain) // another id, other bytes
    expect(shape('04000000 03040000 ffffffff 4a4a4a4a')).not.toBe(plain) // the other side opened it
    expect(shape('04000000 03050000 01000000 4a4a4a4a')).not.toBe(plain) // flags
    expect(shape('05000000 03040000 01000000 4a4a4a4a')).not.toBe(plain) // cut short
    expect(shape('00000000 03040000 01000000')).not.toBe(plain) // no payload
    expect(shape('04000000 03040000 01000000 4a4a4a4a', { result: 'invalid', error: 'FRAME_SIZE' })).not.toBe(
      plain,
    )
    expect(shape('08000000 07000000 01000000 0000010000000000')).not.toBe(
      shape('08000000 07000000 01000000 0000020000000000'), // the limits of a CREDIT are read
    )
  })
})

describe('vectors and transcripts', () => {
  const vectors = loadVectors()
  const transcripts = loadTranscripts()

  test.each(loadVectorFiles())('schema of vectors/%s', (file, document) => {
    expect(schemaFindings(document, 'vectors/schema', 'vectors.schema.json'), file).toEqual([])
  })

  test('schema of the transcripts', () => {
    const findings = transcripts.flatMap(({ file, document }) =>
      schemaFindings(document, 'vectors/schema', 'transcript.schema.json').map(
        (finding) => `${file}: ${finding}`,
      ),
    )
    expect(findings).toEqual([])
  })

  test('there are enough, and enough that are to be refused', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(MIN_VECTOR_COUNT)
    const invalid = vectors.filter(({ test }) => test.result === 'invalid')
    expect(invalid.length / vectors.length).toBeGreaterThanOrEqual(MIN_INVALID_SHARE)
    expect(transcripts.length).toBeGreaterThanOrEqual(MIN_TRANSCRIPT_COUNT)
  })

  test('ids are unique', () => {
    const used = [...vectors.map(({ test }) => test.id), ...transcripts.map(({ document }) => document.id)]
    expect(used.filter((id, at) => used.indexOf(id) !== at)).toEqual([])
  })

  test('codes and flags are known', () => {
    const codes = new Set<string>(tables.errors.errors.map((row: any) => row.name))
    const named = [
      ...vectors.map(({ test }) => test.error),
      ...transcripts.flatMap(({ document }) => document.steps.map((step: any) => step.closed)),
    ]
    expect(named.filter((code) => typeof code === 'string' && !codes.has(code))).toEqual([])
    const unknown = loadVectorFiles().flatMap(([file, { notes, groups }]) =>
      groups
        .flatMap((group: any) => group.tests.flatMap((test: any) => test.flags ?? []))
        .filter((flag: string) => !(flag in notes))
        .map((flag: string) => `${flag} in ${file}`),
    )
    expect(unknown).toEqual([])
  })

  test('every receive check is broken by an invalid vector or a transcript', () => {
    const broken = new Set<string>([
      ...vectors.filter(({ test }) => test.result === 'invalid').flatMap(({ test }) => test.req),
      ...transcripts.flatMap(({ document }) => document.req),
    ])
    const open = spec.requirements.filter(({ id, isReceiveCheck }) => isReceiveCheck && !broken.has(id))
    expect(open.map(({ id, text }) => `${id}: ${text}`)).toEqual([])
  })

  test('no two vectors differ only in channel ids or payload bytes', () => {
    const seen = new Map<string, string>()
    const doubles = vectors.flatMap((vector) => {
      const shape = shapeOf(vector, tables.frames)
      const first = seen.get(shape)
      if (first === undefined) seen.set(shape, vector.test.id)
      return first === undefined ? [] : [`${first} and ${vector.test.id}: ${vector.test.comment}`]
    })
    expect(doubles).toEqual([])
  })
})
