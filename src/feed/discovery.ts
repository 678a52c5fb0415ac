import { type AuthorizationEndpoint, isTenant, trustAuthority, trustAuthorizationEndpoint } from '../net/allowlist.ts'
import { type Answer, request } from '../net/request.ts'
import { debug, KeyringError } from '../system/messages.ts'
import type { System } from '../system/system.ts'
import { parseChallenges } from '../net/challenge.ts'
import type { Feed } from './service.ts'

/** What a feed says of itself to a request without credential. */
export interface Discovery {
  /** A GUID or a domain name; `organizations` where the organization has no tenant. */
  readonly tenant: string
  /** Where user tokens are exchanged; undefined where the feed did not say. */
  readonly authorizationEndpoint: AuthorizationEndpoint | undefined
}

/** The authority path for work accounts of any tenant (Microsoft identity platform, authorities). */
const ANY_TENANT = 'organizations'

const ZERO_GUID = /^[0-]+$/
const TIMEOUT_MS = 10_000

/**
 * Asks the feed without a credential for its tenant and for its authorization endpoint, which it
 * names in the headers of the 401.
 *
 * @throws KeyringError PUBLIC_FEED when the feed needs no credential, UNTRUSTED_ENDPOINT when it
 *   names a host that is not allowlisted, TIMEOUT, or DISCOVERY_FAILED when there is no answer or one
 *   of no use
 */
export async function discover(feed: Feed, system: System): Promise<Discovery> {
  const discovery = parseDiscovery(feed, await probe(feed, system))
  debug(system, `the feed's tenant is ${discovery.tenant}`)
  return discovery
}

/** The feed's answer to a request without a credential; see `discover` for the errors. */
export function probe(feed: Feed, system: System): Promise<Answer> {
  // Suppress keeps Azure DevOps from answering with a redirect to a sign-in page.
  const headers = { accept: 'application/json', 'x-tfs-fedauthredirect': 'Suppress' }
  const options = { bodyOf: [200], limit: 65_536, overflow: 'cut', timeoutMs: TIMEOUT_MS } as const
  return request(system, feed.url, headers, options).catch(endOfCall)
}

/** A feed that cannot be reached is of no use to any provider. */
function endOfCall(error: unknown): never {
  if (!(error instanceof KeyringError) || error.code === 'TIMEOUT') throw error
  throw new KeyringError('DISCOVERY_FAILED', error.message, ...error.hints)
}

/** Reads the headers of the feed's answer; see `discover` for the errors. */
export function parseDiscovery(feed: Feed, answer: Answer): Discovery {
  const { host } = new URL(feed.url)
  const endpoint = answer.header('x-vss-authorizationendpoint')
  const tenant = bearerTenant(answer, host) ?? resourceTenant(answer, host)
  const saysNothing = tenant === undefined && endpoint === undefined
  const signIn = isSignInPage(answer)
  if (answer.status === 200 && saysNothing && !signIn) {
    throw new KeyringError('PUBLIC_FEED', `${host} answers without a credential`)
  }
  if (signIn || (answer.status !== 401 && saysNothing)) {
    throw new KeyringError('DISCOVERY_FAILED', explained(host, answer.status), ...advice(answer.status))
  }
  const authorizationEndpoint = endpoint === undefined ? undefined : trustAuthorizationEndpoint(endpoint)
  if (endpoint !== undefined && authorizationEndpoint === undefined) throw untrusted(host, 'an authorization endpoint')
  return { tenant: tenant ?? ANY_TENANT, authorizationEndpoint }
}

/** The first source: `authorization_uri` of a Bearer challenge. */
function bearerTenant(answer: Answer, host: string): string | undefined {
  const uri = parseChallenges(answer.header('www-authenticate') ?? '')
    .filter((challenge) => challenge.scheme === 'bearer')
    .map((challenge) => challenge.parameters.get('authorization_uri'))
    .find((parameter) => parameter !== undefined)
  if (uri === undefined) return undefined
  const authority = trustAuthority(uri)
  if (authority === undefined) throw untrusted(host, 'a sign-in authority')
  return authority.tenant
}

/** The second source. The zero GUID means an organization of personal accounts. */
function resourceTenant(answer: Answer, host: string): string | undefined {
  const value = answer.header('x-vss-resourcetenant')
  if (value === undefined) return undefined
  const tenants = value.split(',').map((text) => text.trim())
  const tenant = tenants.find((text) => text !== '' && !ZERO_GUID.test(text))
  if (tenant !== undefined && !isTenant(tenant)) throw untrusted(host, 'a tenant')
  return tenant ?? ANY_TENANT
}

/**
 * Azure DevOps answers 203, a redirect or a page with a form where it wants a browser to sign in. A
 * Simple index (PEP 503), which is what a public feed answers, has neither form nor script.
 */
export function isSignInPage({ status, text }: Pick<Answer, 'status' | 'text'>): boolean {
  return status === 203 || (status >= 300 && status < 400) || /<(form|script)\b/i.test(text)
}

function explained(host: string, status: number): string {
  return `${host} answered ${status} where 401 with its tenant was expected`
}

function advice(status: number): readonly string[] {
  if (status === 404) return ['check organization, project and feed in the URL']
  if (status === 429 || status >= 500) return ['Azure DevOps is busy or down, try again later']
  return []
}

function untrusted(host: string, what: string): KeyringError {
  const hint = 'nothing was sent there; is something between you and Azure DevOps changing its answers?'
  return new KeyringError('UNTRUSTED_ENDPOINT', `${host} names ${what} that is not trusted`, hint)
}
