import { debug, foreignCode, KeyringError } from '../system/messages.ts'
import { Secret } from '../system/settings.ts'
import type { FetchResponse, System } from '../system/system.ts'
import type { TrustedUrl } from './allowlist.ts'
import { retried } from './retry.ts'

/** What a server answered. */
export interface Answer {
  readonly status: number
  /** The value of a header, repeated lines joined with a comma; undefined when absent. */
  readonly header: (name: string) => string | undefined
  /** The body; empty where it was not wanted. */
  readonly text: string
}

/** How a request is made. All times are milliseconds. */
export interface RequestOptions {
  readonly method?: 'GET' | 'POST'
  /** Longest wait for one attempt, from connecting to the last byte. */
  readonly timeoutMs?: number
  /** Most bytes of a body. */
  readonly limit?: number
  /** What a longer body is: an error, or cut there. */
  readonly overflow?: 'error' | 'cut'
  /** The only statuses whose body is read; every one where undefined. */
  readonly bodyOf?: readonly number[]
  /** Never through a proxy. */
  readonly direct?: boolean
  /** Most attempts; the user's setting where undefined. */
  readonly attempts?: number
  /** Which statuses are tried again; 429 and most 5xx where undefined. */
  readonly transient?: (status: number) => boolean
  /** How long to wait after an attempt, by its number from 1 and its status; jitter where undefined. */
  readonly waitMs?: (attempt: number, status: number | undefined) => number
  /** The server's certificate must have this SHA-1, in lower-case hexadecimal, and needs no authority. */
  readonly pinnedSha1?: string
}

const TIMEOUT_MS = 20_000
const BODY_LIMIT = 1_048_576
/** Without the second a server may compress what it likes (RFC 9110 §12.5.3). */
const OWN_HEADERS = { 'user-agent': 'artifacts-keyring-nofuss', 'accept-encoding': 'identity' }

/** Asks without any secret. */
export function request(
  system: System,
  url: string,
  headers: Readonly<Record<string, string>>,
  options: RequestOptions = {},
): Promise<Answer> {
  return retried(system, hostOf(url), options, () => attempt(system, url, headers, undefined, options))
}

/** Asks with a secret in a header or in the body. The type of `url` is the promise of this program. */
export function requestWithSecret(
  system: System,
  url: TrustedUrl,
  headers: Readonly<Record<string, string | Secret>>,
  body: string | Secret | undefined,
  options: RequestOptions = {},
): Promise<Answer> {
  const plain = Object.entries(headers).map(([name, value]) => [name, revealed(value)])
  const all = Object.fromEntries(plain) as Record<string, string>
  const text = body === undefined ? undefined : revealed(body)
  return retried(system, hostOf(url), options, () => attempt(system, url, all, text, options))
}

/** A body of type application/x-www-form-urlencoded (WHATWG URL §5.2) that may hold secrets. */
export function formBody(fields: Readonly<Record<string, string | Secret>>): Secret {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) form.set(name, revealed(value))
  return new Secret(form.toString())
}

function revealed(value: string | Secret): string {
  return value instanceof Secret ? value.reveal() : value
}

async function attempt(
  system: System,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
  options: RequestOptions,
): Promise<Answer> {
  const method = options.method ?? (body === undefined ? 'GET' : 'POST')
  const what = `${method} ${withoutQuery(url)}`
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const started = system.now()
  const elapsed = (): string => `${system.now() - started} ms`
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const unlimited = system.limit(timeoutMs, abort)
  system.signal.addEventListener('abort', abort)
  if (system.signal.aborted) abort()
  try {
    const response = await system.fetch(url, {
      method,
      headers: { ...OWN_HEADERS, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(options.direct === true ? { direct: true } : {}),
      ...(options.pinnedSha1 === undefined ? {} : { pinnedSha1: options.pinnedSha1 }),
      redirect: 'manual',
      signal: stop.signal,
    })
    const text = await readBody(response, options, hostOf(url), abort)
    debug(system, `${what} ${response.status} ${elapsed()}`)
    return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, text }
  } catch (error) {
    const stopped = stop.signal.aborted
    abort()
    const { networkError } = await import('./network-error.ts')
    const failure = networkError(system, error, hostOf(url), stopped, timeoutMs)
    debug(system, `${what} failed after ${elapsed()}: ${foreignCode(error) ?? failure.message}`)
    throw failure
  } finally {
    unlimited()
    system.signal.removeEventListener('abort', abort)
  }
}

/** Reads a body that is wanted; the connection of another one is left. */
async function readBody(response: FetchResponse, options: RequestOptions, host: string, leave: () => void): Promise<string> {
  const { limit = BODY_LIMIT, overflow = 'error', bodyOf } = options
  if (response.body === null || bodyOf?.includes(response.status) === false) {
    leave()
    return ''
  }
  const encoding = response.headers.get('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw new KeyringError('BAD_ANSWER', `the answer of ${host} is compressed, which it should not be`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    chunks.push(chunk)
    if (length <= limit) continue
    if (overflow === 'cut') break
    throw new KeyringError('BAD_ANSWER', `the answer of ${host} is longer than ${limit} bytes`)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

function withoutQuery(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/[?#].*$/s, '')
}

function hostOf(url: string): string {
  return withoutQuery(url).replace(/\/.*$/s, '')
}
