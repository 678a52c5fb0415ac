import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountName, checkClaims, expiryMs, readClaims, tokenKind } from '../../src/identity/claims.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { Secret } from '../../src/system/settings.ts'
import { fakeSystem, jwt } from './fake-system.ts'
import { forAll, mutated } from './random.ts'
import type { Random } from './random.ts'

const CLAIMS = ['upn', 'preferred_username', 'unique_name', 'appid', 'oid', 'idtyp', 'scp', 'roles', 'iss', 'aud', 'exp', 'tid']
const MEMBERS = [...CLAIMS, '__proto__', 'constructor', 'toString', 'hasOwnProperty', '']
const VALUES: readonly unknown[] = ['u', '', 'app', 'user', 'app.vstoken.visualstudio.com', 0, -1, 1e308, 8.64e12, 1.5, null, true, [], ['x'], {}, { upn: 'evil' }, '\u2028', '\ud800', '\n\x1b[31m']
const NOISE = [...'.=-_+/ \n\0aZ9é', '..', 'e30', 'e30.', '\ud800']

/** JSON in which a member named `__proto__` is written like any other, with what must not be inherited. */
function payload(random: Random): string {
  const inherited = JSON.stringify(Object.fromEntries(CLAIMS.map((name) => [name, `evil-${name}`])))
  const members = random.many(0, 5, () => {
    const name = random.pick(MEMBERS)
    return `${JSON.stringify(name)}:${name === '__proto__' || name === 'constructor' ? inherited : JSON.stringify(random.pick(VALUES))}`
  })
  return `{${members.join(',')}}`
}

test('no token makes the reader of claims throw or take what is inherited for a claim', () => {
  const system = fakeSystem()
  forAll((random) => {
    const json = payload(random)
    const [header = ''] = jwt({}).split('.')
    const whole = `${header}.${Buffer.from(json).toString('base64url')}.CANARYsignature`
    const token = random.oneIn(2) ? whole : mutated(whole, NOISE, random)
    const claims = readClaims(new Secret(token))
    const name = accountName(claims)
    const kind = tokenKind(claims)
    assert.ok(name === undefined || !name.startsWith('evil'), JSON.stringify(token))
    assert.ok(['password', 'application', 'user'].includes(kind))
    if (token === whole) {
      const written = new Set(Object.keys(JSON.parse(json) as object))
      assert.deepEqual(new Set(Object.keys(claims ?? {})), written, json)
      if (!CLAIMS.some((claim) => written.has(claim))) assert.deepEqual([name, kind], [undefined, 'user'], json)
    }
    system.err.length = 0
    try {
      checkClaims(claims, 'SOURCE', system)
    } catch (error) {
      assert.ok(error instanceof KeyringError && error.code === 'TOKEN_REJECTED', JSON.stringify(token))
    }
    assert.ok(claims === undefined || Number.isFinite(expiryMs(claims) ?? 0))
    for (const line of system.err) assert.match(line, /^keyring: warning: [^\n\x1b]*\n$/)
  })
})
