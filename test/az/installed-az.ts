import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, SupplyError } from '../supply/run.ts'

const UPDATE_MS = 5 * 60_000
const INSTALL_MS = 25 * 60_000

/**
 * The path of the Azure CLI. When there is none, Debian's package is installed, which only root
 * can do.
 *
 * @throws SupplyError in one line that says what is missing
 */
export async function installedAz(): Promise<string> {
  const found = onPath('az')
  if (found !== undefined) return found
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined) {
    throw new SupplyError('needs az on the PATH; only root on Debian can install it here')
  }
  console.log('installing the Azure CLI, which takes minutes')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await apt(['update'], UPDATE_MS, env)
  await apt(['install', '-y', '--no-install-recommends', 'azure-cli'], INSTALL_MS, env)
  const made = onPath('az')
  if (made === undefined) throw new SupplyError('the package azure-cli has brought no az')
  return made
}

async function apt(
  args: readonly string[], timeoutMs: number, env: Readonly<Record<string, string>>,
): Promise<void> {
  try {
    await run('apt-get', args, { timeoutMs, env })
  } catch (error) {
    const lines = String(error instanceof Error ? error.message : error).trim().split('\n')
    const reason = lines.find(line => line.startsWith('E: ')) ?? lines[0] ?? ''
    throw new SupplyError(`cannot install the Azure CLI: apt-get ${args[0] ?? ''}: ${reason}`)
  }
}

function onPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '')
  return folders.map(folder => join(folder, name)).find(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
