import { debug, KeyringError } from '../system/messages.ts'
import { wholeNumber } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import type { Answer, RequestOptions } from './request.ts'

const TRANSIENT = [429, 500, 502, 503, 504]
const BASE_MS = 500
const CAP_MS = 8_000

/**
 * Tries again after 429, a 5xx or a dropped connection, with full jitter; never after a TLS error,
 * a refusal of the proxy or any other status.
 *
 * @returns the last answer, whatever its status
 * @throws KeyringError of the last attempt, TIMEOUT when the call's time is over
 */
export async function retried(
  system: System,
  host: string,
  options: RequestOptions,
  attempt: () => Promise<Answer>,
): Promise<Answer> {
  const most = options.attempts ?? attemptsSetting(system)
  const transient = options.transient ?? ((status) => TRANSIENT.includes(status))
  for (let number = 1; ; number += 1) {
    const outcome = await attempt().catch(retryable)
    const failed = outcome instanceof KeyringError
    if (!failed && !transient(outcome.status)) return outcome
    const asked = failed ? undefined : retryAfterMs(system, outcome.header('retry-after'))
    const planned = options.waitMs?.(number, failed ? undefined : outcome.status)
    const wait = asked ?? planned ?? jitter(system, number)
    // Waiting beyond the end of the call would only make the same answer come later.
    const tooLate = system.now() + wait >= system.endsAt
    if (tooLate && number < most) debug(system, `no time is left to try ${host} again`)
    if (tooLate || number >= most) {
      if (failed) throw outcome
      return outcome
    }
    debug(system, `trying ${host} again in ${Math.round(wait)} ms (attempt ${number} of ${most})`)
    await system.sleep(wait, system.signal)
    if (system.signal.aborted) throw (await import('./network-error.ts')).outOfTime(host)
  }
}

/** How often a request is tried: ARTIFACTS_KEYRING_NOFUSS_RETRIES, 1 to 10, default 3. */
function attemptsSetting(system: System): number {
  const bounds = { least: 1, most: 10, fallback: 3 }
  return wholeNumber(system, 'ARTIFACTS_KEYRING_NOFUSS_RETRIES', bounds)
}

function retryable(error: unknown): KeyringError {
  if (error instanceof KeyringError && error.code === 'NETWORK') return error
  throw error
}

/** Full jitter: anything from nothing to a bound that doubles with each attempt. */
function jitter(system: System, number: number): number {
  return system.random() * Math.min(CAP_MS, BASE_MS * 2 ** (number - 1))
}

/**
 * Retry-After in seconds or as a date (RFC 9110 §10.2.3), as milliseconds from now. Exactly these:
 * `Date.parse` makes a date of almost any word with a number.
 */
function retryAfterMs(system: System, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const isDate = /^[a-z]{3}, \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/i.test(value)
  const time = isDate ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? undefined : Math.max(0, time - system.now())
}
