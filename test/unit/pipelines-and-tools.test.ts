import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../src/cli/run.ts'
import { aadstsAdvice } from '../../src/identity/aadsts.ts'
import { azureDeveloperCli } from '../../src/identity/providers/azure-developer-cli.ts'
import { azurePowershell } from '../../src/identity/providers/azure-powershell.ts'
import { serviceConnection } from '../../src/identity/providers/service-connection.ts'
import { systemAccessToken } from '../../src/identity/providers/system-access-token.ts'
import { workloadIdentity } from '../../src/identity/providers/workload-identity.ts'
import type { Provider } from '../../src/identity/provider.ts'
import { KeyringError } from '../../src/system/messages.ts'
import type { Command, CommandResult } from '../../src/system/system.ts'
import { fakeSystem, jwt, NOW, printed } from './fake-system.ts'
import type { FakeAnswer, FakeSystem, FakeWorld } from './fake-system.ts'

const TENANT = '11111111-aaaa-4aaa-8aaa-111111111111'
const RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'
const YAML = '    SYSTEM_ACCESSTOKEN: $(System.AccessToken)'

async function outcome(provider: Provider, world: FakeWorld, request: { readonly tenant?: string; readonly laterConfigured?: boolean } = {}): Promise<{ readonly said: string; readonly hints: readonly string[]; readonly message: string; readonly system: FakeSystem }> {
  const system = fakeSystem(world)
  const tenant = (): Promise<string> => Promise.resolve(request.tenant ?? TENANT)
  try {
    const found = await provider({ resource: RESOURCE, feedUrl: undefined, tenant, laterConfigured: request.laterConfigured ?? false }, system)
    if ('token' in found) return { said: found.token.reveal(), hints: [], message: found.username ?? '', system }
    return { said: 'unavailable', hints: found.hints ?? [], message: found.unavailable, system }
  } catch (error) {
    assert.ok(error instanceof KeyringError, String(error))
    assert.equal(`${error.message}${error.hints.join()}`.includes('CANARY'), false, error.message)
    return { said: error.code, hints: error.hints, message: error.message, system }
  }
}

for (const value of ['True', 'true', 'TRUE', '1']) {
  test(`SYSTEM_ACCESSTOKEN is the password when TF_BUILD is ${value}`, async () => {
    const { said, message } = await outcome(systemAccessToken, { env: { TF_BUILD: value, SYSTEM_ACCESSTOKEN: 'tok' } })
    assert.deepEqual([said, message], ['tok', 'VssSessionToken'])
  })
}

for (const value of ['0', 'False', '']) {
  test(`SYSTEM_ACCESSTOKEN is ignored when TF_BUILD is "${value}"`, async () => {
    const { said, message } = await outcome(systemAccessToken, { env: { TF_BUILD: value, SYSTEM_ACCESSTOKEN: 'tok' } })
    assert.deepEqual([said, message], ['unavailable', 'TF_BUILD is not true, so SYSTEM_ACCESSTOKEN is ignored'])
  })
}

test('a pipeline without the token, or with its name only, is shown the YAML to add', async () => {
  const missing = await outcome(systemAccessToken, { env: { TF_BUILD: 'True' } })
  assert.deepEqual([missing.said, missing.hints.at(-1)], ['unavailable', YAML])
  const literal = await outcome(systemAccessToken, { env: { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: '$(System.AccessToken)' } })
  assert.deepEqual([literal.said, literal.hints.at(-1)], ['PROVIDER_FAILED', YAML])
})

test('who configures an application in a pipeline means that', async () => {
  const { said } = await outcome(systemAccessToken, { env: { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: 'tok' } }, { laterConfigured: true })
  assert.equal(said, 'unavailable')
})

const CONNECTION = {
  SYSTEM_OIDCREQUESTURI: 'https://dev.azure.com/contoso/p/_apis/oidctoken/',
  SYSTEM_ACCESSTOKEN: 'job-token',
  AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: 'connection',
  AZURESUBSCRIPTION_CLIENT_ID: 'app',
  AZURESUBSCRIPTION_TENANT_ID: TENANT,
}
const ENTRA: FakeAnswer = { status: 200, body: '{"access_token":"tok"}' }

test('the service connection: an OIDC token of Azure DevOps, then a token of Entra', async () => {
  const answers: FakeAnswer[] = [{ status: 200, body: '{"oidcToken":"oidc"}' }, ENTRA]
  const { said, system } = await outcome(serviceConnection, { env: CONNECTION, fetch: () => answers.shift() ?? ENTRA })
  assert.equal(said, 'tok')
  const [first, second] = system.requests
  assert.equal(first?.url, 'https://dev.azure.com/contoso/p/_apis/oidctoken?api-version=7.1&serviceConnectionId=connection')
  assert.equal(first?.method, 'POST')
  assert.equal(first?.body, undefined)
  assert.equal(first?.headers['authorization'], 'Bearer job-token')
  assert.equal(first?.headers['x-tfs-fedauthredirect'], 'Suppress')
  assert.equal(second?.url, `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`)
  assert.equal(new URLSearchParams(second?.body).get('client_assertion'), 'oidc')
  assert.equal(second?.body?.includes('job-token'), false)
})

for (const name of Object.keys(CONNECTION)) {
  test(`the service connection: without ${name} it does not apply`, async () => {
    const { said, message, system } = await outcome(serviceConnection, { env: { ...CONNECTION, [name]: '' } })
    assert.deepEqual([said, message, system.requests], ['unavailable', `${name} not set`, []])
  })
}

const OIDC_FAILURES: readonly (readonly [name: string, answer: FakeAnswer, message: RegExp, hint?: RegExp])[] = [
  ['a bad job token', { status: 401, body: 'CANARY' }, /answered 401/, /SYSTEM_ACCESSTOKEN is not valid/],
  ['an unknown connection', { status: 500, body: '{"message":"No service connection found with identifier CANARY"}' }, /answered 500/, /authorize the pipeline/],
  ['a redirect', { status: 302 }, /answered 302/],
  ['no token', { status: 200, body: '{}' }, /answered 200 instead of an OIDC token/],
  ['no JSON', { status: 200, body: 'CANARY' }, /answered 200 instead/],
  ['the IDs for support', { status: 403, headers: { 'x-vss-e2eid': 'abc-1', 'x-msedge-ref': 'Ref A: 12 Ref B: x' } }, /\(x-vss-e2eid abc-1, x-msedge-ref Ref A: 12 Ref B: x\)$/],
  ['an ID that is none', { status: 403, headers: { 'x-vss-e2eid': 'CANARY\u0007<' } }, /token$/],
]

for (const [name, answer, message, hint] of OIDC_FAILURES) {
  test(`the service connection: ${name}`, async () => {
    const result = await outcome(serviceConnection, { env: { ...CONNECTION, ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1' }, fetch: () => answer })
    assert.equal(result.said, 'PROVIDER_FAILED')
    assert.match(result.message, message)
    if (hint !== undefined) assert.match(result.hints.join(), hint)
  })
}

test("the service connection: the job's token goes to Azure DevOps only", async () => {
  const { said, system } = await outcome(serviceConnection, { env: { ...CONNECTION, SYSTEM_OIDCREQUESTURI: 'https://evil.com/' } })
  assert.deepEqual([said, system.requests], ['BAD_SETTING', []])
})

test('the service connection: a literal macro is shown the YAML to add', async () => {
  const { hints, system } = await outcome(serviceConnection, { env: { ...CONNECTION, SYSTEM_ACCESSTOKEN: '$(System.AccessToken)' } })
  assert.deepEqual([hints.at(-1), system.requests], [YAML, []])
})

const TASK = { servicePrincipalId: 'app', tenantId: TENANT }
for (const [name, env, field] of [['idToken', { idToken: 'jwt' }, 'client_assertion'], ['servicePrincipalKey', { servicePrincipalKey: 's' }, 'client_secret']] as const) {
  test(`the task AzureCLI: ${name} signs the application in`, async () => {
    const { said, system } = await outcome(serviceConnection, { env: { ...TASK, ...env }, fetch: () => ENTRA })
    assert.equal(said, 'tok')
    assert.equal(new URLSearchParams(system.requests[0]?.body).get(field), Object.values(env)[0])
    const { said: alone } = await outcome(serviceConnection, { env: TASK })
    assert.equal(alone, 'unavailable')
  })
}

test('a GitHub job that may not ask for an OIDC token is shown the YAML to add', async () => {
  const { said, hints } = await outcome(workloadIdentity, { env: { GITHUB_ACTIONS: 'true', AZURE_CLIENT_ID: 'app' } })
  assert.equal(said, 'unavailable')
  assert.deepEqual(hints.slice(1), ['  permissions:', '    id-token: write'])
  assert.deepEqual((await outcome(workloadIdentity, { env: { AZURE_CLIENT_ID: 'app' } })).hints, [])
})

test('every error code of Entra that users meet has a hint of its own', () => {
  const codes = [7000215, 7000222, 700016, 700027, 700024, 700213, 70021, 700211, 700212, 900023, 90002, 50020, 50076, 50079, 53003, 50005, 65002, 1002012, 70011]
  for (const code of codes) assert.equal(aadstsAdvice(`AADSTS${code}`).length, 1, String(code))
  assert.deepEqual([aadstsAdvice('AADSTS1'), aadstsAdvice(undefined), aadstsAdvice('constructor')], [[], [], []])
})

/** A world with one program that answers each call alike, and the commands it was given. */
function program(path: string, result: CommandResult): FakeWorld & { readonly commands: Command[] } {
  const commands: Command[] = []
  const start = (command: Command): CommandResult => {
    commands.push(command)
    return result
  }
  return { env: { PATH: '/bin' }, programs: { [path]: start }, commands }
}

test('azd is asked for the tenant of the feed, without a prompt', async () => {
  const world = program('/bin/azd', printed('{"token":"tok","expiresOn":"2026-01-02T03:04:05Z"}\n'))
  assert.equal((await outcome(azureDeveloperCli, world)).said, 'tok')
  assert.deepEqual(world.commands[0]?.args, ['auth', 'token', '--output', 'json', '--no-prompt', '--scope', `${RESOURCE}/.default`, '--tenant-id', TENANT])
  await outcome(azureDeveloperCli, world, { tenant: 'organizations' })
  assert.equal(world.commands[1]?.args.includes('--tenant-id'), false)
})

const AZD: readonly (readonly [name: string, result: CommandResult, said: string])[] = [
  ['not signed in, newest dialect', printed('', '{"error":"not logged in, run `azd auth login` to login","message":"CANARY","suggestion":""}', 1), 'unavailable'],
  ['not signed in, middle dialect', printed('', '{"type":"consoleMessage"}\n{"error":"not logged in, run `azd auth login` to login"}', 1), 'unavailable'],
  ['not signed in, oldest dialect', printed('', '{"type":"consoleMessage","timestamp":"t","data":{"message":"\\nERROR: not logged in, run `azd login` to login\\n"}}', 1), 'unavailable'],
  ['not there after all', printed('', 'azd: not found', 127), 'unavailable'],
  ['an error of Entra', printed('', '{"error":"AADSTS50076: CANARY"}', 1), 'PROVIDER_FAILED'],
  ['another error', printed('', 'CANARY unknown flag: --claims', 1), 'PROVIDER_FAILED'],
  ['no JSON', printed('CANARY'), 'PROVIDER_FAILED'],
  ['no token', printed('{"token":null}'), 'PROVIDER_FAILED'],
  ['a timeout', { ended: 'timeout' }, 'PROVIDER_FAILED'],
]

for (const [name, result, said] of AZD) {
  test(`azd: ${name}`, async () => assert.equal((await outcome(azureDeveloperCli, program('/bin/azd', result))).said, said))
}

test('PowerShell gets a script for the resource and the tenant, in an encoding without quotes', async () => {
  const world = program('/bin/pwsh', printed('Welcome!\n{"x":1}\n{"Token":"tok","ExpiresOn":1}\n'))
  assert.equal((await outcome(azurePowershell, world)).said, 'tok')
  const args = world.commands[0]?.args ?? []
  assert.deepEqual(args.slice(0, 5), ['-NoProfile', '-NonInteractive', '-OutputFormat', 'Text', '-EncodedCommand'])
  const script = Buffer.from(args[5] ?? '', 'base64').toString('utf16le')
  assert.match(script, new RegExp(`Get-AzAccessToken -ResourceUrl '${RESOURCE}' -TenantId '${TENANT}' `))
  for (const version of ['2.17.0', '5.0.0', '2.2.0']) assert.ok(script.includes(version), version)
  await outcome(azurePowershell, world, { tenant: 'organizations' })
  assert.equal(Buffer.from(world.commands[1]?.args[5] ?? '', 'base64').toString('utf16le').includes('TenantId'), false)
})

test('PowerShell is never given a tenant that could be code', async () => {
  for (const tenant of ["x'; evil", '$(evil)', 'a b', '-x']) {
    const world = program('/bin/pwsh', printed('{}'))
    assert.equal((await outcome(azurePowershell, world, { tenant })).said, 'PROVIDER_FAILED')
    assert.deepEqual(world.commands, [])
  }
})

test('PowerShell: on Windows the old one serves too', async () => {
  const world = { ...program('C:\\W\\powershell.exe', printed('{"Token":"tok"}')), platform: 'win32', env: { PATH: 'C:\\W' } }
  assert.equal((await outcome(azurePowershell, world)).said, 'tok')
})

const POWERSHELL: readonly (readonly [name: string, result: CommandResult, said: string])[] = [
  ['no module', printed('NO_AZ_ACCOUNT_MODULE\n'), 'unavailable'],
  ['not signed in', printed('', 'Run Connect-AzAccount to login.', 1), 'unavailable'],
  ['the execution policy', printed('', 'AuthorizationManager check failed.', 1), 'unavailable'],
  ['an error of Entra', printed('', 'AADSTS50020: CANARY', 1), 'PROVIDER_FAILED'],
  ['another error', printed('CANARY', 'CANARY', 1), 'PROVIDER_FAILED'],
  ['noise only', printed('CANARY'), 'PROVIDER_FAILED'],
  ['a timeout', { ended: 'timeout' }, 'PROVIDER_FAILED'],
]

for (const [name, result, said] of POWERSHELL) {
  test(`PowerShell: ${name}`, async () => assert.equal((await outcome(azurePowershell, program('/bin/pwsh', result))).said, said))
}

const SECRET = { AZURE_CLIENT_ID: 'app', AZURE_TENANT_ID: TENANT, AZURE_CLIENT_SECRET: 's', AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' }
const APPLICATION = jwt({ idtyp: 'app' })

async function command(argv: readonly string[], world: FakeWorld): Promise<{ readonly status: number; readonly out: string; readonly err: string; readonly system: FakeSystem }> {
  const refused = Object.assign(new Error(), { code: 'ECONNREFUSED' })
  const entra = { status: 200, body: JSON.stringify({ access_token: APPLICATION }) }
  const system = fakeSystem({ fetch: ({ url }) => (url.startsWith('https://login.') ? entra : refused), ...world })
  const status = await run(argv, system)
  return { status, out: system.out.join(''), err: system.err.join(''), system }
}

test('mint-token prints the token and a newline, nothing else', async () => {
  const { status, out, err, system } = await command(['mint-token'], { env: SECRET })
  assert.deepEqual([status, out, err], [0, `${APPLICATION}\n`, ''])
  assert.equal(new URLSearchParams(system.requests[0]?.body).get('scope'), `${RESOURCE}/.default`)
})

test('mint-token takes tenant, client ID and resource from its options', async () => {
  const argv = ['mint-token', '--tenant', 'other.example', '--client-id=mine', '--resource', 'https://vault.azure.net']
  const { system } = await command(argv, { env: SECRET })
  assert.equal(system.requests[0]?.url, 'https://login.microsoftonline.com/other.example/oauth2/v2.0/token')
  const form = new URLSearchParams(system.requests[0]?.body)
  assert.deepEqual([form.get('client_id'), form.get('scope')], ['mine', 'https://vault.azure.net/.default'])
})

test('mint-token writes a file in its place', async () => {
  const { status, out, system } = await command(['mint-token', '--output-file', '/run/token'], { env: SECRET })
  assert.deepEqual([status, out, [...system.created]], [0, '', [['/run/token', `${APPLICATION}\n`]]])
})

test("mint-token does not use a person's session unless it is asked to", async () => {
  const az = { '/bin/az': () => printed('{"accessToken":"CANARYuser"}') }
  const env = { PATH: '/bin', AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' }
  const { status, out, err } = await command(['mint-token'], { env, programs: az })
  assert.deepEqual([status, out], [1, ''])
  assert.match(err, /^keyring: error: no token \(workload_identity: AZURE_CLIENT_ID not set; client_secret: AZURE_CLIENT_ID and AZURE_TENANT_ID and AZURE_CLIENT_SECRET not set; /)
  const asked = await command(['mint-token', '--provider', 'azure_cli'], { env, programs: az })
  assert.deepEqual([asked.status, asked.out], [0, 'CANARYuser\n'])
})

test('mint-token names the variable that is missing', async () => {
  const { status, err } = await command(['mint-token', '--provider', 'workload_identity'], { env: { AZURE_CLIENT_ID: 'a', AZURE_FEDERATED_TOKEN_FILE: '/f' }, files: { '/f': 'jwt' } })
  assert.deepEqual([status, err], [1, 'keyring: error: AZURE_TENANT_ID not set\n'])
})

test('mint-token rejects a token that has expired', async () => {
  const token = jwt({ idtyp: 'app', exp: NOW / 1000 - 3600 })
  const { status, out } = await command(['mint-token'], { env: SECRET, fetch: () => ({ status: 200, body: JSON.stringify({ access_token: token }) }) })
  assert.deepEqual([status, out], [1, ''])
})

const MINT_USAGE: readonly (readonly string[])[] = [
  ['mint-token', 'CANARY'],
  ['mint-token', '--bogus'],
  ['mint-token', '--tenant'],
  ['mint-token', '--tenant', ''],
  ['mint-token', '--tenant=CANARY', '--', 'CANARY'],
  ['exec'],
  ['exec', '--'],
  ['exec', '--', ''],
  ['exec', 'CANARY'],
  ['exec', '--output-file', 'CANARY', '--', 'true'],
]

for (const argv of MINT_USAGE) {
  test(`wrong usage: keyring ${argv.join(' ')}`, async () => {
    const { status, out, err, system } = await command(argv, { env: SECRET })
    assert.deepEqual([status, out, system.requests, system.executed], [2, '', [], []])
    assert.match(err, /^usage: keyring /)
    assert.equal(err.includes('CANARY'), false)
  })
}

test('mint-token refuses a resource or a provider that cannot be one', async () => {
  for (const argv of [['--resource=-x'], ['--resource', 'a b'], ['--provider', 'nobody']]) {
    const { status, system } = await command(['mint-token', ...argv], { env: SECRET })
    assert.deepEqual([status, system.requests], [1, []])
  }
})

test('exec runs the command with the token and passes its exit status on', async () => {
  const { status, out, system } = await command(['exec', '--client-id', 'mine', '--', 'pip', 'install', '--', 'x y'], { env: SECRET })
  assert.deepEqual([status, out], [7, ''])
  assert.deepEqual(system.executed, [{ program: 'pip', args: ['install', '--', 'x y'], env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: APPLICATION } }])
})

test('exec does not start the command when there is no token', async () => {
  const { status, system } = await command(['exec', '--', 'pip'], { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' } })
  assert.deepEqual([status, system.executed], [1, []])
})

test('help of a verb is the help', async () => {
  const { status, out } = await command(['exec', '--help'], {})
  assert.equal(status, 0)
  assert.match(out, /keyring exec .*COMMAND/s)
})
