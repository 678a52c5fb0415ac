import { ANY_TENANT } from '../feed/discovery.ts'
import type { Discovery } from '../feed/discovery.ts'
import type { Feed } from '../feed/service.ts'
import { credentialFor } from '../get-credential.ts'
import type { Credential } from '../get-credential.ts'
import type { Attempt, Chain, Refusal } from '../identity/chain.ts'
import { accountName, readClaims } from '../identity/claims.ts'
import { expiryMs, tokenKind } from '../identity/token-kind.ts'
import { trustFeed } from '../net/allowlist.ts'
import { stringMember } from '../net/json.ts'
import { requestWithSecret } from '../net/request.ts'
import type { Answer } from '../net/request.ts'
import { KeyringError } from '../system/errors.ts'
import type { Secret } from '../system/secret.ts'
import type { System } from '../system/system.ts'
import { broken } from './check.ts'
import type { Tell } from './check.ts'

/** The credential that `get` would answer with, and the provider's token that led to it. */
export interface Found {
  readonly attempt: Exclude<Attempt, Refusal>
  readonly credential: Credential
}

const KINDS = { password: 'of Azure DevOps', application: "an application's", user: "a user's" } as const

/**
 * Tries the providers as `get` does, and tells of each and of what becomes of its token.
 *
 * @throws KeyringError after it was told
 */
export async function findCredential(
  feed: Feed,
  chain: Chain,
  discovery: Discovery,
  system: System,
  tell: Tell,
): Promise<Found> {
  const left = new Set(chain.rows.map(({ name }) => name))
  const tokens: Found['attempt'][] = []
  let current: string | undefined
  const see = (attempt: Attempt): void => {
    const { provider: check } = attempt
    if ('token' in attempt) tell({ check, result: 'ok', reason: described(attempt.token, attempt.source, system) })
    else if (left.has(check)) tell({ check, result: attempt.failed ? 'failed' : 'skipped', reason: attempt.reason })
    else tell({ check: 'token', result: 'failed', reason: attempt.reason })
    left.delete(check)
    if ('token' in attempt) tokens.push(attempt)
    current = 'token' in attempt ? 'exchange' : [...left][0]
  }
  current = [...left][0]
  try {
    const credential = await credentialFor(feed, chain, () => Promise.resolve(discovery), system, see)
    const attempt = tokens.at(-1)
    if (credential === undefined || attempt === undefined) throw new KeyringError('NO_CREDENTIAL', '')
    for (const check of left) tell({ check, result: 'skipped', reason: 'not needed' })
    tellExchange({ attempt, credential }, system, tell)
    return { attempt, credential }
  } catch (error) {
    if (!(error instanceof KeyringError)) throw error
    if (error.code === 'NO_CREDENTIAL') tell({ ...broken('credential', error), reason: 'no provider has one' })
    else tell(broken(current ?? 'credential', error))
    throw error
  }
}

function described(token: Secret, source: string, system: System): string {
  const claims = readClaims(token)
  const tenant = stringMember(claims, 'tid')
  const whose = `${accountName(claims) ?? 'a token without a name'}${tenant === undefined ? '' : `, tenant ${tenant}`}`
  return `${whose}${lifeOf(token, system)}, from ${source}`
}

function tellExchange({ attempt, credential }: Found, system: System, tell: Tell): void {
  const exchanged = credential.password !== attempt.token
  const kind = KINDS[tokenKind(readClaims(attempt.token))]
  tell({ check: 'token', result: 'ok', reason: `${kind}, ${exchanged ? 'to be exchanged' : 'handed out as it is'}` })
  if (!exchanged) return tell({ check: 'exchange', result: 'skipped', reason: 'not needed' })
  // A session token is a JWT, unless the user wants a personal access token.
  const scope = stringMember(readClaims(credential.password), 'scp') ?? 'unknown'
  tell({ check: 'exchange', result: 'ok', reason: `session token, scope ${scope}${lifeOf(credential.password, system)}` })
}

function lifeOf(token: Secret, system: System): string {
  const expiry = expiryMs(readClaims(token) ?? {})
  if (expiry === undefined) return ''
  const minutes = Math.floor((expiry - system.now()) / 60_000)
  return minutes < 0 ? `, expired ${-minutes} minutes ago` : `, ${minutes} minutes left`
}

/**
 * Asks the feed with the credential, as pip does.
 *
 * @returns how it accepts it
 * @throws KeyringError TOKEN_REJECTED explaining the answer, or an error of the network
 */
export async function askFeed(feed: Feed, found: Found, feedTenant: string, system: System): Promise<string> {
  const url = trustFeed(feed.url)
  if (url === undefined) throw new KeyringError('UNTRUSTED_ENDPOINT', 'this is no host of Azure Artifacts')
  const { username, password } = found.credential
  const headers = { authorization: password.basic(username), accept: 'text/html', 'x-tfs-fedauthredirect': 'Suppress' }
  const answer = await requestWithSecret(system, url, headers, undefined, { limit: 65_536, overflow: 'cut' })
  const { status } = answer
  if (status === 200) return 'the feed accepts the credential (200)'
  // Who asks is settled before what is asked, and an upload is no GET.
  if (feed.upload && status === 405) return 'the feed accepts the credential; only an upload shows the role (405)'
  const [reason, ...next] = explained(answer, feed, found.attempt, feedTenant)
  throw new KeyringError('TOKEN_REJECTED', `${reason} (${status})`, ...next)
}

/** What is wrong, and what to do. */
function explained(
  { status, text }: Answer,
  { organization, portal, upload }: Feed,
  { token, source }: Found['attempt'],
  feedTenant: string,
): readonly [reason: string, ...next: readonly string[]] {
  const claims = readClaims(token)
  const who = accountName(claims) ?? 'the owner of the token'
  const role = (name: string): string => `give ${who} the role ${name} in the settings of the feed`
  // The words of Azure Artifacts, with 401.
  if (text.includes('No local versions of package')) {
    const next = [role('Feed and Upstream Reader (Collaborator)'), 'and set ARTIFACTS_KEYRING_NOFUSS_SCOPE=write']
    return ['only an upstream source has the package, and this credential may not save it into the feed', ...next]
  }
  if (status === 403) return [`${who} has no permission`, role(upload ? 'Feed Publisher (Contributor)' : 'Feed Reader')]
  if (status === 404) return ['no such feed or package', 'check organization, project, feed and package in the URL']
  if (status === 429 || status >= 500) return ['the feed is busy or down', 'try again later']
  if (tokenKind(claims) === 'password') {
    const reason = 'the token has expired, was revoked or is of another organization'
    return [reason, `put a new token of the organization ${organization} in ${source}`]
  }
  const tenant = stringMember(claims, 'tid')
  if (tenant !== undefined && feedTenant !== ANY_TENANT && tenant !== feedTenant) {
    return [`${who} is of tenant ${tenant}, the feed's is ${feedTenant}`, `use an identity of tenant ${feedTenant}`]
  }
  const page = portal === undefined ? '' : ` at ${portal}/_settings/users`
  return [`${who} is not in the organization ${organization}`, `add ${who} to the organization${page}`]
}
