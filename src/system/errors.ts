/** Every way in which a call can fail. The set is closed, so that a `switch` can be complete. */
export type ErrorCode =
  /** The command line is wrong: exit status 2. */
  | 'USAGE'
  /** The service text names an Azure host in a form that is not safe to use. */
  | 'SERVICE_REFUSED'
  /** A variable, the configuration file or a file that they name cannot be used. */
  | 'BAD_SETTING'
  /** A token cannot be a token: a control character in it, or too long. */
  | 'BAD_TOKEN'
  /** The feed's answer to the anonymous probe says too little or nothing. */
  | 'DISCOVERY_FAILED'
  /** An answer names a host to which no secret may go. */
  | 'UNTRUSTED_ENDPOINT'
  /** The feed is readable without a credential. Ends the call in silence. */
  | 'PUBLIC_FEED'
  /** A provider applies here and failed. */
  | 'PROVIDER_FAILED'
  /** A token was refused: expired, or 401 at the exchange. The next provider may do better. */
  | 'TOKEN_REJECTED'
  /** The exchange for a session token failed for another reason than the token. */
  | 'EXCHANGE_FAILED'
  /** No provider had a credential. */
  | 'NO_CREDENTIAL'
  /** A host could not be reached, or the connection was dropped. Tried again. */
  | 'NETWORK'
  /** A server's answer is too long, compressed or not HTTP. */
  | 'BAD_ANSWER'
  /** A certificate is not trusted, or TLS failed. Not tried again. */
  | 'TLS'
  /** The proxy refused. Not tried again. */
  | 'PROXY'
  /** The time of the whole call is over. */
  | 'TIMEOUT'
  /** The answer could not be written. */
  | 'OUTPUT'
  /** `keyring agent`: there is no agent and cannot be one, or it is not to be trusted. */
  | 'AGENT'

/**
 * The one error of this program. Its message is our own words: never a response body, a child's
 * output, a header value or the message of a foreign error, any of which can hold a secret.
 */
export class KeyringError extends Error {
  override readonly name = 'KeyringError'
  readonly code: ErrorCode
  /** Things to do next, each one line. */
  readonly hints: readonly string[]

  constructor(code: ErrorCode, message: string, ...hints: readonly string[]) {
    super(message)
    this.code = code
    this.hints = hints
  }
}

/** The `code` of a foreign error (`ENOENT`, `ECONNRESET`), also where `fetch` hides it in `cause`. */
export function foreignCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code
  }
  return undefined
}
