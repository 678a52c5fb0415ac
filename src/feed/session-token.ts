import { sessionTokenUrl } from '../net/allowlist.ts'
import type { AuthorizationEndpoint, SessionTokenType, TrustedUrl } from '../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../net/json.ts'
import { type Answer, requestWithSecret } from '../net/request.ts'
import { debug, KeyringError, log } from '../system/messages.ts'
import { firstSet, isOn, readToken, type Secret, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import type { Feed } from './service.ts'

/** What a session token may do: Azure DevOps' names of scopes. */
export type SessionTokenScope = 'vso.packaging' | 'vso.packaging_write'

const MINUTE_MS = 60_000

/** How long a session token is asked for, and at most, in minutes (artifacts-credprovider). */
const LIVES = {
  SelfDescribing: { fallback: 4 * 60, most: 24 * 60 },
  Compact: { fallback: 90 * 24 * 60, most: 90 * 24 * 60 },
} as const

/** The documented name, the one that artifacts-credprovider reads, and its older one. */
const MINUTES = [
  'ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES',
  'ARTIFACTS_CREDENTIALPROVIDER_VSTS_SESSIONTIMEMINUTES',
  'NUGET_CREDENTIALPROVIDER_VSTS_SESSIONTIMEMINUTES',
] as const
const TYPES = [
  'ARTIFACTS_CREDENTIALPROVIDER_TOKENTYPE',
  'ARTIFACTS_CREDENTIALPROVIDER_VSTS_TOKENTYPE',
  'NUGET_CREDENTIALPROVIDER_VSTS_TOKENTYPE',
] as const

/**
 * Exchanges a user's bearer token for a session token that can do no more than packages
 * (artifacts-credprovider, `VstsSessionTokenClient`).
 *
 * @throws KeyringError TOKEN_REJECTED on 401 or a sign-in page, EXCHANGE_FAILED on any other answer
 *   without a token, or an error of the network
 */
export async function exchange(
  endpoint: AuthorizationEndpoint,
  bearer: Secret,
  scope: SessionTokenScope,
  feed: Feed,
  system: System,
): Promise<Secret> {
  const type = tokenType(system)
  const url = sessionTokenUrl(endpoint, type)
  const end = system.now() + lifeMinutes(type, system) * MINUTE_MS
  const validTo = `${new Date(end).toISOString().slice(0, 19)}Z`
  const first = await ask(url, bearer, { displayName: 'artifacts-keyring-nofuss', scope, validTo }, system)
  // 400: a policy of the organization allows less time. Without validTo the service decides.
  const answer =
    first.status === 400 ? await ask(url, bearer, { displayName: 'artifacts-keyring-nofuss', scope }, system) : first
  return parseSessionToken(answer, new URL(url).host, feed, system)
}

/** Read access, unless packages are uploaded there or the user asks for more. */
export function scopeFor(feed: Feed, system: System): SessionTokenScope {
  const chosen = setting(system, 'ARTIFACTS_KEYRING_NOFUSS_SCOPE')?.toLowerCase()
  if (chosen !== undefined && chosen !== 'read' && chosen !== 'write') {
    throw new KeyringError('BAD_SETTING', 'ARTIFACTS_KEYRING_NOFUSS_SCOPE is neither read nor write')
  }
  return feed.upload || chosen === 'write' ? 'vso.packaging_write' : 'vso.packaging'
}

/** Whether a user's Entra token is handed out itself, which artifacts-credprovider has a variable for. */
export function keepsEntraToken(system: System): boolean {
  return isOn(system, 'ARTIFACTS_CREDENTIALPROVIDER_RETURN_ENTRA_TOKENS')
}

function tokenType(system: System): SessionTokenType {
  return firstSet(system, TYPES)?.toLowerCase() === 'compact' ? 'Compact' : 'SelfDescribing'
}

function lifeMinutes(type: SessionTokenType, system: System): number {
  const { fallback, most } = LIVES[type]
  const asked = firstSet(system, MINUTES)
  if (asked === undefined) return fallback
  if (/^[1-9]\d{0,8}$/.test(asked)) return Math.min(Number(asked), most)
  log(system, 'warning', `the session time ${asked} is no number of minutes`)
  return fallback
}

function ask(url: TrustedUrl, bearer: Secret, body: Readonly<Record<string, string>>, system: System): Promise<Answer> {
  const headers = {
    authorization: bearer.prefixed('Bearer '),
    accept: 'application/json',
    'content-type': 'application/json',
    // Without it a refused token is answered with a redirect to a sign-in page.
    'x-tfs-fedauthredirect': 'Suppress',
  }
  return requestWithSecret(system, url, headers, JSON.stringify(body))
}

/** Reads the answer to an exchange; see `exchange` for the errors. */
function parseSessionToken(answer: Answer, host: string, feed: Feed, system: System): Secret {
  if (answer.status !== 200 || isPage(answer)) throw refusal(answer, host, feed)
  const body = parseJsonObject(answer.text)
  const token = stringMember(body, 'token') ?? stringMember(body, 'Token')
  const session = token === undefined ? undefined : readToken(token, `the answer of ${host}`)
  if (session === undefined) throw new KeyringError('EXCHANGE_FAILED', `${host} answered 200 without a session token`)
  const validTo = stringMember(body, 'validTo') ?? stringMember(body, 'ValidTo')
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z?$/.test(validTo ?? '')) debug(system, `the session token is valid to ${validTo}`)
  return session
}

/** A page for people, where a browser would sign in. */
function isPage({ status, text }: Answer): boolean {
  return status === 200 && /^\s*</.test(text)
}

function refusal(answer: Answer, host: string, feed: Feed): KeyringError {
  const { status } = answer
  if (status === 401 && answer.text.includes('TF401444')) {
    const hint = `sign in once in a browser: ${feed.portal ?? 'the web page of the organization'}`
    return new KeyringError('TOKEN_REJECTED', `${host} does not know this identity yet (TF401444)`, hint)
  }
  if (status === 401 || (status >= 200 && status < 400)) {
    return new KeyringError('TOKEN_REJECTED', `${host} rejected the token (${status})`)
  }
  if (status === 403) {
    const hint = 'a policy of the organization may forbid session tokens; ask its administrator'
    return new KeyringError('EXCHANGE_FAILED', `${host} refused to exchange the token (403)`, hint)
  }
  return new KeyringError('EXCHANGE_FAILED', `${host} answered ${status} to the exchange of the token`)
}
