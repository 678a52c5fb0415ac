// Builds this checkout and compares a package with the result, file by file
// (`npm run verify -- artifacts-keyring-nofuss-X.tgz`).
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { billPaths } from './bill-of-materials.ts'
import { sha256 } from './pack.ts'
import { SupplyError, root, run, script } from './run.ts'
import { differences, readTarball } from './tarball.ts'
import type { TarFile } from './tarball.ts'

const timeoutMs = 300_000

/** When the package says it was built, in seconds since 1970. */
function recordedTime(files: readonly TarFile[]): string | undefined {
  const bill = files.find(({ path }) => path === billPaths.cycloneDx)?.bytes.toString('utf8') ?? ''
  const time = Date.parse(/"timestamp": "([^"]+)"/.exec(bill)?.[1] ?? '')
  return Number.isNaN(time) ? undefined : String(time / 1000)
}

/** Packs what this checkout builds. Without git the package's own record says of what time it is. */
async function build(time: string | undefined): Promise<Buffer> {
  const known = existsSync(join(root, '.git')) || time === undefined
  const env = known ? {} : { SOURCE_DATE_EPOCH: time }
  const directory = await mkdtemp(join(tmpdir(), 'verify-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  await run('npm', ['run', '--silent', 'build'], { timeoutMs, env })
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], { timeoutMs })
  const [file = ''] = await readdir(directory)
  return readFile(join(directory, file))
}

async function verify(path: string): Promise<void> {
  const given = await readFile(path).catch(() => undefined)
  if (given === undefined) throw new SupplyError(`cannot read ${path}`)
  const files = readTarball(given)
  const built = await build(recordedTime(files))
  const found = differences(files, readTarball(built))
  if (found.length > 0) {
    throw new SupplyError(`${path} is not what this checkout builds\n${found.join('\n')}`)
  }
  // Only the compression is left to differ, which no file shows: another npm packed it.
  const same = given.equals(built) ? '' : ', compressed by another npm'
  process.stdout.write(`${files.length} files, each as this checkout builds it${same}\n`)
  process.stdout.write(`sha256 ${sha256(given)}\n`)
}

await script('verify', async () => {
  const [path, ...others] = process.argv.slice(2)
  if (path === undefined || others.length > 0) {
    throw new SupplyError('usage: npm run verify -- artifacts-keyring-nofuss-X.tgz')
  }
  try {
    await verify(resolve(path))
  } catch (error) {
    // What zlib says of a file that is no archive.
    const bad = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
    throw bad ? new SupplyError(`${path} is no package: ${error.message}`) : error
  }
})
