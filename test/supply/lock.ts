// Writes requirements-lock.txt (`npm run lock`) or checks it against new downloads
// (`npm run lock:verify`).
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LockedPackage, Parts, Requirement } from './lockfile.ts'
import { formatLock, lockedPackages } from './lockfile.ts'
import { nodePackage, nodeVersions, windowsNode } from './node-versions.ts'
import { pack, sha256, sha512Integrity } from './pack.ts'
import { SupplyError, mapFew, root, run, script } from './run.ts'

const atOnce = 3
const viewTimeoutMs = 120_000
const lockPath = join(root, 'requirements-lock.txt')

// A Node binary is not a dependency, so the registry's own record stands in for a lock entry.
async function nodeEntry(wanted: Pick<LockedPackage, 'name' | 'version'>): Promise<LockedPackage> {
  const { name, version } = wanted
  const args = ['view', `${name}@${version}`, 'dist.integrity', '--loglevel', 'error']
  const integrity = (await run('npm', args, { timeoutMs: viewTimeoutMs })).trim()
  return { name, version, integrity }
}

async function pin(entry: LockedPackage, directory: string): Promise<Requirement> {
  const { name, version } = entry
  const own = await mkdtemp(join(directory, 'package-'))
  const { bytes } = await pack(name, version, own)
  // At once rather than at the end: all platforms' compilers together are near a gigabyte.
  await rm(own, { recursive: true })
  if (sha512Integrity(bytes) !== entry.integrity) {
    throw new SupplyError(`${name} ${version}: the tarball does not match its recorded SHA-512`)
  }
  return { name, version, sha256: sha256(bytes) }
}

async function download(): Promise<Parts> {
  const lock: unknown = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  const directory = await mkdtemp(join(tmpdir(), 'lock-'))
  // On exit rather than in `finally`: a failure or Ctrl-C ends the process while others download.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const pinAll = (entries: readonly LockedPackage[]): Promise<Requirement[]> =>
    mapFew(atOnce, entries, (entry) => pin(entry, directory))
  const toolchain = await pinAll(lockedPackages(lock))
  const binaries = [...nodeVersions.map((version) => ({ name: nodePackage, version })), windowsNode]
  const node = await pinAll(await mapFew(atOnce, binaries, nodeEntry))
  return { runtime: [], toolchain, node }
}

async function writeLock(): Promise<void> {
  const parts = await download()
  await writeFile(lockPath, formatLock(parts))
  const count = parts.toolchain.length + parts.node.length
  process.stdout.write(`requirements-lock.txt: ${count} packages\n`)
}

async function verifyLock(): Promise<void> {
  const recorded = (await readFile(lockPath, 'utf8').catch(() => '')).split('\n')
  const downloaded = formatLock(await download()).split('\n')
  const differing = [
    ...recorded.filter((line) => !downloaded.includes(line)).map((line) => `- ${line}`),
    ...downloaded.filter((line) => !recorded.includes(line)).map((line) => `+ ${line}`),
  ]
  if (differing.length > 0) {
    const lines = differing.join('\n')
    throw new SupplyError(`requirements-lock.txt (-) differs from the downloads (+)\n${lines}`)
  }
  if (recorded.join('\n') !== downloaded.join('\n')) {
    throw new SupplyError('requirements-lock.txt has the right lines in another order')
  }
  process.stdout.write('requirements-lock.txt: every hash matches a new download\n')
}

await script('lock', process.argv.includes('--verify') ? verifyLock : writeLock)
