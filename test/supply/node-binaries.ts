// Puts the Node binaries that the tests run on into .clients (`npm run nodes`).
import { rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clientsDirectory } from '../clients/installed.ts'
import type { Requirement } from './lockfile.ts'
import { parseLock } from './lockfile.ts'
import { nodePackage, nodeVersions } from './node-versions.ts'
import { pack, sha256 } from './pack.ts'
import { SupplyError, root, run, script } from './run.ts'

const askTimeoutMs = 60_000
const extractTimeoutMs = 120_000

async function works(binary: string, version: string): Promise<boolean> {
  try {
    return (await run(binary, ['--version'], { timeoutMs: askTimeoutMs })).trim() === `v${version}`
  } catch {
    return false
  }
}

async function install(pinned: Requirement, directory: string): Promise<void> {
  const { name, version } = pinned
  // Beside its destination: a rename across file systems would fail.
  const temporary = await mkdtemp(join(clientsDirectory, 'unpack-'))
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))
  const { path, bytes } = await pack(name, version, temporary)
  if (sha256(bytes) !== pinned.sha256) {
    throw new SupplyError(`${name} ${version}: not the SHA-256 of requirements-lock.txt`)
  }
  const args = ['-xzf', path, '-C', temporary, 'package/bin/node', 'package/LICENSE']
  await run('tar', args, { timeoutMs: extractTimeoutMs })
  const unpacked = join(temporary, 'package')
  await chmod(join(unpacked, 'bin', 'node'), 0o755)
  if (!(await works(join(unpacked, 'bin', 'node'), version))) {
    throw new SupplyError(`${name} ${version}: bin/node does not run or is another version`)
  }
  await writeFile(join(unpacked, 'installed.stamp'), `${pinned.sha256}\n`)
  await rm(directory, { recursive: true, force: true })
  await rename(unpacked, directory)
  await rm(temporary, { recursive: true, force: true })
}

async function ensure(pinned: Requirement): Promise<string> {
  const directory = join(clientsDirectory, `node-${pinned.version.replace(/\..*/, '')}`)
  const binary = join(directory, 'bin', 'node')
  const stamp = await readFile(join(directory, 'installed.stamp'), 'utf8').catch(() => '')
  const current = stamp === `${pinned.sha256}\n` && (await works(binary, pinned.version))
  if (!current) await install(pinned, directory)
  return binary
}

await script('nodes', async () => {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SupplyError(`${nodePackage} runs on Linux on x64 only`)
  }
  const recorded = parseLock(await readFile(join(root, 'requirements-lock.txt'), 'utf8')).node
  await mkdir(clientsDirectory, { recursive: true })
  for (const version of nodeVersions) {
    const pinned = recorded.find((item) => item.name === nodePackage && item.version === version)
    if (pinned === undefined) {
      throw new SupplyError(`requirements-lock.txt lacks ${nodePackage} ${version}: npm run lock`)
    }
    process.stdout.write(`${await ensure(pinned)}\n`)
  }
})
