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
  executablePaths,
  requirementsPath,
  stampPath,
} from '../clients/installed.ts'
import { requirements } from './client-requirements.ts'
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
async function checkVersions(name: ClientName): Promise<string> {
  const python = join(environmentPath(name), 'bin', 'python')
  const ask = 'import importlib.metadata as m; print(*[f"{d.name}=={d.version}" for d in m.distributions()])'
  const listed = await run(python, ['-c', ask], { timeoutMs: askTimeoutMs })
  const installed = new Set(listed.trim().split(' ').map(normalized))
  const text = await readFile(requirementsPath(name), 'utf8')
  const versions = requirements[name].map((requirement) => {
    const project = /^[\w-]+/.exec(requirement)?.[0] ?? ''
    // More than one where an older Python gets an older version.
    const pins = text.match(new RegExp(`^${project}==[^\\s;]+`, 'gm')) ?? []
    const there = pins.find((pin) => installed.has(normalized(pin)))
    if (there === undefined) throw new SupplyError(`${name}: has no pinned ${project}`)
    return there
  })
  for (const path of executablePaths(name)) await run(path, ['--help'], { timeoutMs: askTimeoutMs })
  return versions.join(', ')
}

/** A project's name as every spelling of it is compared (PEP 503). */
function normalized(pin: string): string {
  return pin.toLowerCase().replaceAll(/[-_.]+(?=.*==)/g, '-')
}

async function ensure(name: ClientName, python: string): Promise<void> {
  // Together: `clientPath` knows the environment's Python, and this one may be another by now.
  const stamp = await readFile(stampPath(name), 'utf8').catch(() => '')
  if (stamp === currentStamp(name, python) && clientPath(name) !== undefined) {
    process.stdout.write(`${name}: already there\n`)
    return
  }
  await install(name)
  const versions = await checkVersions(name)
  // Last: an environment that was interrupted half-way has no stamp and is made anew.
  await writeFile(stampPath(name), currentStamp(name, python))
  if (clientPath(name) === undefined) throw new SupplyError(`${name}: installed, but not usable`)
  process.stdout.write(`${name}: installed ${versions}\n`)
}

await script('clients', async () => {
  const python = await pythonVersion()
  await mkdir(clientsDirectory, { recursive: true })
  await mapFew(atOnce, clientNames, (name) => ensure(name, python))
})
