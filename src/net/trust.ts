import { KeyringError } from '../system/messages.ts'
import { type PlainVariableName, setting } from '../system/settings.ts'
import type { World } from '../system/system.ts'

const BUNDLE_LIMIT = 16 * 1_048_576

/**
 * The variables that name a file of certificates, first match wins. What is meant for one caller comes
 * before what is meant for many: pip's own, the two that Requests reads (pip and az use it) in its
 * order, and OpenSSL's, which uv reads. So pip, where it has its file from a variable, has the same.
 */
const VARIABLES: readonly PlainVariableName[] = ['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE']

/** The variable that says which certificates alone are trusted, where one is set. */
export function trustVariable(system: World): PlainVariableName | undefined {
  return VARIABLES.find((name) => setting(system, name) !== undefined)
}

/**
 * The certificates to trust, each a PEM block.
 *
 * @returns undefined for Node's own roots, to which Node adds those of NODE_EXTRA_CA_CERTS
 * @throws KeyringError BAD_SETTING naming variable and file when the file cannot be used
 */
export function trustedCertificates(system: World): string[] | undefined {
  const variable = trustVariable(system)
  if (variable === undefined) return undefined
  const path = setting(system, variable) ?? ''
  // Bundles have comments in every encoding; only the certificates matter.
  const file = system.readFile(path, BUNDLE_LIMIT, 'lenient')
  const problem = (text: string): KeyringError => new KeyringError('BAD_SETTING', `${variable} names ${path}: ${text}`)
  if ('problem' in file) throw problem(file.problem)
  // From one beginning to the next, so that a block without an end cannot swallow the one after it.
  const [, ...parts] = file.text.split('-----BEGIN CERTIFICATE-----')
  if (parts.length === 0) throw problem('no certificate in it')
  return parts.map((part) => {
    const [, base64] = /^([a-z\d+/=\s]*)-----END CERTIFICATE-----/i.exec(part) ?? []
    const certificate = Buffer.from(base64 ?? '', 'base64')
    if (!isWhole(certificate)) throw problem('a certificate in it is damaged')
    // Written anew: OpenSSL is particular about lines.
    const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n')
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
  })
}

/**
 * Whether this is one DER value of the length that it says. OpenSSL leaves out a certificate that it
 * cannot read, and all after it, without a word.
 */
function isWhole(der: Buffer): boolean {
  if (der.length < 4) return false
  // SEQUENCE with a length of two bytes: no certificate is shorter than 256 bytes.
  return der.readUInt16BE(0) === 0x3082 && der.readUInt16BE(2) === der.length - 4
}
