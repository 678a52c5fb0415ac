import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { foreignCode, KeyringError } from '../system/messages.ts'
import type { Secret } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** An application's certificate with its private key. */
export interface Certificate {
  /** RSA. */
  readonly key: KeyObject
  readonly leaf: X509Certificate
  /** DER of all certificates in the order of the file, the leaf first. */
  readonly chain: readonly Buffer[]
}

const FILE_LIMIT = 1_048_576
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g

/**
 * Reads a PEM file (RFC 7468) that holds one RSA key and the certificates, the leaf first, in either
 * order and with any text between them.
 *
 * @throws KeyringError PROVIDER_FAILED naming the path and, where there is one, the openssl command
 *   that helps; nothing of the file is ever quoted
 */
export function readCertificate(path: string, password: Secret | undefined, system: System): Certificate {
  const file = system.readFile(path, FILE_LIMIT)
  if ('problem' in file) throw unreadable(path, file.problem)
  const blocks = [...file.text.matchAll(BLOCK)].map(([pem, label = '']) => ({ pem, label }))
  if (blocks.length === 0) throw noPem(path)
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'))
  const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE')
  const [key, ...more] = keys
  if (key === undefined) throw failed(path, 'there is no private key in it')
  if (more.length > 0) throw failed(path, 'there are several private keys in it')
  const chain = certificates.map(({ pem }) => parseCertificate(pem, path))
  const [leaf] = chain
  if (leaf === undefined) throw failed(path, 'there is no certificate in it')
  const privateKey = parseKey(key.pem, password, path)
  if (!leaf.checkPrivateKey(privateKey)) throw failed(path, 'the private key is not that of the first certificate')
  return { key: privateKey, leaf, chain: chain.map(({ raw }) => raw) }
}

function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw failed(path, 'a certificate in it is damaged')
  }
}

function parseKey(pem: string, password: Secret | undefined, path: string): KeyObject {
  const key = decryptedKey(pem, password, path)
  if (key.asymmetricKeyType === 'rsa') return key
  const hint = 'make one with: openssl req -x509 -newkey rsa:3072 -noenc -keyout key.pem -out cert.pem'
  throw failed(path, 'the private key is not an RSA key', hint)
}

function decryptedKey(pem: string, password: Secret | undefined, path: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(password && { passphrase: password.reveal() }) })
  } catch (error) {
    const encrypted = /ENCRYPTED/.test(pem)
    const variable = 'AZURE_CLIENT_CERTIFICATE_PASSWORD'
    if (encrypted && password === undefined) throw failed(path, 'the private key is encrypted', `set ${variable}`)
    if (encrypted) throw failed(path, `${variable} does not open the private key`)
    throw failed(path, `the private key is damaged (${foreignCode(error) ?? 'unknown'})`)
  }
}

function unreadable(path: string, problem: string): KeyringError {
  return problem === 'not UTF-8' ? noPem(path) : failed(path, problem)
}

function noPem(path: string): KeyringError {
  const hint = `convert a PKCS#12 file with: openssl pkcs12 -in FILE.pfx -out FILE.pem -nodes`
  return failed(path, 'it is not a PEM file', hint)
}

function failed(path: string, why: string, ...hints: readonly string[]): KeyringError {
  const what = `${path} (AZURE_CLIENT_CERTIFICATE_PATH): ${why}`
  return new KeyringError('PROVIDER_FAILED', what, ...hints)
}
