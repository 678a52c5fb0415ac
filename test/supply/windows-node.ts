import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { clientsDirectory } from '../clients/installed.ts'
import { parseLock } from './lockfile.ts'
import { windowsNode } from './node-versions.ts'
import { pack, sha256 } from './pack.ts'
import { SupplyError, root, run } from './run.ts'

const timeoutMs = 120_000
const directory = join(clientsDirectory, `${windowsNode.name}-${windowsNode.version}`)

/** Where Node for Windows is kept once it was downloaded. */
export const windowsNodePath = join(directory, 'node.exe')

/** Downloads Node for Windows, if it is not there, checks it against requirements-lock.txt, gives its path. */
export async function ensureWindowsNode(): Promise<string> {
  if (existsSync(windowsNodePath)) return windowsNodePath
  const { name, version } = windowsNode
  const recorded = parseLock(await readFile(join(root, 'requirements-lock.txt'), 'utf8')).node
  const pinned = recorded.find((item) => item.name === name && item.version === version)
  await mkdir(clientsDirectory, { recursive: true })
  // Beside its destination: a rename across file systems would fail.
  const temporary = await mkdtemp(join(clientsDirectory, 'unpack-'))
  try {
    const { path, bytes } = await pack(name, version, temporary)
    if (sha256(bytes) !== pinned?.sha256) {
      throw new SupplyError(`${name} ${version}: not the SHA-256 of requirements-lock.txt`)
    }
    await run('tar', ['-xzf', path, '-C', temporary, 'package/bin/node.exe'], { timeoutMs })
    await rename(join(temporary, 'package', 'bin'), directory)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return windowsNodePath
}
