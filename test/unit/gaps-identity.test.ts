// Cases of the providers that a change of the program showed to be untested; see `npm run mutate`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getCredential } from '../../src/get-credential.ts'
import { attempts, chooseProviders } from '../../src/identity/chain.ts'
import { readClaims } from '../../src/identity/claims.ts'
import { isArcAgentInstalled } from '../../src/identity/managed-identity/azure-arc.ts'
import { machineToken } from '../../src/identity/managed-identity/find-source.ts'
import { expiryMs, parseTokenAnswer } from '../../src/identity/managed-identity/token-answer.ts'
import type { ProviderRow } from '../../src/identity/provider.ts'
import { feedEndpoints } from '../../src/identity/providers/feed-endpoints.ts'
import { serviceConnection } from '../../src/identity/providers/service-connection.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { Secret } from '../../src/system/settings.ts'
import { fakeSystem, jwt, printed } from './fake-system.ts'
import type { FakeAnswer, FakeWorld } from './fake-system.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'
const CALL = { resource: RESOURCE, feedUrl: FEED, tenant: () => Promise.resolve('organizations'), laterConfigured: false }
const ENDPOINTS = 'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS'

test('a keyring that is disabled forces nothing', () => {
  const files = { '/h/.config/python_keyring/keyringrc.cfg': '[backend]\ndefault-keyring=keyring.backends.null.Keyring' }
  assert.deepEqual(chooseProviders(fakeSystem({ env: { HOME: '/h' }, files })), { rows: [], forced: false })
})

test('a provider hears of the very next one that is configured', async () => {
  const heard: boolean[] = []
  const row = (name: string): ProviderRow => ({
    name,
    load: () => Promise.resolve(({ laterConfigured }) => {
      heard.push(laterConfigured)
      return { unavailable: '' }
    }),
  })
  const rows = [row('first'), { ...row('second'), configured: [['AZURE_CLIENT_ID'] as const] }]
  for await (const attempt of attempts({ rows, forced: false }, CALL, fakeSystem({ env: { AZURE_CLIENT_ID: 'x' } }))) assert.ok(attempt)
  assert.deepEqual(heard, [true, false])
})

test('a provider that does not apply has not failed, and one that throws has', async () => {
  const rows: readonly ProviderRow[] = [
    { name: 'lacks a variable', required: ['AZURE_CLIENT_ID'], load: () => assert.fail('not even loaded') },
    { name: 'does not apply', load: () => Promise.resolve(() => ({ unavailable: 'it is not here' })) },
    { name: 'fails', load: () => Promise.resolve(() => Promise.reject(new KeyringError('PROVIDER_FAILED', 'it broke', 'mend it'))) },
  ]
  const told: unknown[] = []
  for await (const attempt of attempts({ rows, forced: false }, CALL, fakeSystem())) told.push(attempt)
  assert.deepEqual(told, [
    { provider: 'lacks a variable', reason: 'AZURE_CLIENT_ID not set', hints: [], failed: false },
    { provider: 'does not apply', reason: 'it is not here', hints: [], failed: false },
    { provider: 'fails', reason: 'it broke', hints: ['mend it'], failed: true },
  ])
})

test('what get shows of a rejected token is a failure of its provider', async () => {
  const expired = jwt({ idtyp: 'app', exp: 1 })
  const seen: unknown[] = []
  const look = getCredential(FEED, fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: expired } }), (attempt) => seen.push('reason' in attempt && attempt.failed))
  await assert.rejects(look)
  assert.deepEqual(seen.slice(0, 3), [false, false, true])
})

test('a token that was at hand is not too late, one that was waited for is', async () => {
  const token = { token: new Secret('t'), source: 'here' }
  const first = async (readyMade: object): Promise<unknown> => {
    const rows: readonly ProviderRow[] = [{ name: 'row', load: () => Promise.resolve(() => token), ...readyMade }]
    return (await attempts({ rows, forced: false }, CALL, { ...fakeSystem(), signal: AbortSignal.abort() }).next()).value
  }
  assert.deepEqual(await first({ readyMade: true }), { provider: 'row', ...token })
  await assert.rejects(first({}), (error) => error instanceof KeyringError && error.code === 'TIMEOUT')
})

test('an encrypted token, which has five parts, has no claims to read', () => {
  const good = jwt({ upn: 'a' })
  assert.ok(readClaims(new Secret(good)))
  for (const more of ['.x', '.x.y']) assert.equal(readClaims(new Secret(good + more)), undefined)
  assert.equal(readClaims(new Secret(good.split('.').slice(0, 2).join('.'))), undefined)
})

test('a bare host has the password that its endpoint names', async () => {
  const json = '{"endpointCredentials":[{"endpoint":"https://pkgs.dev.azure.com/","password":"pw"}]}'
  const found = await getCredential('https://pkgs.dev.azure.com/', fakeSystem({ env: { [ENDPOINTS]: json } }))
  assert.deepEqual([found?.username, found?.password.reveal()], ['VssSessionToken', 'pw'])
})

/** What the provider of endpoints said, and the warnings. */
async function endpoints(env: Readonly<Record<string, string>>): Promise<readonly [said: string, warnings: string]> {
  const system = fakeSystem({ env })
  const found = await feedEndpoints(CALL, system)
  return ['token' in found ? found.token.reveal() : found.unavailable, system.err.join('')]
}

test('a bad entry of the feed endpoints is named by its number, from 1', async () => {
  const json = '{"endpointCredentials":[{"endpoint":"http://x/"},{"endpoint":"https://x/"},{}]}'
  const [, warnings] = await endpoints({ [ENDPOINTS]: json })
  const line = (entry: number): string => `keyring: warning: ${ENDPOINTS} has no https endpoint in entry ${entry}\n`
  assert.equal(warnings, line(1) + line(3))
})

test('single quotes are taken for double ones in the external endpoints only', async () => {
  const json = `{'endpointCredentials':[{'endpoint':'${FEED}','password':'pw','clientId':'system'}]}`
  assert.equal((await endpoints({ [ENDPOINTS]: json }))[0], 'pw')
  const strict = 'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS'
  assert.deepEqual(await endpoints({ [strict]: json }), ['no endpoint or prefix is that of this feed', `keyring: warning: ${strict} is not a JSON object\n`])
})

test('prefixes without a token, and a token without prefixes, are no credential', async () => {
  const none = 'no endpoint or prefix is that of this feed'
  assert.equal((await endpoints({ VSS_NUGET_URI_PREFIXES: FEED }))[0], none)
  assert.equal((await endpoints({ [ENDPOINTS]: '{"endpointCredentials":[]}', VSS_NUGET_ACCESSTOKEN: 'pat' }))[0], none)
  assert.equal((await endpoints({ VSS_NUGET_URI_PREFIXES: FEED, VSS_NUGET_ACCESSTOKEN: 'pat' }))[0], 'pat')
  assert.equal((await endpoints({}))[0], 'no feed endpoints in the environment')
})

test('a service connection needs application, tenant and proof, each of them', async () => {
  const all = { servicePrincipalId: 'a', tenantId: 't', servicePrincipalKey: 's' }
  for (const name of Object.keys(all)) {
    const system = fakeSystem({ env: { ...all, [name]: '' } })
    assert.match(JSON.stringify(await serviceConnection(CALL, system)), /^\{"unavailable":"SYSTEM_OIDCREQUESTURI and /, name)
  }
})

test('the agent of Azure Arc is looked for on Windows in the usual folder, and on no third system', () => {
  const programs = { 'C:\\Program Files\\AzureConnectedMachineAgent\\himds.exe': () => printed('') }
  assert.equal(isArcAgentInstalled(fakeSystem({ programs, platform: 'win32' })), true)
  assert.equal(isArcAgentInstalled(fakeSystem({ programs, platform: 'darwin' })), false)
})

const ARC = { IDENTITY_ENDPOINT: 'http://127.0.0.1:9/t', IMDS_ENDPOINT: 'http://127.0.0.1:9' }
const KEY = '/var/opt/azcmagent/tokens/a.key'

/** A machine of Azure Arc whose agent names its key file first. */
function arc(files: FakeWorld['files']): FakeWorld {
  const token: FakeAnswer = { status: 200, body: '{"access_token":"tok","expires_in":"60"}' }
  const challenge: FakeAnswer = { status: 401, headers: { 'www-authenticate': `Basic realm=${KEY}` } }
  return { env: ARC, ...(files && { files }), fetch: ({ headers }) => ('authorization' in headers ? token : challenge) }
}

test('Azure Arc: no request takes a proxy', async () => {
  const system = fakeSystem(arc({ [KEY]: 'key' }))
  assert.ok('token' in (await machineToken(RESOURCE, system)))
  assert.deepEqual(system.requests.map(({ direct }) => direct), [true, true])
})

test('Azure Arc: the group helps who may not read the key, and not where there is none', async () => {
  const hints = async (files: FakeWorld['files']): Promise<readonly string[]> => {
    const error: unknown = await machineToken(RESOURCE, fakeSystem(arc(files))).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof KeyringError)
    return error.hints
  }
  assert.deepEqual(await hints({}), [])
  assert.deepEqual(await hints({ [KEY]: { problem: 'unreadable' } }), ['add the user to the group of the agent: usermod -aG himds USER'])
})

test('an error of an identity endpoint is named by its code where that is a word', () => {
  const said = (body: string): string => {
    try {
      parseTokenAnswer({ status: 500, header: () => undefined, text: body }, 'it', fakeSystem())
      return ''
    } catch (error) {
      return error instanceof KeyringError ? error.message : 'a foreign error'
    }
  }
  assert.equal(said('{"error":"bad"}'), 'it answered 500: bad')
  assert.equal(said('{"error":{"code":"worse"}}'), 'it answered 500: worse')
  for (const body of ['{}', '{"error":42}', '{"error":{"code":42}}', '{"error":"two words"}', '']) assert.equal(said(body), 'it answered 500', body)
})

test('the end of a token is the last second that a Date can hold, and no later', () => {
  assert.equal(expiryMs({ expires_on: 8.64e12 }, 0), 8.64e15)
  assert.equal(expiryMs({ expires_on: 8.64e12 + 1 }, 0), undefined)
})
