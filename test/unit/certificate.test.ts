import assert from 'node:assert/strict'
import { constants, createHash, verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { readCertificate } from '../../src/identity/certificate.ts'
import { certificateToken, signedAssertion } from '../../src/identity/certificate-token.ts'
import { clientCertificate } from '../../src/identity/providers/client-certificate.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { Secret } from '../../src/system/settings.ts'
import type { FileText } from '../../src/system/system.ts'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import { fakeSystem, NOW } from './fake-system.ts'

const good = makeClientCertificate()
const other = makeClientCertificate()
const ec = makeClientCertificate({ kind: 'ec' })
const bag = 'Bag Attributes\n    localKeyID: 01\nsubject=CN = client\n'

function read(file: string | FileText, password?: string) {
  const system = fakeSystem({ files: { '/c.pem': file } })
  return readCertificate('/c.pem', password === undefined ? undefined : new Secret(password), system)
}

const FILES: readonly (readonly [name: string, text: string, password?: string])[] = [
  ['key, certificate', good.key + good.certificate],
  ['certificate, key', good.certificate + good.key],
  ['PKCS#1', good.pkcs1 + good.certificate],
  ['text between the blocks', `${bag}${good.certificate}${bag}${good.key}${bag}`],
  ['CRLF', (good.certificate + good.key).replaceAll('\n', '\r\n')],
  ['a chain', good.certificate + good.issuerCertificate + good.key],
  ['a key between the certificates of a chain', good.certificate + good.key + good.issuerCertificate],
  ['an encrypted key', good.certificate + good.encrypted('pass word ü'), 'pass word ü'],
  ['a password that is not needed', good.certificate + good.key, 'unused'],
]

for (const [name, text, password] of FILES) {
  test(`reads ${name}`, () => {
    const { leaf, chain } = read(text, password)
    assert.equal(leaf.fingerprint256, new X509Certificate(good.certificate).fingerprint256)
    assert.equal(chain.length, text.split('BEGIN CERTIFICATE').length - 1)
  })
}

const REFUSED: readonly (readonly [name: string, file: string | FileText, message: RegExp, hint?: RegExp | undefined, password?: string])[] = [
  ['an empty file', '', /not a PEM file/, /openssl pkcs12 -in/],
  ['PKCS#12, which is no text', { problem: 'not UTF-8' }, /not a PEM file/, /openssl pkcs12 -in/],
  ['a missing file', { problem: 'missing' }, /missing/],
  ['a key alone', good.key, /no certificate/],
  ['a certificate alone', good.certificate, /no private key/],
  ['two keys', good.key + other.key + good.certificate, /several private keys/],
  ['a key of another certificate', other.key + good.certificate, /not that of the first certificate/],
  ['the issuer first', good.issuerCertificate + good.certificate + good.key, /not that of the first certificate/],
  ['an EC key', ec.key + ec.certificate, /not an RSA key/, /openssl req -x509 -newkey rsa/],
  ['an encrypted key without password', good.certificate + good.encrypted('CANARY'), /encrypted/, /AZURE_CLIENT_CERTIFICATE_PASSWORD/],
  ['a wrong password', good.certificate + good.encrypted('CANARY'), /does not open/, undefined, 'CANARYwrong'],
  ['a damaged certificate', good.key + good.certificate.replace(/\n.{20}/, '\n'), /damaged/],
  ['a damaged key', good.certificate + '-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----\n', /damaged/],
]

for (const [name, file, message, hint, password] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => read(file, password), (error: KeyringError) => {
      assert.equal(error.code, 'PROVIDER_FAILED')
      assert.match(error.message, message)
      assert.ok(error.message.startsWith('/c.pem (AZURE_CLIENT_CERTIFICATE_PATH): '))
      assert.equal(`${error.message}${error.hints.join()}`.includes('CANARY'), false)
      if (hint !== undefined) assert.match(error.hints.join(), hint)
      return true
    })
  })
}

function parts(jwt: string): readonly [header: Record<string, unknown>, claims: Record<string, unknown>, signed: string, signature: Buffer] {
  const [header = '', claims = '', signature = ''] = jwt.split('.')
  const decoded = (text: string): Record<string, unknown> => JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>
  return [decoded(header), decoded(claims), `${header}.${claims}`, Buffer.from(signature, 'base64url')]
}

const TERMS = { clientId: 'app', audience: 'https://login.microsoftonline.com/t/oauth2/v2.0/token' }

test('the assertion says who, for whom and for how long, signed with PS256', () => {
  const system = { ...fakeSystem(), uuid: () => 'a-uuid' }
  const jwt = signedAssertion(read(good.certificate + good.key), { ...TERMS, sendChain: false }, system).reveal()
  const [header, claims, signed, signature] = parts(jwt)
  const der = new X509Certificate(good.certificate).raw
  assert.deepEqual(header, { alg: 'PS256', typ: 'JWT', 'x5t#S256': createHash('sha256').update(der).digest('base64url') })
  assert.deepEqual(claims, { aud: TERMS.audience, iss: 'app', sub: 'app', jti: 'a-uuid', nbf: NOW / 1000, exp: NOW / 1000 + 600 })
  const key = { key: new X509Certificate(good.certificate).publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  assert.equal(verify('sha256', Buffer.from(signed), key, signature), true)
  assert.equal(jwt.includes('='), false)
})

test('the chain goes along when asked for, in the order of the file', () => {
  const certificate = read(good.key + good.certificate + good.issuerCertificate)
  const [header] = parts(signedAssertion(certificate, { ...TERMS, sendChain: true }, fakeSystem()).reveal())
  assert.deepEqual(header['x5c'], [good.certificate, good.issuerCertificate].map((pem) => new X509Certificate(pem).raw.toString('base64')))
})

const ENV = { AZURE_CLIENT_ID: 'app', AZURE_TENANT_ID: 't', AZURE_CLIENT_CERTIFICATE_PATH: '/c.pem' }
const REQUEST = { resource: 'r', feedUrl: undefined, tenant: () => Promise.resolve('t'), laterConfigured: false }

test('the provider posts an assertion for the very URL it posts to', async () => {
  const system = fakeSystem({ env: { ...ENV, AZURE_AUTHORITY_HOST: 'login.microsoftonline.us' }, files: { '/c.pem': good.key + good.certificate }, fetch: () => ({ status: 200, body: '{"access_token":"tok"}' }) })
  assert.ok('token' in (await clientCertificate(REQUEST, system)))
  const [request] = system.requests
  const form = new URLSearchParams(request?.body)
  const [, claims] = parts(form.get('client_assertion') ?? '')
  assert.equal(claims['aud'], request?.url)
  assert.equal(request?.url, 'https://login.microsoftonline.us/t/oauth2/v2.0/token')
  assert.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  assert.equal(form.has('client_secret'), false)
})

for (const [value, sent] of [['1', true], ['true', true], ['TRUE', true], ['false', false], ['0', false], ['', false]] as const) {
  test(`AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=${value}: the chain is ${sent ? '' : 'not '}sent`, async () => {
    const system = fakeSystem({ env: { ...ENV, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: value }, files: { '/c.pem': good.key + good.certificate }, fetch: () => ({ status: 200, body: '{"access_token":"tok"}' }) })
    await clientCertificate(REQUEST, system)
    const [header] = parts(new URLSearchParams(system.requests[0]?.body).get('client_assertion') ?? '')
    assert.equal('x5c' in header, sent)
  })
}

test('the secret wins over the certificate, and an empty one is none', async () => {
  const files = { '/c.pem': good.key + good.certificate }
  const wins = await clientCertificate(REQUEST, fakeSystem({ env: { ...ENV, AZURE_CLIENT_SECRET: 's' }, files }))
  assert.ok('unavailable' in wins)
  const empty = await clientCertificate(REQUEST, fakeSystem({ env: { ...ENV, AZURE_CLIENT_SECRET: '' }, files, fetch: () => ({ status: 200, body: '{"access_token":"tok"}' }) }))
  assert.ok('token' in empty)
})

test('a bad certificate is told before any request', async () => {
  const system = fakeSystem({ files: { '/c.pem': other.key + good.certificate } })
  await assert.rejects(async () => certificateToken({ tenant: 't', clientId: 'a', resource: 'r' }, '/c.pem', false, system), { code: 'PROVIDER_FAILED' })
  assert.deepEqual(system.requests, [])
})
