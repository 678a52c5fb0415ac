// What this program says: its one error, and lines on stderr. Those have a grammar, `keyring: LEVEL: text`, one line
// each, lower case, no final period. A hint is a thing to do next, a notice what is being waited for. Nothing is
// written on success but a notice, which only a terminal gets, unless debug output was asked for.
import type { World } from './system.ts'

/** Every way in which a call can fail. The set is closed, so that a `switch` can be complete. */
export type ErrorCode =
  /** The command line is wrong: exit status 2. */
  | 'USAGE'
  /** The service text names an Azure host in a form that is not safe to use. */
  | 'SERVICE_REFUSED'
  /** A variable, the configuration file or a file that they name cannot be used. */
  | 'BAD_SETTING'
  /** A token cannot be a token: a control character in it, or too long. */
  | 'BAD_TOKEN'
  /** The feed's answer to the anonymous probe says too little or nothing. */
  | 'DISCOVERY_FAILED'
  /** An answer names a host to which no secret may go. */
  | 'UNTRUSTED_ENDPOINT'
  /** The feed is readable without a credential. Ends the call in silence. */
  | 'PUBLIC_FEED'
  /** A provider applies here and failed. */
  | 'PROVIDER_FAILED'
  /** A token was refused: expired, or 401 at the exchange. The next provider may do better. */
  | 'TOKEN_REJECTED'
  /** The exchange for a session token failed for another reason than the token. */
  | 'EXCHANGE_FAILED'
  /** No provider had a credential. */
  | 'NO_CREDENTIAL'
  /** A host could not be reached, or the connection was dropped. Tried again. */
  | 'NETWORK'
  /** A server's answer is too long, compressed or not HTTP. */
  | 'BAD_ANSWER'
  /** A certificate is not trusted, or TLS failed. Not tried again. */
  | 'TLS'
  /** The proxy refused. Not tried again. */
  | 'PROXY'
  /** The time of the whole call is over. */
  | 'TIMEOUT'
  /** The answer could not be written. */
  | 'OUTPUT'
  /** `keyring agent`: there is no agent and cannot be one, or it is not to be trusted. */
  | 'AGENT'

/**
 * The one error of this program. Its message is our own words: never a response body, a child's
 * output, a header value or the message of a foreign error, any of which can hold a secret.
 */
export class KeyringError extends Error {
  override readonly name = 'KeyringError'
  readonly code: ErrorCode
  /** Things to do next, each one line. */
  readonly hints: readonly string[]

  constructor(code: ErrorCode, message: string, ...hints: readonly string[]) {
    super(message)
    this.code = code
    this.hints = hints
  }
}

/** The `code` of a foreign error (`ENOENT`, `ECONNRESET`), also where `fetch` hides it in `cause`. */
export function foreignCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code
  }
  return undefined
}

/** What a line on stderr is. */
export type Level = 'error' | 'warning' | 'hint' | 'notice' | 'debug'

const LINE_LIMIT = 1000

/**
 * Writes one line to stderr and, when `ARTIFACTS_KEYRING_NOFUSS_LOG` names a file, to that file.
 *
 * @returns the line, empty where nobody wants it
 */
export function log(system: World, level: Level, message: string): string {
  const { logFile, showsDebug } = system
  const shown = level !== 'debug' || showsDebug
  if (!shown && logFile === undefined) return ''
  const line = `keyring: ${level}: ${oneLine(message)}\n`
  if (shown) system.writeErr(line)
  const time = new Date(system.now()).toISOString()
  // A log that cannot be written must not cost the user the credential.
  if (logFile !== undefined) system.appendFile(logFile, `${time} ${system.pid} ${line}`)
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
