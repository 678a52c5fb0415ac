import { createHash, createPublicKey, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import {
  bits, explicit, implicit, integer, octets, oid, sequence, set, TRUE, utcTime, utf8,
} from './der.ts'

/** A name and its private key. */
export interface Subject {
  readonly name: string
  readonly key: KeyObject
}

/** A day in milliseconds. */
export const DAY: number = 24 * 60 * 60 * 1000

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))

/** A PEM certificate, valid from and until so many milliseconds from now, signed with an EC key. */
export function issue(
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
    createPublicKey(subject.key).export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  )
  const signed = sequence(content, ECDSA_WITH_SHA256, bits(sign('sha256', content, issuer.key)))
  const lines = signed.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** The extensions of a certificate authority. */
export function authorityExtensions(authority: Subject): Buffer[] {
  return [
    critical('2.5.29.19', sequence(TRUE)),
    // keyCertSign and cRLSign
    critical('2.5.29.15', bits(Buffer.from([0x06]), 1)),
    ...keyIdentifiers(authority, authority),
  ]
}

/** The extensions of a leaf that may sign, for the purpose and with the others given. */
export function leafExtensions(
  subject: Subject, issuer: Subject, purpose: 'server' | 'client', others: readonly Buffer[] = [],
): Buffer[] {
  return [
    critical('2.5.29.19', sequence()),
    // digitalSignature
    critical('2.5.29.15', bits(Buffer.from([0x80]), 7)),
    // extendedKeyUsage: serverAuth or clientAuth
    plain('2.5.29.37', sequence(oid(`1.3.6.1.5.5.7.3.${purpose === 'server' ? 1 : 2}`))),
    ...others,
    ...keyIdentifiers(subject, issuer),
  ]
}

/** An extension that a client may pass over when it does not know it. */
export function plain(id: string, value: Buffer): Buffer {
  return sequence(oid(id), octets(value))
}

function critical(id: string, value: Buffer): Buffer {
  return sequence(oid(id), TRUE, octets(value))
}

// Python's VERIFY_X509_STRICT asks for both identifiers.
function keyIdentifiers(subject: Subject, issuer: Subject): Buffer[] {
  return [
    plain('2.5.29.14', octets(keyIdentifier(subject.key))),
    plain('2.5.29.35', sequence(implicit(0, keyIdentifier(issuer.key)))),
  ]
}

// Of the public key's own bits, as RFC 5280 has it: a P-256 point is the last 65 bytes.
function keyIdentifier(key: KeyObject): Buffer {
  const publicKey = createPublicKey(key)
  const content = publicKey.asymmetricKeyType === 'rsa'
    ? publicKey.export({ type: 'pkcs1', format: 'der' })
    : publicKey.export({ type: 'spki', format: 'der' }).subarray(-65)
  return createHash('sha1').update(content).digest()
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))))
}
