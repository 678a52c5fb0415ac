import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpointFor, isAtOrBelow, parseFeedEndpoints } from '../../src/identity/feed-endpoints.ts'
import { getCredential } from '../../src/get-credential.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { Secret } from '../../src/system/settings.ts'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import { fakeSystem, jwt, NOW, printed } from './fake-system.ts'
import type { AskedRequest, FakeAnswer, FakeSystem, FakeWorld } from './fake-system.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const TENANT = '11111111-aaaa-4aaa-8aaa-111111111111'
const GUID = '44444444-0000-4000-8000-000000000002'
const APPLICATION = jwt({ idtyp: 'app' })
const USER = jwt({ upn: 'alice@contoso.example', scp: 'x', tid: '22222222-bbbb-4bbb-8bbb-222222222222' })

const EXTERNAL = 'ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS'
const LEGACY_EXTERNAL = 'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS'
const IDENTITIES = 'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS'

async function get(world: FakeWorld, service = FEED): Promise<{ readonly said: string; readonly system: FakeSystem; readonly error?: KeyringError }> {
  const env = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'feed_endpoints', ...world.env }
  const system = fakeSystem({ ...world, env })
  try {
    const found = await getCredential(service, system)
    return { said: found === undefined ? 'nothing' : `${found.username} ${found.password.reveal()}`, system }
  } catch (error) {
    assert.ok(error instanceof KeyringError, String(error))
    assert.equal(error.message.includes('CANARY'), false)
    return { said: error.code, system, error }
  }
}

function endpoints(...entries: readonly object[]): string {
  return JSON.stringify({ endpointCredentials: entries })
}

const at = (endpoint: string, more: object = {}): object => ({ endpoint, password: 'p', ...more })

const EXTERNALS: readonly (readonly [name: string, value: string, said: string, warnings?: number])[] = [
  ['user and password', endpoints(at(FEED, { username: 'u' })), 'u p'],
  ['no user', endpoints(at(FEED)), 'VssSessionToken p'],
  ['the third of four', endpoints(at('https://a.example/'), at('https://b.example/'), at(FEED), at('https://c.example/')), 'VssSessionToken p'],
  ['another case', endpoints(at(FEED.toUpperCase().replace('HTTPS', 'https'))), 'VssSessionToken p'],
  ['no slash at the end', endpoints(at(FEED.slice(0, -1))), 'VssSessionToken p'],
  ['the feed, not the index', endpoints(at('https://pkgs.dev.azure.com/contoso/_packaging/feed')), 'VssSessionToken p'],
  ['the organization', endpoints(at('https://pkgs.dev.azure.com/contoso/')), 'VssSessionToken p'],
  ['the nearest of several', endpoints(at('https://pkgs.dev.azure.com/contoso', { password: 'far' }), at(FEED, { password: 'near' })), 'VssSessionToken near'],
  ['the first of two alike', endpoints(at(FEED, { password: 'first' }), at(FEED, { password: 'second' })), 'VssSessionToken first'],
  ['a prefix that ends within a name', endpoints(at('https://pkgs.dev.azure.com/conto')), 'NO_CREDENTIAL'],
  ['a feed below', endpoints(at(`${FEED}package/`)), 'NO_CREDENTIAL'],
  ['a name with a slash in it', endpoints(at('https://pkgs.dev.azure.com/contoso%2F_packaging/feed')), 'NO_CREDENTIAL'],
  ['a name in escapes', endpoints(at('https://pkgs.dev.azure.com/c%6Fntoso/_packaging/')), 'VssSessionToken p'],
  ['another host', endpoints(at('https://pkgs.dev.azure.com.evil.com/contoso/')), 'NO_CREDENTIAL'],
  ['http', endpoints(at(FEED.replace('https', 'http'))), 'NO_CREDENTIAL', 1],
  ['a bad entry before a good one', endpoints({ endpoint: 'no URL', password: 'CANARY' }, at(FEED)), 'VssSessionToken p', 1],
  ['entries that are no objects', JSON.stringify({ endpointCredentials: [null, 7, 'x', [], at(FEED)] }), 'VssSessionToken p', 4],
  ['no password', endpoints({ endpoint: FEED }), 'NO_CREDENTIAL'],
  ['an empty password', endpoints(at(FEED, { password: '' })), 'NO_CREDENTIAL'],
  ['a password with a line break', endpoints(at(FEED, { password: 'CANARYa\nb' })), 'BAD_TOKEN'],
  ['single quotes', endpoints(at(FEED)).replaceAll('"', "'"), 'VssSessionToken p', 1],
  ['no JSON', 'CANARY{', 'NO_CREDENTIAL', 1],
  ['an array', '[1]', 'NO_CREDENTIAL', 1],
  ['no list', '{"endpointCredentials":null}', 'NO_CREDENTIAL', 1],
  ['a number as list', '{"endpointCredentials":7}', 'NO_CREDENTIAL', 1],
  ['nothing in it', '{}', 'NO_CREDENTIAL', 1],
  ['__proto__', '{"__proto__":{"endpointCredentials":[]}}', 'NO_CREDENTIAL', 1],
]

for (const [name, value, said, warnings = 0] of EXTERNALS) {
  test(`external feed endpoints: ${name}`, async () => {
    const result = await get({ env: { [EXTERNAL]: value } })
    assert.equal(result.said, said)
    assert.equal(result.system.err.length, warnings, result.system.err.join(''))
    assert.equal(result.system.err.join('').includes('CANARY'), false)
    assert.deepEqual(result.system.requests, [])
  })
}

test('spaces and escapes in a path are the same', () => {
  const entry = (endpoint: string) => parseFeedEndpoints(new Secret(endpoints(at(endpoint))), 'X', true).endpoints
  assert.ok(endpointFor('https://pkgs.dev.azure.com/o/My%20Collection/', entry('https://pkgs.dev.azure.com/o/My Collection')))
  assert.equal(isAtOrBelow('https://pkgs.dev.azure.com/%ff', 'x'), false)
})

test('an endpoint of nothing but slashes takes no longer than its length', () => {
  const started = performance.now()
  assert.equal(isAtOrBelow(`https://pkgs.dev.azure.com/${'/'.repeat(120_000)}x`, 'pkgs.dev.azure.com'), true)
  assert.ok(performance.now() - started < 1000)
})

test('the preferred name wins, and a blank one gives way to the older', async () => {
  const both = { [EXTERNAL]: endpoints(at(FEED, { password: 'new' })), [LEGACY_EXTERNAL]: endpoints(at(FEED, { password: 'old' })) }
  assert.equal((await get({ env: both })).said, 'VssSessionToken new')
  assert.equal((await get({ env: { ...both, [EXTERNAL]: ' ' } })).said, 'VssSessionToken old')
})

const GOOD: FakeAnswer = { status: 200, body: JSON.stringify({ access_token: APPLICATION, expires_in: 60 }) }
const POD = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }

test('feed endpoints: a client ID is a user-assigned identity, anything else the system-assigned one', async () => {
  const ask = (clientId: string) => get({ env: { ...POD, [IDENTITIES]: endpoints({ endpoint: FEED, clientId }), AZURE_CLIENT_ID: 'not-this' }, fetch: () => GOOD })
  const user = await ask(GUID)
  assert.equal(user.said, `${GUID} ${APPLICATION}`)
  assert.match(user.system.requests[0]?.url ?? '', new RegExp(`&client_id=${GUID}$`))
  for (const clientId of ['system', 'whatever']) {
    const system = await ask(clientId)
    assert.equal(system.said, `${clientId} ${APPLICATION}`)
    assert.equal(system.system.requests[0]?.url.includes('client_id'), false)
  }
})

test('feed endpoints: a certificate file is a service principal, with its chain', async () => {
  const pem = makeClientCertificate()
  const files = { 'C:\\certs\\a b.pem': pem.key + pem.certificate }
  const value = endpoints({ endpoint: FEED, clientId: GUID, clientCertificateFilePath: 'C:\\certs\\a b.pem' })
  const { said, system } = await get({ env: { [IDENTITIES]: value, AZURE_TENANT_ID: TENANT }, files, fetch: () => GOOD })
  assert.equal(said, `${GUID} ${APPLICATION}`)
  const form = new URLSearchParams(system.requests[0]?.body)
  assert.equal(form.get('client_id'), GUID)
  const header = Buffer.from((form.get('client_assertion') ?? '').split('.')[0] ?? '', 'base64url').toString()
  assert.match(header, /"x5c":\["/)
})

test('feed endpoints: a certificate by its subject is an error that says what to use', async () => {
  const value = endpoints({ endpoint: FEED, clientId: GUID, clientCertificateSubjectName: 'CN=x' })
  const { said, error } = await get({ env: { [IDENTITIES]: value } })
  assert.equal(said, 'BAD_SETTING')
  assert.match(error?.hints[0] ?? '', /clientCertificateFilePath/)
})

test('feed endpoints: single quotes and a missing client ID are nothing', async () => {
  const value = endpoints({ endpoint: FEED, clientId: GUID })
  assert.equal((await get({ env: { [IDENTITIES]: value.replaceAll('"', "'") } })).said, 'NO_CREDENTIAL')
  assert.equal((await get({ env: { [IDENTITIES]: endpoints({ endpoint: FEED }) } })).said, 'NO_CREDENTIAL')
})

test('feed endpoints: a password for the feed beats an identity', async () => {
  const env = { [EXTERNAL]: endpoints(at(FEED)), [IDENTITIES]: endpoints({ endpoint: FEED, clientId: GUID }) }
  assert.equal((await get({ env })).said, 'VssSessionToken p')
})

const PREFIXED: readonly (readonly [name: string, env: Record<string, string>, said: string])[] = [
  ['a prefix that matches', { VSS_NUGET_URI_PREFIXES: 'https://pkgs.dev.azure.com/contoso/' }, 'VssSessionToken tok'],
  ['one of a list with empty parts, in another case', { VSS_NUGET_URI_PREFIXES: ';https://x.example/; https://PKGS.dev.azure.com/Contoso ;' }, 'VssSessionToken tok'],
  ['the preferred name', { ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES: 'https://pkgs.dev.azure.com/contoso', VSS_NUGET_URI_PREFIXES: 'https://x.example' }, 'VssSessionToken tok'],
  ['a prefix of another organization', { VSS_NUGET_URI_PREFIXES: 'https://pkgs.dev.azure.com/fabrikam/' }, 'NO_CREDENTIAL'],
  ['a prefix that ends within a name', { VSS_NUGET_URI_PREFIXES: 'https://pkgs.dev.azure.com/con' }, 'NO_CREDENTIAL'],
  ['no URL', { VSS_NUGET_URI_PREFIXES: 'contoso' }, 'NO_CREDENTIAL'],
]

for (const [name, env, said] of PREFIXED) {
  test(`URI prefixes: ${name}`, async () => {
    assert.equal((await get({ env: { VSS_NUGET_ACCESSTOKEN: 'tok', ...env } })).said, said)
    assert.equal((await get({ env: { ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN: 'tok', VSS_NUGET_ACCESSTOKEN: 'not-this', ...env } })).said, said)
  })
}

test('URI prefixes: the token is handed out as it is, of whatever kind it is', async () => {
  const { said, system } = await get({ env: { VSS_NUGET_ACCESSTOKEN: USER, VSS_NUGET_URI_PREFIXES: 'https://pkgs.dev.azure.com/contoso' } })
  assert.equal(said, `VssSessionToken ${USER}`)
  assert.deepEqual(system.requests, [])
})

test('URI prefixes: a token for certain feeds is never used for another, the own one is', async () => {
  const env = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var', VSS_NUGET_ACCESSTOKEN: 'tok', VSS_NUGET_URI_PREFIXES: 'https://pkgs.dev.azure.com/fabrikam' }
  assert.equal((await get({ env })).said, 'NO_CREDENTIAL')
  assert.equal((await get({ env: { ...env, ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'own' } })).said, 'VssSessionToken own')
  const alone = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var', ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN: 'tok' }
  assert.equal((await get({ env: alone })).said, 'VssSessionToken tok')
})

const CHALLENGE: FakeAnswer = { status: 401, headers: { 'x-vss-resourcetenant': TENANT, 'x-vss-authorizationendpoint': 'https://vssps.dev.azure.com/contoso/' } }

async function exchanged(env: Record<string, string>, exchange: (request: AskedRequest) => FakeAnswer = () => ({ status: 200, body: '{"token":"session"}' })) {
  const programs = { '/bin/az': () => printed(JSON.stringify({ accessToken: USER })) }
  const fetch = (request: AskedRequest): FakeAnswer => (request.url === FEED ? CHALLENGE : exchange(request))
  const result = await get({ env: { PATH: '/bin', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli', ...env }, programs, fetch })
  const [, request] = result.system.requests
  const { validTo } = JSON.parse(request?.body ?? '{}') as { readonly validTo?: string }
  const minutes = validTo === undefined ? undefined : (Date.parse(validTo) - NOW) / 60_000
  return { ...result, minutes, type: request && new URL(request.url).searchParams.get('tokenType') }
}

const LIVES: readonly (readonly [env: Record<string, string>, minutes: number, type: string, warnings?: number])[] = [
  [{}, 240, 'SelfDescribing'],
  [{ ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: '15' }, 15, 'SelfDescribing'],
  [{ ARTIFACTS_CREDENTIALPROVIDER_VSTS_SESSIONTIMEMINUTES: '15' }, 15, 'SelfDescribing'],
  [{ NUGET_CREDENTIALPROVIDER_VSTS_SESSIONTIMEMINUTES: '15' }, 15, 'SelfDescribing'],
  [{ ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: 'abc' }, 240, 'SelfDescribing', 1],
  [{ ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: '0' }, 240, 'SelfDescribing', 1],
  [{ ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: '2880' }, 1440, 'SelfDescribing'],
  [{ ARTIFACTS_CREDENTIALPROVIDER_TOKENTYPE: 'Compact' }, 129_600, 'Compact'],
  [{ ARTIFACTS_CREDENTIALPROVIDER_VSTS_TOKENTYPE: 'COMPACT', ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: '2880' }, 2880, 'Compact'],
  [{ NUGET_CREDENTIALPROVIDER_VSTS_TOKENTYPE: 'selfdescribing' }, 240, 'SelfDescribing'],
  [{ ARTIFACTS_CREDENTIALPROVIDER_TOKENTYPE: 'junk' }, 240, 'SelfDescribing'],
]

for (const [env, minutes, type, warnings = 0] of LIVES) {
  test(`a session token with ${JSON.stringify(env)} is ${type} for ${minutes} minutes`, async () => {
    const result = await exchanged(env)
    assert.deepEqual([result.said, result.minutes, result.type, result.system.err.length], ['VssSessionToken session', minutes, type, warnings])
  })
}

test('the Entra token itself is handed out for a user only when asked for', async () => {
  for (const value of ['true', 'TRUE']) {
    const { said, system } = await exchanged({ ARTIFACTS_CREDENTIALPROVIDER_RETURN_ENTRA_TOKENS: value })
    assert.equal(said, `EntraToken ${USER}`)
    assert.equal(system.requests.length, 1)
  }
  assert.equal((await exchanged({ ARTIFACTS_CREDENTIALPROVIDER_RETURN_ENTRA_TOKENS: 'false' })).said, 'VssSessionToken session')
})

test('a token of another tenant than the feed is told when it is refused', async () => {
  const { error } = await exchanged({}, () => ({ status: 401 }))
  assert.match(error?.message ?? '', /account alice@contoso\.example of tenant 22222222-bbbb-4bbb-8bbb-222222222222, the feed's is 11111111-aaaa-4aaa-8aaa-111111111111/)
})
