/**
 * Owns: programs of this folder as plain JavaScript, made from the sources as they are now, for realms that
 * read nothing else.
 * Must not know: what runs them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { sourceAliases } from '../programs.js'

/** Bundles in a folder of their own, which `dispose` removes. */
export class Bundles {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'peerplex-behaviour-'))

  /** Bundles a program for Node; resolves with the file. */
  async make(source: URL): Promise<string> {
    const input = fileURLToPath(source)
    const file = join(this.dir, `${basename(input, '.ts')}.mjs`)
    await build({
      input,
      platform: 'node',
      resolve: { alias: sourceAliases() },
      output: { file, format: 'esm', codeSplitting: false },
      logLevel: 'silent',
    })
    return file
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
