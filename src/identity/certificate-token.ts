import { type Secret, secretSetting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { readCertificate } from './certificate.ts'
import { signedAssertion } from './certificate-assertion.ts'
import { type Application, applicationToken, JWT_BEARER } from './entra-token.ts'

/**
 * The token of an application that proves itself with the key of a certificate.
 *
 * @param path the PEM file; its password is in AZURE_CLIENT_CERTIFICATE_PASSWORD
 * @param sendChain whether the certificates go with the assertion
 * @throws KeyringError as `readCertificate`, before any request, and `applicationToken` do
 */
export function certificateToken(
  application: Application,
  path: string,
  sendChain: boolean,
  system: System,
): Promise<Secret> {
  const password = secretSetting(system, 'AZURE_CLIENT_CERTIFICATE_PASSWORD')
  const certificate = readCertificate(path, password, system)
  const { clientId } = application
  const proof = (audience: string) => ({
    client_assertion: signedAssertion(certificate, { clientId, audience, sendChain }, system),
    client_assertion_type: JWT_BEARER,
  }) as const
  return applicationToken(application, proof, system)
}
