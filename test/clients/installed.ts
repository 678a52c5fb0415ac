import { createHash } from 'node:crypto'
import { accessSync, constants, readFileSync } from 'node:fs'
import { basename, delimiter, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The virtual environments that the client tests run programs of, with these programs. Clients share
 * one where none of them looks at what is beside it.
 */
const ENVIRONMENTS = {
  'pip-23.1': ['pip'],
  'pip-24.0': ['pip'],
  'pip-25.0.1': ['pip'],
  'pip-26.1.2': ['pip'],
  'pip-latest': ['pip'],
  uv: ['uv'],
  pdm: ['pdm'],
  // None of these brings Python's keyring, which pip would ask instead of the executable.
  frontends: ['pipx', 'pyproject-build', 'pip-audit'],
  // Not with them: it brings virtualenv, which `build` would use.
  tox: ['tox'],
  keyring: ['keyring'],
  // What the benchmark is compared with: the backend for Python's keyring, in that keyring.
  'python-nofuss': ['keyring'],
  // These import Python's keyring, and have its backend keyring-subprocess beside them.
  importers: ['twine', 'poetry'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** The name of an environment; its requirements file is called after it. */
export type ClientName = keyof typeof ENVIRONMENTS

/** Every environment, in the order in which they are installed. */
export const clientNames = Object.keys(ENVIRONMENTS) as readonly ClientName[]

/** Where `npm run clients` and `npm run nodes` put what they install. */
export const clientsDirectory = fileURLToPath(new URL('../../.clients/', import.meta.url))

/** A client's requirements file. */
export function requirementsPath(name: ClientName): string {
  return fileURLToPath(new URL(`${name}.txt`, import.meta.url))
}

/** A client's virtual environment, installed or not. */
export function environmentPath(name: ClientName): string {
  return join(clientsDirectory, name)
}

/** The executables of an environment that tests run, installed or not; the first is its main one. */
export function executablePaths(name: ClientName): readonly string[] {
  return ENVIRONMENTS[name].map((program) => join(environmentPath(name), 'bin', program))
}

/** The file whose content says what an environment was installed from. */
export function stampPath(name: ClientName): string {
  return join(environmentPath(name), 'installed.stamp')
}

/** What the stamp of an up-to-date environment holds. */
export function currentStamp(name: ClientName, pythonVersion: string): string {
  const requirements = createHash('sha256').update(readFileSync(requirementsPath(name)))
  // The place counts too: a virtual environment's scripts name it, so a moved one is broken.
  return `${requirements.digest('hex')} ${pythonVersion} ${environmentPath(name)}\n`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * The absolute path of an environment's executable, its main one unless another is named; undefined when
 * not installed or out of date.
 */
export function clientPath(name: ClientName, program?: string): string | undefined {
  const environment = environmentPath(name)
  // The environment's own record of its Python saves starting one for every question.
  const version = /^version = (.+)$/m.exec(readIfThere(join(environment, 'pyvenv.cfg')))?.[1]
  if (version === undefined) return undefined
  if (readIfThere(stampPath(name)) !== currentStamp(name, version)) return undefined
  const paths = executablePaths(name)
  const path = program === undefined ? paths[0] : paths.find((one) => basename(one) === program)
  // The link to Python dangles when the machine's Python was removed or replaced.
  if (path === undefined || !isExecutable(path)) return undefined
  return isExecutable(join(environment, 'bin', 'python')) ? path : undefined
}

/** The absolute path of the `pip` that a shell would run, if there is one. */
export function pipOnPath(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, 'pip'))
    .find(isExecutable)
}
