import { generateKeyPairSync } from 'node:crypto'
import { authorityExtensions, DAY, issue, leafExtensions } from './x509.ts'
import type { Subject } from './x509.ts'

/** A certificate with which an application signs in. Every text is PEM. */
export interface ClientCertificate {
  readonly certificate: string
  /** The private key, PKCS#8. */
  readonly key: string
  /** The private key, PKCS#1; empty for an EC key. */
  readonly pkcs1: string
  /** The certificate of the authority that issued `certificate`. */
  readonly issuerCertificate: string
  /** The private key, PKCS#8, encrypted with a password. */
  encrypted(password: string): string
}

/** Makes a key, a certificate authority of its own and a certificate of that authority. */
export function makeClientCertificate(
  { kind = 'rsa', name = 'client' }: {
    readonly kind?: 'rsa' | 'ec', readonly name?: string
  } = {},
): ClientCertificate {
  const curve = { namedCurve: 'P-256' }
  const issuer: Subject = { name: `${name} root`, key: generateKeyPairSync('ec', curve).privateKey }
  const { privateKey: key } = kind === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', curve)
  const subject: Subject = { name, key }
  const extensions = leafExtensions(subject, issuer, 'client')
  return {
    certificate: issue(subject, issuer, [-DAY, 30 * DAY], extensions),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pkcs1: kind === 'rsa' ? key.export({ type: 'pkcs1', format: 'pem' }).toString() : '',
    issuerCertificate: issue(issuer, issuer, [-DAY, 60 * DAY], authorityExtensions(issuer)),
    encrypted: passphrase =>
      key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString(),
  }
}
