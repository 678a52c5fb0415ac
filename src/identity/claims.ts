import { type JsonObject, parseJsonObject, stringMember } from '../net/json.ts'
import { KeyringError, log } from '../system/messages.ts'
import type { Secret } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { DEVOPS_RESOURCE } from './chain.ts'

/** Clocks differ; a token is only called expired when it has been for this long, in milliseconds. */
const LEEWAY_MS = 5 * 60_000

const DEVOPS_AUDIENCES = [DEVOPS_RESOURCE, 'https://app.vssps.visualstudio.com', 'https://dev.azure.com']

/**
 * What a token is good for: `password` is used as it is (a personal access token, or a JWT of Azure
 * DevOps itself), `application` is an Entra token of a service principal or managed identity, also
 * used as it is, `user` is an Entra token that is exchanged.
 */
export type TokenKind = 'password' | 'application' | 'user'

/**
 * The payload of a JWT (RFC 7519 §7.2), not verified: a hint for routing and for messages, never a
 * ground for trust.
 */
export type Claims = JsonObject

/** Reads the claims of a token; undefined for one that is no JWT. Never throws. */
export function readClaims(token: Secret): Claims | undefined {
  const parts = token.reveal().split('.')
  const [header, payload] = parts
  if (parts.length !== 3 || header === undefined || payload === undefined) return undefined
  return decodedObject(header) === undefined ? undefined : decodedObject(payload)
}

/** Whom the token speaks for: `upn`, `preferred_username`, `unique_name`, `appid`, `oid`, in this order. */
export function accountName(claims: Claims | undefined): string | undefined {
  for (const name of ['upn', 'preferred_username', 'unique_name', 'appid', 'oid']) {
    const value = stringMember(claims, name)
    if (value !== undefined) return value
  }
  return undefined
}

/** The rejection of a token with its account: the usual cause is that it is the wrong one. */
export function withAccount(error: KeyringError, claims: Claims | undefined, feedTenant: string): KeyringError {
  const tenant = stringMember(claims, 'tid')
  // A domain name and a GUID can be the same tenant; two GUIDs cannot.
  const isGuid = /^[0-9a-f-]{36}$/i.test(feedTenant)
  const differs = tenant !== undefined && isGuid && tenant !== feedTenant.toLowerCase()
  const tenants = differs ? ` of tenant ${tenant}, the feed's is ${feedTenant}` : ''
  const hints = differs && error.hints.length === 0 ? [`az login --tenant ${feedTenant}`] : error.hints
  const account = accountName(claims) ?? 'unknown'
  return new KeyringError(error.code, `${error.message}, account ${account}${tenants}`, ...hints)
}

/**
 * Decides by the claims of a token. They are not verified: a wrong one leads to a request that
 * Azure DevOps refuses, to no other place.
 */
export function tokenKind(claims: Claims | undefined): TokenKind {
  if (claims === undefined || isIssuedByDevOps(claims)) return 'password'
  if (claims['idtyp'] === 'app') return 'application'
  if (claims['idtyp'] === 'user' || claims['scp'] !== undefined) return 'user'
  return claims['roles'] === undefined ? 'user' : 'application'
}

/**
 * Rejects a token that has expired and warns of one for another service.
 *
 * @throws KeyringError TOKEN_REJECTED
 */
export function checkClaims(claims: Claims | undefined, source: string, system: System): void {
  if (claims === undefined) return
  const expiry = expiryMs(claims)
  if (expiry !== undefined && expiry + LEEWAY_MS < system.now()) {
    const time = new Date(expiry).toISOString()
    const whose = accountName(claims)
    const owner = whose === undefined ? '' : ` of ${whose}`
    const hint = "get a new token, or check this machine's clock"
    throw new KeyringError('TOKEN_REJECTED', `the token${owner} in ${source} expired at ${time}`, hint)
  }
  const audience = stringMember(claims, 'aud')
  if (audience === undefined || isIssuedByDevOps(claims)) return
  if (!DEVOPS_AUDIENCES.includes(audience.replace(/\/+$/, '').toLowerCase())) {
    log(system, 'warning', `the token in ${source} is for ${audience}, not for Azure DevOps (${DEVOPS_RESOURCE})`)
  }
}

/** Claim `exp` (RFC 7519 §4.1.4) as milliseconds since 1970; undefined when absent or absurd. */
export function expiryMs(claims: Claims): number | undefined {
  const { exp } = claims
  // The largest time a Date can hold is 8.64e15 ms.
  return typeof exp === 'number' && Math.abs(exp) < 8.64e12 ? exp * 1000 : undefined
}

/** System.AccessToken and session tokens name Azure DevOps' own token service as issuer. */
function isIssuedByDevOps(claims: Claims): boolean {
  const issuer = stringMember(claims, 'iss') ?? ''
  return /^(https:\/\/)?(app\.)?vstoken\.(visualstudio\.com|dev\.azure\.com)(\/|$)/i.test(issuer)
}

function decodedObject(part: string): JsonObject | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined
  return parseJsonObject(Buffer.from(part, 'base64url').toString('utf8'))
}
