// stderr has a grammar: `keyring: LEVEL: text`, one line each, lower case, no final period. A hint
// is a thing to do next, a notice what is being waited for. Nothing is written on success but a notice,
// which only a terminal gets, unless debug output was asked for.
import { isOn, setting } from './settings.ts'
import type { World } from './system.ts'

/** What a line on stderr is. */
export type Level = 'error' | 'warning' | 'hint' | 'notice' | 'debug'

const LINE_LIMIT = 1000

/**
 * Writes one line to stderr and, when `ARTIFACTS_KEYRING_NOFUSS_LOG` names a file, to that file.
 *
 * @returns the line, empty where nobody wants it
 */
export function log(system: World, level: Level, message: string): string {
  const file = setting(system, 'ARTIFACTS_KEYRING_NOFUSS_LOG')
  const shown = level !== 'debug' || isOn(system, 'ARTIFACTS_KEYRING_NOFUSS_DEBUG')
  if (!shown && file === undefined) return ''
  const line = `keyring: ${level}: ${oneLine(message)}\n`
  if (shown) system.writeErr(line)
  const time = new Date(system.now()).toISOString()
  // A log that cannot be written must not cost the user the credential.
  if (file !== undefined) system.appendFile(file, `${time} ${system.pid} ${line}`)
  return line
}

/**
 * Logs what a person should see. Where stderr is no terminal, they also see it on theirs, if the call is
 * one of those that may write there.
 */
export async function show(system: World, lines: readonly (readonly [Level, string])[]): Promise<void> {
  const written = lines.map(([level, message]) => log(system, level, message))
  if (!(await system.stderrIsTerminal())) await system.writeTerminal(written.join(''))
}

/** Tells a person who is waiting why: on a terminal, or not at all. */
export async function notice(system: World, message: string): Promise<void> {
  const quiet = (await system.stderrIsTerminal()) ? system : { ...system, writeErr: () => {} }
  await show(quiet, [['notice', message]])
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
