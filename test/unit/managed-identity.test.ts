import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineToken } from '../../src/identity/managed-identity/find-source.ts'
import { expiryMs } from '../../src/identity/managed-identity/token-answer.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { fakeSystem, NOW, printed, systemError } from './fake-system.ts'
import type { FakeAnswer, FakeSystem, FakeWorld } from './fake-system.ts'

const RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'
const GOOD: FakeAnswer = { status: 200, body: '{"access_token":"tok","expires_on":"4102444800"}' }

async function token(world: FakeWorld): Promise<{ readonly said: string; readonly system: FakeSystem; readonly error?: KeyringError }> {
  const system = fakeSystem(world)
  try {
    const found = await machineToken(RESOURCE, system)
    return { said: 'token' in found ? found.token.reveal() : `unavailable: ${found.unavailable}`, system }
  } catch (error) {
    assert.ok(error instanceof KeyringError, String(error))
    assert.equal(`${error.message}${error.hints.join()}`.includes('CANARY'), false)
    return { said: error.code, system, error }
  }
}

const E = 'http://127.0.0.1:9/t'
const THUMBPRINT = 'ab:CD'.padEnd(40 + 1, '0')

/** Every combination that decides which platform this is; an empty variable is an unset one. */
const DETECTION: readonly (readonly [env: Record<string, string>, url: string | RegExp, header?: readonly [string, string]])[] = [
  [{ IDENTITY_ENDPOINT: 'https://127.0.0.1:9/sf', IDENTITY_HEADER: 'CANARY', IDENTITY_SERVER_THUMBPRINT: THUMBPRINT }, /\/sf\?api-version=2019-07-01-preview/, ['secret', 'CANARY']],
  [{ IDENTITY_ENDPOINT: E, IDENTITY_HEADER: 'CANARY' }, /api-version=2019-08-01/, ['x-identity-header', 'CANARY']],
  [{ IDENTITY_ENDPOINT: E, IDENTITY_HEADER: 'CANARY', MSI_ENDPOINT: E, MSI_SECRET: 'x' }, /api-version=2019-08-01/],
  [{ IDENTITY_ENDPOINT: E, IDENTITY_HEADER: 'CANARY', IMDS_ENDPOINT: E }, /api-version=2019-08-01/],
  [{ IDENTITY_ENDPOINT: E, IDENTITY_HEADER: 'CANARY', IDENTITY_SERVER_THUMBPRINT: ' ' }, /api-version=2019-08-01/],
  [{ IDENTITY_ENDPOINT: E, IMDS_ENDPOINT: E }, /api-version=2020-06-01/, ['metadata', 'true']],
  [{ MSI_ENDPOINT: E, MSI_SECRET: 'CANARY' }, /api-version=2017-09-01/, ['secret', 'CANARY']],
  [{ MSI_ENDPOINT: E }, E, ['metadata', 'true']],
  [{ MSI_ENDPOINT: E, MSI_SECRET: '' }, E],
  [{ IDENTITY_ENDPOINT: '', IDENTITY_HEADER: 'CANARY', MSI_ENDPOINT: E }, E],
  [{ IDENTITY_HEADER: 'CANARY' }, /^http:\/\/169\.254\.169\.254\//],
  [{ AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8/' }, /^http:\/\/127\.0\.0\.1:8\/metadata\/identity\/oauth2\/token\?api-version=2018-02-01/],
  [{}, /^http:\/\/169\.254\.169\.254\//],
]

for (const [env, url, header] of DETECTION) {
  test(`with ${Object.entries(env).map(([name, value]) => `${name}=${value}`).join(' ') || 'nothing'} asks ${url}`, async () => {
    const { system } = await token({ env, fetch: () => GOOD })
    const [first] = system.requests
    if (typeof url === 'string') assert.equal(first?.url, url)
    else assert.match(first?.url ?? '', url)
    assert.equal(first?.direct, true)
    if (header !== undefined) assert.equal(first?.headers[header[0]], header[1])
  })
}

test('IDENTITY_ENDPOINT alone says nothing', async () => {
  const { said, system } = await token({ env: { IDENTITY_ENDPOINT: E } })
  assert.match(said, /^unavailable/)
  assert.deepEqual(system.requests, [])
})

test('the agent of Azure Arc is found by its file, on Linux and on Windows', async () => {
  const there = { status: 500 }
  const linux = await token({ programs: { '/opt/azcmagent/bin/himds': () => printed('') }, fetch: () => there })
  assert.match(linux.system.requests[0]?.url ?? '', /^http:\/\/127\.0\.0\.1:40342\/metadata\/identity\/oauth2\/token\?api-version=2020-06-01/)
  const windows = await token({ platform: 'win32', env: { ProgramFiles: 'D:\\P' }, programs: { 'D:\\P\\AzureConnectedMachineAgent\\himds.exe': () => printed('') }, fetch: () => there })
  assert.match(windows.system.requests[0]?.url ?? '', /:40342\//)
  const pod = await token({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }, programs: { '/opt/azcmagent/bin/himds': () => printed('') }, fetch: () => GOOD })
  assert.match(pod.system.requests[0]?.url ?? '', /:8\//)
})

const SELECTORS = {
  AZURE_CLIENT_ID: 'the-client',
  ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: 'the-object',
  ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: '/the/resource',
} as const
type Selector = keyof typeof SELECTORS
const SOURCES: readonly (readonly [name: string, env: Record<string, string>, parameters: Partial<Record<Selector, string>>])[] = [
  ['the metadata service', { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }, { AZURE_CLIENT_ID: 'client_id', ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: 'object_id', ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: 'msi_res_id' }],
  ['App Service', { IDENTITY_ENDPOINT: E, IDENTITY_HEADER: 'h' }, { AZURE_CLIENT_ID: 'client_id', ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: 'object_id', ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: 'mi_res_id' }],
  ['Azure Arc', { IDENTITY_ENDPOINT: E, IMDS_ENDPOINT: E }, { AZURE_CLIENT_ID: 'client_id', ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: 'object_id', ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: 'msi_res_id' }],
  ['Azure ML', { MSI_ENDPOINT: E, MSI_SECRET: 's' }, { AZURE_CLIENT_ID: 'clientid' }],
  ['Cloud Shell', { MSI_ENDPOINT: E }, {}],
  ['Service Fabric', { IDENTITY_ENDPOINT: 'https://127.0.0.1:9/', IDENTITY_HEADER: 'h', IDENTITY_SERVER_THUMBPRINT: THUMBPRINT }, {}],
]

for (const [name, env, parameters] of SOURCES) {
  for (const variable of Object.keys(SELECTORS) as Selector[]) {
    const parameter = parameters[variable]
    test(`${name}: ${variable} is ${parameter ?? 'refused before any request'}`, async () => {
      const { said, system, error } = await token({ env: { ...env, [variable]: SELECTORS[variable] }, fetch: () => GOOD })
      if (parameter === undefined) {
        assert.equal(said, 'BAD_SETTING')
        assert.deepEqual(error?.hints, [`unset ${variable}`])
        assert.deepEqual(system.requests, [])
      } else {
        const { searchParams } = new URL(system.requests[0]?.url ?? '')
        assert.equal(searchParams.get(parameter), SELECTORS[variable])
        assert.equal(searchParams.get('resource'), RESOURCE)
      }
    })
  }
}

test('two selectors are one too many; beside one of ours AZURE_CLIENT_ID is the application', async () => {
  const pod = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }
  assert.equal((await token({ env: { ...pod, ...SELECTORS } })).said, 'BAD_SETTING')
  const { system } = await token({ env: { ...pod, AZURE_CLIENT_ID: 'app', ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: 'o' }, fetch: () => GOOD })
  assert.match(system.requests[0]?.url ?? '', /&object_id=o$/)
})

test('Cloud Shell and Service Fabric pass over the client ID of an application', async () => {
  const application = { AZURE_CLIENT_ID: 'app', AZURE_TENANT_ID: 'tenant' }
  assert.equal((await token({ env: { MSI_ENDPOINT: E, ...application }, fetch: () => GOOD })).said, 'tok')
})

test('Azure ML has a default identity', async () => {
  const env = { MSI_ENDPOINT: E, MSI_SECRET: 's', DEFAULT_IDENTITY_CLIENT_ID: 'default' }
  assert.match((await token({ env, fetch: () => GOOD })).system.requests[0]?.url ?? '', /&clientid=default$/)
  assert.match((await token({ env: { ...env, AZURE_CLIENT_ID: 'mine' }, fetch: () => GOOD })).system.requests[0]?.url ?? '', /&clientid=mine$/)
})

test('Cloud Shell gets a form', async () => {
  const { system } = await token({ env: { MSI_ENDPOINT: E }, fetch: () => GOOD })
  assert.deepEqual([system.requests[0]?.method, system.requests[0]?.body], ['POST', `resource=${RESOURCE}`])
})

test('Service Fabric: the certificate is pinned, and without a pin nothing is sent', async () => {
  const env = { IDENTITY_ENDPOINT: 'https://127.0.0.1:9/', IDENTITY_HEADER: 'CANARY', IDENTITY_SERVER_THUMBPRINT: THUMBPRINT }
  assert.equal((await token({ env, fetch: () => GOOD })).system.requests[0]?.pinnedSha1, 'abcd'.padEnd(40, '0'))
  for (const bad of [{ IDENTITY_SERVER_THUMBPRINT: 'ab' }, { IDENTITY_SERVER_THUMBPRINT: 'x'.repeat(40) }, { IDENTITY_ENDPOINT: E }]) {
    const { said, system } = await token({ env: { ...env, ...bad } })
    assert.deepEqual([said, system.requests], ['BAD_SETTING', []])
  }
})

test('Service Fabric: the code of its error is told', async () => {
  const env = { IDENTITY_ENDPOINT: 'https://127.0.0.1:9/', IDENTITY_HEADER: 'CANARY', IDENTITY_SERVER_THUMBPRINT: THUMBPRINT }
  const { error } = await token({ env, fetch: () => ({ status: 404, body: '{"error":{"code":"SecretHeaderNotFound","message":"CANARY"}}' }) })
  assert.equal(error?.message, 'Service Fabric answered 404: SecretHeaderNotFound')
})

const KEY = '/var/opt/azcmagent/tokens/a-b.key'
const ARC = { IDENTITY_ENDPOINT: E, IMDS_ENDPOINT: E }

function arc(options: { readonly challenge?: string; readonly first?: number; readonly files?: FakeWorld['files']; readonly env?: Record<string, string>; readonly body?: string; readonly platform?: string }): FakeWorld {
  const challenge = { status: options.first ?? 401, headers: { 'www-authenticate': options.challenge ?? `Basic realm=${KEY}` } }
  return {
    env: { ...ARC, ...options.env },
    files: options.files ?? { [KEY]: 'CANARYkey' },
    ...(options.platform && { platform: options.platform }),
    fetch: ({ headers }) => (headers['authorization'] === undefined ? challenge : { status: 200, body: options.body ?? GOOD.body ?? '' }),
  }
}

test('Azure Arc: the content of the key file goes back as it is', async () => {
  const { said, system } = await token(arc({}))
  assert.equal(said, 'tok')
  assert.deepEqual(system.requests.map(({ headers }) => [headers['metadata'], headers['authorization']]), [['true', undefined], ['true', 'Basic CANARYkey']])
})

const ARC_FAILURES: readonly (readonly [name: string, world: FakeWorld, message: RegExp])[] = [
  ['no challenge', arc({ challenge: '' }), /answered 401 without naming/],
  ['Basic alone', arc({ challenge: 'Basic ' }), /without naming/],
  ['Basic realm', arc({ challenge: 'Basic realm' }), /without naming/],
  ['an answer at once', arc({ first: 200 }), /answered 200 without naming/],
  ['another ending', arc({ challenge: 'Basic realm=/var/opt/azcmagent/tokens/a.txt' }), /outside/],
  ['another folder', arc({ challenge: 'Basic realm=/etc/a.key' }), /outside/],
  ['a folder above', arc({ challenge: 'Basic realm=/var/opt/azcmagent/tokens/../a.key' }), /outside/],
  ['a folder below', arc({ challenge: 'Basic realm=/var/opt/azcmagent/tokens/x/a.key' }), /outside/],
  ['a relative path', arc({ challenge: 'Basic realm=a.key' }), /outside/],
  ['a missing file', arc({ files: {} }), /is missing/],
  ['an unreadable file', arc({ files: { [KEY]: { problem: 'unreadable' } } }), /is unreadable/],
  ['a file of 5,000 bytes', arc({ files: { [KEY]: { problem: 'too large' } } }), /is too large/],
  ['another system', arc({ platform: 'darwin' }), /not supported/],
  ['Windows without ProgramData', arc({ platform: 'win32' }), /not supported/],
  ['an identity that is not echoed', arc({ env: { AZURE_CLIENT_ID: 'mine' } }), /does not give the selected identity/],
  ['another identity that is echoed', arc({ env: { AZURE_CLIENT_ID: 'mine' }, body: '{"access_token":"CANARY","expires_in":1,"client_id":"other"}' }), /does not give/],
]

for (const [name, world, message] of ARC_FAILURES) {
  test(`Azure Arc: ${name}`, async () => {
    const { said, error } = await token(world)
    assert.equal(said, 'PROVIDER_FAILED')
    assert.match(error?.message ?? '', message)
  })
}

test('Azure Arc: the selected identity is echoed, in whichever case and by either name', async () => {
  const answer = (fields: object): string => JSON.stringify({ access_token: 'tok', expires_in: 1, ...fields })
  assert.equal((await token(arc({ env: { AZURE_CLIENT_ID: 'mine' }, body: answer({ client_id: 'MINE' }) }))).said, 'tok')
  const resource = { ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: '/r' }
  for (const name of ['msi_res_id', 'mi_res_id']) assert.equal((await token(arc({ env: resource, body: answer({ [name]: '/R' }) }))).said, 'tok')
})

test('Azure Arc: on Windows the folder is that of ProgramData, in any case', async () => {
  const folder = 'C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens\\'
  const world = arc({ platform: 'win32', env: { ProgramData: 'C:\\ProgramData' }, challenge: `Basic realm=${folder.toUpperCase()}a.key`, files: { [`${folder}a.key`]: 'k' } })
  assert.equal((await token(world)).said, 'tok')
})

test('the metadata service is given more than 70 seconds to come back from an update', async () => {
  const env = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }
  const { said, system, error } = await token({ env, fetch: () => ({ status: 410 }) })
  assert.equal(said, 'PROVIDER_FAILED')
  assert.deepEqual(system.sleeps, [5000, 10_000, 20_000, 40_000])
  assert.match(error?.message ?? '', /\(410\), longer than this call may take/)
  const answers = [{ status: 410 }, { status: 404 }, { status: 429 }, GOOD]
  const back = await token({ env, fetch: () => answers.shift() ?? GOOD })
  assert.deepEqual([back.said, back.system.sleeps], ['tok', [5000, 1600, 3200]])
})

for (const status of [404, 429, 500, 501, 502, 503, 504, 505, 507, 508, 510, 511]) {
  test(`the metadata service is asked again after ${status}`, async () => {
    const answers = [{ status }, GOOD]
    const { said, system } = await token({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }, fetch: () => answers.shift() ?? GOOD })
    assert.deepEqual([said, system.requests.length], ['tok', 2])
  })
}

for (const status of [400, 401, 403, 405]) {
  test(`the metadata service is not asked again after ${status}`, async () => {
    const { said, system } = await token({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }, fetch: () => ({ status }) })
    assert.notEqual(said, 'tok')
    assert.equal(system.requests.length, 1)
  })
}

test('nobody at the probe: one request, no second attempt', async () => {
  const { said, system } = await token({ fetch: () => systemError('EHOSTUNREACH') })
  assert.match(said, /^unavailable/)
  assert.equal(system.requests.length, 1)
})

const EXPIRIES: readonly (readonly [fields: object, ms: number | undefined])[] = [
  [{ expires_on: 1_560_999_478 }, 1_560_999_478_000],
  [{ expires_on: '1560999478' }, 1_560_999_478_000],
  [{ expires_on: '06/20/2019 02:57:58 +00:00' }, 1_560_999_478_000],
  [{ expires_on: '1/16/2020 5:24:12 AM +00:00' }, Date.UTC(2020, 0, 16, 5, 24, 12)],
  [{ expires_on: '1/16/2020 5:24:12 PM +00:00' }, Date.UTC(2020, 0, 16, 17, 24, 12)],
  [{ expires_on: '1/16/2020 12:24:12 AM +00:00' }, Date.UTC(2020, 0, 16, 0, 24, 12)],
  [{ expires_on: '1/16/2020 12:24:12 PM +00:00' }, Date.UTC(2020, 0, 16, 12, 24, 12)],
  [{ expires_on: '2019-06-20T02:57:58Z' }, 1_560_999_478_000],
  [{ expires_on: '2019-06-20T04:57:58.000+02:00' }, 1_560_999_478_000],
  [{ expires_on: '1560999478', expires_in: '1' }, 1_560_999_478_000],
  [{ expires_in: 60 }, NOW + 60_000],
  [{ expires_in: '60' }, NOW + 60_000],
  [{ expires_on: '', expires_in: 60 }, NOW + 60_000],
  [{ expires_on: null, expires_in: 60 }, NOW + 60_000],
  [{ expires_on: '15609740s28' }, undefined],
  [{ expires_on: '15609740s28', expires_in: 60 }, undefined],
  [{ expires_on: 'soon' }, undefined],
  [{ expires_on: {} }, undefined],
  [{ expires_on: 1.5 }, undefined],
  [{ expires_on: 1e300 }, undefined],
  [{ expires_in: '60s' }, undefined],
  [{}, undefined],
]

for (const [fields, ms] of EXPIRIES) {
  test(`${JSON.stringify(fields)} ends ${ms === undefined ? 'at no known time' : new Date(ms).toISOString()}`, () => {
    assert.equal(expiryMs({ ...fields }, NOW), ms)
  })
}

test('a token without an end is refused', async () => {
  const { said, error } = await token({ env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:8' }, fetch: () => ({ status: 200, body: '{"access_token":"CANARY"}' }) })
  assert.equal(said, 'PROVIDER_FAILED')
  assert.match(error?.message ?? '', /does not say when/)
})
