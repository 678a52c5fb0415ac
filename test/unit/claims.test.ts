import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountName, checkClaims, expiryMs, readClaims, tokenKind } from '../../src/identity/claims.ts'
import type { TokenKind } from '../../src/identity/claims.ts'
import { Secret } from '../../src/system/settings.ts'
import { fakeSystem, jwt, NOW } from './fake-system.ts'

const DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798'

const KINDS: readonly (readonly [name: string, token: string, kind: TokenKind])[] = [
  ['idtyp app', jwt({ idtyp: 'app', oid: 'o' }), 'application'],
  ['idtyp user', jwt({ idtyp: 'user', upn: 'u' }), 'user'],
  ['idtyp user with roles', jwt({ idtyp: 'user', roles: ['r'] }), 'user'],
  ['scp', jwt({ scp: 'user_impersonation' }), 'user'],
  ['scp and roles', jwt({ scp: 'user_impersonation', roles: ['r'] }), 'user'],
  ['roles as text', jwt({ roles: 'Packaging.Read' }), 'application'],
  ['roles as a list', jwt({ roles: ['Packaging.Read'] }), 'application'],
  ['upn', jwt({ upn: 'u' }), 'user'],
  ['preferred_username', jwt({ preferred_username: 'u' }), 'user'],
  ['oid only', jwt({ oid: 'o' }), 'user'],
  ['no claims at all', jwt({}), 'user'],
  ['a payload of 1 MB', jwt({ oid: 'o', x: 'x'.repeat(1_000_000) }), 'user'],
  ["Azure Pipelines' System.AccessToken", jwt({ iss: 'app.vstoken.visualstudio.com', scp: 'app_token' }), 'password'],
  ['a session token', jwt({ iss: 'https://app.vstoken.visualstudio.com', scp: 'vso.packaging' }), 'password'],
  ['a token of the newer issuer', jwt({ iss: 'https://vstoken.dev.azure.com/guid' }), 'password'],
  ['a look-alike of the issuer', jwt({ iss: 'https://app.vstoken.visualstudio.com.evil.com', scp: 'x' }), 'user'],
  ['another look-alike of the issuer', jwt({ iss: 'evilvstoken.visualstudio.com', scp: 'x' }), 'user'],
  ['a PAT of 52 characters', 'a'.repeat(52), 'password'],
  ['a PAT of 84 characters', 'B'.repeat(84), 'password'],
  ['two parts', 'a.b', 'password'],
  ['four parts', `${jwt({ scp: 'x' })}.d`, 'password'],
  ['three parts that are no base64url', 'a$.b$.c', 'password'],
  ['three parts that are no JSON', 'aaaa.bbbb.cccc', 'password'],
  ['a payload that is an array', jwt([1, 2]), 'password'],
  ['a payload that is null', jwt(null), 'password'],
  ['a payload that is not UTF-8', `${jwt({}).split('.')[0]}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.c`, 'password'],
]

for (const [name, token, kind] of KINDS) {
  test(`${name} is of kind ${kind}`, () => {
    assert.equal(tokenKind(readClaims(new Secret(token))), kind)
  })
}

test('a claim named __proto__ is no claim of ours', () => {
  const payload = Buffer.from('{"__proto__":{"idtyp":"app","upn":"evil"}}').toString('base64url')
  const claims = readClaims(new Secret(`${jwt({}).split('.')[0]}.${payload}.c`))
  assert.equal(tokenKind(claims), 'user')
  assert.equal(accountName(claims), undefined)
})

test('names the account by upn, unique_name, oid, in this order', () => {
  assert.equal(accountName({ upn: 'a', unique_name: 'b', oid: 'c' }), 'a')
  assert.equal(accountName({ unique_name: 'b', oid: 'c' }), 'b')
  assert.equal(accountName({ oid: 'c' }), 'c')
  assert.equal(accountName({ upn: 7, oid: '' }), undefined)
  assert.equal(accountName(undefined), undefined)
})

test('rejects a token five minutes after its end, and names the time and the account', () => {
  const exp = NOW / 1000 - 301
  const check = (claims: Record<string, unknown>): void => checkClaims(claims, 'X', fakeSystem())
  assert.throws(() => check({ exp, upn: 'alice@contoso.example' }), {
    code: 'TOKEN_REJECTED',
    message: 'the token of alice@contoso.example in X expired at 2026-10-31T23:54:59.000Z',
  })
  check({ exp: exp + 1 })
  check({ exp: NOW / 1000 + 1 })
})

test('an absurd exp is no exp', () => {
  for (const exp of ['123', null, 8.65e15, -8.65e15, Number.NaN, {}, undefined]) {
    assert.equal(expiryMs({ exp }), undefined)
    checkClaims({ exp }, 'X', fakeSystem())
  }
})

test('warns of a token for another service, naming the audience', () => {
  const warnings = (claims: Record<string, unknown>): string => {
    const system = fakeSystem()
    checkClaims(claims, 'X', system)
    return system.err.join('')
  }
  assert.match(warnings({ aud: 'https://management.azure.com/' }), /^keyring: warning: .*https:\/\/management\.azure\.com\//)
  for (const aud of [DEVOPS, `${DEVOPS}/`, 'https://app.vssps.visualstudio.com', undefined, 7]) {
    assert.equal(warnings({ aud }), '', String(aud))
  }
  assert.equal(warnings({ aud: 'x', iss: 'app.vstoken.visualstudio.com' }), '')
  assert.equal(warnings({ aud: 'evil\nkeyring: error: x' }).split('\n').length, 2)
})
