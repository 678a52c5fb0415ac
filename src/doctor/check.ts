import { type ErrorCode, KeyringError } from '../system/messages.ts'

/** What one check found. */
export interface Check {
  /** A caller, a step or a provider. */
  readonly check: string
  /** `skipped`: it does not apply here, or is not needed. */
  readonly result: 'ok' | 'failed' | 'skipped'
  readonly reason: string
  /** What to do about it, one or more lines. */
  readonly next?: readonly string[]
}

/** Takes each check as soon as it is made. */
export type Tell = (check: Check) => void

/** What to do where an error itself does not say. */
const NEXT: Partial<Record<ErrorCode, string>> = {
  SERVICE_REFUSED: 'pass the URL that "Connect to feed" shows: https://pkgs.dev.azure.com/ORG/_packaging/FEED/pypi/simple/',
  DISCOVERY_FAILED: 'check the URL of the feed, the network, HTTPS_PROXY and NO_PROXY',
  EXCHANGE_FAILED: 'Azure DevOps may be busy or down, try again later',
  PUBLIC_FEED: 'nothing: this feed needs no credential',
}

/** The outcome of a check that an error ended. */
function broken(check: string, { code, message, hints }: KeyringError): Check {
  const next = hints.length > 0 ? hints : [NEXT[code] ?? 'put that right, or run it again with ARTIFACTS_KEYRING_NOFUSS_DEBUG=1']
  // Each provider's reason has been told.
  const reason = code === 'NO_CREDENTIAL' ? 'no provider has one' : message
  return { check, result: code === 'PUBLIC_FEED' ? 'skipped' : 'failed', reason, next }
}

/** Makes a check and tells its outcome: what was found in words, or the error, which then goes on. */
export async function step<T>(check: string, tell: Tell, make: () => T | Promise<T>, words: (it: T) => string) {
  try {
    const it = await make()
    tell({ check, result: 'ok', reason: words(it) })
    return it
  } catch (error) {
    if (error instanceof KeyringError) tell(broken(check, error))
    throw error
  }
}
