import { type JsonObject, parseJsonObject, stringMember } from '../../net/json.ts'
import type { Answer } from '../../net/request.ts'
import { debug, KeyringError } from '../../system/messages.ts'
import { readToken } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'

/**
 * Reads the answer of an identity endpoint.
 *
 * @throws KeyringError PROVIDER_FAILED when it is an error or holds no token with an end
 */
export function parseTokenAnswer(answer: Answer, source: string, system: System): FoundToken | Unavailable {
  if (answer.status === 400) return { unavailable: `${source} knows no such identity` }
  if (answer.status === 403 && answer.text.includes('unreachable')) {
    return { unavailable: `${source} cannot be reached` }
  }
  if (answer.status !== 200) {
    const code = errorCode(answer.text)
    throw new KeyringError('PROVIDER_FAILED', `${source} answered ${answer.status}${code}`)
  }
  const fields = parseJsonObject(answer.text)
  const token = readToken(stringMember(fields, 'access_token') ?? '', `the answer of ${source}`)
  if (token === undefined) throw new KeyringError('PROVIDER_FAILED', `${source} answered 200 without an access token`)
  const end = expiryMs(fields ?? {}, system.now())
  if (end === undefined) throw new KeyringError('PROVIDER_FAILED', `${source} does not say when its token ends`)
  debug(system, `the token of ${source} ends at ${new Date(end).toISOString()}`)
  return { token, source }
}

/** The code of an error body, in the forms of Cloud Shell, Service Fabric and the others. */
function errorCode(text: string): string {
  const fields = parseJsonObject(text)
  const nested = fields?.['error']
  const code = typeof nested === 'object' && nested !== null ? (nested as JsonObject)['code'] : nested
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? `: ${code}` : ''
}

/**
 * When a token ends, in milliseconds since 1970. Sources write `expires_on` as a number or digits
 * (seconds), as US date (Azure ML) or ISO 8601, and some only `expires_in` (seconds from now).
 *
 * @returns undefined when there is neither, or one that fits no form as a whole
 */
export function expiryMs(fields: JsonObject, nowMs: number): number | undefined {
  const on = fields['expires_on']
  if (on === undefined || on === null || on === '') {
    const seconds = wholeSeconds(fields['expires_in'])
    return seconds === undefined ? undefined : nowMs + seconds * 1000
  }
  const seconds = wholeSeconds(on)
  const ms = seconds === undefined ? dateMs(String(on)) : seconds * 1000
  return ms !== undefined && Math.abs(ms) <= 8.64e15 ? ms : undefined
}

function wholeSeconds(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  return typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : undefined
}

const US_DATE = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2}):(\d{2})(?: (AM|PM))? \+00:00$/

function dateMs(text: string): number | undefined {
  const parts = US_DATE.exec(text)
  if (parts === null) {
    const iso = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
    return Number.isNaN(iso) ? undefined : iso
  }
  const [month, day, year, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number, number, number, number, number, number,
  ]
  const half = parts[7]
  const hours = half === undefined ? hour : (hour % 12) + (half === 'PM' ? 12 : 0)
  return Date.UTC(year, month - 1, day, hours, minute, second)
}
