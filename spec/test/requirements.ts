// Owns: finding the requirements in spec/protocol.md: sentences that bind, and the ids that they end with.
// Must not know: what a requirement says, or what tests it.

interface Requirement {
  readonly id: string
  /** The sentence, without its id. */
  readonly text: string
  /** A check on received bytes that every endpoint makes: there is an invalid vector or a transcript for it. */
  readonly isReceiveCheck: boolean
}

interface ParsedSpec {
  readonly requirements: readonly Requirement[]
  /** Sentences that bind without exactly one id, and ids that no such sentence ends with. */
  readonly findings: readonly string[]
  /** Ids that the text mentions in passing. */
  readonly mentions: readonly string[]
}

const BINDS = /\b(?:MUST|SHALL|SHOULD|REQUIRED)\b/
const MARKED_ID = /\[([A-Z]{3}-\d{3})\](\{rx\})?/g
/** Not the names of algorithms, which look alike. */
export const ANY_ID: RegExp = /\b(?!SHA|AES)[A-Z]{3}-\d{3}\b/g
/** One private character stands for one piece of inline code, whose words and full stops do not count. */
const FIRST_CODE = 0xe000
const CODE = /[\ue000-\uf8ff]/g
const ABBREVIATION = /\b(?:e\.g|i\.e|etc|vs|cf|no)\.$/i

export function parseSpec(markdown: string): ParsedSpec {
  const requirements: Requirement[] = []
  const findings: string[] = []
  const { prose, codes } = withoutInlineCode(markdown)
  const restore = (text: string) =>
    text.replace(CODE, (mark) => codes[mark.charCodeAt(0) - FIRST_CODE] as string)
  for (const sentence of proseBlocks(prose).flatMap(sentences)) {
    const ids = [...sentence.matchAll(MARKED_ID)]
    const isBinding = BINDS.test(sentence)
    if (isBinding && ids.length !== 1) findings.push(`${ids.length} ids: ${restore(sentence)}`)
    if (!isBinding && ids.length > 0) findings.push(`an id without a key word: ${restore(sentence)}`)
    if (isBinding && ids.length === 1 && !/\[[A-Z]{3}-\d{3}\](?:\{rx\})?[.]?$/.test(sentence)) {
      findings.push(`the id is not at the end: ${restore(sentence)}`)
    }
    for (const [mark, id, rx] of ids) {
      const text = restore(sentence)
        .replace(mark, '')
        .replace(/\s+\.$/, '.')
        .trim()
      requirements.push({ id: id as string, text, isReceiveCheck: rx !== undefined })
    }
  }
  const mentions = [...markdown.matchAll(ANY_ID)].map((match) => match[0])
  return { requirements, findings, mentions }
}

function withoutInlineCode(markdown: string): { prose: string; codes: string[] } {
  const codes: string[] = []
  const prose = withoutBlocks(markdown).replace(/`[^`\n]*`/g, (code) =>
    String.fromCharCode(FIRST_CODE + codes.push(code) - 1),
  )
  return { prose, codes }
}

/** Without code blocks, generated tables and comments. */
function withoutBlocks(markdown: string): string {
  return markdown
    .replace(/^(```|~~~)[\s\S]*?^\1\s*$/gm, '')
    .replace(/<!-- table:[a-z-]+ -->[\s\S]*?<!-- \/table:[a-z-]+ -->/g, '')
    .replace(/<!--[\s\S]*?-->/g, '')
}

/** Paragraphs, list items and table cells, each on one line; without headings. */
function proseBlocks(prose: string): string[] {
  const blocks: string[] = []
  let block = ''
  const close = () => {
    if (block !== '') blocks.push(block)
    block = ''
  }
  for (const line of prose.split('\n')) {
    const trimmed = line.trim()
    if (trimmed.startsWith('|')) {
      close()
      blocks.push(...trimmed.split('|').filter((cell) => cell.trim() !== ''))
    } else if (trimmed === '' || /^(#|<a )/.test(trimmed)) {
      close()
    } else {
      if (/^([-*+]|\d+\.)\s/.test(trimmed)) close()
      block = `${block} ${trimmed}`.trim()
    }
  }
  close()
  return blocks
}

/** The sentences of a block. A full stop inside a word or after a usual abbreviation ends none. */
export function sentences(block: string): string[] {
  const found: string[] = []
  let rest = ''
  for (const piece of block.replace(/^([-*+]|\d+\.)\s+/, '').split(/(?<=[.!?]["”)*_]*)\s+/)) {
    rest = rest === '' ? piece : `${rest} ${piece}`
    if (ABBREVIATION.test(rest)) continue
    found.push(rest)
    rest = ''
  }
  if (rest !== '') found.push(rest)
  return found
}
