import { debug, type ErrorCode, KeyringError } from '../system/messages.ts'
import { NULL_BACKEND, readKeyringrc } from '../system/keyringrc.ts'
import { isSet, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import type { FoundToken, ProviderRow, TokenRequest } from './provider.ts'

/** Azure DevOps' application ID: the resource that tokens are asked for. */
export const DEVOPS_RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'

/** A resource as scope of the Microsoft identity platform v2.0. */
export function entraScope(resource: string): string {
  return `${resource}/.default`
}

/** Every provider, in the order in which they are tried. A new one is one file and one row here. */
export const PROVIDERS: readonly ProviderRow[] = [
  { name: 'feed_endpoints', readyMade: true,
    load: async () => (await import('./providers/feed-endpoints.ts')).feedEndpoints,
    anyOf: ['ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS', 'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS',
      'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS', 'ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES', 'VSS_NUGET_URI_PREFIXES'] },
  { name: 'env_var', readyMade: true,
    load: async () => (await import('./providers/env-var.ts')).envVar },
  { name: 'service_connection', group: 'azure_pipelines',
    load: async () => (await import('./providers/service-connection.ts')).serviceConnection,
    anyOf: ['SYSTEM_OIDCREQUESTURI', 'servicePrincipalId'] },
  { name: 'system_access_token', group: 'azure_pipelines', readyMade: true,
    load: async () => (await import('./providers/system-access-token.ts')).systemAccessToken,
    anyOf: ['TF_BUILD', 'SYSTEM_ACCESSTOKEN'] },
  { name: 'azure_cli',
    load: async () => (await import('./providers/azure-cli.ts')).azureCli },
  { name: 'ado_auth_helper',
    load: async () => (await import('./providers/ado-auth-helper.ts')).adoAuthHelper },
  { name: 'workload_identity',
    load: async () => (await import('./providers/workload-identity.ts')).workloadIdentity,
    required: ['AZURE_CLIENT_ID'], anyOf: ['AZURE_FEDERATED_TOKEN_FILE', 'ACTIONS_ID_TOKEN_REQUEST_URL', 'GITHUB_ACTIONS'],
    configured: [['AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE'],
      ['AZURE_CLIENT_ID', 'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN']] },
  { name: 'client_secret', group: 'azure_identity',
    load: async () => (await import('./providers/client-secret.ts')).clientSecret,
    required: ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_SECRET'] },
  { name: 'client_certificate', group: 'azure_identity',
    load: async () => (await import('./providers/client-certificate.ts')).clientCertificate,
    required: ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH'] },
  { name: 'managed_identity', group: 'azure_identity',
    load: async () => (await import('./providers/managed-identity.ts')).managedIdentity,
    configured: [['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'], ['IDENTITY_ENDPOINT', 'IMDS_ENDPOINT'], ['MSI_ENDPOINT', 'MSI_SECRET']] },
  { name: 'azure_developer_cli', group: 'azure_identity',
    load: async () => (await import('./providers/azure-developer-cli.ts')).azureDeveloperCli },
  { name: 'azure_powershell', group: 'azure_identity',
    load: async () => (await import('./providers/azure-powershell.ts')).azurePowershell },
]

/** Errors after which no other provider is tried: they are about the feed or the call, not about it. */
const ENDS_THE_CALL: readonly ErrorCode[] = ['UNTRUSTED_ENDPOINT', 'DISCOVERY_FAILED', 'PUBLIC_FEED', 'TIMEOUT']

/** The providers of this call, and whether the user forced them. */
export interface Chain {
  readonly rows: readonly ProviderRow[]
  readonly forced: boolean
}

/** Why one provider did not lead to a credential. */
export interface Refusal {
  readonly provider: string
  readonly reason: string
  readonly hints: readonly string[]
  /** It applies here and failed, or its token was rejected. */
  readonly failed: boolean
}

/** One provider's outcome. */
export type Attempt = ({ readonly provider: string } & FoundToken) | Refusal

/**
 * The whole chain, or what ARTIFACTS_KEYRING_NOFUSS_PROVIDER or keyringrc.cfg names; nothing where
 * keyringrc.cfg disables keyring.
 *
 * @throws KeyringError BAD_SETTING naming the valid names when that is none
 */
export function chooseProviders(system: System): Chain {
  const variable = 'ARTIFACTS_KEYRING_NOFUSS_PROVIDER'
  const keyringrc = readKeyringrc(system)
  if (keyringrc.defaultKeyring === NULL_BACKEND) return { rows: [], forced: false }
  const forced = setting(system, variable) ?? keyringrc.provider
  if (forced === undefined) return { rows: PROVIDERS, forced: false }
  const where = setting(system, variable) === undefined ? 'keyringrc.cfg' : variable
  return { rows: providerRows(forced, where), forced: true }
}

/** All names that can be forced, groups included, in the chain's order. */
export function providerNames(): readonly string[] {
  return [...new Set(PROVIDERS.flatMap((row) => [row.group ?? row.name, row.name]))]
}

/**
 * The provider of a name, or those of a group.
 *
 * @param where what names it, for the error
 * @throws KeyringError BAD_SETTING naming the valid names
 */
export function providerRows(name: string, where: string): readonly ProviderRow[] {
  const wanted = name.toLowerCase()
  const rows = PROVIDERS.filter((row) => row.name === wanted || row.group === wanted)
  if (rows.length > 0) return rows
  const hint = `valid names: ${providerNames().join(', ')}`
  throw new KeyringError('BAD_SETTING', `${where} names an unknown provider`, hint)
}

/** What every provider of a call may know; the chain adds what lies ahead of each. */
export type CallRequest = Omit<TokenRequest, 'laterConfigured'>

/**
 * Tries the providers one after the other. The caller stops when a token was accepted.
 *
 * @throws KeyringError of a provider that the user forced and that failed, or one that ends the call
 */
export async function* attempts(chain: Chain, call: CallRequest, system: System): AsyncGenerator<Attempt, void, void> {
  for (const [index, row] of chain.rows.entries()) {
    const later = chain.forced ? [] : chain.rows.slice(index + 1)
    const request = { ...call, get laterConfigured() { return later.some((next) => isConfigured(next, system)) } }
    const attempt = await tryProvider(row, request, chain, system)
    const outcome = 'reason' in attempt ? attempt.reason : `found a token in ${attempt.source}`
    debug(system, `${row.name}: ${outcome}`)
    yield attempt
  }
}

async function tryProvider(row: ProviderRow, request: TokenRequest, chain: Chain, system: System): Promise<Attempt> {
  const missing = missingVariables(row, system)
  if (missing !== undefined) return { provider: row.name, reason: missing, hints: [], failed: false }
  try {
    const provider = await row.load()
    const found = await provider(request, system)
    if (row.readyMade !== true && system.signal.aborted) throw await late(row)
    if ('token' in found) return { provider: row.name, ...found }
    return { provider: row.name, reason: found.unavailable, hints: found.hints ?? [], failed: false }
  } catch (error) {
    if (!(error instanceof KeyringError) || ENDS_THE_CALL.includes(error.code)) throw error
    if (system.signal.aborted) throw await late(row)
    // A group that is forced has other members left; a single provider has not.
    if (chain.forced && chain.rows.length === 1) throw error
    return { provider: row.name, reason: error.message, hints: error.hints, failed: true }
  }
}

async function late({ name }: ProviderRow): Promise<KeyringError> {
  return (await import('../net/network-error.ts')).outOfTime(name)
}

/** What the environment lacks for a provider, in words. */
function missingVariables({ required, anyOf }: ProviderRow, system: System): string | undefined {
  const unset = (required ?? []).filter((name) => !isSet(system, name))
  if (unset.length > 0) return `${unset.join(' and ')} not set`
  if (anyOf === undefined || anyOf.some((name) => isSet(system, name))) return undefined
  return anyOf.length > 2 ? 'no variable of it is set' : `${anyOf.join(' or ')} not set`
}

function isConfigured({ required, configured }: ProviderRow, system: System): boolean {
  const sets = configured ?? (required === undefined ? [] : [required])
  return sets.some((names) => names.every((name) => isSet(system, name)))
}
