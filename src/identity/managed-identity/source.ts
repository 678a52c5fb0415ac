import { type TrustedUrl, trustIdentityEndpoint } from '../../net/allowlist.ts'
import { KeyringError } from '../../system/messages.ts'
import { isSet, type PlainVariableName, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'

/** Which of several user-assigned identities is meant, and by which of its three names. */
export interface IdentitySelector {
  readonly by: 'client ID' | 'object ID' | 'resource ID'
  readonly value: string
  readonly variable: PlainVariableName
}

/** What a managed identity is asked for. */
export interface IdentityRequest {
  readonly resource: string
  /** Undefined for the system-assigned identity. */
  readonly selector: IdentitySelector | undefined
}

/** One kind of platform that gives its machines an identity. */
export type IdentitySource = (request: IdentityRequest, system: System) => Promise<FoundToken | Unavailable>

/** The query parameters of the three names of an identity, which differ from source to source. */
export type SelectorParameters = Readonly<Partial<Record<IdentitySelector['by'], string>>>

/**
 * The identity that the user selects.
 *
 * @throws KeyringError BAD_SETTING when two are named
 */
export function readSelector(system: System): IdentitySelector | undefined {
  const chosen = selector(system, 'ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID', 'resource ID')
  const other = selector(system, 'ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID', 'object ID')
  if (chosen !== undefined && other !== undefined) {
    throw new KeyringError('BAD_SETTING', `set ${chosen.variable} or ${other.variable}, not both`)
  }
  return chosen ?? other ?? selector(system, 'AZURE_CLIENT_ID', 'client ID')
}

function selector(
  system: System,
  variable: PlainVariableName,
  by: IdentitySelector['by'],
): IdentitySelector | undefined {
  const value = setting(system, variable)
  return value === undefined ? undefined : { by, value, variable }
}

/**
 * The selector as a query parameter of a source.
 *
 * @throws KeyringError BAD_SETTING when the source cannot select an identity in that way
 */
export function selectorQuery(
  source: string,
  selector: IdentitySelector | undefined,
  parameters: SelectorParameters,
): Readonly<Record<string, string>> {
  if (selector === undefined) return {}
  const parameter = parameters[selector.by]
  if (parameter !== undefined) return { [parameter]: selector.value }
  const message = `${source} cannot select an identity by ${selector.by}`
  throw new KeyringError('BAD_SETTING', message, `unset ${selector.variable}`)
}

/**
 * Checks that nothing is selected where nothing can be. AZURE_CLIENT_ID beside AZURE_TENANT_ID means
 * an application, not an identity of this machine.
 *
 * @throws KeyringError BAD_SETTING
 */
export function refuseSelector(source: string, request: IdentityRequest, system: System): void {
  const { selector } = request
  if (selector?.variable === 'AZURE_CLIENT_ID' && isSet(system, 'AZURE_TENANT_ID')) return
  selectorQuery(source, selector, {})
}

/**
 * The URL of an endpoint that a variable names.
 *
 * @throws KeyringError BAD_SETTING when it is neither https nor on this machine
 */
export function endpointUrl(
  variable: PlainVariableName,
  endpoint: string,
  query: Readonly<Record<string, string>>,
): TrustedUrl {
  const url = trustIdentityEndpoint(endpoint, query)
  if (url !== undefined) return url
  throw new KeyringError('BAD_SETTING', `${variable} is neither https nor on this machine`)
}
