import { outOfTime } from '../net/network-error.ts'
import { KeyringError } from '../system/errors.ts'
import type { ErrorCode } from '../system/errors.ts'
import { NULL_BACKEND, readKeyringrc } from '../system/keyringrc.ts'
import { debug } from '../system/log.ts'
import { isSet, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import type { FoundToken, TokenRequest } from './provider.ts'
import { providerRows, PROVIDERS } from './provider-table.ts'
import type { ProviderRow } from './provider-table.ts'

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

/** What every provider of a call may know; the chain adds what lies ahead of each. */
export type CallRequest = Omit<TokenRequest, 'laterConfigured'>

/**
 * Tries the providers one after the other. The caller stops when a token was accepted.
 *
 * @throws KeyringError of a provider that the user forced and that failed, or one that ends the call
 */
export async function* attempts(
  chain: Chain,
  call: CallRequest,
  system: System,
): AsyncGenerator<Attempt, void, void> {
  for (const [index, row] of chain.rows.entries()) {
    const later = chain.rows.slice(index + 1)
    const laterConfigured = !chain.forced && later.some((next) => isConfigured(next, system))
    const attempt = await tryProvider(row, { ...call, laterConfigured }, chain, system)
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
  if (missing !== undefined) return { provider: row.name, reason: missing, hints: [], failed: false }
  try {
    const provider = await row.load()
    const found = await provider(request, system)
    if (system.signal.aborted) throw outOfTime(row.name)
    if ('token' in found) return { provider: row.name, ...found }
    return { provider: row.name, reason: found.unavailable, hints: found.hints ?? [], failed: false }
  } catch (error) {
    if (!(error instanceof KeyringError) || ENDS_THE_CALL.includes(error.code)) throw error
    if (system.signal.aborted) throw outOfTime(row.name)
    // A group that is forced has other members left; a single provider has not.
    if (chain.forced && chain.rows.length === 1) throw error
    return { provider: row.name, reason: error.message, hints: error.hints, failed: true }
  }
}

/** What the environment lacks for a provider, in words. */
function missingVariables({ required, anyOf }: ProviderRow, system: System): string | undefined {
  const unset = (required ?? []).filter((name) => !isSet(system, name))
  if (unset.length > 0) return `${unset.join(' and ')} not set`
  if (anyOf === undefined || anyOf.some((name) => isSet(system, name))) return undefined
  return anyOf.length > 2 ? 'no variable of it is set' : `${anyOf.join(' or ')} not set`
}

function isConfigured({ configured }: ProviderRow, system: System): boolean {
  return (configured ?? []).some((names) => names.every((name) => isSet(system, name)))
}
