import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseProviders } from '../../src/identity/chain.ts'
import { providerNames, PROVIDERS } from '../../src/identity/chain.ts'
import { getCredential } from '../../src/get-credential.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { fakeSystem, jwt, NOW, printed, systemError } from './fake-system.ts'
import type { AskedRequest, FakeAnswer, FakeSystem, FakeWorld } from './fake-system.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const TENANT = '11111111-aaaa-4aaa-8aaa-111111111111'
const EXCHANGE = 'https://vssps.dev.azure.com/contoso/_apis/Token/SessionTokens?tokenType=SelfDescribing&api-version=5.0-preview.1'
const IMDS_SECRET = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' }

const CHALLENGE: FakeAnswer = {
  status: 401,
  headers: {
    'www-authenticate': `Bearer authorization_uri=https://login.windows.net/${TENANT}`,
    'x-vss-authorizationendpoint': 'https://vssps.dev.azure.com/contoso/',
  },
}
const SESSION: FakeAnswer = { status: 200, body: '{"token":"session","validTo":"2026-11-01T04:00:00Z"}' }
const USER = jwt({ upn: 'alice@contoso.example', scp: 'user_impersonation', exp: NOW / 1000 + 60 })
const APPLICATION = jwt({ idtyp: 'app', appid: 'a' })

/** A feed, its token service and, on request, an az and a helper that are signed in. */
function world(options: {
  readonly env?: Record<string, string>
  readonly feed?: FakeAnswer
  readonly exchange?: (request: AskedRequest) => FakeAnswer
  readonly az?: string
  readonly helper?: string
  readonly other?: (request: AskedRequest) => FakeAnswer | Error
  readonly files?: FakeWorld['files']
}): FakeWorld {
  const az = options.az === undefined ? {} : { '/bin/az': () => printed(JSON.stringify({ accessToken: options.az })) }
  const helper = options.helper === undefined ? {} : { '/h/ado-auth-helper': () => printed(`${options.helper}\n`) }
  return {
    env: { PATH: '/bin', HOME: '/h', ...IMDS_SECRET, ...options.env },
    programs: { ...az, ...helper },
    ...(options.files && { files: options.files }),
    fetch: (request) => {
      if (request.url === FEED) return options.feed ?? CHALLENGE
      if (request.url === EXCHANGE) return options.exchange?.(request) ?? SESSION
      return options.other?.(request) ?? systemError('ECONNREFUSED')
    },
  }
}

interface Result {
  readonly credential?: readonly [username: string, password: string] | undefined
  readonly error?: KeyringError
  readonly system: FakeSystem
  readonly urls: readonly string[]
}

async function get(of: FakeWorld, service = FEED): Promise<Result> {
  const system = fakeSystem(of)
  const urls = (): string[] => system.requests.map((request) => request.url)
  try {
    const found = await getCredential(service, system)
    return { credential: found && [found.username, found.password.reveal()], system, urls: urls() }
  } catch (error) {
    assert.ok(error instanceof KeyringError, String(error))
    return { error, system, urls: urls() }
  }
}

test('a PAT is the password as it is, without a request', async () => {
  const { credential, urls } = await get(world({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' } }))
  assert.deepEqual(credential, ['VssSessionToken', 'pat'])
  assert.deepEqual(urls, [])
})

test("an application's token is the password as it is, without a request", async () => {
  const { credential, urls } = await get(world({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: APPLICATION } }))
  assert.deepEqual(credential, ['bearer', APPLICATION])
  assert.deepEqual(urls, [])
})

test("a user's token is exchanged: one request to the feed, one for the session token", async () => {
  const { credential, urls, system } = await get(world({ az: USER }))
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
  assert.deepEqual(urls, [FEED, EXCHANGE])
  const [probe, exchange] = system.requests
  assert.equal(probe?.headers['authorization'], undefined)
  assert.equal(exchange?.headers['authorization'], `Bearer ${USER}`)
  assert.equal(exchange?.headers['x-tfs-fedauthredirect'], 'Suppress')
  assert.deepEqual(JSON.parse(exchange?.body ?? ''), {
    displayName: 'artifacts-keyring-nofuss',
    scope: 'vso.packaging',
    validTo: '2026-11-01T04:00:00Z',
  })
})

test("a ready-made user's token needs discovery only for the exchange", async () => {
  const { credential, urls } = await get(world({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: USER } }))
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
  assert.deepEqual(urls, [FEED, EXCHANGE])
})

test('an upload URL and the setting ask for write access, and nothing else does', async () => {
  const upload = FEED.replace('simple/', 'upload')
  const scope = async (service: string, setting?: string): Promise<unknown> => {
    const env = setting === undefined ? {} : { ARTIFACTS_KEYRING_NOFUSS_SCOPE: setting }
    const of = world({ az: USER, env })
    const { system } = await get({ ...of, fetch: (request) => (request.url === EXCHANGE ? SESSION : CHALLENGE) }, service)
    return (JSON.parse(system.requests[1]?.body ?? '') as { readonly scope: unknown }).scope
  }
  assert.equal(await scope(upload), 'vso.packaging_write')
  assert.equal(await scope(FEED, 'write'), 'vso.packaging_write')
  assert.equal(await scope(FEED, 'READ'), 'vso.packaging')
  assert.equal(await scope(upload, 'read'), 'vso.packaging_write')
  const { error } = await get(world({ az: USER, env: { ARTIFACTS_KEYRING_NOFUSS_SCOPE: 'admin' } }))
  assert.equal(error?.code, 'BAD_SETTING')
})

test('400 is tried once more without validTo', async () => {
  const bodies: unknown[] = []
  const exchange = (request: AskedRequest): FakeAnswer => {
    bodies.push(JSON.parse(request.body ?? ''))
    return bodies.length === 1 ? { status: 400, body: 'CANARY' } : SESSION
  }
  const { credential } = await get(world({ az: USER, exchange }))
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
  assert.equal(bodies.length, 2)
  assert.deepEqual(bodies[1], { displayName: 'artifacts-keyring-nofuss', scope: 'vso.packaging' })
})

test('a rejected token leads to the next provider, which is tried with what is already known', async () => {
  const exchange = (request: AskedRequest): FakeAnswer =>
    request.headers['authorization'] === `Bearer ${USER}` ? { status: 401, body: 'TF400813' } : SESSION
  const other = jwt({ upn: 'bob@contoso.example', scp: 'x' })
  const { credential, urls } = await get(world({ az: USER, helper: other, exchange }))
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
  assert.deepEqual(urls, [FEED, EXCHANGE, EXCHANGE])
})

test('a token that has expired leads to the next provider', async () => {
  const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: jwt({ exp: 1_700_000_000, scp: 'x' }) }
  const { credential } = await get(world({ env, az: USER }))
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
  const { error } = await get(world({ env }))
  assert.match(error?.message ?? '', /env_var: the token in ARTIFACTS_KEYRING_NOFUSS_TOKEN expired at 2023-11-14T22:13:20/)
})

for (const status of [401, 203, 302, 200]) {
  test(`all rejected with ${status}: the error names every provider, the account and no token`, async () => {
    const { error } = await get(world({ az: USER, exchange: () => ({ status, body: '<html>CANARY' }) }))
    assert.equal(error?.code, 'NO_CREDENTIAL')
    assert.match(error.message, new RegExp(`azure_cli: vssps.dev.azure.com rejected the token \\(${status}\\), account alice@contoso.example`))
    for (const name of ['env_var', 'ado_auth_helper', 'workload_identity', 'client_secret', 'managed_identity']) {
      assert.match(error.message, new RegExp(`${name}: `))
    }
    assert.equal(error.message.includes('CANARY'), false)
  })
}

test('TF401444 leads to the next provider and at last to the page to sign in at', async () => {
  const { error } = await get(world({ az: USER, exchange: () => ({ status: 401, body: '{"message":"TF401444: x"}' }) }))
  assert.equal(error?.code, 'NO_CREDENTIAL')
  assert.deepEqual(error.hints, ['sign in once in a browser: https://dev.azure.com/contoso'])
})

const EXCHANGES: readonly (readonly [name: string, answer: FakeAnswer, message: RegExp])[] = [
  ['403', { status: 403 }, /refused to exchange the token \(403\)/],
  ['400 twice', { status: 400 }, /answered 400/],
  ['404', { status: 404 }, /answered 404/],
  ['500', { status: 500 }, /answered 500/],
  ['no JSON', { status: 200, body: 'CANARYhtml' }, /without a session token/],
  ['truncated JSON', { status: 200, body: '{"token":"CANARY' }, /without a session token/],
  ['an array', { status: 200, body: '[{"token":"CANARY"}]' }, /without a session token/],
  ['no token', { status: 200, body: '{}' }, /without a session token/],
  ['an empty token', { status: 200, body: '{"token":""}' }, /without a session token/],
  ['a token of white space', { status: 200, body: '{"token":"  "}' }, /without a session token/],
  ['a token that is no text', { status: 200, body: '{"token":{"a":1}}' }, /without a session token/],
  ['a token with a line break', { status: 200, body: '{"token":"CANARYa\\nb"}' }, /white space/],
]

for (const [name, answer, message] of EXCHANGES) {
  test(`an exchange that ends with ${name} ends the call`, async () => {
    const { error } = await get(world({ az: USER, helper: USER, exchange: () => answer }))
    assert.match(error?.message ?? '', message)
    assert.equal(error?.message.includes('CANARY'), false)
  })
}

test('a failure of the network at the exchange is not tried with another provider', async () => {
  const of = world({ az: USER, helper: USER })
  const { error, system } = await get({ ...of, fetch: (request) => (request.url === FEED ? CHALLENGE : systemError('ECONNRESET')) })
  assert.equal(error?.code, 'NETWORK')
  assert.equal(system.requests.length, 4)
})

test('an untrusted answer ends the call: no az, no later provider, nothing sent', async () => {
  const headers = { 'x-vss-resourcetenant': TENANT, 'x-vss-authorizationendpoint': 'https://evil.com/' }
  const { error, urls } = await get(world({ az: USER, helper: USER, feed: { status: 401, headers } }))
  assert.equal(error?.code, 'UNTRUSTED_ENDPOINT')
  assert.deepEqual(urls, [FEED])
})

test('a feed that names no authorization endpoint is an error where one is needed', async () => {
  const headers = { 'x-vss-resourcetenant': TENANT }
  const { error } = await get(world({ az: USER, feed: { status: 401, headers } }))
  assert.equal(error?.code, 'DISCOVERY_FAILED')
})

test('a public feed ends in silence', async () => {
  const { credential, error, system } = await get(world({ az: USER, feed: { status: 200 } }))
  assert.equal(credential, undefined)
  assert.equal(error, undefined)
  assert.deepEqual(system.err, [])
})

test('a bare host is answered with a ready-made token only, else in silence', async () => {
  for (const service of ['pkgs.dev.azure.com', 'https://pkgs.dev.azure.com/', 'PKGS.dev.azure.com:443']) {
    const silent = await get(world({ az: USER, helper: USER }), service)
    assert.deepEqual([silent.credential, silent.error, silent.urls, silent.system.err], [undefined, undefined, [], []])
    const user = await get(world({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: USER } }), service)
    assert.deepEqual([user.credential, user.error, user.urls], [undefined, undefined, []])
    const pat = await get(world({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' } }), service)
    assert.deepEqual(pat.credential, ['VssSessionToken', 'pat'])
  }
})

test('the error names each reason once, and the one thing to do', async () => {
  const { error } = await get(world({}))
  assert.equal(error?.code, 'NO_CREDENTIAL')
  assert.match(error.message, /azure_cli: az is not installed; ado_auth_helper: /)
  assert.match(error.hints[0] ?? '', /az login/)
})

test('a provider that fails is passed over, and its reason is kept', async () => {
  const of = world({ helper: USER })
  const { credential } = await get({ ...of, programs: { ...of.programs, '/bin/az': () => printed('', 'boom', 3) } })
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
})

test('a forced provider runs alone and stops', async () => {
  const env = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli', ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' }
  const { credential } = await get(world({ env, az: USER }))
  assert.deepEqual(credential, ['VssSessionToken', 'session'])
  const of = world({ env, helper: USER })
  const failed = await get({ ...of, programs: { ...of.programs, '/bin/az': () => printed('', 'boom', 3) } })
  assert.equal(failed.error?.code, 'PROVIDER_FAILED')
  assert.match(failed.error.message, /az failed with exit status 3/)
})

test('a group is forced as a whole, a member alone', () => {
  const names = (provider: string): string[] =>
    chooseProviders(fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: provider } })).rows.map((row) => row.name)
  assert.deepEqual(names('azure_identity'), ['client_secret', 'client_certificate', 'managed_identity', 'azure_developer_cli', 'azure_powershell'])
  assert.deepEqual(names('azure_pipelines'), ['service_connection', 'system_access_token'])
  assert.deepEqual(names('managed_identity'), ['managed_identity'])
  assert.deepEqual(names(' ENV_VAR '), ['env_var'])
})

test('an unknown provider is an error before anything else, and lists the valid ones', async () => {
  for (const name of ['azure', 'constructor', '__proto__', 'env_var,azure_cli']) {
    const { error, urls } = await get(world({ env: { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: name }, az: USER }))
    assert.equal(error?.code, 'BAD_SETTING')
    assert.match(error.hints[0] ?? '', /feed_endpoints, env_var, azure_pipelines, .*azure_cli, ado_auth_helper, workload_identity, azure_identity/)
    assert.deepEqual(urls, [])
  }
})

test('keyringrc.cfg forces a provider, the variable wins, and a null backend disables', async () => {
  const config = (text: string): FakeWorld['files'] => ({ '/h/.config/python_keyring/keyringrc.cfg': text })
  const forced = '[artifacts_keyring_nofuss]\nprovider = env_var\n'
  const { error } = await get(world({ az: USER, files: config(forced) }))
  assert.match(error?.message ?? '', /\(env_var: [^;]*\)$/)
  const variable = await get(world({ az: USER, files: config(forced), env: { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli' } }))
  assert.deepEqual(variable.credential, ['VssSessionToken', 'session'])
  const unknown = await get(world({ files: config(forced.replace('env_var', 'x')) }))
  assert.match(unknown.error?.message ?? '', /^keyringrc\.cfg names an unknown provider/)
  const off = await get(world({ az: USER, files: config('[backend]\ndefault-keyring=keyring.backends.null.Keyring\n') }))
  assert.deepEqual([off.credential, off.error, off.urls, off.system.err], [undefined, undefined, [], []])
})

test('az is left alone where it has no account and an application is configured', async () => {
  const secret = { AZURE_CLIENT_ID: 'app', AZURE_TENANT_ID: TENANT, AZURE_CLIENT_SECRET: 's' }
  const other = (): FakeAnswer => ({ status: 200, body: JSON.stringify({ access_token: APPLICATION }) })
  const { credential, urls } = await get(world({ az: USER, env: secret, other }))
  assert.deepEqual(credential, ['bearer', APPLICATION])
  assert.deepEqual(urls, [`https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`])
})

test('every name is there once, groups before their members', () => {
  const names = providerNames()
  assert.equal(new Set(names).size, names.length)
  assert.ok(names.indexOf('azure_identity') < names.indexOf('client_secret'))
  assert.equal(PROVIDERS.every((row) => names.includes(row.name)), true)
})
