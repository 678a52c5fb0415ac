import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import {
  APP_SERVICE_HEADER,
  CLIENT_SECRET,
  CONTOSO_TENANT,
  FABRIKAM_TENANT,
  FABRIKAM_USER,
  GITHUB_CLIENT_ID,
  GITHUB_HOST,
  GITHUB_REQUEST_TOKEN,
  GITHUB_TOKEN_URL,
  MANAGED_IDENTITY_CLIENT_ID,
  SECRET_CLIENT_ID,
  WORKLOAD_CLIENT_ID,
} from '../azure/identities.ts'
import { writeFakeAdoAuthHelper, writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { logLines, newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/project/_packaging/feed/pypi/simple/'
const DEBUG = { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' }
const ENTRA = 'login.microsoftonline.com'

let azure: StandIn
let machine: Machine
let log: string

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  log = join(machine.home, 'programs.log')
  if ('after' in context) context.after(() => machine.remove())
})

function get(env: Readonly<Record<string, string>>, service = FEED): Promise<Ended> {
  return runKeyring(['--mode=creds', 'get', service], { ...machine.env, ...azure.environment(), ...NOWHERE, ...DEBUG, ...env })
}

/** Asserts a credential that the feed accepts, and that nobody objected to anything on the way. */
async function accepted(ended: Ended, username: string): Promise<string> {
  assert.equal(ended.status, 0, ended.stderr)
  const [user, password = '', end, ...more] = ended.stdout.split('\n')
  assert.deepEqual([user, end, more], [username, '', []])
  assert.equal(/CANARY/.test(ended.stderr), false, ended.stderr)
  assert.deepEqual(azure.requests.flatMap((request) => request.errors), [])
  const { ask } = await import('../azure/client.ts')
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const answer = await ask(azure, FEED, { headers: { authorization } })
  assert.equal(answer.status, 200)
  return password
}

/** Host and path without query of every request until now. */
function asked(): readonly string[] {
  return azure.requests.map(({ method, host, path }) => `${method} ${host}${path.replace(/\?.*/, '')}`)
}

const PROBE = `GET ${FEED.slice('https://'.length)}`
const EXCHANGE = 'POST vssps.dev.azure.com/contoso/_apis/Token/SessionTokens'
const TOKEN = (tenant: string): string => `POST ${ENTRA}/${tenant}/oauth2/v2.0/token`

test('env_var: a PAT, without any request', async () => {
  const pat = azure.tokens.mintPat('contoso')
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_TOKEN: pat })
  assert.deepEqual([azure.connects, asked()], [[], []])
  assert.equal(await accepted(ended, 'VssSessionToken'), pat)
})

test("env_var: Azure Pipelines' own token, without any request", async () => {
  const token = azure.tokens.mintSystemAccessToken('contoso')
  const ended = await get({ VSS_NUGET_ACCESSTOKEN: token })
  assert.deepEqual(azure.connects, [])
  assert.equal(await accepted(ended, 'VssSessionToken'), token)
})

test("env_var: an application's token, without any request", async () => {
  const token = azure.tokens.mintApplicationToken()
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_TOKEN: token })
  assert.deepEqual(azure.connects, [])
  assert.equal(await accepted(ended, 'bearer'), token)
})

test("env_var: a user's token from a file is exchanged", async () => {
  const file = join(machine.home, 'a token')
  writeFileSync(file, `\ufeff${azure.tokens.mintUserToken()}\r\n`)
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: file })
  assert.deepEqual(asked(), [PROBE, EXCHANGE])
  await accepted(ended, 'VssSessionToken')
})

test('env_var: a missing file is a warning, and the variable is used', async () => {
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: '/nowhere', ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintPat('contoso') })
  assert.match(ended.stderr, /^keyring: warning: \/nowhere \(ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE\) is missing$/m)
  await accepted(ended, 'VssSessionToken')
})

test('azure_cli: one az, one request to the feed, one for the session token', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get({})
  assert.deepEqual(asked(), [PROBE, EXCHANGE])
  assert.equal(azure.requests[0]?.headers['authorization'], undefined)
  assert.equal(logLines(log).length, 1)
  assert.match(logLines(log)[0] ?? '', new RegExp(`--tenant\t${CONTOSO_TENANT}$`))
  await accepted(ended, 'VssSessionToken')
})

test('azure_cli: an az that is signed in with a managed identity is asked again without --tenant', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintApplicationToken(), tenantRule: 'managed-identity' })
  const ended = await get({})
  assert.equal(logLines(log).length, 2)
  assert.equal(logLines(log)[1]?.includes('--tenant'), false)
  await accepted(ended, 'bearer')
})

test('azure_cli: the session token comes from the legacy host where the feed names it', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get({}, 'https://legacy.pkgs.visualstudio.com/_packaging/feed/pypi/simple/')
  assert.equal(ended.status, 0, ended.stderr)
  assert.deepEqual(azure.requests.map((request) => request.host), ['legacy.pkgs.visualstudio.com', 'app.vssps.visualstudio.com'])
  assert.deepEqual(azure.requests.flatMap((request) => request.errors), [])
})

test('azure_cli: another organization, another tenant', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken({ tenant: FABRIKAM_TENANT, upn: FABRIKAM_USER }) })
  const ended = await get({}, FEED.replace('contoso', 'fabrikam'))
  assert.equal(ended.status, 0, ended.stderr)
  assert.match(logLines(log)[0] ?? '', new RegExp(`--tenant\t${FABRIKAM_TENANT}$`))
})

test('azure_cli: an organization of personal accounts has no tenant to name', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get({}, FEED.replace('contoso', 'personal'))
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(logLines(log)[0]?.includes('--tenant'), false)
})

test('azure_cli: the account is named when its token is refused, and the helper has its turn', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken({ tenant: FABRIKAM_TENANT, upn: FABRIKAM_USER }) })
  writeFakeAdoAuthHelper(join(machine.home, 'ado-auth-helper'), { log, token: azure.tokens.mintUserToken() })
  const ended = await get({})
  assert.deepEqual(asked(), [PROBE, EXCHANGE, EXCHANGE])
  assert.match(ended.stderr, /azure_cli: vssps\.dev\.azure\.com rejected the token \(401\)/)
  assert.equal(ended.status, 0)
})

test('ado_auth_helper: its token is exchanged', async () => {
  writeFakeAdoAuthHelper(join(machine.home, 'ado-auth-helper'), { log, token: azure.tokens.mintUserToken() })
  const ended = await get({})
  assert.deepEqual(logLines(log), ['ado-auth-helper\tget-access-token'])
  assert.deepEqual(asked(), [PROBE, EXCHANGE])
  await accepted(ended, 'VssSessionToken')
})

test('workload_identity: a token file, one request', async () => {
  const file = join(machine.home, 'projected')
  writeFileSync(file, `${azure.tokens.mintFederatedAssertion()}\n`)
  const ended = await get({ AZURE_CLIENT_ID: WORKLOAD_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_FEDERATED_TOKEN_FILE: file })
  assert.deepEqual(asked(), [TOKEN(CONTOSO_TENANT)])
  await accepted(ended, 'bearer')
})

test('workload_identity: without a tenant the one of the feed is used', async () => {
  const file = join(machine.home, 'projected')
  writeFileSync(file, azure.tokens.mintFederatedAssertion())
  const ended = await get({ AZURE_CLIENT_ID: WORKLOAD_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE: file })
  assert.deepEqual(asked(), [PROBE, TOKEN(CONTOSO_TENANT)])
  await accepted(ended, 'bearer')
})

test('workload_identity: GitHub Actions, one request to GitHub and one to Entra', async () => {
  const ended = await get({
    AZURE_CLIENT_ID: GITHUB_CLIENT_ID,
    AZURE_TENANT_ID: CONTOSO_TENANT,
    ACTIONS_ID_TOKEN_REQUEST_URL: GITHUB_TOKEN_URL,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: GITHUB_REQUEST_TOKEN,
  })
  assert.deepEqual(azure.requests.map((request) => request.host), [GITHUB_HOST, ENTRA])
  assert.equal(azure.requests[0]?.headers['authorization'], `Bearer ${GITHUB_REQUEST_TOKEN}`)
  assert.equal(azure.requests[1]?.body.includes(GITHUB_REQUEST_TOKEN), false)
  await accepted(ended, 'bearer')
})

const SECRET = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET }

test('client_secret: one request, and az is not started', async () => {
  writeFakeAz(machine.programs, { log })
  const ended = await get(SECRET)
  assert.deepEqual(asked(), [TOKEN(CONTOSO_TENANT)])
  assert.deepEqual(logLines(log), [])
  await accepted(ended, 'bearer')
})

test('client_secret: az with an account comes first, without the secret in its environment', async () => {
  mkdirSync(join(machine.home, '.azure'))
  writeFileSync(join(machine.home, '.azure', 'azureProfile.json'), '{"subscriptions": [{"id": "x"}]}')
  const seen = join(machine.home, 'environment')
  const az = join(machine.programs, 'az')
  writeFileSync(az, `#!/bin/sh\n/usr/bin/env > '${seen}'\necho "ERROR: Please run 'az login' to setup account." >&2\nexit 1\n`)
  chmodSync(az, 0o755)
  const ended = await get(SECRET)
  assert.equal(readFileSync(seen, 'utf8').includes('CANARY'), false)
  await accepted(ended, 'bearer')
})

test('client_secret: what Entra says of a wrong one is told by its code, with what to do', async () => {
  const ended = await get({ ...SECRET, AZURE_CLIENT_SECRET: 'CANARYwrong', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret' })
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /^keyring: error: login\.microsoftonline\.com refused to give a token \(401: AADSTS7000215\)$/m)
  assert.match(ended.stderr, /^keyring: hint: AZURE_CLIENT_SECRET is wrong/m)
  assert.equal(ended.stderr.includes('CANARY'), false)
})

test('managed_identity: the machine itself, past the proxy', async () => {
  const ended = await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl })
  assert.deepEqual(azure.connects, [])
  assert.equal(azure.requests.length, 1)
  assert.equal(azure.requests[0]?.headers['metadata'], 'true')
  await accepted(ended, 'bearer')
})

test('managed_identity: a user-assigned one', async () => {
  const ended = await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl, AZURE_CLIENT_ID: MANAGED_IDENTITY_CLIENT_ID })
  assert.match(azure.requests[0]?.path ?? '', new RegExp(`client_id=${MANAGED_IDENTITY_CLIENT_ID}`))
  await accepted(ended, 'bearer')
})

for (const clientId of [undefined, MANAGED_IDENTITY_CLIENT_ID]) {
  test(`managed_identity: App Service, ${clientId === undefined ? 'system' : 'user'}-assigned`, async () => {
    const ended = await get({
      IDENTITY_ENDPOINT: `${azure.identityUrl}/msi/token`,
      IDENTITY_HEADER: APP_SERVICE_HEADER,
      ...(clientId && { AZURE_CLIENT_ID: clientId }),
    })
    assert.deepEqual(azure.connects, [])
    assert.equal(azure.requests[0]?.headers['x-identity-header'], APP_SERVICE_HEADER)
    assert.equal(azure.requests[0]?.path.includes('client_id='), clientId !== undefined)
    await accepted(ended, 'bearer')
  })
}

test('managed_identity: an identity that does not exist is told as such', async () => {
  const ended = await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl, AZURE_CLIENT_ID: SECRET_CLIENT_ID })
  assert.equal(ended.status, 1)
  assert.match(ended.stderr, /managed_identity: the metadata service knows no such identity/)
})

test('a provider is forced by variable, and by keyringrc.cfg in the home folder only', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const pat = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintPat('contoso') }
  await get({ ...pat, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli' })
  assert.equal(logLines(log).length, 1)
  const folder = join(machine.home, '.config', 'python_keyring')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'keyringrc.cfg'), '[artifacts_keyring_nofuss]\nprovider = azure_cli\n')
  await get(pat)
  assert.equal(logLines(log).length, 2)
  const elsewhere = await runKeyring(['get', FEED, 'x'], { ...machine.env, ...azure.environment(), ...pat, HOME: '/nonexistent' }, { cwd: folder })
  assert.equal(elsewhere.status, 0)
  assert.equal(logLines(log).length, 2)
})

test('an upload URL asks for write access', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get({}, FEED.replace('simple/', 'upload'))
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal((JSON.parse(azure.requests[1]?.body ?? '') as { readonly scope: unknown }).scope, 'vso.packaging_write')
})

test('debug tells the chain and each request with status and time', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const { stderr } = await get({})
  assert.match(stderr, /^keyring: debug: env_var: no token/m)
  assert.match(stderr, /^keyring: debug: azure_cli: found a token in az's answer, at \d+ ms$/m)
  assert.match(stderr, /^keyring: debug: GET pkgs\.dev\.azure\.com\/contoso\/\S+ 401 \d+ ms, at \d+ ms$/m)
  assert.match(stderr, /^keyring: debug: POST vssps\.dev\.azure\.com\/contoso\/_apis\/Token\/SessionTokens 200 \d+ ms, at \d+ ms$/m)
})

test('the log file has the same lines, and is readable by its owner only', async () => {
  const file = join(machine.home, 'log file')
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintPat('contoso'), ARTIFACTS_KEYRING_NOFUSS_LOG: file, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '0' })
  assert.equal(ended.stderr, '')
  const { statSync } = await import('node:fs')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  for (const line of logLines(file)) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z \d+ keyring: debug: /)
  assert.equal(readFileSync(file, 'utf8').includes('CANARY'), false)
})
