import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { billPaths, cycloneDx, packedFile, spdx } from './bill-of-materials.ts'
import { commitTime, isoTime } from './commit-time.ts'
import { manifest, packedFiles } from './packed-files.ts'
import { SupplyError, root } from './run.ts'

const own: readonly string[] = Object.values(billPaths)

/** Writes the bills of materials of what is built, and gives their paths. */
export async function writeBills(): Promise<readonly string[]> {
  if (!existsSync(join(root, 'dist', 'main.js'))) throw new SupplyError('nothing is built: npm run build')
  const files = packedFiles().filter((path) => !own.includes(path))
  const license = readFileSync(join(root, 'LICENSE'), 'utf8')
  const contents = {
    manifest: manifest(),
    time: isoTime(await commitTime()),
    files: files.map((path) => packedFile(path, readFileSync(join(root, path)))),
    copyright: /^Copyright.*$/m.exec(license)?.[0] ?? 'NOASSERTION',
  }
  writeFileSync(join(root, billPaths.cycloneDx), cycloneDx(contents))
  writeFileSync(join(root, billPaths.spdx), spdx(contents))
  return own
}
