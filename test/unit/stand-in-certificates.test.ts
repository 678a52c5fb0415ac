import assert from 'node:assert/strict'
import {
  constants, createHash, createPrivateKey, randomUUID, sign, X509Certificate,
} from 'node:crypto'
import { after, beforeEach, describe, test } from 'node:test'
import { ask } from '../azure/client.ts'
import type { Answer } from '../azure/client.ts'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import { AZURE_DEVOPS, CERTIFICATE_CLIENT_ID, CONTOSO_TENANT } from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const mine = makeClientCertificate()
const other = makeClientCertificate({ name: 'other' })
const ENDPOINT = `https://login.microsoftonline.com/${CONTOSO_TENANT}/oauth2/v2.0/token`

const der = (pem: string): string => new X509Certificate(pem).raw.toString('base64')
const thumbprint = (pem: string): string =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')

interface Shape {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  readonly key?: string
  readonly saltLength?: number
  readonly padding?: number
  readonly change?: (assertion: string) => string
}

function assertion(shape: Shape = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint(mine.certificate) }
  const claims = {
    aud: ENDPOINT, iss: CERTIFICATE_CLIENT_ID, sub: CERTIFICATE_CLIENT_ID, jti: randomUUID(),
    nbf: now, exp: now + 600,
  }
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode({ ...header, ...shape.header })}.${encode({ ...claims, ...shape.claims })}`
  const { padding = constants.RSA_PKCS1_PSS_PADDING, saltLength = 32 } = shape
  const salt = padding === constants.RSA_PKCS1_PSS_PADDING ? { saltLength } : {}
  const key = { key: shape.key ?? mine.key, padding, ...salt }
  const whole = `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
  return shape.change?.(whole) ?? whole
}

function signIn(text: string): Promise<Answer> {
  return ask(standIn, ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials', scope: `${AZURE_DEVOPS}/.default`,
      client_id: CERTIFICATE_CLIENT_ID, client_assertion: text,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }).toString(),
  })
}

describe('a client certificate', () => {
  test('is one, with its key in every form', () => {
    const { certificate, key, pkcs1, encrypted, issuerCertificate } = mine
    const leaf = new X509Certificate(certificate)
    const root = new X509Certificate(issuerCertificate)
    assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey) && root.verify(root.publicKey))
    for (const text of [key, pkcs1]) assert.ok(leaf.checkPrivateKey(createPrivateKey(text)))
    assert.match(key, /^-----BEGIN PRIVATE KEY-----/)
    assert.match(pkcs1, /^-----BEGIN RSA PRIVATE KEY-----/)
    const locked = encrypted('pass word')
    assert.match(locked, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
    assert.ok(leaf.checkPrivateKey(createPrivateKey({ key: locked, passphrase: 'pass word' })))
    assert.throws(() => createPrivateKey({ key: locked, passphrase: 'wrong' }))
  })

  test('with an EC key is made, and Entra does not want it', () => {
    const { certificate, key, pkcs1 } = makeClientCertificate({ kind: 'ec' })
    assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
    assert.equal(pkcs1, '')
    assert.throws(() => standIn.registerCertificate(certificate), /RSA/)
  })
})

describe('a certificate assertion', () => {
  test('gives a token, once', async () => {
    standIn.registerCertificate(mine.certificate)
    const text = assertion()
    const { status, body } = await signIn(text)
    assert.equal(status, 200, body)
    assert.equal(standIn.tokens.find(JSON.parse(body).access_token)?.kind, 'application')
    assert.deepEqual(standIn.requests[0]?.errors, [])
    assert.equal((await signIn(text)).status, 401)
    assert.deepEqual(standIn.requests[1]?.errors, ['AADSTS7000112'])
  })

  test('may have a chain, and must where Entra wants one', async () => {
    standIn.registerCertificate(mine.certificate)
    const chain = [der(mine.certificate), der(mine.issuerCertificate)]
    assert.equal((await signIn(assertion({ header: { x5c: chain } }))).status, 200)
    assert.equal((await signIn(assertion({ header: { x5c: chain.slice(0, 1) } }))).status, 200)
    standIn.reset()
    standIn.registerCertificate(mine.certificate, { requireChain: true })
    assert.equal((await signIn(assertion({ header: { x5c: chain } }))).status, 200)
    for (const header of [{}, { x5c: chain.slice(0, 1) }, { x5c: [...chain].reverse() }]) {
      assert.match((await signIn(assertion({ header }))).body, /AADSTS7000213/)
    }
  })

  const now = Math.floor(Date.now() / 1000)
  const wrongChain = [der(mine.certificate), der(other.issuerCertificate)]
  const refusals: readonly (readonly [name: string, code: number, shape: Shape])[] = [
    ['no JWT', 50027, { change: () => 'a.b' }],
    ['padding', 50027, { change: text => text.replace('.', '=.') }],
    ['RS256', 5002738, { header: { alg: 'RS256' }, padding: constants.RSA_PKCS1_PADDING }],
    ['another typ', 5002738, { header: { typ: 'jwt' } }],
    ['no thumbprint', 700027, { header: { 'x5t#S256': undefined } }],
    ['another certificate', 700027, { header: { 'x5t#S256': thumbprint(other.certificate) } }],
    ['a padded thumbprint', 700027, { header: { 'x5t#S256': `${thumbprint(mine.certificate)}=` } }],
    ['another key', 700027, { key: other.key }],
    ['another salt', 700027, { saltLength: 20 }],
    ['another padding', 700027, { padding: constants.RSA_PKCS1_PADDING }],
    ['a changed signature', 700027, { change: text => `${text}AA` }],
    ['another issuer', 700021, { claims: { iss: AZURE_DEVOPS } }],
    ['another subject', 700021, { claims: { sub: AZURE_DEVOPS } }],
    ['another audience', 700023, { claims: { aud: ENDPOINT.replace('/v2.0', '') } }],
    ['an end in the past', 700024, { claims: { exp: now - 1 } }],
    ['an end too far ahead', 700024, { claims: { exp: now + 1200 } }],
    ['no end', 700024, { claims: { exp: undefined } }],
    ['a beginning in the future', 700024, { claims: { nbf: now + 300 } }],
    ['an end that is a string', 700024, { claims: { exp: String(now + 300) } }],
    ['no id', 50027, { claims: { jti: undefined } }],
    ['an id that is no UUID', 50027, { claims: { jti: 'once' } }],
    ['a chain of another', 7000213, { header: { x5c: [der(other.certificate)] } }],
    ['a broken chain', 7000213, { header: { x5c: wrongChain } }],
    ['a chain in base64url', 7000213, {
      header: { x5c: [new X509Certificate(mine.certificate).raw.toString('base64url')] },
    }],
    ['a chain of PEM', 7000213, { header: { x5c: [mine.certificate] } }],
    ['no chain of anything', 7000213, { header: { x5c: [] } }],
  ]
  for (const [name, code, shape] of refusals) {
    test(`is refused: ${name}`, async () => {
      standIn.registerCertificate(mine.certificate)
      const { status, body } = await signIn(assertion(shape))
      assert.equal(status, 401)
      assert.deepEqual(JSON.parse(body).error_codes, [code])
      assert.deepEqual(standIn.requests[0]?.errors, [`AADSTS${code}`])
    })
  }

  test('is refused before its certificate is registered, and for another application', async () => {
    assert.match((await signIn(assertion())).body, /AADSTS700027/)
    standIn.registerCertificate(mine.certificate, { clientId: AZURE_DEVOPS })
    assert.match((await signIn(assertion())).body, /AADSTS700027/)
  })
})
