import { constants, createHash, sign } from 'node:crypto'
import { Secret, secretSetting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { type Certificate, readCertificate } from './certificate.ts'
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

/** What an assertion says. */
export interface AssertionTerms {
  readonly clientId: string
  /** The exact URL that the assertion is posted to. */
  readonly audience: string
  /** Whether the certificates go with it, for applications that trust by subject name and issuer. */
  readonly sendChain: boolean
}

/** How long an assertion is valid, in seconds: as long as in all of Microsoft's libraries. */
const LIFE_SECONDS = 600

/**
 * Makes the JWT by which an application proves that it has the certificate's key (Microsoft
 * identity platform, certificate credentials; RFC 7523 §3; RFC 7518 §3.5 for PS256).
 */
export function signedAssertion(certificate: Certificate, terms: AssertionTerms, system: System): Secret {
  const now = Math.floor(system.now() / 1000)
  const header = {
    alg: 'PS256',
    typ: 'JWT',
    'x5t#S256': createHash('sha256').update(certificate.leaf.raw).digest('base64url'),
    // RFC 7515 §4.1.6: base64 here, not base64url.
    ...(terms.sendChain && { x5c: certificate.chain.map((der) => der.toString('base64')) }),
  }
  const claims = {
    aud: terms.audience,
    iss: terms.clientId,
    sub: terms.clientId,
    jti: system.uuid(),
    nbf: now,
    exp: now + LIFE_SECONDS,
  }
  const signed = `${encoded(header)}.${encoded(claims)}`
  const signature = sign('sha256', Buffer.from(signed), {
    key: certificate.key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  })
  return new Secret(`${signed}.${signature.toString('base64url')}`)
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
