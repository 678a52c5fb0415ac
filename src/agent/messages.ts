import type { Credential } from '../get-credential.ts'
import { parseJsonObject, stringMember } from '../net/json.ts'
import type { JsonObject } from '../net/json.ts'
import { Secret } from '../system/secret.ts'

/** The longest that an answer is kept, in minutes. */
export const MOST_MINUTES = 50

/** What the agent keeps for a caller, and gives to others. */
export interface Answer {
  readonly credential: Credential
  /** When the token ends by its own claims, in milliseconds since 1970; undefined where it has none. */
  readonly expires: number | undefined
}

/**
 * The agent's answer to `get`: beside a credential, `lead` tells the caller to look it up and to bring
 * it, `wait` that somebody else does, and `alone` that this led to nothing.
 */
export type Turn = 'lead' | 'wait' | 'alone'

/** What a caller asks. One connection carries one question. */
export type Question =
  | { readonly ask: 'get'; readonly organization: string; readonly key: string }
  | { readonly ask: 'clear'; readonly organization?: string | undefined }
  | { readonly ask: 'status' | 'stop' }

/** Every message is one line of JSON. */
export function writeMessage(message: Question | { readonly turn: Turn } | Readonly<Record<string, number>>): string {
  return JSON.stringify(message)
}

/** Reads a caller's question, which may be anything; undefined for what is none. Never throws. */
export function readQuestion(line: string | undefined): Question | undefined {
  const message = parseJsonObject(line ?? '')
  const ask = stringMember(message, 'ask')
  const organization = stringMember(message, 'organization')
  const key = stringMember(message, 'key')
  if (ask === 'status' || ask === 'stop') return { ask }
  if (ask === 'clear') return { ask, organization }
  if (ask !== 'get' || organization === undefined || !/^[0-9a-f]{64}$/.test(key ?? '')) return undefined
  return { ask, organization, key: key ?? '' }
}

/** An answer as it crosses the socket, in both directions. */
export function writeAnswer({ credential, expires }: Answer): string {
  const { username, password } = credential
  return JSON.stringify({ username, password: password.reveal(), expires })
}

/** Reads an answer; undefined for what cannot be one. Never throws. */
export function readAnswer(message: JsonObject | undefined): Answer | undefined {
  const username = stringMember(message, 'username') ?? ''
  const password = stringMember(message, 'password') ?? ''
  const expires = message?.['expires']
  const usable = /^[\x21-\x7e]{1,256}$/.test(username) && /^[\x21-\x7e]{1,65536}$/.test(password)
  if (!usable) return undefined
  const known = typeof expires === 'number' && Number.isFinite(expires)
  return { credential: { username, password: new Secret(password) }, expires: known ? expires : undefined }
}
