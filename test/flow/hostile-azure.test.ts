import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { join } from 'node:path'
import { logLines, newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

let azure: StandIn
let machine: Machine
let user: string

before(async () => {
  azure = await startStandIn()
  user = azure.tokens.mintUserToken()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

function feed(organization: string): string {
  return `https://pkgs.dev.azure.com/${organization}/_packaging/feed/pypi/simple/`
}

/** Asks for a credential as a user who is signed in to az. */
function get(organization: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  writeFakeAz(machine.programs, { log: join(machine.home, 'log'), token: user })
  return runKeyring(['get', feed(organization), 'me'], { ...machine.env, ...azure.environment(), ...NOWHERE, ...env }, { limitMs: 30_000 })
}

/** Nothing on stdout, one error line that says this, no token anywhere, no secret to a host of theirs. */
function refused(ended: Ended, message: RegExp): void {
  assert.deepEqual([ended.status, ended.stdout], [1, ''], ended.stderr)
  const errors = ended.stderr.split('\n').filter((line) => line.startsWith('keyring: error: '))
  assert.equal(errors.length, 1, ended.stderr)
  assert.match(errors[0] ?? '', message)
  assert.equal(ended.stderr.includes('CANARY'), false)
  const hosts = new Set(azure.connects.map((target) => target.replace(/:443$/, '')))
  for (const host of hosts) assert.match(host, /^(pkgs|vssps)\.dev\.azure\.com$/)
}

const FEED_ANSWERS: readonly (readonly [organization: string, message: RegExp])[] = [
  ['no-headers', /did not name its authorization endpoint/],
  ['no-endpoint', /did not name its authorization endpoint/],
  ['evil-authority', /names a sign-in authority that is not trusted/],
  ['evil-endpoint', /names an authorization endpoint that is not trusted/],
  ['evil-userinfo-endpoint', /names an authorization endpoint that is not trusted/],
  ['http-endpoint', /names an authorization endpoint that is not trusted/],
  ['port-endpoint', /names an authorization endpoint that is not trusted/],
  ['deep-endpoint', /names an authorization endpoint that is not trusted/],
  ['userinfo-endpoint', /names an authorization endpoint that is not trusted/],
  ['bad-tenant', /names a sign-in authority that is not trusted/],
  ['bad-tenant-path', /names a sign-in authority that is not trusted/],
  ['redirect', /pkgs\.dev\.azure\.com answered 302/],
  ['html-203', /pkgs\.dev\.azure\.com answered 203/],
  ['html-200', /pkgs\.dev\.azure\.com answered 200/],
  ['not-found', /pkgs\.dev\.azure\.com answered 404/],
  ['error-500', /pkgs\.dev\.azure\.com answered 500/],
  ['reset', /no answer from pkgs\.dev\.azure\.com: the connection was dropped/],
]

for (const [organization, message] of FEED_ANSWERS) {
  test(`the feed of ${organization}: one error line, and the token stays here`, async () => {
    refused(await get(organization), message)
    assert.equal(JSON.stringify(azure.requests).includes(user), false)
  })
}

const EXCHANGE_ANSWERS: readonly (readonly [organization: string, message: RegExp])[] = [
  ['exchange-redirect', /azure_cli: vssps\.dev\.azure\.com rejected the token \(302\)/],
  ['exchange-203', /azure_cli: vssps\.dev\.azure\.com rejected the token \(203\)/],
  ['exchange-401', /rejected the token \(401\), account alice@contoso\.example/],
  ['exchange-tf401444', /does not know this identity yet \(TF401444\), account alice@contoso\.example/],
  ['exchange-html', /azure_cli: vssps\.dev\.azure\.com rejected the token \(200\)/],
  ['exchange-truncated', /answered 200 without a session token/],
  ['exchange-cut', /no answer from vssps\.dev\.azure\.com: the connection was dropped/],
  ['exchange-no-token', /answered 200 without a session token/],
  ['exchange-empty-token', /answered 200 without a session token/],
  ['exchange-array', /answered 200 without a session token/],
  ['exchange-newline-token', /the token in the answer of vssps\.dev\.azure\.com contains white space/],
  ['exchange-huge', /the answer of vssps\.dev\.azure\.com is longer than 1048576 bytes/],
  ['exchange-500', /vssps\.dev\.azure\.com answered 500/],
]

for (const [organization, message] of EXCHANGE_ANSWERS) {
  test(`the token service of ${organization}: one error line`, async () => {
    refused(await get(organization), message)
  })
}

test('TF401444 ends with the page to sign in at', async () => {
  const { stderr } = await get('exchange-tf401444')
  assert.match(stderr, /^keyring: hint: sign in once in a browser: https:\/\/dev\.azure\.com\/exchange-tf401444$/m)
})

const HANGS: readonly (readonly [organization: string, host: string])[] = [
  ['hang', 'pkgs.dev.azure.com'],
  ['exchange-hang', 'vssps.dev.azure.com'],
]

for (const [organization, host] of HANGS) {
  test(`${organization}: the call ends when its time is over`, async () => {
    const ended = await get(organization, { ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '2', ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
    refused(ended, new RegExp(`the time of this call was over while waiting for ${host}`))
    assert.ok(ended.ms < 10_000)
  })
}

const GOOD: readonly (readonly [organization: string, requests: number])[] = [
  ['joined-headers', 2],
  ['renamed', 2],
  ['pat-policy', 3],
  ['error-500-once', 3],
  ['throttled-once', 3],
  ['exchange-500-once', 3],
  ['huge', 2],
]

for (const [organization, requests] of GOOD) {
  test(`${organization}: a credential after ${requests} requests`, async () => {
    const ended = await get(organization, { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
    assert.deepEqual([ended.status, ended.stderr], [0, ''])
    assert.match(ended.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    assert.equal(azure.requests.length, requests)
  })
}

test('resource-tenant-only: the second source of the tenant', async () => {
  const ended = await get('resource-tenant-only')
  assert.equal(ended.status, 0, ended.stderr)
  assert.match(logLines(join(machine.home, 'log'))[0] ?? '', new RegExp(`--tenant\t${CONTOSO_TENANT}$`))
})

test('a public feed ends in silence, and az is not started', async () => {
  const ended = await get('public')
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', ''])
  assert.deepEqual(logLines(join(machine.home, 'log')), [])
  assert.equal(azure.requests.length, 1)
})

test('a server error is tried three times, no more', async () => {
  await get('error-500', { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
  assert.equal(azure.requests.length, 3)
})

for (const fault of ['expired', 'self-signed', 'wrong-name'] as const) {
  test(`a certificate that is ${fault} is refused at once, whatever NODE_TLS_REJECT_UNAUTHORIZED says`, async () => {
    azure.spoilCertificate('pkgs.dev.azure.com', fault)
    const ended = await get('contoso', { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3', NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    refused(ended, /pkgs\.dev\.azure\.com is not trusted: its certificate /)
    assert.equal(azure.connects.length, 1)
    assert.deepEqual(azure.requests, [])
    assert.equal(/Warning/.test(ended.stderr), false, ended.stderr)
  })
}

test('without the certificate file nothing is trusted', async () => {
  const ended = await get('contoso', { SSL_CERT_FILE: '', REQUESTS_CA_BUNDLE: '' })
  refused(ended, /pkgs\.dev\.azure\.com is not trusted/)
  assert.match(ended.stderr, /^keyring: hint: .*SSL_CERT_FILE/m)
})

test('an application that gets a redirect from Entra sends its secret nowhere else', async () => {
  azure.answer('login.microsoftonline.com', (_request, response) => {
    response.writeHead(307, { location: 'https://evil.example/' }).end()
  })
  const secret = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET }
  const ended = await runKeyring(['get', feed('contoso'), 'me'], { ...machine.env, ...azure.environment(), ...NOWHERE, ...secret })
  assert.equal(ended.status, 1)
  assert.match(ended.stderr, /client_secret: login\.microsoftonline\.com refused to give a token \(307\)/)
  assert.deepEqual(azure.connects, ['login.microsoftonline.com:443'])
})

const NO_CONNECTION = [
  'https://evil-pkgs.dev.azure.com/org/',
  'https://pkgs.dev.azure.com.evil.io/',
  'https://pkgs.dev.azure.com@evil.io/',
  'https://pkgs.dev.azure.com\\@evil.io/',
  'https://evil.io\\@pkgs.dev.azure.com/',
  'https://pkgs.dev.azure.com:8443/contoso/',
  'http://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/',
  'http://pkgs.dev.azure.com',
  'pkgs.dev.azure.com',
  'https://index.example/simple/',
]

for (const service of NO_CONNECTION) {
  test(`no connection and no az for ${service}`, async () => {
    writeFakeAz(machine.programs, { log: join(machine.home, 'log'), token: user })
    const ended = await runKeyring(['get', service, 'me'], { ...machine.env, ...azure.environment(), ...NOWHERE })
    assert.deepEqual([ended.status, ended.stdout], [1, ''])
    assert.deepEqual([azure.connects, azure.requests, logLines(join(machine.home, 'log'))], [[], [], []])
    assert.ok(ended.stderr === '' || /^keyring: error: the service is refused: [^\n]*\n$/.test(ended.stderr), ended.stderr)
  })
}
