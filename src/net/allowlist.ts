import { KeyringError } from '../system/messages.ts'

/** Names that serve Artifacts feeds, each also with a subdomain in front (`ORG.pkgs.visualstudio.com`). */
export const FEED_HOSTS = ['pkgs.dev.azure.com', 'pkgs.visualstudio.com', 'pkgs.codedev.ms', 'pkgs.vsts.me'] as const

/**
 * Names that mint session tokens: the allowlists of artifacts-credprovider and of
 * artifacts-keyring-nofuss together. `*.` stands for one or more labels.
 */
export const SESSION_TOKEN_HOSTS = [
  'vssps.visualstudio.com',
  '*.vssps.visualstudio.com',
  'vssps.dev.azure.com',
  '*.vssps.dev.azure.com',
  'vsspsext.visualstudio.com',
  'vsspsext.dev.azure.com',
  'vssps.devppe.azure.com',
  '*.vssps.devppe.azure.com',
  'vssps.vsallin.net',
  '*.vssps.vsallin.net',
  '*.vssps.codeapp.ms',
  '*.vssps.vsts.io',
  'vssps.codedev.ms',
  '*.vssps.codedev.ms',
  'vssps.vsts.me',
  '*.vssps.vsts.me',
] as const

/** Names that give a pipeline's job its OIDC token. */
export const PIPELINES_HOSTS = [
  'dev.azure.com',
  '*.visualstudio.com',
  'codedev.ms',
  '*.codedev.ms',
  'vsts.me',
  '*.vsts.me',
] as const

/** Names that a feed may give as its sign-in authority. Exact: no subdomain counts. */
const SIGN_IN_HOSTS = ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com'] as const

/** The authority that tokens are asked of unless AZURE_AUTHORITY_HOST names another known one. */
const DEFAULT_AUTHORITY_HOST = 'login.microsoftonline.com'

/** Authorities of the public cloud, the US government and China (MSAL's known authority hosts). */
export const AUTHORITY_HOSTS = [
  ...SIGN_IN_HOSTS,
  'sts.windows.net',
  'login.microsoftonline.us',
  'login.chinacloudapi.cn',
  'login.partner.microsoftonline.cn',
] as const

declare const trusted: unique symbol

/**
 * A URL that a secret may be sent to. Only the functions of this file make one, and only a
 * `TrustedUrl` is accepted by the function that sends secrets.
 */
export type TrustedUrl = string & { readonly [trusted]: true }

/** Whether a host, in lower case, serves Artifacts feeds. */
export function isFeedHost(host: string): boolean {
  return FEED_HOSTS.some((name) => host === name || isBelow(host, name))
}

/**
 * The URL of a feed, as `parseService` writes it, for the feed's own credential.
 *
 * @throws KeyringError UNTRUSTED_ENDPOINT when it is not on a feed's host
 */
export function trustFeed(url: string): TrustedUrl {
  const host = /^https:\/\/([a-z0-9.-]+)\//.exec(url)?.[1] ?? ''
  if (isFeedHost(host)) return url as TrustedUrl
  throw new KeyringError('UNTRUSTED_ENDPOINT', 'the feed is on no host of Azure Artifacts')
}

/** What kind of session token: a JWT, or a personal access token that the account's page lists. */
export type SessionTokenType = 'SelfDescribing' | 'Compact'

/** Where session tokens are minted: the base that the feed names, not yet the URL that is asked. */
export type AuthorizationEndpoint = TrustedUrl

/** The URL to ask for a session token (artifacts-credprovider, `VstsSessionTokenClient`). */
export function sessionTokenUrl(endpoint: AuthorizationEndpoint, type: SessionTokenType): TrustedUrl {
  return `${endpoint}/_apis/Token/SessionTokens?tokenType=${type}&api-version=5.0-preview.1` as TrustedUrl
}

/**
 * Where session tokens are minted, from the value of `X-VSS-AuthorizationEndpoint`: https, port
 * 443, no userinfo, an allowlisted host, at most one path segment. That segment is not compared with
 * the feed's organization: renamed organizations and GUIDs are legitimate.
 *
 * @returns undefined when the value must not be trusted
 */
export function trustAuthorizationEndpoint(endpoint: string): AuthorizationEndpoint | undefined {
  const parts = /^https:\/\/([a-z0-9.-]+)(?::443)?(?:\/(?:([\w~.-]+)\/?)?)?$/i.exec(endpoint)
  const host = parts?.[1]?.toLowerCase() ?? ''
  const segment = parts?.[2] ?? ''
  if (!SESSION_TOKEN_HOSTS.some((name) => matches(host, name)) || /^\.+$/.test(segment)) return undefined
  return (segment === '' ? `https://${host}` : `https://${host}/${segment}`) as TrustedUrl
}

/** A sign-in authority as a feed names it. */
export interface Authority {
  /** Undefined where the URL names none. */
  readonly tenant: string | undefined
}

/**
 * Reads `authorization_uri` of a Bearer challenge: https, port 443, no userinfo, an allowlisted host.
 * The tenant is its last path segment. The host is checked and then not used.
 *
 * @returns undefined when the value must not be trusted
 */
export function trustAuthority(uri: string): Authority | undefined {
  const parts = /^https:\/\/([a-z0-9.-]+)(?::443)?((?:\/[^/?#\s]*)*)$/i.exec(uri)
  const host = parts?.[1]?.toLowerCase() ?? ''
  if (!SIGN_IN_HOSTS.some((name) => host === name)) return undefined
  const tenant = parts?.[2]?.split('/').findLast((segment) => segment !== '')
  if (tenant !== undefined && !isTenant(tenant)) return undefined
  return { tenant }
}

/** Whether a text can be a tenant: a GUID or a domain name. Never an option, never a path. */
export function isTenant(text: string): boolean {
  return /^[0-9a-z](?:[0-9a-z.-]{0,251}[0-9a-z])?$/i.test(text) && !text.includes('..')
}

/**
 * The host that tokens are asked of, from AZURE_AUTHORITY_HOST with or without scheme.
 *
 * @throws KeyringError BAD_SETTING when it is no known authority
 */
export function authorityHost(configured: string | undefined): string {
  if (configured === undefined) return DEFAULT_AUTHORITY_HOST
  const host = /^(?:https:\/\/)?([a-z0-9.-]+)\/?$/i.exec(configured)?.[1]?.toLowerCase()
  const known = AUTHORITY_HOSTS.find((name) => name === host)
  if (known !== undefined) return known
  const hint = `set it to one of: ${AUTHORITY_HOSTS.join(', ')}`
  throw new KeyringError('BAD_SETTING', 'AZURE_AUTHORITY_HOST is not a known authority host', hint)
}

/**
 * Entra's token endpoint (Microsoft identity platform, OAuth 2.0 client credentials flow).
 *
 * @throws KeyringError BAD_SETTING when the host is no known authority or the tenant cannot be one
 */
export function trustTokenEndpoint(configuredHost: string | undefined, tenant: string): TrustedUrl {
  const host = authorityHost(configuredHost)
  if (!isTenant(tenant)) throw new KeyringError('BAD_SETTING', 'AZURE_TENANT_ID is neither a GUID nor a domain name')
  return `https://${host}/${tenant}/oauth2/v2.0/token` as TrustedUrl
}

/**
 * GitHub's endpoint for an OIDC token, with the audience added. The runner names it in the same
 * environment as the request token that is sent to it, so any https host is accepted.
 *
 * @returns undefined when the value is no https URL or has userinfo
 */
export function trustGithubOidcUrl(url: string, audience: string): TrustedUrl | undefined {
  const parsed = parseUrl(url)
  if (parsed === undefined || parsed.protocol !== 'https:') return undefined
  parsed.searchParams.set('audience', audience)
  return parsed.href as TrustedUrl
}

/**
 * Azure Pipelines' endpoint for the OIDC token of a service connection (REST API 7.1).
 *
 * @returns undefined when the value is no https URL of Azure DevOps
 */
export function trustPipelinesOidcUrl(uri: string, connection: string): TrustedUrl | undefined {
  const parsed = parseUrl(uri)
  const known = PIPELINES_HOSTS.some((name) => matches(parsed?.hostname ?? '', name))
  if (parsed === undefined || !known || parsed.protocol !== 'https:' || parsed.port !== '') return undefined
  parsed.pathname = parsed.pathname.replace(/\/+$/, '')
  parsed.searchParams.set('api-version', '7.1')
  parsed.searchParams.set('serviceConnectionId', connection)
  return parsed.href as TrustedUrl
}

/**
 * A managed-identity endpoint that the platform names in the environment, with a query added. Plain
 * http is right there, but only to the machine itself or its private network.
 *
 * @returns undefined when the value is no such URL
 */
export function trustIdentityEndpoint(url: string, query: Readonly<Record<string, string>>): TrustedUrl | undefined {
  const parsed = parseUrl(url)
  if (parsed === undefined) return undefined
  const local = parsed.protocol === 'http:' && isLocal(parsed.hostname)
  if (!local && parsed.protocol !== 'https:') return undefined
  for (const [name, value] of Object.entries(query)) parsed.searchParams.set(name, value)
  return parsed.href as TrustedUrl
}

/** Loopback, link-local and private addresses (RFC 1122, RFC 3927, RFC 1918, RFC 4193). */
function isLocal(host: string): boolean {
  if (host === 'localhost' || host === '[::1]' || /^\[f[cd][0-9a-f]{2}:/.test(host)) return true
  // WHATWG URL has already turned every spelling of an IPv4 address into four decimals.
  return /^(127|10)(\.\d+){3}$|^(169\.254|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d+){2}$/.test(host)
}

function parseUrl(url: string): URL | undefined {
  try {
    const parsed = new URL(url)
    return parsed.username === '' && parsed.password === '' ? parsed : undefined
  } catch {
    return undefined
  }
}

function matches(host: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? isBelow(host, pattern.slice(2)) : host === pattern
}

/** Whether `host` is `parent` with at least one well-formed label in front. */
function isBelow(host: string, parent: string): boolean {
  if (!host.endsWith(`.${parent}`)) return false
  const labels = host.slice(0, -parent.length - 1).split('.')
  return labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
}
