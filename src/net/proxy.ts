import { KeyringError } from '../system/errors.ts'
import { Secret } from '../system/secret.ts'
import { setting } from '../system/settings.ts'
import type { PlainVariableName } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** A proxy that connections are tunnelled through (RFC 9110 §9.3.6). */
export interface Proxy {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** The value of Proxy-Authorization, where the URL has a user. */
  readonly authorization: Secret | undefined
}

/** As curl: the variable of the scheme first, its lower-case spelling first. */
const VARIABLES: readonly PlainVariableName[] = [
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
]

/**
 * The proxy for an https host, in curl's meaning of HTTPS_PROXY, ALL_PROXY and NO_PROXY.
 *
 * @throws KeyringError BAD_SETTING when the variable holds no usable URL; it is not quoted, since it
 *   can hold a password
 */
export function proxyFor(system: System, host: string, port: number): Proxy | undefined {
  const variable = VARIABLES.find((name) => setting(system, name) !== undefined)
  if (variable === undefined || isExempt(system, host, port)) return undefined
  return parseProxy(setting(system, variable) ?? '', variable)
}

/** Whether NO_PROXY names the host: `*`, a domain and all below it, with an optional port. */
function isExempt(system: System, host: string, port: number): boolean {
  const list = setting(system, 'no_proxy') ?? setting(system, 'NO_PROXY') ?? ''
  return list.split(/[\s,]+/).some((entry) => {
    const [, name, only] = /^\.?(.*?)\.?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (!name || (only !== undefined && Number(only) !== port)) return false
    return name === '*' || name === host || host.endsWith(`.${name}`)
  })
}

function parseProxy(text: string, variable: string): Proxy {
  const url = parseUrl(text.includes('://') ? text : `http://${text}`)
  if (url === undefined || url.hostname === '') {
    throw new KeyringError('BAD_SETTING', `${variable} is not the URL of an http or https proxy`)
  }
  const secure = url.protocol === 'https:'
  const user = [url.username, url.password].map(percentDecoded).join(':')
  const basic = new Secret(`Basic ${Buffer.from(user, 'utf8').toString('base64')}`)
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 443 : 80),
    authorization: user === ':' ? undefined : basic,
  }
}

function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
  } catch {
    return undefined
  }
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
