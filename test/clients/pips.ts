import { clientPath, pipOnPath } from './installed.ts'

/** A pip that tests run. */
export interface Pip {
  readonly name: string
  /** Undefined when it is not installed. */
  readonly path: string | undefined
  /** Whether it is 26.2 or newer. */
  readonly speaksJson: boolean
}

/** One pip of every generation, the newest last. */
export const PIPS: readonly Pip[] = [
  { name: 'pip 23.1', path: clientPath('pip-23.1'), speaksJson: false },
  { name: 'pip 24.0', path: clientPath('pip-24.0'), speaksJson: false },
  { name: 'pip 25.0.1', path: clientPath('pip-25.0.1'), speaksJson: false },
  { name: 'pip 26.1.2', path: clientPath('pip-26.1.2'), speaksJson: false },
  { name: 'the newest pip', path: clientPath('pip-latest'), speaksJson: true },
]

/** The pip of the machine. */
export const PIP_ON_PATH = pipOnPath()

/** Whether a pip of this version asks for user and password as JSON, which 26.2 began. */
export function speaksJson(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 26 || (major === 26 && minor >= 2)
}

/**
 * The arguments with which a pip asks about a service. Before 26.2 it wants the password and must know a
 * user; from then on it wants both, and a user is welcome.
 */
export function pipAsks(json: boolean, service: string, user?: string): readonly string[] {
  const named = user === undefined ? [service] : [service, user]
  return [...(json ? ['--mode=creds', '--output=json'] : []), 'get', ...named]
}
