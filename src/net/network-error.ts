import { foreignCode, KeyringError } from '../system/errors.ts'
import type { System } from '../system/system.ts'

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was dropped',
  EPIPE: 'the connection was dropped',
  UND_ERR_SOCKET: 'the connection was dropped',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  HPE_HEADER_OVERFLOW: 'its headers are too large',
  UND_ERR_HEADERS_OVERFLOW: 'its headers are too large',
}

const CERTIFICATE_CAUSES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted',
}

/**
 * Translates what `fetch` threw into our own words, of which only the host comes from outside.
 *
 * @param stopped whether the attempt was stopped by its own time or the call's
 */
export function networkError(
  system: System,
  error: unknown,
  host: string,
  stopped: boolean,
  timeoutMs: number,
): KeyringError {
  if (error instanceof KeyringError) return error
  if (system.signal.aborted) return outOfTime(host)
  if (stopped) {
    return new KeyringError('NETWORK', `${host} did not answer within ${timeoutMs / 1000} s`)
  }
  const via = error instanceof Error && 'via' in error ? String(error.via) : host
  return connectionError(error, via)
}

function connectionError(error: unknown, host: string): KeyringError {
  const code = foreignCode(error) ?? ''
  const certificate = CERTIFICATE_CAUSES[code]
  if (certificate !== undefined) {
    const hint = 'where a proxy inspects TLS, name its certificates in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS'
    return new KeyringError('TLS', `${host} is not trusted: ${certificate}`, hint)
  }
  if (/^(EPROTO|ERR_SSL|ERR_TLS|ERR_OSSL)/.test(code)) {
    return new KeyringError('TLS', `no TLS connection to ${host} (${code})`)
  }
  const cause = CAUSES[code] ?? (/^HPE_/.test(code) ? 'its answer is not HTTP' : undefined)
  return new KeyringError('NETWORK', `no answer from ${host}: ${cause ?? 'the request failed'}`)
}

/** The error for a call whose time is over. */
export function outOfTime(host: string): KeyringError {
  const hint = 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT sets how many seconds a call may take'
  return new KeyringError('TIMEOUT', `the time of this call was over while waiting for ${host}`, hint)
}
