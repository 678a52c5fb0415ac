import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import {
  APP_SERVICE_HEADER,
  CERTIFICATE_CLIENT_ID,
  CLIENT_SECRET,
  CONTOSO_TENANT,
  GITHUB_CLIENT_ID,
  GITHUB_HOST,
  GITHUB_REQUEST_TOKEN,
  GITHUB_TOKEN_URL,
  ML_SECRET,
  PIPELINES_CLIENT_ID,
  PIPELINES_OIDC_URL,
  SECRET_CLIENT_ID,
  SERVICE_CONNECTION_ID,
  SF_SECRET,
  WORKLOAD_CLIENT_ID,
} from '../azure/identities.ts'
import { writeFakeAdoAuthHelper, writeFakeAz } from '../azure/programs.ts'
import type { RecordedRequest } from '../azure/received.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED_HOST = 'pkgs.dev.azure.com'
const SPS = 'vssps.dev.azure.com'
const ENTRA = 'login.microsoftonline.com'
const DEVOPS = 'dev.azure.com'

let azure: StandIn
let machine: Machine

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  mkdirSync(join(machine.home, 'tmp'))
  if ('after' in context) context.after(() => machine.remove())
})

/** What one set-up of a machine holds that nobody else may see. */
interface SetUp {
  readonly env: Readonly<Record<string, string>>
  /** Each secret by name, and the only places that see it: `host: where and in which form`. */
  readonly secrets: readonly (readonly [name: string, secret: string, seen: readonly string[]])[]
}

const pem = makeClientCertificate()

/** Each row makes its secrets anew, puts them where the user would, and says who may see them. */
const SET_UPS: Readonly<Record<string, () => SetUp>> = {
  "a user's token in a variable": () => {
    const token = azure.tokens.mintUserToken()
    return { env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: token }, secrets: [['token', token, [`${SPS}: authorization: Bearer`]]] }
  },
  'a PAT in a variable': () => {
    const pat = azure.tokens.mintPat('contoso')
    return { env: { VSS_NUGET_ACCESSTOKEN: pat }, secrets: [['PAT', pat, []]] }
  },
  "a user's token in a file": () => {
    const token = azure.tokens.mintUserToken()
    return { env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: file('token', token) }, secrets: [['token', token, [`${SPS}: authorization: Bearer`]]] }
  },
  'az and the helper': () => {
    const [refused, token] = [azure.tokens.mintUserToken(), azure.tokens.mintUserToken()]
    azure.tokens.revoke(refused)
    writeFakeAz(machine.programs, { log: join(machine.home, 'log'), token: refused })
    writeFakeAdoAuthHelper(join(machine.home, 'ado-auth-helper'), { log: join(machine.home, 'log'), token })
    return { env: {}, secrets: [['az token', refused, [`${SPS}: authorization: Bearer`]], ['helper token', token, [`${SPS}: authorization: Bearer`]]] }
  },
  'a Kubernetes assertion': () => {
    const assertion = azure.tokens.mintFederatedAssertion()
    const env = { AZURE_CLIENT_ID: WORKLOAD_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_FEDERATED_TOKEN_FILE: file('assertion', assertion) }
    return { env, secrets: [['assertion', assertion, [`${ENTRA}: body client_assertion`]]] }
  },
  'GitHub Actions': () => ({
    env: { AZURE_CLIENT_ID: GITHUB_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, ACTIONS_ID_TOKEN_REQUEST_URL: GITHUB_TOKEN_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN: GITHUB_REQUEST_TOKEN },
    secrets: [['request token', GITHUB_REQUEST_TOKEN, [`${GITHUB_HOST}: authorization: Bearer`]]],
  }),
  'a client secret': () => ({
    env: { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET },
    secrets: [['client secret', CLIENT_SECRET, [`${ENTRA}: body client_secret`]]],
  }),
  'a certificate with a password': () => {
    azure.registerCertificate(pem.certificate)
    const password = 'CANARY-certificate-password'
    const body = pem.key.split('\n').slice(1, -2)
    return {
      env: { AZURE_CLIENT_ID: CERTIFICATE_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_CERTIFICATE_PATH: file('pem', pem.certificate + pem.encrypted(password)), AZURE_CLIENT_CERTIFICATE_PASSWORD: password },
      secrets: [['password', password, []], ...body.map((line, index) => [`line ${index} of the key`, line, []] as const)],
    }
  },
  'App Service': () => ({
    env: { IDENTITY_ENDPOINT: `${azure.identityUrl}/msi/token`, IDENTITY_HEADER: APP_SERVICE_HEADER },
    secrets: [['header', APP_SERVICE_HEADER, [`${local()}: x-identity-header`]]],
  }),
  'Azure ML': () => ({
    env: { MSI_ENDPOINT: `${azure.identityUrl}/ml/token`, MSI_SECRET: ML_SECRET },
    secrets: [['secret', ML_SECRET, [`${local()}: secret`]]],
  }),
  'Service Fabric': () => ({
    env: { IDENTITY_ENDPOINT: azure.serviceFabricUrl, IDENTITY_HEADER: SF_SECRET, IDENTITY_SERVER_THUMBPRINT: azure.serviceFabricThumbprint },
    secrets: [['secret', SF_SECRET, [`${new URL(azure.serviceFabricUrl).host}: secret`]]],
  }),
  'a service connection': () => {
    const token = azure.tokens.mintSystemAccessToken('contoso')
    const env = { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: token, SYSTEM_OIDCREQUESTURI: PIPELINES_OIDC_URL, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: SERVICE_CONNECTION_ID, AZURESUBSCRIPTION_CLIENT_ID: PIPELINES_CLIENT_ID, AZURESUBSCRIPTION_TENANT_ID: CONTOSO_TENANT }
    return { env, secrets: [['System.AccessToken', token, [`${DEVOPS}: authorization: Bearer`]]] }
  },
  'the token of a job': () => {
    const token = azure.tokens.mintSystemAccessToken('contoso')
    return { env: { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: token }, secrets: [['System.AccessToken', token, []]] }
  },
  'passwords for feeds': () => {
    const [mine, other] = [azure.tokens.mintPat('contoso'), azure.tokens.mintPat('fabrikam')]
    const entries = [['contoso', mine], ['fabrikam', other]].map(([name, password]) => ({ endpoint: `https://${FEED_HOST}/${name}`, password }))
    return { env: { VSS_NUGET_EXTERNAL_FEED_ENDPOINTS: JSON.stringify({ endpointCredentials: entries }) }, secrets: [['password', mine, []], ['password of another feed', other, []]] }
  },
}

/** Every way in which a feed or the token service can be evil. None of them changes who sees what. */
const ORGANIZATIONS = [
  'contoso', 'evil-authority', 'evil-endpoint', 'evil-userinfo-endpoint', 'http-endpoint', 'port-endpoint', 'deep-endpoint',
  'userinfo-endpoint', 'bad-tenant', 'redirect', 'exchange-redirect', 'exchange-401', 'exchange-newline-token', 'html-203',
]

function file(name: string, text: string): string {
  const path = join(machine.home, name)
  writeFileSync(path, text)
  return path
}

function local(): string {
  return new URL(azure.identityUrl).host
}

function get(organization: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const service = `https://${FEED_HOST}/${organization}/_packaging/feed/pypi/simple/`
  const all = {
    ...machine.env,
    ...azure.environment(),
    ...NOWHERE,
    TMPDIR: join(machine.home, 'tmp'),
    ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1',
    ARTIFACTS_KEYRING_NOFUSS_LOG: join(machine.home, 'tmp', 'log'),
    ...env,
  }
  return runKeyring(['get', service, 'me'], all)
}

/** Where a request shows a secret, in any form that its reader could undo. */
function sightings(request: RecordedRequest, secret: string): readonly string[] {
  const found: string[] = []
  const form = new URLSearchParams(request.body)
  for (const [name, value] of form) if (value.includes(secret)) found.push(`${request.host}: body ${name}`)
  if (found.length === 0 && readable(request.body).some((text) => text.includes(secret))) found.push(`${request.host}: body`)
  if (readable(request.path).some((text) => text.includes(secret))) found.push(`${request.host}: path`)
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === `Bearer ${secret}`) found.push(`${request.host}: ${name}: Bearer`)
    else if (value === secret) found.push(`${request.host}: ${name}`)
    else if (readable(value).some((text) => text.includes(secret))) found.push(`${request.host}: ${name} (odd)`)
  }
  return found
}

function readable(text: string): readonly string[] {
  const words = text.split(/[\s.,&=]/).map((word) => Buffer.from(word, 'base64').toString('latin1'))
  const decoded = (() => {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '))
    } catch {
      return ''
    }
  })()
  return [text, decoded, ...words]
}

for (const [name, make] of Object.entries(SET_UPS)) {
  test(`${name}: each secret is seen by whom it may be seen, and by nobody else`, async () => {
    for (const organization of ORGANIZATIONS) {
      azure.reset()
      const { env, secrets } = make()
      const ended = await get(organization, env)
      const session = ended.status === 0 ? ended.stdout.trim() : ''
      for (const [what, secret, seen] of secrets) {
        const found = new Set(azure.requests.flatMap((request) => sightings(request, secret)))
        const allowed = new Set(seen)
        for (const place of found) assert.ok(allowed.has(place), `${organization}: ${what} at ${place}`)
        if (organization === 'contoso') assert.deepEqual([...found].sort(), [...seen].sort(), what)
        assert.equal(ended.stderr.includes(secret), false, `${organization}: ${what} on stderr`)
      }
      // What is handed out to the caller goes nowhere else either, unless it came from there.
      if (session !== '' && !secrets.some(([, secret]) => secret === session)) {
        assert.deepEqual(azure.requests.flatMap((request) => sightings(request, session)), [])
      }
      const hosts = azure.requests.map(({ host }) => host.replace(/:\d+$/, ''))
      for (const host of hosts) assert.ok([FEED_HOST, SPS, ENTRA, DEVOPS, GITHUB_HOST, '127.0.0.1'].includes(host), `${organization}: ${host}`)
      for (const left of readdirSync(join(machine.home, 'tmp'))) {
        assert.equal(left, 'log')
        assert.equal(readFileSync(join(machine.home, 'tmp', left), 'utf8').includes('CANARY'), false)
      }
    }
  })
}

test("the proxy's password is seen by the proxy alone", async () => {
  azure.guardProxy('user:CANARY-proxy-password')
  const env = { HTTPS_PROXY: azure.proxyUrl.replace('//', '//user:CANARY-proxy-password@'), ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintUserToken() }
  const ended = await get('contoso', env)
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(azure.requests.length, 2)
  for (const secret of ['CANARY-proxy-password', Buffer.from('user:CANARY-proxy-password').toString('base64')]) {
    assert.deepEqual(azure.requests.flatMap((request) => sightings(request, secret)), [])
    assert.equal(ended.stderr.includes(secret), false)
  }
})

test('the search of this file finds a secret in every form it knows', () => {
  const at = (part: Partial<RecordedRequest>): readonly string[] =>
    sightings({ host: 'h', method: 'GET', path: '/', headers: {}, body: '', status: () => 200, viaProxy: true, errors: [], ...part }, 'CANARY x')
  assert.deepEqual(at({ path: '/?a=CANARY%20x' }), ['h: path'])
  assert.deepEqual(at({ body: 'a=CANARY+x' }), ['h: body a'])
  assert.deepEqual(at({ body: '{"a":"CANARY x"}' }).length, 1)
  assert.deepEqual(at({ headers: { authorization: 'Bearer CANARY x' } }), ['h: authorization: Bearer'])
  assert.deepEqual(at({ headers: { authorization: `Basic ${Buffer.from('u:CANARY x').toString('base64')}` } }), ['h: authorization (odd)'])
  assert.deepEqual(at({ headers: { x: 'CANARY x' } }), ['h: x'])
  assert.deepEqual(at({}), [])
})
