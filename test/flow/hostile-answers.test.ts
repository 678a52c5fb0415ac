import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { APP_SERVICE_HEADER, CLIENT_SECRET, CONTOSO_TENANT, GITHUB_CLIENT_ID, GITHUB_HOST, GITHUB_REQUEST_TOKEN, GITHUB_TOKEN_URL, PIPELINES_CLIENT_ID, PIPELINES_OIDC_URL, SECRET_CLIENT_ID, SERVICE_CONNECTION_ID } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { logLines, newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

let azure: StandIn
let machine: Machine

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** One way of signing in, the server that answers it last, and the member that holds the token. */
interface Step {
  readonly server: 'exchange' | string
  readonly member: string
  readonly env: () => Readonly<Record<string, string>>
}

const APPLICATION = { AZURE_TENANT_ID: CONTOSO_TENANT }
const STEPS: Readonly<Record<string, Step>> = {
  'the exchange': { server: 'exchange', member: 'token', env: () => ({ ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintUserToken(), ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }) },
  Entra: { server: 'login.microsoftonline.com', member: 'access_token', env: () => ({ ...APPLICATION, AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_CLIENT_SECRET: CLIENT_SECRET, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret' }) },
  GitHub: { server: GITHUB_HOST, member: 'value', env: () => ({ ...APPLICATION, AZURE_CLIENT_ID: GITHUB_CLIENT_ID, ACTIONS_ID_TOKEN_REQUEST_URL: GITHUB_TOKEN_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN: GITHUB_REQUEST_TOKEN, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'workload_identity' }) },
  'Azure Pipelines': { server: 'dev.azure.com', member: 'oidcToken', env: () => ({ SYSTEM_ACCESSTOKEN: azure.tokens.mintSystemAccessToken('contoso'), SYSTEM_OIDCREQUESTURI: PIPELINES_OIDC_URL, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: SERVICE_CONNECTION_ID, AZURESUBSCRIPTION_CLIENT_ID: PIPELINES_CLIENT_ID, AZURESUBSCRIPTION_TENANT_ID: CONTOSO_TENANT, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'service_connection' }) },
  'App Service': { server: 'identity', member: 'access_token', env: () => ({ IDENTITY_ENDPOINT: `${azure.identityUrl}/msi/token`, IDENTITY_HEADER: APP_SERVICE_HEADER, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity' }) },
  'the metadata service': { server: 'identity', member: 'access_token', env: () => ({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.identityUrl, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity' }) },
}

const DEEP = 100_000
const ANSWERS: Readonly<Record<string, (member: string) => { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Buffer }>> = {
  'a redirect to a thief': () => ({ status: 302, headers: { location: 'https://evil.example/' } }),
  'a redirect that keeps method and body': () => ({ status: 307, headers: { location: 'https://evil.example/' } }),
  'deep JSON': (member) => ({ body: `{"a":${'['.repeat(DEEP)}${']'.repeat(DEEP)},"${member}x":1}` }),
  'deep JSON that is cut': () => ({ body: '{"a":'.repeat(DEEP) }),
  'the token inside __proto__': (member) => ({ body: `{"__proto__":{"${member}":"CANARY"}}` }),
  'the token as an object': (member) => ({ body: `{"${member}":{"toString":"CANARY"}}` }),
  'the token as an array': (member) => ({ body: `{"${member}":["CANARY"]}` }),
  'the token as a number': (member) => ({ body: `{"${member}":12345678}` }),
  'a token with a line break': (member) => ({ body: `{"${member}":"CANARY\\nCANARY","expires_in":60}` }),
  'a token with NUL': (member) => ({ body: `{"${member}":"CANARY\\u0000","expires_in":60}` }),
  'a token that is not ASCII': (member) => ({ body: `{"${member}":"CANARYé","expires_in":60}` }),
  'a token of 100 KB': (member) => ({ body: `{"${member}":"${'C'.repeat(100_000)}","expires_in":60}` }),
  'invalid UTF-8 in the token': (member) => ({ body: Buffer.concat([Buffer.from(`{"${member}":"CANARY`), Buffer.from([0xff, 0xfe]), Buffer.from('","expires_in":60}')]) }),
  'an empty body': () => ({ body: '' }),
  'null': () => ({ body: 'null' }),
  'an HTML page': () => ({ headers: { 'content-type': 'text/html' }, body: '<html>CANARY</html>' }),
  'gzip that nobody asked for': () => ({ headers: { 'content-encoding': 'gzip' }, body: Buffer.from('1f8b0800000000000003ab562a29ca4c4957b2520200', 'hex') }),
}

function get(env: Readonly<Record<string, string>>): Promise<Ended> {
  const all = { ...machine.env, ...azure.environment(), ...NOWHERE, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1', ...env }
  return runKeyring(['get', FEED, 'me'], all, { limitMs: 20_000 })
}

function misbehave(step: Step, name: string): void {
  const { status = 200, headers = { 'content-type': 'application/json' }, body = '' } = ANSWERS[name]?.(step.member) ?? {}
  const handler: Parameters<StandIn['answer']>[1] = (_request, response) => {
    response.writeHead(status, headers).end(body)
  }
  if (step.server === 'exchange') azure.behave('contoso', { exchange: handler })
  else azure.answer(step.server, handler)
}

for (const [place, step] of Object.entries(STEPS)) {
  test(`${place}: no hostile answer is a credential, a crash or a request to somebody else`, async () => {
    for (const name of Object.keys(ANSWERS)) {
      azure.reset()
      misbehave(step, name)
      const ended = await get(step.env())
      assert.deepEqual([ended.status, ended.stdout], [1, ''], `${name}: ${ended.stderr}`)
      const errors = ended.stderr.split('\n').filter((line) => line.startsWith('keyring: error: '))
      assert.equal(errors.length, 1, `${name}: ${ended.stderr}`)
      assert.equal(/internal error/.test(ended.stderr), false, `${name}: ${ended.stderr}`)
      assert.equal(azure.requests.some(({ host }) => host.includes('evil')), false, name)
    }
  })
}

test('of a repeated member the last one counts, and a byte order mark does no harm', async () => {
  const token = azure.tokens.mintApplicationToken()
  const step = STEPS['Entra']
  assert.ok(step)
  azure.answer('login.microsoftonline.com', (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(`\ufeff{"access_token":"first","access_token":"${token}"}`)
  })
  const ended = await get(step.env())
  assert.deepEqual([ended.status, ended.stdout], [0, `${token}\n`])
})

const TENANTS = ['--help', '-x', '../../evil', 'a b', 'a/b', '$(evil)', '`evil`', 'a;b', 'a|b', 'a&b', '"a"', "'a'", '%2e%2e', 'a\\b', 'é', 'a..b', 'x'.repeat(300)]

test('a tenant that could be an option, a path or code never reaches az or a URL', async () => {
  const log = join(machine.home, 'log')
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  for (const tenant of TENANTS) {
    azure.reset()
    azure.behave('contoso', {
      feed: (_request, response) => {
        const value = Buffer.from(tenant).toString('latin1')
        response.writeHead(401, { 'x-vss-resourcetenant': value, 'x-vss-authorizationendpoint': 'https://vssps.dev.azure.com/contoso/' }).end()
      },
    })
    const ended = await get({})
    assert.equal(ended.status, 1, tenant)
    assert.match(ended.stderr, /^keyring: error: pkgs\.dev\.azure\.com names a tenant that is not trusted$/m)
    assert.equal(azure.requests.length, 1, tenant)
  }
  assert.deepEqual(logLines(log), [])
})
