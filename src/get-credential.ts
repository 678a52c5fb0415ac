// What a call does not use is not loaded: the start of the process is what people feel.
import { type Feed, parseService } from './feed/service.ts'
import type { Discovery } from './feed/discovery.ts'
import type { Attempt, Refusal } from './identity/chain.ts'
import type { FoundToken } from './identity/provider.ts'
import { debug, KeyringError } from './system/messages.ts'
import type { Secret } from './system/settings.ts'
import type { System } from './system/system.ts'

/** The answer: a username and a password for HTTP Basic authentication (RFC 7617). */
export interface Credential {
  readonly username: string
  readonly password: Secret
}

/**
 * The whole way from keyring's SERVICE to a credential.
 *
 * @param see is shown each provider's outcome: a token before it is used, and its rejection after that
 * @returns undefined when the service is not an Artifacts feed, when it names no organization and
 *   there is no ready-made token, or when the feed is public: all of these end in silence
 * @throws KeyringError saying what was tried and why it failed
 */
export async function getCredential(
  service: string,
  system: System,
  see: (attempt: Attempt) => void = () => {},
): Promise<Credential | undefined> {
  const feed = parseService(service, system)
  if (feed === undefined) return undefined
  const { attempts, chooseProviders, DEVOPS_RESOURCE } = await import('./identity/chain.ts')
  const all = chooseProviders(system)
  if (all.rows.length === 0) {
    debug(system, 'keyring is disabled by keyringrc.cfg')
    return undefined
  }
  // A bare host names no organization, so there is nobody to ask: only what is at hand can answer.
  const rows = feed.organization === undefined ? all.rows.filter((row) => row.readyMade) : all.rows
  const discovery = onlyOnce(() => discoverLazily(feed, system))
  const refusals: Refusal[] = []
  try {
    const tenant = async (): Promise<string> => (await discovery()).tenant
    const prepareExchange = (): void => void connectAhead(discovery, system)
    const call = { resource: DEVOPS_RESOURCE, feedUrl: feed.url, tenant, prepareExchange }
    for await (const attempt of attempts({ ...all, rows }, call, system)) {
      see(attempt)
      if ('reason' in attempt) {
        refusals.push(attempt)
        continue
      }
      try {
        const credential = await credentialOf(attempt, feed, discovery, system)
        if (credential !== undefined) return credential
      } catch (error) {
        if (!(error instanceof KeyringError) || error.code !== 'TOKEN_REJECTED') throw error
        debug(system, `${attempt.provider}: ${error.message}`)
        const { message: reason, hints } = error
        const refusal = { provider: attempt.provider, reason, hints, failed: true }
        see(refusal)
        refusals.push(refusal)
      }
    }
  } catch (error) {
    if (!(error instanceof KeyringError) || error.code !== 'PUBLIC_FEED') throw error
    debug(system, 'the feed is public and needs no credential')
    return undefined
  }
  if (feed.organization === undefined) {
    debug(system, 'the service names no organization, and there is no ready-made token')
    return undefined
  }
  throw noCredential(feed, refusals)
}

/** What a token becomes: the password as it is, or a session token for a user's. */
async function credentialOf(
  found: FoundToken,
  feed: Feed,
  discovery: () => Promise<Discovery>,
  system: System,
): Promise<Credential | undefined> {
  if (found.username !== undefined) return { username: found.username, password: found.token }
  if (!found.token.hasJwtShape()) {
    debug(system, 'the token is no JWT, such as a personal access token')
    return { username: 'VssSessionToken', password: found.token }
  }
  const { accountName, checkClaims, readClaims, tokenKind, withAccount } = await import('./identity/claims.ts')
  const claims = readClaims(found.token)
  checkClaims(claims, found.source, system)
  const kind = tokenKind(claims)
  debug(system, `the token is one of kind ${kind}, account ${accountName(claims) ?? 'unknown'}`)
  if (kind === 'password') return { username: 'VssSessionToken', password: found.token }
  if (kind === 'application') return { username: 'bearer', password: found.token }
  const { exchange, keepsEntraToken, scopeFor } = await import('./feed/session-token.ts')
  if (keepsEntraToken(system)) return { username: 'EntraToken', password: found.token }
  if (feed.organization === undefined) return undefined
  const { authorizationEndpoint, tenant } = await discovery()
  if (authorizationEndpoint === undefined) {
    const { host } = new URL(feed.url)
    throw new KeyringError('DISCOVERY_FAILED', `${host} did not name its authorization endpoint`)
  }
  try {
    const scope = scopeFor(feed, system)
    const password = await exchange(authorizationEndpoint, found.token, scope, feed, system)
    return { username: 'VssSessionToken', password }
  } catch (error) {
    if (!(error instanceof KeyringError) || error.code !== 'TOKEN_REJECTED') throw error
    throw withAccount(error, claims, tenant)
  }
}

async function discoverLazily(feed: Feed, system: System): Promise<Discovery> {
  const { discover } = await import('./feed/discovery.ts')
  return discover(feed, system)
}

/** While a program looks for the user's token, the connection over which it will be exchanged is opened. */
async function connectAhead(discovery: () => Promise<Discovery>, system: System): Promise<void> {
  try {
    const { authorizationEndpoint } = await discovery()
    const { keepsEntraToken } = await import('./feed/session-token.ts')
    if (authorizationEndpoint === undefined || keepsEntraToken(system)) return
    system.fetch.connect?.(authorizationEndpoint)
  } catch {
    // Whoever asks for the answer of the feed hears of it.
  }
}

/** The feed is asked when somebody first needs its answer, and then never again. */
function onlyOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => (answer ??= ask())
}

function noCredential(feed: Feed, refusals: readonly Refusal[]): KeyringError {
  const reasons = refusals.map(({ provider, reason }) => `${provider}: ${reason}`).join('; ')
  const hints = refusals.map((refusal) => refusal.hints).find((list) => list.length > 0)
  const message = `no credential for ${feed.url} (${reasons})`
  return new KeyringError('NO_CREDENTIAL', message, ...(hints ?? firstStep(refusals)))
}

/** The one thing that helps most people: nothing, where they chose a provider that does not use it. */
function firstStep(refusals: readonly Refusal[]): readonly string[] {
  const az = refusals.find(({ provider }) => provider === 'azure_cli')
  if (az?.reason === 'az is not installed') {
    return ['set ARTIFACTS_KEYRING_NOFUSS_TOKEN, or install the Azure CLI and run: az login']
  }
  return az === undefined ? [] : ['az login']
}
