import { constants, createHash, verify, X509Certificate } from 'node:crypto'
import { ENTRA_HOST, invalidClient } from './entra-refusals.ts'
import type { Refusal } from './entra-refusals.ts'
import { CERTIFICATE_CLIENT_ID } from './identities.ts'

/** Whose a registered certificate is and how it must be shown. */
export interface CertificateOptions {
  /** Absent: `CERTIFICATE_CLIENT_ID`. */
  readonly clientId?: string
  /** Takes an assertion only with the certificate and its issuer in `x5c`. */
  readonly requireChain?: boolean
}

/** The certificates that Entra knows of its applications. */
export interface CertificateAssertions {
  register(certificate: string, options?: CertificateOptions): void
  /** Whether an application has a certificate. */
  knows(clientId: string): boolean
  /** What is wrong with an assertion that an application signed itself. */
  refuse(clientId: string, tenant: string, assertion: string): Refusal | undefined
  reset(): void
}

interface Registered {
  readonly certificate: X509Certificate
  readonly clientId: string
  readonly requireChain: boolean
}

const LONGEST = 10 * 60
const LENIENCE = 5
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const MALFORMED = invalidClient(50027, 'JWT token is invalid or malformed.')

/** No certificate yet, and no assertion seen. */
export function createCertificateAssertions(): CertificateAssertions {
  const all: Registered[] = []
  const seen = new Set<unknown>()
  return {
    register: (pem, { clientId = CERTIFICATE_CLIENT_ID, requireChain = false } = {}) => {
      const certificate = new X509Certificate(pem)
      if (certificate.publicKey.asymmetricKeyType !== 'rsa') throw new Error('Entra wants RSA keys')
      all.push({ certificate, clientId, requireChain })
    },
    knows: clientId => all.some(one => one.clientId === clientId),
    reset: () => {
      all.length = 0
      seen.clear()
    },
    refuse: (clientId, tenant, assertion) => {
      const [head = '', body = '', signature = '', ...more] = assertion.split('.')
      const [header, claims] = [decode(head), decode(body)]
      if (header === undefined || claims === undefined || more.length > 0) return MALFORMED
      if (header['alg'] !== 'PS256' || header['typ'] !== 'JWT') {
        return invalidClient(5002738, 'The header of the JWT is not that of a PS256 assertion.')
      }
      const known = all.find(one => one.clientId === clientId &&
        header['x5t#S256'] === thumbprint(one.certificate))
      if (known === undefined) return unregistered('The key was not found')
      if (!isSigned(`${head}.${body}`, signature, known.certificate)) {
        return unregistered('The key was found, but use of the key to verify the signature failed')
      }
      const refusal = refuseClaims(claims, clientId, tenant) ?? refuseChain(header['x5c'], known)
      if (refusal !== undefined) return refusal
      const id = claims['jti']
      if (typeof id !== 'string' || !UUID.test(id)) return MALFORMED
      if (seen.has(id)) return invalidClient(7000112, 'The assertion has been used before.')
      seen.add(id)
      return undefined
    },
  }
}

function unregistered(reason: string): Refusal {
  return invalidClient(700027, 'The certificate with identifier used to sign the client ' +
    `assertion is not registered on application. [Reason - ${reason}.]`)
}

function thumbprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url')
}

function isSigned(text: string, signature: string, { publicKey }: X509Certificate): boolean {
  if (!/^[\w-]+$/.test(signature)) return false
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const key = { key: publicKey, padding, saltLength: 32 }
  return verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}

function refuseClaims(
  claims: Readonly<Record<string, unknown>>, clientId: string, tenant: string,
): Refusal | undefined {
  if (claims['iss'] !== clientId || claims['sub'] !== clientId) {
    return invalidClient(700021, 'Client assertion application identifier doesn\'t match ' +
      '\'client_id\' parameter.')
  }
  if (claims['aud'] !== `https://${ENTRA_HOST}/${tenant}/oauth2/v2.0/token`) {
    return invalidClient(700023, 'Client assertion audience claim does not match Realm issuer.')
  }
  const now = Date.now() / 1000
  const { exp, nbf } = claims
  const inTime = Number.isInteger(exp) && Number.isInteger(nbf) && Number(nbf) <= now &&
    Number(exp) > now && Number(exp) <= now + LONGEST + LENIENCE
  if (inTime) return undefined
  return invalidClient(700024, 'Client assertion is not within its valid time range.')
}

function refuseChain(chain: unknown, known: Registered): Refusal | undefined {
  if (chain === undefined && !known.requireChain) return undefined
  const texts: readonly unknown[] = Array.isArray(chain) ? chain : []
  const certificates = texts.map(parseCertificate)
  const whole = certificates.every((one, index) => {
    const next = certificates[index + 1]
    return one !== undefined && (index + 1 === texts.length ||
      (next !== undefined && one.checkIssued(next) && one.verify(next.publicKey)))
  })
  const first = certificates[0]?.fingerprint256 === known.certificate.fingerprint256
  if (whole && first && texts.length >= (known.requireChain ? 2 : 1)) return undefined
  return invalidClient(7000213, 'Invalid certificate chain.')
}

// Standard base64, unlike everything else in a JWT.
function parseCertificate(text: unknown): X509Certificate | undefined {
  try {
    const bytes = Buffer.from(String(text), 'base64')
    return bytes.toString('base64') === text ? new X509Certificate(bytes) : undefined
  } catch {
    return undefined
  }
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const bytes = Buffer.from(part, 'base64url')
    if (bytes.toString('base64url') !== part) return undefined
    const value: unknown = JSON.parse(bytes.toString())
    const object = typeof value === 'object' && value !== null && !Array.isArray(value)
    return object ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}
