import { KeyringError } from '../system/errors.ts'
import type { ErrorCode } from '../system/errors.ts'
import { readKeyringrc } from '../system/keyringrc.ts'
import { debug } from '../system/log.ts'
import { isSet, setting } from '../system/settings.ts'
import type { VariableName } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import type { FoundToken, Provider, TokenRequest } from './provider.ts'

/** A provider as the chain knows it. It is loaded only when its turn comes. */
export interface ProviderRow {
  readonly name: string
  /** A name under which several providers are forced together. */
  readonly group?: string
  readonly load: () => Promise<Provider>
  /** Finds tokens that somebody else made: these may be used without knowing the organization. */
  readonly readyMade?: true
  /** Sets of variables, any of which configures the provider; without one it does not apply. */
  readonly variables?: readonly (readonly VariableName[])[]
  /** Variables that show the provider to be configured, where it needs none. */
  readonly signs?: readonly (readonly VariableName[])[]
}

/** Every provider, in the order in which they are tried. A new one is one file and one row here. */
export const PROVIDERS: readonly ProviderRow[] = [
  {
    name: 'env_var',
    load: async () => (await import('./providers/env-var.ts')).envVar,
    readyMade: true,
  },
  {
    name: 'azure_cli',
    load: async () => (await import('./providers/azure-cli.ts')).azureCli,
  },
  {
    name: 'ado_auth_helper',
    load: async () => (await import('./providers/ado-auth-helper.ts')).adoAuthHelper,
  },
  {
    name: 'workload_identity',
    load: async () => (await import('./providers/workload-identity.ts')).workloadIdentity,
    variables: [
      ['AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE'],
      ['AZURE_CLIENT_ID', 'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'],
    ],
  },
  {
    name: 'client_secret',
    group: 'azure_identity',
    load: async () => (await import('./providers/client-secret.ts')).clientSecret,
    variables: [['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_SECRET']],
  },
  {
    name: 'managed_identity',
    group: 'azure_identity',
    load: async () => (await import('./providers/managed-identity.ts')).managedIdentity,
    signs: [['IDENTITY_ENDPOINT', 'IDENTITY_HEADER']],
  },
]

/** Errors after which no other provider is tried: they are about the feed or the call, not about it. */
const ENDS_THE_CALL: readonly ErrorCode[] = [
  'UNTRUSTED_ENDPOINT',
  'DISCOVERY_FAILED',
  'PUBLIC_FEED',
  'TIMEOUT',
]

/** The providers of this call, and whether the user forced them. */
export interface Chain {
  readonly rows: readonly ProviderRow[]
  readonly forced: boolean
}

/** One provider's outcome. */
export type Attempt =
  | ({ readonly provider: string } & FoundToken)
  | { readonly provider: string; readonly reason: string; readonly hints: readonly string[] }

/** All names that can be forced, groups included, in the chain's order. */
export function providerNames(): readonly string[] {
  return [...new Set(PROVIDERS.flatMap((row) => [row.group ?? row.name, row.name]))]
}

/** The backend of Python keyring that finds nothing; `keyring --disable` chooses it. */
const NULL_BACKEND = 'keyring.backends.null.Keyring'

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
  const name = forced.toLowerCase()
  const rows = PROVIDERS.filter((row) => row.name === name || row.group === name)
  if (rows.length > 0) return { rows, forced: true }
  const where = setting(system, variable) === undefined ? 'keyringrc.cfg' : variable
  const hint = `valid names: ${providerNames().join(', ')}`
  throw new KeyringError('BAD_SETTING', `${where} names an unknown provider`, hint)
}

/**
 * Tries the providers one after the other. The caller stops when a token was accepted.
 *
 * @throws KeyringError of a provider that the user forced and that failed, or one that ends the call
 */
export async function* attempts(
  chain: Chain,
  tenant: TokenRequest['tenant'],
  system: System,
): AsyncGenerator<Attempt, void, void> {
  for (const [index, row] of chain.rows.entries()) {
    const laterConfigured = !chain.forced && chain.rows.slice(index + 1).some(isConfigured(system))
    const attempt = await tryProvider(row, { tenant, laterConfigured }, chain, system)
    const outcome = 'reason' in attempt ? attempt.reason : `found a token in ${attempt.source}`
    debug(system, `${row.name}: ${outcome}`)
    yield attempt
  }
}

async function tryProvider(
  row: ProviderRow,
  request: TokenRequest,
  chain: Chain,
  system: System,
): Promise<Attempt> {
  const missing = missingVariables(row, system)
  if (missing !== undefined) return { provider: row.name, reason: `${missing} not set`, hints: [] }
  try {
    const provider = await row.load()
    const found = await provider(request, system)
    if ('token' in found) return { provider: row.name, ...found }
    return { provider: row.name, reason: found.unavailable, hints: [] }
  } catch (error) {
    if (!(error instanceof KeyringError) || ENDS_THE_CALL.includes(error.code)) throw error
    // A group that is forced has other members left; a single provider has not.
    if (chain.forced && chain.rows.length === 1) throw error
    return { provider: row.name, reason: error.message, hints: error.hints }
  }
}

/** What the nearest set of variables lacks; undefined when one set is complete or none is needed. */
function missingVariables(row: ProviderRow, system: System): string | undefined {
  const missing = (row.variables ?? [[]]).map((set) => set.filter((name) => !isSet(system, name)))
  const fewest = missing.reduce((best, names) => (names.length < best.length ? names : best))
  return fewest.length === 0 ? undefined : fewest.join(' and ')
}

function isConfigured(system: System): (row: ProviderRow) => boolean {
  return (row) => {
    const sets = row.variables ?? row.signs ?? []
    return sets.some((names) => names.every((name) => isSet(system, name)))
  }
}
