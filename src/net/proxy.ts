import { KeyringError } from '../system/messages.ts'
import { type PlainVariableName, Secret, setting } from '../system/settings.ts'
import type { World } from '../system/system.ts'
import { isExempt } from './no-proxy.ts'

/** A proxy that connections are tunnelled through (RFC 9110 §9.3.6). */
export interface Proxy {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** The variable that names it. */
  readonly variable: string
  /** The value of Proxy-Authorization, where the URL has a user. */
  readonly authorization: Secret | undefined
}

/** As curl: the variable of the scheme first, its lower-case spelling first. */
const VARIABLES: readonly PlainVariableName[] = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']

/**
 * The proxy for an https host, in curl's meaning of HTTPS_PROXY, ALL_PROXY and NO_PROXY.
 *
 * @throws KeyringError BAD_SETTING when the variable holds no usable URL; it is not quoted, since it
 *   can hold a password
 */
export function proxyFor(system: World, host: string, port: number): Proxy | undefined {
  const variable = VARIABLES.find((name) => setting(system, name) !== undefined)
  const exempt = setting(system, 'no_proxy') ?? setting(system, 'NO_PROXY') ?? ''
  if (variable === undefined || isExempt(exempt, host, port)) return undefined
  return parseProxy(setting(system, variable) ?? '', variable)
}

/** A proxy as messages name it: never with user and password. */
export function proxyName({ host, port }: Proxy): string {
  return `the proxy ${authorityOf(host, port)}`
}

/** Host and port as in a URL. */
export function authorityOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseProxy(text: string, variable: string): Proxy {
  if (/^socks/i.test(text)) {
    const message = `${variable} names a socks proxy, and only http and https proxies are supported`
    const hint = 'set HTTPS_PROXY to an http proxy; it comes before ALL_PROXY'
    throw new KeyringError('BAD_SETTING', message, hint)
  }
  const whole = text.includes('://') ? text : `http://${text}`
  const url = parseUrl(whole)
  // An @ after the host means that the password had a / in it: what looks like the host is the user.
  if (url === undefined || url.hostname === '' || /\/\/[^/?#\\]*[/?#\\].*@/s.test(whole)) {
    const hint = 'it looks like http://USER:PASSWORD@HOST:PORT, special characters percent-encoded'
    const message = `${variable} is not the URL of an http or https proxy`
    throw new KeyringError('BAD_SETTING', message, hint)
  }
  const secure = url.protocol === 'https:'
  const user = [url.username, url.password].map(percentDecoded).join(':')
  const basic = new Secret(`Basic ${Buffer.from(user, 'utf8').toString('base64')}`)
  return {
    variable,
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    // The scheme's own port, as in pip and uv; curl alone has 1080 here.
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
