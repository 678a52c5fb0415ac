import type { Secret, VariableName } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** What a provider may know of the call. */
export interface TokenRequest {
  /** What the token is for: an application ID, or a URL. */
  readonly resource: string
  /** The service as https URL, for providers that choose by it; undefined where there is none. */
  readonly feedUrl: string | undefined
  /** The feed's tenant, asked of the feed when first needed. */
  readonly tenant: () => Promise<string>
  /** Gets ready for the exchange of a user's token, while a program is being asked for it. */
  readonly prepareExchange?: () => void
  /** Whether the variables of a provider further down the chain are complete. */
  readonly laterConfigured: boolean
}

/** A token as a provider found it. What kind it is, is read from the token itself. */
export interface FoundToken {
  readonly token: Secret
  /** Where it comes from, in words for debug output and errors. */
  readonly source: string
  /** The user name to answer with; set where the token is the password, of whatever kind it is. */
  readonly username?: string
}

/** The provider does not apply here; the chain goes on. */
export interface Unavailable {
  readonly unavailable: string
  /** What would make it apply, where that is worth saying. */
  readonly hints?: readonly string[]
}

/**
 * A way to get a token. Says why it does not apply here, or throws a KeyringError when it
 * applies and fails.
 */
export type Provider = (
  request: TokenRequest,
  system: System,
) => Promise<FoundToken | Unavailable> | FoundToken | Unavailable

/** A provider as the chain knows it. It is loaded only when its turn comes. */
export interface ProviderRow {
  readonly name: string
  /** A name under which several providers are forced together. */
  readonly group?: string
  readonly load: () => Promise<Provider>
  /** Finds tokens that somebody else made: these may be used without knowing the organization. */
  readonly readyMade?: true
  /** Variables without all of which the provider does not apply; with them the user means it. */
  readonly required?: readonly VariableName[]
  /** Variables without any of which it does not apply. */
  readonly anyOf?: readonly VariableName[]
  /** Sets of variables of which each, when complete, shows that the user means this provider. */
  readonly configured?: readonly (readonly VariableName[])[]
}
