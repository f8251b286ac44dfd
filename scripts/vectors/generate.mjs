// Owns: writing spec/vectors/*.json and spec/vectors/transcripts/*.json from the modules beside it, under ids that are kept in ids.json.
// Must not know: what the vectors say. `node scripts/vectors/generate.mjs` writes the files, `--check` fails when one would change.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { credit, goaway, ref } from './connection.mjs'
import { data } from './data.mjs'
import { encoding } from './encode.mjs'
import { endings } from './endings.mjs'
import { bounds, literalKeys, refs, staticKeys } from './entries.mjs'
import { channels, flags, order, sizes, types } from './header.mjs'
import { helloSuite } from './hello.mjs'
import { open } from './open.mjs'
import { assignIds, toJson, vectorFile, vectorName } from './output.mjs'
import { preface } from './preface.mjs'
import { transcripts } from './transcripts.mjs'

const SUITES = [
  preface,
  sizes,
  types,
  flags,
  channels,
  order,
  helloSuite,
  open,
  data,
  endings,
  credit,
  goaway,
  ref,
  staticKeys,
  literalKeys,
  bounds,
  refs,
  encoding,
]

const here = dirname(fileURLToPath(import.meta.url))
const target = join(here, '../../spec/vectors')
const idsFile = join(here, 'ids.json')
const isCheck = process.argv.includes('--check')

/** @type {import('./output.mjs').Ids} */
const known = existsSync(idsFile)
  ? JSON.parse(readFileSync(idsFile, 'utf8'))
  : { vectors: {}, transcripts: {}, retired: [] }
const names = SUITES.flatMap((suite) =>
  suite.groups.flatMap((group) =>
    group.tests.map((test) => vectorName(suite.name, group.comment, test.comment)),
  ),
)
const ids = {
  vectors: assignIds(known.vectors, names, known.retired, (number) => `V${String(number).padStart(5, '0')}`),
  transcripts: assignIds(
    known.transcripts,
    transcripts.map(({ name }) => name),
    known.retired,
    (number) => `T${String(number).padStart(4, '0')}`,
  ),
  retired: known.retired,
}

/** @type {Map<string, string>} */
const files = new Map([[idsFile, `${JSON.stringify(ids, null, 2)}\n`]])
for (const suite of SUITES) {
  files.set(join(target, `${suite.name}.json`), `${toJson(vectorFile(suite, ids.vectors))}\n`)
}
for (const { name, document } of transcripts) {
  const file = join(target, 'transcripts', `${name.replace('/', '-')}.json`)
  files.set(file, `${toJson({ id: ids.transcripts[name], ...document })}\n`)
}

const present = [target, join(target, 'transcripts')].flatMap((dir) =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((file) => file.endsWith('.json'))
        .map((file) => join(dir, file))
    : [],
)
const stray = present.filter((file) => !files.has(file))
const changed = [...files].filter(
  ([file, content]) => !existsSync(file) || readFileSync(file, 'utf8') !== content,
)

if (isCheck) {
  for (const file of [...stray, ...changed.map(([name]) => name)])
    console.error(`${file} is not what the generator writes`)
  if (stray.length + changed.length > 0) process.exitCode = 1
} else {
  mkdirSync(join(target, 'transcripts'), { recursive: true })
  for (const file of stray) rmSync(file)
  for (const [file, content] of changed) writeFileSync(file, content)
}
const invalid = SUITES.flatMap((suite) => suite.groups.flatMap((group) => group.tests)).filter(
  (test) => test.result === 'invalid',
)
console.log(`${names.length} vectors, ${invalid.length} of them invalid; ${transcripts.length} transcripts`)
