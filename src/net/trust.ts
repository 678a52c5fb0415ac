import { KeyringError } from '../system/errors.ts'
import { setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'

const BUNDLE_LIMIT = 16 * 1_048_576

/** The variables that name a file of certificates, first match wins: Requests' and pip's, uv's. */
const VARIABLES = ['REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE'] as const

/**
 * The certificates to trust, as PEM, and where they come from in words.
 *
 * @returns undefined for Node's own roots, to which Node adds those of NODE_EXTRA_CA_CERTS
 * @throws KeyringError BAD_SETTING naming variable and file when the file cannot be used
 */
export function trustedCertificates(
  system: System,
): { readonly text: string; readonly source: string } | undefined {
  const variable = VARIABLES.find((name) => setting(system, name) !== undefined)
  if (variable === undefined) return undefined
  const path = setting(system, variable) ?? ''
  const source = `${variable} names ${path}`
  // Bundles have comments in every encoding; only the certificates matter.
  const file = system.readFile(path, BUNDLE_LIMIT, 'lenient')
  if ('problem' in file) {
    throw new KeyringError('BAD_SETTING', `${source}: ${file.problem}`)
  }
  if (!file.text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new KeyringError('BAD_SETTING', `${source}: no certificate in it`)
  }
  return { text: file.text, source }
}
