// stderr has a grammar: `keyring: LEVEL: text`, one line each, lower case, no final period. A hint
// is a thing to do next. Nothing is written on success unless debug output was asked for.
import { isOn, setting } from './settings.ts'
import type { World } from './system.ts'

/** What a line on stderr is. */
export type Level = 'error' | 'warning' | 'hint' | 'debug'

const LINE_LIMIT = 1000

/** Writes one line to stderr and, when `ARTIFACTS_KEYRING_NOFUSS_LOG` names a file, to that file. */
export function log(system: World, level: Level, message: string): void {
  const file = setting(system, 'ARTIFACTS_KEYRING_NOFUSS_LOG')
  const shown = level !== 'debug' || isOn(system, 'ARTIFACTS_KEYRING_NOFUSS_DEBUG')
  if (!shown && file === undefined) return
  const line = `keyring: ${level}: ${oneLine(message)}`
  if (shown) system.writeErr(`${line}\n`)
  if (file === undefined) return
  const time = new Date(system.now()).toISOString()
  // A log that cannot be written must not cost the user the credential.
  system.appendFile(file, `${time} ${system.pid} ${line}\n`)
}

/** A line for those who asked for debug output, with the milliseconds since the start of the process. */
export function debug(system: World, message: string): void {
  log(system, 'debug', `${message}, at ${system.now() - system.startedAt} ms`)
}

/** Makes untrusted text safe for a terminal: one line, no control characters, bounded length. */
export function oneLine(text: string): string {
  const safe = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trimEnd()
  return safe.length > LINE_LIMIT ? `${safe.slice(0, LINE_LIMIT)}…` : safe
}
