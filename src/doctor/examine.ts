import { isSignInPage, parseDiscovery, probe } from '../feed/discovery.ts'
import { type Feed, parseService } from '../feed/service.ts'
import { getCredential } from '../get-credential.ts'
import { type Chain, chooseProviders } from '../identity/chain.ts'
import { accountName, expiryMs, readClaims, tokenKind } from '../identity/claims.ts'
import type { FoundToken } from '../identity/provider.ts'
import { trustFeed } from '../net/allowlist.ts'
import { stringMember } from '../net/json.ts'
import { proxyFor, proxyName } from '../net/proxy.ts'
import { type Answer, requestWithSecret } from '../net/request.ts'
import { trustedCertificates, trustVariable } from '../net/trust.ts'
import { KeyringError } from '../system/messages.ts'
import { configFile, NULL_BACKEND } from '../system/keyringrc.ts'
import { isSet, type Secret, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { VERSION } from '../version.ts'
import { checkCallers } from './callers.ts'
import { type Check, step, type Tell } from './check.ts'

/** The credential that `get` answers with, and the provider's token that led to it. */
type Found = Awaited<ReturnType<typeof find>>

const KINDS = { password: 'of Azure DevOps', application: "an application's, of Entra", user: "a user's, of Entra" } as const

/**
 * Checks everything between a caller and its packages, up to where it breaks. The credential is looked for
 * by `get` itself: the first token that is accepted ends the search. Nothing is changed anywhere.
 *
 * @param service as for `get`; empty: what can be checked without a feed
 * @throws KeyringError after it was told
 */
export async function examine(service: string, system: System, tell: Tell): Promise<void> {
  await checkCallers(system, tell)
  await step('node', tell, () => system.node, ({ version, path }) => `${version} (${path}), keyring ${VERSION}`)
  const chain = await step('configuration', tell, () => chooseProviders(system), (all) => configuration(all, system))
  await step('proxy', tell, () => proxyFor(system, 'pkgs.dev.azure.com', 443), (proxy) =>
    proxy === undefined ? 'none' : `${proxyName(proxy)} (${proxy.variable})`)
  await step('trust', tell, () => trustedCertificates(system), (all) =>
    all === undefined ? 'the certificates of Node' : `only the certificates of ${trustVariable(system)} (${all.length})`)
  const feed = await step('service', tell, () => feedOf(service, system), (it) => `organization ${it.organization}`)
  const started = system.now()
  const answer = await step('connection', tell, () => probe(feed, system), ({ status }) =>
    `${new URL(feed.url).host} answered ${status} in ${system.now() - started} ms`)
  const { tenant } = await step('discovery', tell, () => parseDiscovery(feed, answer), (it) =>
    `tenant ${it.tenant}, session tokens from ${it.authorizationEndpoint ?? 'nowhere'}`)
  const found = await step('token', tell, () => find(service, chain, system, tell), ({ token }) =>
    KINDS[tokenKind(readClaims(token.token))])
  tell({ check: 'exchange', ...exchange(found, system) })
  await step('access', tell, () => ask(feed, found, tenant, system), (words) => words)
}

/** @throws KeyringError BAD_SETTING where `get` would find nothing at all */
function configuration({ rows, forced }: Chain, system: System): string {
  const path = configFile(system)
  const [backend, provider] = ['PYTHON_KEYRING_BACKEND', 'ARTIFACTS_KEYRING_NOFUSS_PROVIDER'] as const
  const off = setting(system, backend) === NULL_BACKEND ? backend : rows.length === 0 ? path : undefined
  if (off !== undefined) throw new KeyringError('BAD_SETTING', `${off} disables keyring`, `remove ${NULL_BACKEND} from it`)
  if (forced) return `only ${rows.map(({ name }) => name).join(', ')} (${isSet(system, provider) ? provider : path})`
  const file = path === undefined ? undefined : system.readFile(path, 1_048_576)
  return file === undefined ? 'no home folder' : `${path}${'problem' in file ? ` (${file.problem})` : ''}`
}

function feedOf(service: string, system: System): Feed {
  const feed = parseService(service, system)
  if (feed?.organization !== undefined) return feed
  throw new KeyringError('SERVICE_REFUSED', 'no feed of Azure Artifacts is named')
}

/** Has `get` look for the credential, and tells of each provider. */
async function find(service: string, chain: Chain, system: System, tell: Tell) {
  const left = new Set(chain.rows.map(({ name }) => name))
  const tokens: FoundToken[] = []
  const credential = await getCredential(service, system, (attempt) => {
    // The second word on a provider is about its token.
    const check = left.delete(attempt.provider) ? attempt.provider : 'token'
    if ('reason' in attempt) return tell({ check, result: attempt.failed ? 'failed' : 'skipped', reason: attempt.reason })
    tokens.push(attempt)
    tell({ check, result: 'ok', reason: described(attempt, system) })
  })
  const token = tokens.at(-1)
  if (credential === undefined || token === undefined) throw new KeyringError('NO_CREDENTIAL', 'get finds none')
  for (const check of left) tell({ check, result: 'skipped', reason: 'not needed' })
  return { credential, token }
}

function described({ token, source }: FoundToken, system: System): string {
  const claims = readClaims(token)
  const [who = 'a token without a name', tenant] = [accountName(claims), stringMember(claims, 'tid')]
  return `${who}${tenant === undefined ? '' : `, tenant ${tenant}`}${lifeOf(token, system)}, from ${source}`
}

function exchange({ credential, token }: Found, system: System): Omit<Check, 'check'> {
  const { password } = credential
  if (password === token.token) return { result: 'skipped', reason: 'not needed: the token is handed out as it is' }
  // A session token is a JWT, unless the user wants a personal access token.
  const scope = stringMember(readClaims(password), 'scp') ?? 'unknown'
  return { result: 'ok', reason: `session token, scope ${scope}${lifeOf(password, system)}` }
}

function lifeOf(token: Secret, system: System): string {
  const expiry = expiryMs(readClaims(token) ?? {})
  const minutes = Math.floor(((expiry ?? 0) - system.now()) / 60_000)
  return expiry === undefined ? '' : `, ${minutes < 0 ? `expired ${-minutes} min ago` : `${minutes} min left`}`
}

/**
 * Asks the feed with the credential, as pip does.
 *
 * @throws KeyringError TOKEN_REJECTED explaining an answer other than 200, or an error of the network
 */
async function ask(feed: Feed, { credential, token }: Found, feedTenant: string, system: System): Promise<string> {
  const authorization = credential.password.basic(credential.username)
  const headers = { authorization, accept: 'text/html', 'x-tfs-fedauthredirect': 'Suppress' }
  const options = { limit: 65_536, overflow: 'cut' } as const
  const answer = await requestWithSecret(system, trustFeed(feed.url), headers, undefined, options)
  if (answer.status === 200 && !isSignInPage(answer)) return 'the feed accepts the credential (200)'
  // Who asks is settled before what is asked, and an upload is no GET.
  if (feed.upload && answer.status === 405) return 'the feed accepts the credential; only an upload shows the role (405)'
  throw explained(answer, feed, token, feedTenant)
}

/** What an answer to a credential means, and what to do. */
function explained({ status, text }: Answer, feed: Feed, found: FoundToken, feedTenant: string): KeyringError {
  const refusal = (reason: string, ...next: readonly string[]): KeyringError =>
    new KeyringError('TOKEN_REJECTED', `${reason} (${status})`, ...next)
  const claims = readClaims(found.token)
  const who = accountName(claims) ?? 'the owner of the token'
  const role = (name: string): string => `give ${who} the role ${name} in the settings of the feed`
  // The words of Azure Artifacts, with 401.
  if (text.includes('No local versions of package')) {
    const next = [role('Feed and Upstream Reader (Collaborator)'), 'and set ARTIFACTS_KEYRING_NOFUSS_SCOPE=write']
    return refusal('the package is upstream only, and this credential may not save it into the feed', ...next)
  }
  if (status === 403) return refusal(`${who} has no permission`, role(feed.upload ? 'Feed Publisher (Contributor)' : 'Feed Reader'))
  if (status === 404) return refusal('no such feed or package', 'check organization, project, feed and package in the URL')
  if (status !== 401 && !isSignInPage({ status, text })) return refusal('the feed is busy or down', 'try again later')
  if (tokenKind(claims) === 'password') {
    const reason = 'the token has expired, was revoked or is of another organization'
    return refusal(reason, `put a new token of the organization ${feed.organization} in ${found.source}`)
  }
  const tenants = `tenant ${stringMember(claims, 'tid') ?? 'unknown'}, is not in ${feed.organization}, tenant ${feedTenant}`
  const next = `add ${who} to the organization${feed.portal === undefined ? '' : ` at ${feed.portal}/_settings/users`}`
  return refusal(`${who}, ${tenants}`, `${next}, or use another identity`)
}
