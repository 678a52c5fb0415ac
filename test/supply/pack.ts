import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SupplyError, run } from './run.ts'

const packTimeoutMs = 300_000

/**
 * Downloads one package's tarball with npm and gives its path and bytes.
 *
 * The directory must be for this package alone: what npm calls the file in its own output differs
 * between npm versions for a scoped package, so the one file that appears there is taken instead.
 */
export async function pack(
  name: string,
  version: string,
  directory: string,
): Promise<{ path: string; bytes: Buffer }> {
  await mkdir(directory, { recursive: true })
  await run(
    'npm',
    // A cache of its own: what is hashed is what the registry serves now, not an earlier copy.
    ['pack', `${name}@${version}`, '--ignore-scripts', '--pack-destination', directory,
      '--cache', join(directory, 'cache'), '--no-update-notifier', '--loglevel', 'error'],
    { timeoutMs: packTimeoutMs, cwd: directory },
  )
  const [file, ...others] = (await readdir(directory)).filter((entry) => entry.endsWith('.tgz'))
  if (file === undefined || others.length > 0) {
    throw new SupplyError(`${name} ${version}: npm pack did not make exactly one file`)
  }
  const path = join(directory, file)
  return { path, bytes: await readFile(path) }
}

/** The SHA-256 of some bytes, in hex. */
export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The SHA-512 of some bytes as npm writes it in a lock: `sha512-` and base64. */
export function sha512Integrity(bytes: Buffer): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`
}
