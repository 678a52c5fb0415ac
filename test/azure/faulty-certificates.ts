import { generateKeyPairSync } from 'node:crypto'
import { createAuthority } from './certificates.ts'
import type { CertificateFault, Identity } from './certificates.ts'
import { implicit, sequence } from './der.ts'
import { authorityExtensions, DAY, issue, leafExtensions, plain } from './x509.ts'
import type { Subject } from './x509.ts'

/** What can be wrong with a certificate here: also one that begins tomorrow. */
export type ServerCertificate = CertificateFault | 'good' | 'not-yet-valid'

/** Certificates of a host, and the bundle of the authorities behind them. */
export interface FaultyCertificates {
  readonly bundle: string
  readonly of: (host: string, kind: ServerCertificate) => Identity
}

/** Makes two authorities: one as of every stand-in, one for what begins tomorrow. */
export function createFaultyCertificates(): FaultyCertificates {
  const authority = createAuthority()
  const early: Subject = { name: 'Early root', key: newKey() }
  const root = issue(early, early, [-DAY, 30 * DAY], authorityExtensions(early))
  return {
    bundle: `${authority.certificate}${root}`,
    of: (host, kind) => {
      if (kind === 'good') return authority.leaf(host)
      if (kind !== 'not-yet-valid') return authority.leaf(host, kind)
      const subject: Subject = { name: host, key: newKey() }
      const name = plain('2.5.29.17', sequence(implicit(2, Buffer.from(host, 'latin1'))))
      const extensions = leafExtensions(subject, early, 'server', [name])
      return {
        certificate: issue(subject, early, [DAY, 3 * DAY], extensions),
        key: subject.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
  }
}

function newKey(): Subject['key'] {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}
