import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import { ask, basic } from '../azure/client.ts'
import {
  CERTIFICATE_CLIENT_ID,
  CONTOSO_TENANT,
  DEFAULT_IDENTITY_CLIENT_ID,
  MANAGED_IDENTITY_CLIENT_ID,
  MANAGED_IDENTITY_OBJECT_ID,
  MANAGED_IDENTITY_RESOURCE_ID,
  ML_SECRET,
  PIPELINES_CLIENT_ID,
  PIPELINES_ISSUER,
  PIPELINES_OIDC_URL,
  PIPELINES_SUBJECT,
  SECRET_CLIENT_ID,
  CLIENT_SECRET,
  SERVICE_CONNECTION_ID,
  SF_SECRET,
} from '../azure/identities.ts'
import { writeFakeAzd } from '../azure/fake-azd.ts'
import { writeFakePwsh } from '../azure/fake-pwsh.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, logLines, newMachine, NOWHERE, runKeyring, runProgram } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const ENTRA = `POST login.microsoftonline.com/${CONTOSO_TENANT}/oauth2/v2.0/token`
const EXCHANGE = 'POST vssps.dev.azure.com/contoso/_apis/Token/SessionTokens'
const PROBE = `GET ${FEED.slice('https://'.length)}`

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
  log = join(machine.home, 'log')
  if ('after' in context) context.after(() => machine.remove())
})

function world(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...machine.env, ...azure.environment(), ...NOWHERE, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1', ...env }
}

function get(env: Readonly<Record<string, string>>, service = FEED): Promise<Ended> {
  return runKeyring(['--mode=creds', 'get', service], world(env))
}

/** Asserts a credential that the feed accepts, and that nobody objected to anything on the way. */
async function accepted(ended: Ended, username: string): Promise<void> {
  assert.equal(ended.status, 0, ended.stderr)
  const [user, password = '', end, ...more] = ended.stdout.split('\n')
  assert.deepEqual([user, end, more], [username, '', []])
  assert.equal(ended.stderr.includes('CANARY'), false, ended.stderr)
  assert.deepEqual(azure.requests.flatMap((request) => request.errors), [])
  assert.equal((await ask(azure, FEED, { headers: { ...basic(username, password) } })).status, 200)
}

/** Method, host and path without query of every request until now. */
function asked(): readonly string[] {
  return azure.requests.map(({ method, host, path }) => `${method} ${host}${path.replace(/\?.*/, '')}`)
}

function refused(ended: Ended, message: RegExp): void {
  assert.deepEqual([ended.status, ended.stdout], [1, ''], ended.stderr)
  assert.match(ended.stderr, message)
  assert.equal(ended.stderr.includes('CANARY'), false)
}

const pem = makeClientCertificate()

function certificateFile(text: string): Readonly<Record<string, string>> {
  const path = join(machine.home, 'a certificate.pem')
  writeFileSync(path, text)
  return { AZURE_CLIENT_ID: CERTIFICATE_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_CERTIFICATE_PATH: path }
}

const CERTIFICATES: readonly (readonly [name: string, text: string, env?: Readonly<Record<string, string>>])[] = [
  ['key and certificate', pem.key + pem.certificate],
  ['certificate and PKCS#1 key', pem.certificate + pem.pkcs1],
  ['an encrypted key', pem.certificate + pem.encrypted('CANARY password'), { AZURE_CLIENT_CERTIFICATE_PASSWORD: 'CANARY password' }],
]

for (const [name, text, env] of CERTIFICATES) {
  test(`client_certificate: ${name}, one request, a signature that Entra verifies`, async () => {
    azure.registerCertificate(pem.certificate)
    const ended = await get({ ...certificateFile(text), ...env })
    assert.deepEqual(asked(), [ENTRA])
    await accepted(ended, 'bearer')
  })
}

test('client_certificate: the chain, where the application wants it', async () => {
  azure.registerCertificate(pem.certificate, { requireChain: true })
  const env = certificateFile(pem.key + pem.certificate + pem.issuerCertificate)
  refused(await get(env), /client_certificate: login\.microsoftonline\.com refused to give a token \(401: AADSTS\d+\)/)
  azure.reset()
  azure.registerCertificate(pem.certificate, { requireChain: true })
  await accepted(await get({ ...env, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: '1' }), 'bearer')
})

test('client_certificate: one that is not registered is told by its code', async () => {
  const ended = await get({ ...certificateFile(pem.key + pem.certificate), ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_certificate' })
  refused(ended, /^keyring: error: login\.microsoftonline\.com refused to give a token \(401: AADSTS700027\)\nkeyring: hint: the certificate is not registered/m)
})

test('client_certificate: a key that is not that of the certificate never leaves', async () => {
  const env = certificateFile(makeClientCertificate().key + pem.certificate)
  refused(await get({ ...env, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_certificate' }), /a certificate\.pem \(AZURE_CLIENT_CERTIFICATE_PATH\): the private key is not that/)
  assert.deepEqual(azure.connects, [])
})

test('client_certificate: PKCS#12 is told with the command that converts it', async () => {
  const path = join(machine.home, 'c.pfx')
  writeFileSync(path, Buffer.from([0x30, 0x82, 0xff, 0xfe]))
  const env = { ...certificateFile(''), AZURE_CLIENT_CERTIFICATE_PATH: path, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_certificate' }
  refused(await get(env), /^keyring: hint: convert a PKCS#12 file with: openssl pkcs12 /m)
})

const SELECTORS = [
  [{}, ''],
  [{ AZURE_CLIENT_ID: MANAGED_IDENTITY_CLIENT_ID }, 'client_id'],
  [{ ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: MANAGED_IDENTITY_OBJECT_ID }, 'object_id'],
  [{ ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: MANAGED_IDENTITY_RESOURCE_ID }, 'msi_res_id'],
] as const

for (const [env, parameter] of SELECTORS) {
  test(`managed_identity: the metadata service by ${parameter || 'nothing'}`, async () => {
    const ended = await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl, ...env })
    assert.equal(azure.requests.length, 1)
    assert.ok(azure.requests[0]?.path.includes(parameter))
    await accepted(ended, 'bearer')
  })
}

test('managed_identity: the metadata service recovers', async () => {
  azure.imds([404, 500])
  const ended = await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl, ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(azure.requests.length, 3)
})

test('managed_identity: an update of the metadata service that outlasts the call is told as such', async () => {
  azure.imds(Array.from({ length: 20 }, () => 410))
  const ended = await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl, ARTIFACTS_KEYRING_NOFUSS_RETRIES: '5', ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '3', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity' })
  refused(ended, /being updated \(410\), longer than this call may take\nkeyring: hint: give it time: ARTIFACTS_KEYRING_NOFUSS_TIMEOUT=120$/m)
})

for (const oddity of ['expires-on-odd', 'no-expiry', 'truncated', 'unreachable'] as const) {
  test(`managed_identity: an answer of the metadata service that is ${oddity} is none`, async () => {
    azure.imds([], oddity)
    refused(await get({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl }), /managed_identity: the metadata service /)
  })
}

test('managed_identity: Azure ML, by its default identity and by another', async () => {
  const env = { MSI_ENDPOINT: `${azure.identityUrl}/ml/token`, MSI_SECRET: ML_SECRET, DEFAULT_IDENTITY_CLIENT_ID }
  const ended = await get(env)
  assert.match(azure.requests[0]?.path ?? '', new RegExp(`clientid=${DEFAULT_IDENTITY_CLIENT_ID}`))
  await accepted(ended, 'bearer')
  await accepted(await get({ ...env, AZURE_CLIENT_ID: MANAGED_IDENTITY_CLIENT_ID }), 'bearer')
})

test("managed_identity: Cloud Shell gives a user's token, which is exchanged", async () => {
  const ended = await get({ MSI_ENDPOINT: `${azure.identityUrl}/cloudshell/token` })
  assert.deepEqual(asked().slice(1), [PROBE, EXCHANGE])
  await accepted(ended, 'VssSessionToken')
})

test('managed_identity: Service Fabric, by the thumbprint of its certificate', async () => {
  const ended = await get({ IDENTITY_ENDPOINT: `${azure.serviceFabricUrl}`, IDENTITY_HEADER: SF_SECRET, IDENTITY_SERVER_THUMBPRINT: azure.serviceFabricThumbprint })
  assert.deepEqual(azure.connects, [])
  await accepted(ended, 'bearer')
})

test('managed_identity: Service Fabric with another certificate never sees the secret', async () => {
  const thumbprint = azure.serviceFabricThumbprint.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
  const ended = await get({ IDENTITY_ENDPOINT: `${azure.serviceFabricUrl}`, IDENTITY_HEADER: SF_SECRET, IDENTITY_SERVER_THUMBPRINT: thumbprint, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity', ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
  refused(ended, /^keyring: error: \S+ has another certificate than the one expected$/m)
  assert.equal(azure.serviceFabricConnections, 1)
  assert.deepEqual(azure.requests, [])
})

/** Runs keyring where /var/opt is a folder of this test's own: the agent's folder is fixed. */
function withKeyFile(env: Readonly<Record<string, string>>, key: string): Promise<Ended> {
  const script = 'mount -t tmpfs tmpfs /var/opt && mkdir -p /var/opt/azcmagent/tokens && printf %s "$KEY" > /var/opt/azcmagent/tokens/k.key && exec "$NODE" "$BIN" --mode=creds get "$FEED"'
  return runProgram('unshare', ['-rm', '/bin/sh', '-c', script], { ...world(env), PATH: process.env['PATH'] ?? '', KEY: key, NODE: process.execPath, BIN, FEED })
}

const namespaces = spawnSync('unshare', ['-rm', '/bin/sh', '-c', 'mount -t tmpfs tmpfs /var/opt']).status === 0
const REALM = '/var/opt/azcmagent/tokens/k.key'

test('managed_identity: Azure Arc, with the content of its key file', { skip: !namespaces && 'there are no mount namespaces here' }, async () => {
  azure.arc({ realm: REALM, key: 'CANARYkeyofarc' })
  const url = `${azure.arcUrl}/metadata/identity/oauth2/token`
  const ended = await withKeyFile({ IDENTITY_ENDPOINT: url, IMDS_ENDPOINT: azure.arcUrl }, 'CANARYkeyofarc')
  assert.equal(azure.requests.length, 2)
  await accepted(ended, 'bearer')
})

test('managed_identity: an agent of Azure Arc that gives another identity is refused', { skip: !namespaces && 'there are no mount namespaces here' }, async () => {
  azure.arc({ realm: REALM, key: 'k', misbehave: 'no-echo' })
  const url = `${azure.arcUrl}/metadata/identity/oauth2/token`
  refused(await withKeyFile({ IDENTITY_ENDPOINT: url, IMDS_ENDPOINT: azure.arcUrl, AZURE_CLIENT_ID: MANAGED_IDENTITY_CLIENT_ID }, 'k'), /Azure Arc: the agent does not give the selected identity/)
})

for (const realm of ['/etc/passwd', '/var/opt/azcmagent/tokens/../../../../etc/hostname.key']) {
  test(`managed_identity: an agent of Azure Arc cannot have ${realm} read`, async () => {
    azure.arc({ realm, key: 'k' })
    const url = `${azure.arcUrl}/metadata/identity/oauth2/token`
    refused(await get({ IDENTITY_ENDPOINT: url, IMDS_ENDPOINT: azure.arcUrl }), /Azure Arc: the agent names a key file outside \/var\/opt\/azcmagent\/tokens\//)
    assert.equal(azure.requests.length, 1)
  })
}

function pipeline(): Readonly<Record<string, string>> {
  return {
    TF_BUILD: 'True',
    SYSTEM_ACCESSTOKEN: azure.tokens.mintSystemAccessToken('contoso'),
    SYSTEM_OIDCREQUESTURI: PIPELINES_OIDC_URL,
    AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: SERVICE_CONNECTION_ID,
    AZURESUBSCRIPTION_CLIENT_ID: PIPELINES_CLIENT_ID,
    AZURESUBSCRIPTION_TENANT_ID: CONTOSO_TENANT,
  }
}

test('azure_pipelines: a service connection, one request to Azure DevOps and one to Entra', async () => {
  const ended = await get(pipeline())
  assert.deepEqual(azure.requests.map(({ method, host }) => `${method} ${host}`), ['POST dev.azure.com', 'POST login.microsoftonline.com'])
  await accepted(ended, 'bearer')
})

test('azure_pipelines: an unknown service connection is told with what to do', async () => {
  const env = { ...pipeline(), AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: '00000000-0000-4000-8000-000000000000', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'service_connection' }
  refused(await get(env), /\(x-vss-e2eid [^)]*\)\nkeyring: hint: authorize the pipeline/)
})

test('azure_pipelines: the token of the job is the password, also for a bare host', async () => {
  const token = azure.tokens.mintSystemAccessToken('contoso')
  const env = { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: token }
  await accepted(await get(env), 'VssSessionToken')
  const bare = await get(env, 'pkgs.dev.azure.com')
  assert.equal(bare.stdout, `VssSessionToken\n${token}\n`)
  assert.deepEqual(azure.connects.filter((target) => !target.startsWith('pkgs.')), [])
})

test("azure_pipelines: the AzureCLI task's variables", async () => {
  const idToken = azure.tokens.mintFederatedAssertion({ issuer: PIPELINES_ISSUER, subject: PIPELINES_SUBJECT })
  const federated = { servicePrincipalId: PIPELINES_CLIENT_ID, tenantId: CONTOSO_TENANT, idToken }
  await accepted(await get(federated), 'bearer')
  const secret = { servicePrincipalId: SECRET_CLIENT_ID, tenantId: CONTOSO_TENANT, servicePrincipalKey: CLIENT_SECRET }
  await accepted(await get(secret), 'bearer')
})

test('azure_pipelines: a macro that was never replaced ends with the YAML to add', async () => {
  const ended = await get({ TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: '$(System.AccessToken)', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'system_access_token' })
  refused(ended, /^keyring: hint: {5}SYSTEM_ACCESSTOKEN: \$\(System\.AccessToken\)$/m)
})

test("azure_developer_cli: a user's token is exchanged", async () => {
  writeFakeAzd(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get({})
  assert.deepEqual(asked().filter((line) => !line.includes('127.0.0.1')), [PROBE, EXCHANGE])
  assert.equal(logLines(log).length, 1)
  await accepted(ended, 'VssSessionToken')
})

test('azure_developer_cli: not signed in', async () => {
  writeFakeAzd(machine.programs, { log })
  refused(await get({}), /azure_developer_cli: azd is not signed in/)
})

test("azure_powershell: a user's token is exchanged", async () => {
  writeFakePwsh(machine.programs, { log, token: azure.tokens.mintUserToken() })
  await accepted(await get({}), 'VssSessionToken')
})

test('azure_powershell: not signed in, and no module', async () => {
  writeFakePwsh(machine.programs, { log })
  refused(await get({}), /azure_powershell: Azure PowerShell is not signed in/)
  writeFakePwsh(machine.programs, { log, noModule: true })
  refused(await get({}), /azure_powershell: the module Az\.Accounts is not installed/)
})

test('feed_endpoints: a password for the feed, before everything else', async () => {
  const password = azure.tokens.mintPat('contoso')
  const json = JSON.stringify({ endpointCredentials: [{ endpoint: FEED, username: 'build', password }] })
  const ended = await get({ VSS_NUGET_EXTERNAL_FEED_ENDPOINTS: json, ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'not-this' })
  assert.deepEqual(azure.connects, [])
  await accepted(ended, 'build')
})

test('feed_endpoints: a managed identity and a service principal', async () => {
  const json = (entry: object): string => JSON.stringify({ endpointCredentials: [{ endpoint: FEED, ...entry }] })
  const pod = { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl }
  const machineEntry = json({ clientId: MANAGED_IDENTITY_CLIENT_ID })
  await accepted(await get({ ...pod, ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS: machineEntry }), MANAGED_IDENTITY_CLIENT_ID)
  azure.registerCertificate(pem.certificate)
  const { AZURE_CLIENT_CERTIFICATE_PATH: path } = certificateFile(pem.key + pem.certificate)
  const application = json({ clientId: CERTIFICATE_CLIENT_ID, clientCertificateFilePath: path })
  const ended = await get({ ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS: application })
  assert.deepEqual(asked().slice(-2), [PROBE, ENTRA])
  await accepted(ended, CERTIFICATE_CLIENT_ID)
})

test('feed_endpoints: a token for a prefix', async () => {
  const token = azure.tokens.mintPat('contoso')
  await accepted(await get({ VSS_NUGET_URI_PREFIXES: 'https://pkgs.dev.azure.com/contoso/', VSS_NUGET_ACCESSTOKEN: token }), 'VssSessionToken')
})

test('the Entra token of a user is handed out when asked for', async () => {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get({ ARTIFACTS_CREDENTIALPROVIDER_RETURN_ENTRA_TOKENS: 'true' })
  assert.deepEqual(asked(), [PROBE])
  await accepted(ended, 'EntraToken')
})

test('mint-token and exec: a token of the job, to stdout, to a file and to a command', async () => {
  const env = world({ AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '0' })
  const printed = await runKeyring(['mint-token'], env)
  assert.deepEqual([printed.status, printed.stderr], [0, ''])
  assert.equal((await ask(azure, FEED, { headers: { ...basic('x', printed.stdout.trim()) } })).status, 200)
  const command = '[ -n "$ARTIFACTS_KEYRING_NOFUSS_TOKEN" ] && [ "$1" = "a b" ] && read line && echo "got $line" && exit 7'
  const ended = await runKeyring(['exec', '--', '/bin/sh', '-c', command, 'sh', 'a b'], env, { input: 'input\n' })
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [7, 'got input\n', ''])
  mkdirSync(join(machine.home, 'sub'))
  const missing = await runKeyring(['exec', '--', join(machine.home, 'none')], env)
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /^keyring: error: the command .* could not be started\n$/)
})

const network = spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up']).status === 0

test('managed_identity: the metadata service at its own address, after a probe, past every proxy', { skip: !network && 'there are no network namespaces here' }, async () => {
  const token = azure.tokens.mintApplicationToken()
  const script = fileURLToPath(new URL('metadata-service-machine.ts', import.meta.url))
  const env = { PATH: process.env['PATH'] ?? '', IMDS_TOKEN: token }
  const ended = await runProgram('unshare', ['-rn', process.execPath, '--import', 'tsx', script], env, { cwd: fileURLToPath(new URL('../..', import.meta.url)) })
  assert.equal(ended.status, 0, ended.stderr)
  const { asked: lines, status, stdout } = JSON.parse(ended.stdout) as { readonly asked: readonly string[]; readonly status: number; readonly stdout: string }
  assert.deepEqual([status, stdout], [0, `${token}\n`])
  const path = '/metadata/identity/oauth2/token'
  assert.deepEqual(lines, [`GET ${path} -`, `GET ${path}?api-version=2018-02-01&resource=499b84ac-1321-427f-aa17-267ca6975798 true`])
})
