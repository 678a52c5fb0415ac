import { foreignCode, KeyringError } from '../system/messages.ts'
import type { System } from '../system/system.ts'
import { trustVariable } from './trust.ts'

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
}

const UNTRUSTED_AUTHORITY = 'its certificate comes from an authority that is not trusted'

const CERTIFICATE_CAUSES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED_AUTHORITY,
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
  // Who kept us waiting can be the proxy as well.
  const party = error instanceof Error && 'via' in error ? String(error.via) : host
  if (system.signal.aborted) return outOfTime(party)
  if (stopped) return new KeyringError('NETWORK', `${party} did not answer within ${timeoutMs / 1000} s`)
  const code = foreignCode(error) ?? ''
  const certificate = CERTIFICATE_CAUSES[code]
  if (certificate !== undefined) {
    const message = `${party} is not trusted: ${certificate}`
    return new KeyringError('TLS', message, ...certificateHints(system, code))
  }
  if (/^(EPROTO|ERR_SSL|ERR_TLS|ERR_OSSL)/.test(code)) return tlsError(code, party, party !== host)
  if (/^(HPE|UND_ERR)_HEADERS?_OVERFLOW$/.test(code)) {
    return new KeyringError('BAD_ANSWER', `the headers of the answer of ${party} are too large`)
  }
  if (/^HPE_/.test(code)) return new KeyringError('BAD_ANSWER', `what ${party} answers is not HTTP`)
  const cause = CAUSES[code] ?? 'the request failed'
  return new KeyringError('NETWORK', `no answer from ${party}: ${cause}`)
}

function certificateHints(system: System, code: string): readonly string[] {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return []
  if (code.startsWith('CERT_')) return ["check this machine's date and time"]
  const variable = trustVariable(system)
  if (variable !== undefined) {
    const only = `only the certificates that ${variable} names are trusted`
    return [`${only}; add those of a proxy that inspects TLS`]
  }
  return ['where a proxy inspects TLS, name its certificates in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS']
}

/** Node's code tells what is no TLS at all from a failed agreement only in the text of its error. */
function tlsError(code: string, party: string, isProxy: boolean): KeyringError {
  const message = `no TLS connection to ${party}: the handshake failed (${code})`
  const hint = isProxy
    ? 'where the proxy itself does not speak TLS, its URL begins with http://'
    : 'something between here and there may answer in its place, such as a firewall'
  return new KeyringError('TLS', message, hint)
}

/** The error for a call whose time is over. */
export function outOfTime(host: string): KeyringError {
  const hint = 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT sets how many seconds a call may take'
  return new KeyringError('TIMEOUT', `the time of this call was over while waiting for ${host}`, hint)
}
