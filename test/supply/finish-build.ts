// The last step of `npm run build`: what tsc does not make of src/.
import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifest, packedFiles } from './packed-files.ts'
import { root, script } from './run.ts'
import { writeBills } from './write-bills.ts'

/** npm packs a file with the mode it has, and that depends on the umask of whoever cloned and built. */
function setModes(): void {
  const programs = Object.values(manifest().bin)
  for (const path of packedFiles()) chmodSync(join(root, path), programs.includes(path) ? 0o755 : 0o644)
}

await script('build', async () => {
  copyFileSync(join(root, 'bin', 'package.json'), join(root, 'dist', 'package.json'))
  await writeBills()
  setModes()
})
