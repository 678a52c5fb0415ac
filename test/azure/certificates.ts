import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { implicit, sequence } from './der.ts'
import { authorityExtensions, DAY, issue, leafExtensions, plain } from './x509.ts'
import type { Subject } from './x509.ts'

/** What can be wrong with a server's certificate. */
export type CertificateFault = 'expired' | 'self-signed' | 'wrong-name'

/** A certificate and its private key, both PEM. */
export interface Identity {
  readonly certificate: string
  readonly key: string
}

/** A certificate authority that lives as long as the process. */
export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string
  /** The leaf for a host name or address, made once and then remembered. */
  leaf(host: string, fault?: CertificateFault): Identity
}

/** Makes a new authority: an EC P-256 key and a self-signed certificate. */
export function createAuthority(): Authority {
  const issuer: Subject = { name: 'Azure stand-in root', key: newKey() }
  const certificate = issue(issuer, issuer, [-DAY, 30 * DAY], authorityExtensions(issuer))
  const leaves = new Map<string, Identity>()
  return {
    certificate,
    leaf: (host, fault) => {
      const name = `${fault ?? 'good'} ${host}`
      const known = leaves.get(name)
      if (known !== undefined) return known
      const made = makeLeaf(issuer, host, fault)
      leaves.set(name, made)
      return made
    },
  }
}

function makeLeaf(authority: Subject, host: string, fault: CertificateFault | undefined): Identity {
  // A common name holds at most 64 characters; clients read the alternative name.
  const subject: Subject = { name: host.slice(0, 64), key: newKey() }
  const issuer = fault === 'self-signed' ? subject : authority
  const validity: [number, number] = fault === 'expired' ? [-3 * DAY, -DAY] : [-DAY, 10 * DAY]
  const name = fault === 'wrong-name' ? 'wrong-name.example' : host
  const extensions = leafExtensions(subject, issuer, 'server', [alternativeName(name)])
  return {
    certificate: issue(subject, issuer, validity, extensions),
    key: subject.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function alternativeName(name: string): Buffer {
  const alternative = isIP(name) === 0
    ? implicit(2, Buffer.from(name, 'latin1')) : implicit(7, addressBytes(name))
  return plain('2.5.29.17', sequence(alternative))
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string | undefined): string[] =>
    text === undefined || text === '' ? [] : text.split(':')
  const missing = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...new Array<string>(missing).fill('0'), ...groups(tail)]
  return Buffer.from(all.flatMap(group => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]))
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}
