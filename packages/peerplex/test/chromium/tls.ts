/**
 * Owns: where a certificate for 127.0.0.1 comes from that no browser trusts.
 * Must not know: who uses it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../../../scripts/workspace.mjs'

const folder = join(root, 'packages/transport-ws/test/certificates')

export const TLS = {
  cert: readFileSync(join(folder, 'cert.pem'), 'utf8'),
  key: readFileSync(join(folder, 'key.pem'), 'utf8'),
}
