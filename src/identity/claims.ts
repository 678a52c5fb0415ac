import { parseJsonObject, stringMember } from '../net/json.ts'
import type { JsonObject } from '../net/json.ts'
import type { Secret } from '../system/secret.ts'

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

function decodedObject(part: string): JsonObject | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined
  return parseJsonObject(Buffer.from(part, 'base64url').toString('utf8'))
}
