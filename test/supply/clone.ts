import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.ts'

const timeoutMs = 300_000

/** How a clone is made and built. */
export interface Circumstances {
  /** The umask of every step, such as `077`. */
  readonly umask: string
  readonly env: Readonly<Record<string, string>>
}

/** Runs a command line of the shell in a folder, under some circumstances. */
export function inShell(command: string, cwd: string, { umask, env }: Circumstances): Promise<string> {
  return run('sh', ['-c', `umask ${umask} && ${command}`], { timeoutMs, cwd, env })
}

/** Clones the commit that is checked out here; the packages that build it are those of this checkout. */
export async function clone(directory: string, circumstances: Circumstances): Promise<void> {
  const { umask } = circumstances
  await inShell(`git clone --quiet '${root}' '${directory}'`, root, { ...circumstances, umask })
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'), 'dir')
}

/** Builds and packs a clone as the README says, and gives the path of the package. */
export async function buildAndPack(directory: string, circumstances: Circumstances): Promise<string> {
  await inShell('npm run --silent build && npm pack --silent', directory, circumstances)
  const name = await inShell('ls artifacts-keyring-nofuss-*.tgz', directory, circumstances)
  return join(directory, name.trim())
}
