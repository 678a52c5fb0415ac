// Installs the clients that the tests run, each in a virtual environment (`npm run clients`).
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientName } from '../clients/installed.ts'
import {
  clientNames,
  clientPath,
  clientsDirectory,
  currentStamp,
  environmentPath,
  executablePath,
  programName,
  requirementsPath,
  stampPath,
} from '../clients/installed.ts'
import { SupplyError, mapFew, run, script } from './run.ts'

const atOnce = 2
const askTimeoutMs = 60_000
const installTimeoutMs = 300_000

async function pythonVersion(): Promise<string> {
  const program = 'import ensurepip, platform, venv; print(platform.python_version())'
  try {
    return (await run('python3', ['-c', program], { timeoutMs: askTimeoutMs })).trim()
  } catch {
    throw new SupplyError('needs python3 with its venv module (Debian: python3-venv) on the PATH')
  }
}

async function install(name: ClientName): Promise<void> {
  const environment = environmentPath(name)
  const python = join(environment, 'bin', 'python')
  await rm(environment, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', environment], { timeoutMs: installTimeoutMs })
  // pip asks a `keyring` on the PATH about its indexes; an install must not depend on one.
  const args = ['-m', 'pip', 'install', '--require-hashes',
    // The file names everything already, and pip does not see that a plain line pins an extra.
    '--no-deps', '--only-binary', ':all:', '--no-input']
  const files = ['--disable-pip-version-check', '--requirement', requirementsPath(name)]
  await run(python, [...args, ...files], {
    timeoutMs: installTimeoutMs,
    env: { PIP_KEYRING_PROVIDER: 'disabled' },
  })
}

// An environment's Python brings a pip of its own, so that the pinned one won is worth a look.
async function checkVersion(name: ClientName): Promise<string> {
  const program = programName(name)
  const pinned = new RegExp(`^${program}==(\\S+)`, 'm')
  const expected = pinned.exec(await readFile(requirementsPath(name), 'utf8'))?.[1]
  const ask = 'import sys, importlib.metadata as m; print(m.version(sys.argv[1]))'
  const python = join(environmentPath(name), 'bin', 'python')
  const version = (await run(python, ['-c', ask, program], { timeoutMs: askTimeoutMs })).trim()
  if (version !== expected) throw new SupplyError(`${name}: has ${version}, not ${expected}`)
  await run(executablePath(name), ['--help'], { timeoutMs: askTimeoutMs })
  return version
}

async function ensure(name: ClientName, python: string): Promise<void> {
  // Together: `clientPath` knows the environment's Python, and this one may be another by now.
  const stamp = await readFile(stampPath(name), 'utf8').catch(() => '')
  if (stamp === currentStamp(name, python) && clientPath(name) !== undefined) {
    process.stdout.write(`${name}: already there\n`)
    return
  }
  await install(name)
  const version = await checkVersion(name)
  // Last: an environment that was interrupted half-way has no stamp and is made anew.
  await writeFile(stampPath(name), currentStamp(name, python))
  if (clientPath(name) === undefined) throw new SupplyError(`${name}: installed, but not usable`)
  process.stdout.write(`${name}: installed ${version}\n`)
}

await script('clients', async () => {
  const python = await pythonVersion()
  await mkdir(clientsDirectory, { recursive: true })
  await mapFew(atOnce, clientNames, (name) => ensure(name, python))
})
