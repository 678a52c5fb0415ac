import { createHash } from 'node:crypto'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The programs that the client tests run, each in a virtual environment of its own. */
export const clientNames = ['pip-23.1', 'pip-26.1.2', 'pip-latest', 'uv', 'pdm', 'keyring', 'python-nofuss'] as const

/** The name of a client: its requirements file and its environment are called after it. */
export type ClientName = (typeof clientNames)[number]

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

/** What a client's executable is called; the package it is of has the same name. */
export function programName(name: ClientName): string {
  if (name === 'python-nofuss') return 'keyring'
  return name.startsWith('pip-') ? 'pip' : name
}

/** A client's executable, installed or not. */
export function executablePath(name: ClientName): string {
  return join(environmentPath(name), 'bin', programName(name))
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

/** The absolute path of a client's executable; undefined when not installed or out of date. */
export function clientPath(name: ClientName): string | undefined {
  const environment = environmentPath(name)
  // The environment's own record of its Python saves starting one for every question.
  const version = /^version = (.+)$/m.exec(readIfThere(join(environment, 'pyvenv.cfg')))?.[1]
  if (version === undefined) return undefined
  if (readIfThere(stampPath(name)) !== currentStamp(name, version)) return undefined
  const path = executablePath(name)
  // The link to Python dangles when the machine's Python was removed or replaced.
  return isExecutable(path) && isExecutable(join(environment, 'bin', 'python')) ? path : undefined
}

/** The absolute path of the `pip` that a shell would run, if there is one. */
export function pipOnPath(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, 'pip'))
    .find(isExecutable)
}
