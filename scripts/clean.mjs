// Removes what the build and the tests write. `dist` and the compiler's notes go together: with the notes alone, `tsc -b` believes it has nothing to do.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, workspacePackages } from './workspace.mjs'

for (const dir of ['.cache', 'coverage', ...workspacePackages().map((pkg) => `${pkg.dir}/dist`)]) {
  rmSync(join(root, dir), { recursive: true, force: true })
}
