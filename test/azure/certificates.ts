import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import {
  bits, explicit, implicit, integer, octets, oid, sequence, set, TRUE, utcTime, utf8,
} from './der.ts'

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

interface Subject {
  readonly name: string
  readonly key: KeyObject
}

const DAY = 24 * 60 * 60 * 1000
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))

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
  const extensions = leafExtensions(subject, issuer, name)
  return {
    certificate: issue(subject, issuer, validity, extensions),
    key: subject.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function issue(
  subject: Subject, issuer: Subject, [from, to]: readonly [number, number],
  extensions: readonly Buffer[],
): string {
  const now = Date.now()
  const content = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer.name),
    sequence(utcTime(new Date(now + from)), utcTime(new Date(now + to))),
    distinguishedName(subject.name),
    publicKeyInfo(subject.key),
    explicit(3, sequence(...extensions)),
  )
  const signed = sequence(content, ECDSA_WITH_SHA256, bits(sign('sha256', content, issuer.key)))
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function authorityExtensions(authority: Subject): Buffer[] {
  return [
    critical('2.5.29.19', sequence(TRUE)),
    // keyCertSign and cRLSign
    critical('2.5.29.15', bits(Buffer.from([0x06]), 1)),
    ...keyIdentifiers(authority, authority),
  ]
}

function leafExtensions(subject: Subject, issuer: Subject, name: string): Buffer[] {
  const alternative = isIP(name) === 0
    ? implicit(2, Buffer.from(name, 'latin1')) : implicit(7, addressBytes(name))
  return [
    critical('2.5.29.19', sequence()),
    // digitalSignature
    critical('2.5.29.15', bits(Buffer.from([0x80]), 7)),
    // extendedKeyUsage: serverAuth
    plain('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))),
    plain('2.5.29.17', sequence(alternative)),
    ...keyIdentifiers(subject, issuer),
  ]
}

// Python's VERIFY_X509_STRICT asks for both identifiers.
function keyIdentifiers(subject: Subject, issuer: Subject): Buffer[] {
  return [
    plain('2.5.29.14', octets(keyIdentifier(subject.key))),
    plain('2.5.29.35', sequence(implicit(0, keyIdentifier(issuer.key)))),
  ]
}

function keyIdentifier(key: KeyObject): Buffer {
  // The uncompressed P-256 point is the last 65 bytes of the SubjectPublicKeyInfo.
  return createHash('sha1').update(publicKeyInfo(key).subarray(-65)).digest()
}

function publicKeyInfo(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))))
}

function critical(id: string, value: Buffer): Buffer {
  return sequence(oid(id), TRUE, octets(value))
}

function plain(id: string, value: Buffer): Buffer {
  return sequence(oid(id), octets(value))
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
