import type { Secret } from '../system/secret.ts'
import type { System } from '../system/system.ts'

/** Azure DevOps' application ID: the resource of az and managed identity. */
export const RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'

/** The same as a scope of the Microsoft identity platform v2.0. */
export const ENTRA_SCOPE = `${RESOURCE}/.default`

/** What a provider may know of the call. */
export interface TokenRequest {
  /** The feed's tenant, asked of the feed when first needed. */
  readonly tenant: () => Promise<string>
  /** Whether the variables of a provider further down the chain are complete. */
  readonly laterConfigured: boolean
}

/** A token as a provider found it. What kind it is, is read from the token itself. */
export interface FoundToken {
  readonly token: Secret
  /** Where it comes from, in words for debug output and errors. */
  readonly source: string
}

/** The provider does not apply here; the chain goes on. */
export interface Unavailable {
  readonly unavailable: string
}

/**
 * A way to get a token. Says why it does not apply here, or throws a KeyringError when it
 * applies and fails.
 */
export type Provider = (
  request: TokenRequest,
  system: System,
) => Promise<FoundToken | Unavailable> | FoundToken | Unavailable
