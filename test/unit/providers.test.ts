import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoAuthHelper } from '../../src/identity/providers/ado-auth-helper.ts'
import { azureCli } from '../../src/identity/providers/azure-cli.ts'
import { clientSecret } from '../../src/identity/providers/client-secret.ts'
import { envVar } from '../../src/identity/providers/env-var.ts'
import { managedIdentity } from '../../src/identity/providers/managed-identity.ts'
import { workloadIdentity } from '../../src/identity/providers/workload-identity.ts'
import type { FoundToken, Provider, Unavailable } from '../../src/identity/provider.ts'
import { KeyringError } from '../../src/system/messages.ts'
import type { Command } from '../../src/system/system.ts'
import { fakeSystem, printed, systemError } from './fake-system.ts'
import type { FakeSystem, FakeWorld } from './fake-system.ts'

const TENANT = '11111111-aaaa-4aaa-8aaa-111111111111'
const RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'

/** `token`, `unavailable: why` or the code of the error, and what happened to the world. */
async function outcome(
  provider: Provider,
  world: FakeWorld,
  request: { tenant?: string; laterConfigured?: boolean } = {},
): Promise<{ readonly said: string; readonly system: FakeSystem; readonly error?: KeyringError }> {
  const system = fakeSystem(world)
  const tenant = (): Promise<string> => Promise.resolve(request.tenant ?? TENANT)
  try {
    const found: FoundToken | Unavailable = await provider(
      {
        resource: RESOURCE,
        feedUrl: 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/',
        tenant,
        laterConfigured: request.laterConfigured ?? false,
      },
      system,
    )
    const said = 'token' in found ? found.token.reveal() : `unavailable: ${found.unavailable}`
    return { said, system }
  } catch (error) {
    assert.ok(error instanceof KeyringError, String(error))
    assert.equal(`${error.message}${error.hints.join()}`.includes('CANARY'), false, error.message)
    return { said: error.code, system, error }
  }
}

const FILE = 'ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE'
const TOKEN = 'ARTIFACTS_KEYRING_NOFUSS_TOKEN'
const SECRETS = '/run/secrets'

const TOKENS: readonly (readonly [name: string, world: FakeWorld, said: string | RegExp, warnings?: number])[] = [
  ['a variable', { env: { [TOKEN]: 'a' } }, 'a'],
  ['a variable with white space around', { env: { [TOKEN]: ' \ta\r\n' } }, 'a'],
  ['nothing', {}, /^unavailable/],
  ['an empty variable', { env: { [TOKEN]: ' ' } }, /^unavailable/],
  ['a file before a variable', { env: { [FILE]: '/t', [TOKEN]: 'b' }, files: { '/t': 'a\r\n' } }, 'a'],
  ['a variable after a missing file', { env: { [FILE]: '/t', [TOKEN]: 'b' } }, 'b', 1],
  ['a variable after an empty file', { env: { [FILE]: '/t', [TOKEN]: 'b' }, files: { '/t': '\n' } }, 'b', 1],
  ['our variable before the official one', { env: { [TOKEN]: 'a', VSS_NUGET_ACCESSTOKEN: 'b' } }, 'a'],
  ['the official variable', { env: { VSS_NUGET_ACCESSTOKEN: 'b' } }, 'b'],
  ['a variable before a build secret', { env: { VSS_NUGET_ACCESSTOKEN: 'b' }, files: { [`${SECRETS}/ado_token`]: 'c' } }, 'b'],
  ['the first build secret', { files: { [`${SECRETS}/ado_token`]: 'c', [`${SECRETS}/${TOKEN}`]: 'd' } }, 'd'],
  ['the second build secret', { files: { [`${SECRETS}/ado_token`]: 'c' } }, 'c'],
  ['the second build secret after an empty one', { files: { [`${SECRETS}/ado_token`]: 'c', [`${SECRETS}/${TOKEN}`]: '' } }, 'c', 1],
  ['a line break in a token', { env: { [TOKEN]: 'CANARYa\nb' } }, 'BAD_TOKEN'],
  ['a space in a token', { env: { [TOKEN]: 'CANARYa b' } }, 'BAD_TOKEN'],
  ['NUL in a token', { env: { [TOKEN]: 'CANARYa\0' } }, 'BAD_TOKEN'],
  ['a token that is not ASCII', { env: { [TOKEN]: 'CANARYä' } }, 'BAD_TOKEN'],
  ['a token of 1 MB', { env: { [TOKEN]: 'CANARY'.repeat(200_000) } }, 'BAD_TOKEN'],
  ['a line break in a token file', { env: { [FILE]: '/t' }, files: { '/t': 'CANARYa\nb' } }, 'BAD_TOKEN'],
  ['a directory as token file', { env: { [FILE]: '/t', [TOKEN]: 'b' }, files: { '/t': { problem: 'not a regular file' } } }, 'BAD_SETTING'],
  ['a token file of 1 MB', { env: { [FILE]: '/t' }, files: { '/t': { problem: 'too large' } } }, 'BAD_SETTING'],
  ['an unreadable token file', { env: { [FILE]: '/t' }, files: { '/t': { problem: 'unreadable' } } }, 'BAD_SETTING'],
]

for (const [name, world, said, warnings = 0] of TOKENS) {
  test(`env_var: ${name}`, async () => {
    const result = await outcome(envVar, world)
    if (said instanceof RegExp) assert.match(result.said, said)
    else assert.equal(result.said, said)
    assert.equal(result.system.err.length, warnings, result.system.err.join(''))
    if (result.said === 'BAD_SETTING') assert.match(result.error?.message ?? '', /\/t \(ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE\)/)
  })
}

const AZ = '/usr/bin/az'
const PLAIN = `account get-access-token --output json --resource ${RESOURCE}`
const JSON_ANSWER = JSON.stringify({ accessToken: 'tok', expiresOn: 'x', tenant: '' })

/** A world with an az that answers each call in turn, and the argvs it was called with. */
function az(...answers: readonly ReturnType<typeof printed>[]): FakeWorld & { readonly calls: string[]; readonly commands: Command[] } {
  const calls: string[] = []
  const commands: Command[] = []
  const run = (command: Command): ReturnType<typeof printed> => {
    commands.push(command)
    calls.push(command.args.join(' '))
    return answers[calls.length - 1] ?? { ended: 'not-started' }
  }
  return { env: { PATH: 'relative::/opt/bin:/usr/bin', HOME: '/h', AZURE_CLIENT_SECRET: 's' }, programs: { [AZ]: run }, calls, commands }
}

test('azure_cli: asks az for the tenant of the feed, without our secrets in its environment', async () => {
  const world = az(printed(JSON_ANSWER))
  assert.equal((await outcome(azureCli, world)).said, 'tok')
  assert.deepEqual(world.calls, [`${PLAIN} --tenant ${TENANT}`])
  const env = world.commands[0]?.env ?? {}
  for (const name of ['AZURE_CLIENT_SECRET', TOKEN, 'VSS_NUGET_ACCESSTOKEN', 'IDENTITY_HEADER']) {
    assert.ok(name in env && env[name] === undefined, name)
  }
})

test('azure_cli: names no tenant for an organization of personal accounts', async () => {
  const world = az(printed(JSON_ANSWER))
  await outcome(azureCli, world, { tenant: 'organizations' })
  assert.deepEqual(world.calls, [PLAIN])
})

for (const message of [
  "ERROR: Tenant shouldn't be specified for managed identity account",
  'ERROR: For managed identity account, getting access token for non-current tenants is not supported. The specified tenant must be the current tenant x',
  "ERROR: Tenant shouldn't be specified for Cloud Shell account",
]) {
  test(`azure_cli: asks again without --tenant after "${message.slice(0, 60)}"`, async () => {
    const world = az(printed('', message, 1), printed(JSON_ANSWER))
    assert.equal((await outcome(azureCli, world)).said, 'tok')
    assert.deepEqual(world.calls, [`${PLAIN} --tenant ${TENANT}`, PLAIN])
  })
}

const AZ_ANSWERS: readonly (readonly [name: string, answer: ReturnType<typeof printed>, said: string | RegExp])[] = [
  ['warnings around the JSON', printed(`WARNING\n${JSON_ANSWER}\n`), 'tok'],
  ['not signed in', printed('', "ERROR: Please run 'az login' to setup account.", 1), 'unavailable: az is not signed in'],
  ['no subscription', printed('', "No subscription found. Run 'az account set' to select a subscription.", 1), 'unavailable: az is not signed in'],
  ['AADSTS beside az login', printed('', 'AADSTS50076: CANARY. Run az login --scope', 1), 'PROVIDER_FAILED'],
  ['127', printed('', '/bin/sh: 1: az: not found', 127), 'unavailable: az is not installed'],
  ['another failure', printed('CANARY', 'CANARY', 3), 'PROVIDER_FAILED'],
  ['no JSON', printed('CANARYnot json'), 'PROVIDER_FAILED'],
  ['truncated JSON', printed('{"accessToken": "CANARY'), 'PROVIDER_FAILED'],
  ['JSON that is a string', printed('"CANARY"'), 'PROVIDER_FAILED'],
  ['a token that is no text', printed('{"accessToken": 7}'), 'PROVIDER_FAILED'],
  ['an empty token', printed('{"accessToken": ""}'), 'PROVIDER_FAILED'],
  ['a token with a line break', printed('{"accessToken": "CANARYa\\nb"}'), 'BAD_TOKEN'],
  ['a timeout', { ended: 'timeout' }, 'PROVIDER_FAILED'],
  ['100 MB', { ended: 'too-much-output' }, 'PROVIDER_FAILED'],
  ['a crash', { ended: 'signal' }, 'PROVIDER_FAILED'],
]

for (const [name, answer, said] of AZ_ANSWERS) {
  test(`azure_cli: ${name}`, async () => {
    assert.equal((await outcome(azureCli, az(answer))).said, said)
  })
}

test('azure_cli: is looked up on absolute entries of PATH only', async () => {
  const program = (): ReturnType<typeof printed> => printed(JSON_ANSWER)
  const programs = { './az': program, 'az': program, 'bin/az': program, '/az': program }
  for (const PATH of ['', '.', 'bin', ':', 'bin::.']) {
    assert.equal((await outcome(azureCli, { env: { PATH }, programs })).said, 'unavailable: az is not installed')
  }
})

test('azure_cli: is not started without an account where a later provider is configured', async () => {
  const profile = (text: string): FakeWorld & { readonly calls: string[] } => ({ ...az(printed(JSON_ANSWER)), files: { '/h/.azure/azureProfile.json': text } })
  const later = { laterConfigured: true }
  for (const text of ['', '{}', '{"subscriptions": []}', 'junk']) {
    const world = profile(text)
    assert.match((await outcome(azureCli, world, later)).said, /^unavailable: az has no account/)
    assert.deepEqual(world.calls, [])
  }
  assert.match((await outcome(azureCli, az(printed(JSON_ANSWER)), later)).said, /^unavailable/)
  assert.equal((await outcome(azureCli, profile('{"subscriptions": [{}]}'), later)).said, 'tok')
  assert.equal((await outcome(azureCli, az(printed(JSON_ANSWER)))).said, 'tok')
  const elsewhere = { ...az(printed(JSON_ANSWER)), env: { PATH: '/usr/bin', AZURE_CONFIG_DIR: '/c' }, files: { '/c/azureProfile.json': '{"subscriptions": [{}]}' } }
  assert.equal((await outcome(azureCli, elsewhere, later)).said, 'tok')
})

const HELPER = '/h/ado-auth-helper'
const HELPERS: readonly (readonly [name: string, answer: ReturnType<typeof printed> | undefined, said: string | RegExp])[] = [
  ['an answer', printed('tok\n'), 'tok'],
  ['no helper', undefined, /^unavailable/],
  ['exit status 1', printed('CANARY', 'CANARY', 1), /^unavailable: [^C]*$/],
  ['nothing printed', printed('\n'), /^unavailable/],
  ['a timeout', { ended: 'timeout' }, /^unavailable/],
  ['a helper whose interpreter is gone', { ended: 'not-started' }, /^unavailable/],
  ['two lines', printed('CANARYa\nb\n'), 'BAD_TOKEN'],
]

for (const [name, answer, said] of HELPERS) {
  test(`ado_auth_helper: ${name}`, async () => {
    const calls: string[][] = []
    const run = (command: Command): ReturnType<typeof printed> => {
      calls.push([...command.args])
      return answer ?? { ended: 'not-started' }
    }
    const result = await outcome(adoAuthHelper, { env: { HOME: '/h' }, ...(answer && { programs: { [HELPER]: run } }) })
    if (said instanceof RegExp) assert.match(result.said, said)
    else assert.equal(result.said, said)
    assert.deepEqual(calls, answer === undefined ? [] : [['get-access-token']])
  })
}

test('ado_auth_helper: is found without HOME, and at its second place', async () => {
  const programs = { [HELPER]: () => printed('a'), '/usr/local/bin/ado-auth-helper': () => printed('b') }
  assert.equal((await outcome(adoAuthHelper, { home: '/h', programs })).said, 'a')
  assert.equal((await outcome(adoAuthHelper, { programs })).said, 'b')
})

const ENTRA = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`
const APPLICATION = { AZURE_CLIENT_ID: 'app', AZURE_TENANT_ID: TENANT }
const SECRET_ENV = { ...APPLICATION, AZURE_CLIENT_SECRET: 'CANARY~+/&=% x' }
const GOOD = { status: 200, body: '{"access_token":"tok","expires_in":"3599"}' }

test('client_secret: posts a form that Entra understands', async () => {
  const { said, system } = await outcome(clientSecret, { env: SECRET_ENV, fetch: () => GOOD })
  assert.equal(said, 'tok')
  const [request] = system.requests
  assert.equal(request?.url, ENTRA)
  assert.equal(request?.method, 'POST')
  assert.equal(request?.redirect, 'manual')
  assert.equal(request?.headers['content-type'], 'application/x-www-form-urlencoded')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(request?.body)), {
    client_id: 'app',
    client_secret: 'CANARY~+/&=% x',
    grant_type: 'client_credentials',
    scope: `${RESOURCE}/.default`,
  })
})

const ENTRA_ERRORS: readonly (readonly [name: string, status: number, body: string, message: RegExp, hint?: RegExp])[] = [
  ['a wrong secret', 401, '{"error":"invalid_client","error_description":"AADSTS7000215: CANARY\\r\\nTrace"}', /\(401: AADSTS7000215\)/, /AZURE_CLIENT_SECRET/],
  ['an expired secret', 401, '{"error":"invalid_client","error_description":"AADSTS7000222: x"}', /AADSTS7000222/, /expired/],
  ['an unknown application', 400, '{"error":"unauthorized_client","error_description":"AADSTS700016: x"}', /AADSTS700016/, /AZURE_CLIENT_ID/],
  ['an unknown tenant', 400, '{"error":"invalid_request","error_description":"AADSTS90002: x"}', /AADSTS90002/, /AZURE_TENANT_ID/],
  ['a code without advice', 400, '{"error":"x","error_description":"AADSTS1: "}', /\(400: x\)/],
  ['an error that is no word', 400, '{"error":"CANARY x"}', /\(400\)/],
  ['no JSON', 400, 'CANARY', /\(400\)/],
  ['a redirect', 302, '', /\(302\)/],
  ['throttling', 429, '', /\(429\)/, /busy or down, try again later/],
  ['an outage', 503, '', /\(503\)/, /busy or down, try again later/],
  ['200 without a token', 200, '{}', /200 without an access token/],
  ['200 with an array', 200, '[{"access_token":"CANARY"}]', /200 without an access token/],
]

for (const [name, status, body, message, hint] of ENTRA_ERRORS) {
  test(`client_secret: ${name}`, async () => {
    const { said, error } = await outcome(clientSecret, { env: SECRET_ENV, fetch: () => ({ status, body }) })
    assert.equal(said, 'PROVIDER_FAILED')
    assert.match(error?.message ?? '', message)
    if (hint !== undefined) assert.match(error?.hints[0] ?? '', hint)
  })
}

test('client_secret: a token with a line break is refused', async () => {
  const fetch = (): typeof GOOD => ({ status: 200, body: '{"access_token":"CANARYa\\nb"}' })
  assert.equal((await outcome(clientSecret, { env: SECRET_ENV, fetch })).said, 'BAD_TOKEN')
})

test('client_secret: a tenant or an authority that cannot be one is refused before any request', async () => {
  for (const env of [{ ...SECRET_ENV, AZURE_TENANT_ID: '../x' }, { ...SECRET_ENV, AZURE_AUTHORITY_HOST: 'evil.com' }]) {
    const { said, system } = await outcome(clientSecret, { env })
    assert.equal(said, 'BAD_SETTING')
    assert.deepEqual(system.requests, [])
  }
})

const FEDERATED = { ...APPLICATION, AZURE_FEDERATED_TOKEN_FILE: '/wi' }
const GITHUB = {
  AZURE_CLIENT_ID: 'app',
  AZURE_TENANT_ID: TENANT,
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://gh.example/t?api-version=2.0',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'CANARYrequest',
}

test('workload_identity: sends the trimmed token file as assertion', async () => {
  const { said, system } = await outcome(workloadIdentity, { env: FEDERATED, files: { '/wi': 'federated-jwt\n' }, fetch: () => GOOD })
  assert.equal(said, 'tok')
  assert.deepEqual(system.requests.map((request) => request.url), [ENTRA])
  assert.deepEqual(Object.fromEntries(new URLSearchParams(system.requests[0]?.body)), {
    client_id: 'app',
    client_assertion: 'federated-jwt',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    grant_type: 'client_credentials',
    scope: `${RESOURCE}/.default`,
  })
})

test('workload_identity: uses the tenant of the feed where none is set', async () => {
  const env = { AZURE_CLIENT_ID: 'app', AZURE_FEDERATED_TOKEN_FILE: '/wi' }
  const { system } = await outcome(workloadIdentity, { env, files: { '/wi': 'j' }, fetch: () => GOOD })
  assert.equal(system.requests[0]?.url, ENTRA)
})

test("workload_identity: asks GitHub for an assertion, with the request token, for Entra's audience", async () => {
  const answers = [{ status: 200, body: '{"value":"gh-jwt","count":1}' }, GOOD]
  const { said, system } = await outcome(workloadIdentity, { env: GITHUB, fetch: () => answers.shift() ?? new Error() })
  assert.equal(said, 'tok')
  const [first, second] = system.requests
  assert.equal(first?.url, 'https://gh.example/t?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange')
  assert.equal(first?.headers['authorization'], 'Bearer CANARYrequest')
  assert.equal(second?.url, ENTRA)
  assert.equal(new URLSearchParams(second?.body).get('client_assertion'), 'gh-jwt')
})

test('workload_identity: the audience follows the cloud, or the variable', async () => {
  const audience = async (env: Record<string, string>): Promise<string | null> => {
    const { system } = await outcome(workloadIdentity, { env: { ...GITHUB, ...env }, fetch: () => ({ status: 401 }) })
    return new URL(system.requests[0]?.url ?? '').searchParams.get('audience')
  }
  assert.equal(await audience({ AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.us/' }), 'api://AzureADTokenExchangeUSGov')
  assert.equal(await audience({ AZURE_AUTHORITY_HOST: 'login.chinacloudapi.cn' }), 'api://AzureADTokenExchangeChina')
  assert.equal(await audience({ AZURE_FEDERATED_TOKEN_AUDIENCE: 'mine' }), 'mine')
})

test('workload_identity: prefers the token file to GitHub', async () => {
  const { system } = await outcome(workloadIdentity, { env: { ...GITHUB, ...FEDERATED }, files: { '/wi': 'j' }, fetch: () => GOOD })
  assert.deepEqual(system.requests.map((request) => request.url), [ENTRA])
})

const WORKLOAD_FAILURES: readonly (readonly [name: string, world: FakeWorld, message: RegExp])[] = [
  ['a missing file', { env: FEDERATED }, /\/wi \(AZURE_FEDERATED_TOKEN_FILE\): missing/],
  ['an empty file', { env: FEDERATED, files: { '/wi': ' \n' } }, /\/wi .* is empty/],
  ['GitHub answers 401', { env: GITHUB, fetch: () => ({ status: 401 }) }, /gh\.example answered 401/],
  ['GitHub answers no JSON', { env: GITHUB, fetch: () => ({ status: 200, body: 'CANARY' }) }, /without an OIDC token/],
  ['GitHub answers no value', { env: GITHUB, fetch: () => ({ status: 200, body: '{}' }) }, /without an OIDC token/],
  ['GitHub answers null', { env: GITHUB, fetch: () => ({ status: 200, body: '{"value":null}' }) }, /without an OIDC token/],
  ['a URL that is no https', { env: { ...GITHUB, ACTIONS_ID_TOKEN_REQUEST_URL: 'http://gh.example/' } }, /not an https URL/],
]

for (const [name, world, message] of WORKLOAD_FAILURES) {
  test(`workload_identity: ${name}`, async () => {
    const { said, error } = await outcome(workloadIdentity, world)
    assert.equal(said, 'PROVIDER_FAILED')
    assert.match(error?.message ?? '', message)
  })
}

const IMDS = `http://169.254.169.254/metadata/identity/oauth2/token`
const IMDS_QUERY = `api-version=2018-02-01&resource=${RESOURCE}`

test('managed_identity: probes the metadata service, then asks it, both without a proxy', async () => {
  const answers = [{ status: 400, body: '{"error":"invalid_request"}' }, GOOD]
  const { said, system } = await outcome(managedIdentity, { fetch: () => answers.shift() ?? new Error() })
  assert.equal(said, 'tok')
  assert.deepEqual(system.requests.map((request) => [request.url, request.headers['metadata'], request.direct]), [
    [IMDS, undefined, true],
    [`${IMDS}?${IMDS_QUERY}`, 'true', true],
  ])
})

test('managed_identity: a client ID selects a user-assigned identity', async () => {
  const { system } = await outcome(managedIdentity, { env: { AZURE_CLIENT_ID: 'mi' }, fetch: () => GOOD })
  assert.equal(system.requests[1]?.url, `${IMDS}?${IMDS_QUERY}&client_id=mi`)
})

test('managed_identity: a pod identity host is asked at once', async () => {
  const { said, system } = await outcome(managedIdentity, { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9/' }, fetch: () => GOOD })
  assert.equal(said, 'tok')
  assert.deepEqual(system.requests.map((request) => request.url), [`http://127.0.0.1:9/metadata/identity/oauth2/token?${IMDS_QUERY}`])
})

test('managed_identity: App Service is asked with its header', async () => {
  const env = { IDENTITY_ENDPOINT: 'http://169.254.129.2:8081/msi/token?x=1', IDENTITY_HEADER: 'CANARYheader', AZURE_CLIENT_ID: 'mi' }
  const { said, system } = await outcome(managedIdentity, { env, fetch: () => GOOD })
  assert.equal(said, 'tok')
  const [request] = system.requests
  assert.equal(request?.url, `http://169.254.129.2:8081/msi/token?x=1&api-version=2019-08-01&resource=${RESOURCE}&client_id=mi`)
  assert.equal(request?.headers['x-identity-header'], 'CANARYheader')
  assert.equal(request?.direct, true)
})

test('managed_identity: the header never goes to an http endpoint out of reach of the platform', async () => {
  const env = { IDENTITY_ENDPOINT: 'http://evil.com/msi', IDENTITY_HEADER: 'CANARYheader' }
  const { said, system } = await outcome(managedIdentity, { env })
  assert.equal(said, 'BAD_SETTING')
  assert.deepEqual(system.requests, [])
})

const POD = { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' }
const MANAGED: readonly (readonly [name: string, world: FakeWorld, said: string | RegExp, requests: number])[] = [
  ['nobody answers the probe', { fetch: () => systemError('ECONNREFUSED') }, /^unavailable: there is no/, 1],
  ['Docker says unreachable', { fetch: () => ({ status: 403, body: 'connecting to 169.254.169.254:80: unreachable network' }) }, /^unavailable/, 1],
  ['Docker says unreachable at the second', { env: POD, fetch: () => ({ status: 403, body: 'unreachable host' }) }, /^unavailable/, 1],
  ['no such identity', { env: POD, fetch: () => ({ status: 400, body: '{"error":"invalid_request"}' }) }, /^unavailable/, 1],
  ['403 for another reason', { env: POD, fetch: () => ({ status: 403 }) }, 'PROVIDER_FAILED', 1],
  ['404 for ever', { env: POD, fetch: () => ({ status: 404 }) }, 'PROVIDER_FAILED', 5],
  ['410 for ever', { env: POD, fetch: () => ({ status: 410 }) }, 'PROVIDER_FAILED', 5],
  ['500 for ever', { env: POD, fetch: () => ({ status: 500 }) }, 'PROVIDER_FAILED', 5],
  ['401', { env: POD, fetch: () => ({ status: 401 }) }, 'PROVIDER_FAILED', 1],
  ['nobody there', { env: POD, fetch: () => systemError('ECONNREFUSED') }, /^unavailable/, 5],
  ['200 without a token', { env: POD, fetch: () => ({ status: 200, body: '{"access_token":null}' }) }, 'PROVIDER_FAILED', 1],
  ['truncated JSON', { env: POD, fetch: () => ({ status: 200, body: '{"access_token":"CANARY' }) }, 'PROVIDER_FAILED', 1],
  ['a host out there', { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://evil.com' } }, 'BAD_SETTING', 0],
]

for (const [name, world, said, requests] of MANAGED) {
  test(`managed_identity: ${name}`, async () => {
    const result = await outcome(managedIdentity, world)
    if (said instanceof RegExp) assert.match(result.said, said)
    else assert.equal(result.said, said)
    assert.equal(result.system.requests.length, requests)
  })
}
