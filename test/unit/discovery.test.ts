import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDiscovery } from '../../src/feed/discovery.ts'
import type { Discovery } from '../../src/feed/discovery.ts'
import { parseService } from '../../src/feed/service.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { fakeSystem } from './fake-system.ts'

const T = '11111111-aaaa-4aaa-8aaa-111111111111'
const OTHER = '22222222-bbbb-4bbb-8bbb-222222222222'
const ZERO = '00000000-0000-0000-0000-000000000000'
const BEARER = `Bearer authorization_uri=https://login.microsoftonline.com/${T}`
const ENDPOINT = 'https://app.vssps.visualstudio.com'

function discovered(headers: Record<string, string>, status = 401, text = ''): Discovery | string {
  const feed = parseService('https://pkgs.dev.azure.com/contoso/_packaging/f/pypi/simple/', fakeSystem())
  assert.ok(feed)
  try {
    return parseDiscovery(feed, { status, header: (name) => headers[name], text })
  } catch (error) {
    assert.ok(error instanceof KeyringError)
    return error.code
  }
}

const TENANTS: readonly (readonly [name: string, headers: Record<string, string>, tenant: string])[] = [
  ['authorization_uri', { 'www-authenticate': BEARER }, T],
  ['authorization_uri among others', { 'www-authenticate': `${BEARER}, Basic realm="http://x", TFS-Federated` }, T],
  ['the Bearer challenge that has a parameter', { 'www-authenticate': `Bearer, ${BEARER}, NTLM x` }, T],
  ['a quoted authorization_uri', { 'www-authenticate': `Bearer authorization_uri="https://login.windows.net/${T}"` }, T],
  ['X-VSS-ResourceTenant alone', { 'x-vss-resourcetenant': T }, T],
  ['the first tenant that is not zero', { 'x-vss-resourcetenant': `${ZERO}, ${T}, ${OTHER}` }, T],
  ['WWW-Authenticate where both are there', { 'www-authenticate': BEARER, 'x-vss-resourcetenant': OTHER }, T],
  ['ResourceTenant where the URI has no tenant', { 'www-authenticate': 'Bearer authorization_uri=https://login.microsoftonline.com/', 'x-vss-resourcetenant': T }, T],
  ['organizations where the tenant is zero', { 'www-authenticate': 'Bearer', 'x-vss-resourcetenant': ZERO }, 'organizations'],
  ['organizations where nothing is said', {}, 'organizations'],
  ['organizations for another scheme', { 'www-authenticate': `NotBearer authorization_uri=https://login.windows.net/${T}` }, 'organizations'],
  ['organizations for Bearer alone', { 'www-authenticate': 'Bearer' }, 'organizations'],
  ['organizations where only X-VSS-E2EID is said', { 'x-vss-e2eid': 'x' }, 'organizations'],
  ['organizations for Bearer foobar', { 'www-authenticate': 'Bearer foobar' }, 'organizations'],
]

for (const [name, headers, tenant] of TENANTS) {
  test(`takes the tenant from ${name}`, () => {
    const found = discovered(headers)
    assert.ok(typeof found === 'object', String(found))
    assert.equal(found.tenant, tenant)
  })
}

test('reads the authorization endpoint, or leaves it open', () => {
  const found = discovered({ 'www-authenticate': BEARER, 'x-vss-authorizationendpoint': ENDPOINT })
  assert.ok(typeof found === 'object')
  assert.match(found.authorizationEndpoint ?? '', /^https:\/\/app\.vssps\.visualstudio\.com$/)
  const without = discovered({ 'www-authenticate': BEARER })
  assert.ok(typeof without === 'object')
  assert.equal(without.authorizationEndpoint, undefined)
})

const REFUSED: readonly (readonly [name: string, code: string, headers: Record<string, string>, status: number, text?: string])[] = [
  ['an authority elsewhere', 'UNTRUSTED_ENDPOINT', { 'www-authenticate': `Bearer authorization_uri=https://evil.com/${T}` }, 401],
  ['an authority over http', 'UNTRUSTED_ENDPOINT', { 'www-authenticate': `Bearer authorization_uri=http://login.windows.net/${T}` }, 401],
  ['a tenant that is an option', 'UNTRUSTED_ENDPOINT', { 'x-vss-resourcetenant': '--help' }, 401],
  ['a tenant that is a path', 'UNTRUSTED_ENDPOINT', { 'x-vss-resourcetenant': '../common' }, 401],
  ['an endpoint elsewhere', 'UNTRUSTED_ENDPOINT', { 'www-authenticate': BEARER, 'x-vss-authorizationendpoint': 'https://evil.com' }, 401],
  ['an empty endpoint', 'UNTRUSTED_ENDPOINT', { 'www-authenticate': BEARER, 'x-vss-authorizationendpoint': '' }, 401],
  ['a redirect, whatever it says', 'DISCOVERY_FAILED', { 'www-authenticate': BEARER, 'x-vss-authorizationendpoint': ENDPOINT }, 302],
  ['203, whatever it says', 'DISCOVERY_FAILED', { 'www-authenticate': BEARER }, 203],
  ['404', 'DISCOVERY_FAILED', {}, 404],
  ['500', 'DISCOVERY_FAILED', {}, 500],
  ['403', 'DISCOVERY_FAILED', {}, 403],
  ['200 with a sign-in form', 'DISCOVERY_FAILED', {}, 200, '<html><form action="/signin">'],
  ['200 with a script', 'DISCOVERY_FAILED', {}, 200, '<html><SCRIPT>'],
  ['a public feed', 'PUBLIC_FEED', {}, 200, '<a href="x">x</a>'],
]

for (const [name, code, headers, status, text] of REFUSED) {
  test(`answers ${code} to ${name}`, () => {
    assert.equal(discovered(headers, status, text), code)
  })
}

test('a 200 that names a tenant is no public feed', () => {
  const found = discovered({ 'x-vss-resourcetenant': T, 'x-vss-authorizationendpoint': ENDPOINT }, 200)
  assert.ok(typeof found === 'object')
  assert.equal(found.tenant, T)
})
