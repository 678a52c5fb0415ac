import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { ask } from '../azure/client.ts'
import type { Answer, Question } from '../azure/client.ts'
import {
  APP_SERVICE_HEADER, AZURE_DEVOPS, CLIENT_SECRET, CONTOSO_TENANT, FABRIKAM_TENANT,
  FEDERATED_AUDIENCE, GITHUB_CLIENT_ID, GITHUB_REQUEST_TOKEN, GITHUB_TOKEN_URL,
  MANAGED_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_OBJECT_ID, MANAGED_IDENTITY_RESOURCE_ID,
  SECRET_CLIENT_ID, SYSTEM_IDENTITY_CLIENT_ID, WORKLOAD_CLIENT_ID,
} from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const QUERY = 'tokenType=SelfDescribing&api-version=5.0-preview.1'
const inHours = (hours: number): string =>
  `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 19)}Z`

interface Exchange {
  readonly organization?: string
  readonly query?: string
  readonly method?: string
  readonly bearer?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

function exchange(options: Exchange = {}): Promise<Answer> {
  const { organization = 'contoso', query = QUERY, method = 'POST', headers } = options
  const { bearer = standIn.tokens.mintUserToken(), body = {} } = options
  const content = { displayName: 'test', scope: 'vso.packaging', validTo: inHours(4) }
  const path = `${organization}/_apis/Token/SessionTokens?${query}`
  return ask(standIn, `https://vssps.dev.azure.com/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`, 'content-type': 'application/json',
      accept: 'application/json', 'x-tfs-fedauthredirect': 'Suppress', ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify({ ...content, ...(body as object) }),
  })
}

describe('session tokens', () => {
  test('a user gets one, and the feed takes it', async () => {
    const { status, body } = await exchange()
    assert.equal(status, 200)
    const { token, scope, displayName } = JSON.parse(body)
    assert.equal(scope, 'vso.packaging')
    assert.equal(displayName, 'test')
    assert.equal(standIn.tokens.find(token)?.organization, 'contoso')
    assert.deepEqual(standIn.requests[0]?.errors, [])
  })

  test('the legacy host gives one too', async () => {
    const { tokens } = standIn
    const address = `https://app.vssps.visualstudio.com/_apis/Token/SessionTokens?${QUERY}`
    const answer = await ask(standIn, address, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens.mintUserToken()}`, 'content-type': 'application/json',
        accept: 'application/json', 'x-tfs-fedauthredirect': 'Suppress',
      },
      body: JSON.stringify({ displayName: 'test', scope: 'vso.packaging' }),
    })
    assert.equal(tokens.find(JSON.parse(answer.body).token)?.organization, 'legacy')
  })

  const { tokens } = standIn
  const refusals: readonly (readonly [string, number, Exchange])[] = [
    ['GET', 405, { method: 'GET', body: '' }],
    ['no tokenType', 400, { query: 'api-version=5.0-preview.1' }],
    ['another tokenType', 400, { query: 'tokenType=JWT&api-version=5.0-preview.1' }],
    ['no api-version', 400, { query: 'tokenType=SelfDescribing' }],
    ['a form', 415, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['any answer accepted', 406, { headers: { accept: '*/*' } }],
    ['no JSON', 400, { body: 'displayName=test' }],
    ['an array', 400, { body: '[]' }],
    ['an unknown member', 400, { body: { isPublic: false } }],
    ['no displayName', 400, { body: { displayName: '' } }],
    ['no scope', 400, { body: { scope: undefined } }],
    ['a broader scope', 400, { body: { scope: 'vso.packaging vso.code' } }],
    ['a validTo in the past', 400, { body: { validTo: inHours(-1) } }],
    ['a validTo too far ahead', 400, { body: { validTo: inHours(25) } }],
    ['a validTo with milliseconds', 400, { body: { validTo: inHours(1).replace('Z', '.000Z') } }],
    ['a validTo against the policy', 400, { organization: 'pat-policy' }],
    ['an unknown organization', 404, { organization: 'nobody' }],
    ['an unknown bearer', 401, { bearer: 'a.b.c' }],
    ['an application', 401, { bearer: tokens.mintApplicationToken() }],
    ['a personal access token', 401, { bearer: tokens.mintPat('contoso') }],
    ['an expired user', 401, { bearer: tokens.mintUserToken({ expiresInSeconds: -10 }) }],
    ['another tenant', 401, { bearer: tokens.mintUserToken({ tenant: FABRIKAM_TENANT }) }],
    ['another audience', 401, { bearer: tokens.mintUserToken({ audience: 'https://vault' }) }],
  ]
  for (const [name, status, options] of refusals) {
    test(`refuses ${name}`, async () => {
      assert.equal((await exchange(options)).status, status)
      assert.equal(standIn.requests[0]?.errors.length, 1)
    })
  }

  test('the policy allows a request without validTo', async () => {
    const body = { validTo: undefined }
    assert.equal((await exchange({ organization: 'pat-policy', body })).status, 200)
  })

  test('a bad bearer without the Suppress header is sent to the sign-in page', async () => {
    const { status, headers } = await exchange({
      bearer: 'a.b.c', headers: { 'x-tfs-fedauthredirect': 'Follow' },
    })
    assert.equal(status, 302)
    assert.equal(headers['content-type'], 'text/html')
  })
})

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const WITH_SECRET = {
  grant_type: 'client_credentials', scope: `${AZURE_DEVOPS}/.default`,
  client_id: SECRET_CLIENT_ID, client_secret: CLIENT_SECRET,
}

function signIn(
  form: Readonly<Record<string, string>>, tenant = CONTOSO_TENANT, question: Question = {},
): Promise<Answer> {
  return ask(standIn, `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
    ...question,
  })
}

function federated(
  assertion: string, clientId = WORKLOAD_CLIENT_ID,
): Readonly<Record<string, string>> {
  const { client_secret: _secret, ...form } = WITH_SECRET
  return {
    ...form, client_id: clientId,
    client_assertion_type: ASSERTION_TYPE, client_assertion: assertion,
  }
}

describe('Entra', () => {
  const { tokens } = standIn

  test('an application signs in with its secret or with an assertion', async () => {
    const forms = [WITH_SECRET, federated(tokens.mintFederatedAssertion())]
    for (const form of forms) {
      const { status, body } = await signIn(form)
      assert.equal(status, 200)
      const { token_type: type, expires_in: expires, access_token: token } = JSON.parse(body)
      assert.deepEqual([type, expires], ['Bearer', 3599])
      assert.equal(tokens.find(token)?.kind, 'application')
    }
  })

  const { client_secret: _secret, ...bare } = WITH_SECRET
  type Form = Readonly<Record<string, string>>
  const refusals: readonly (readonly [number, number, Form, string?])[] = [
    [400, 900144, { ...WITH_SECRET, scope: '' }],
    [400, 70003, { ...WITH_SECRET, grant_type: 'password' }],
    [400, 1002012, { ...WITH_SECRET, scope: AZURE_DEVOPS }],
    [400, 70011, { ...WITH_SECRET, scope: 'https://vault.azure.net/.default' }],
    [400, 900023, WITH_SECRET, '--help'],
    [400, 90002, WITH_SECRET, '12345678-0000-4000-8000-000000000000'],
    [400, 700016, { ...WITH_SECRET, client_id: 'nobody' }],
    [400, 700016, WITH_SECRET, FABRIKAM_TENANT],
    [401, 7000215, { ...WITH_SECRET, client_secret: 'wrong' }],
    [401, 7000218, bare],
    [401, 50027, federated('a.b.c')],
    [400, 900144, { ...federated(tokens.mintFederatedAssertion()), client_assertion_type: 'jwt' }],
    [401, 700024, federated(tokens.mintFederatedAssertion({ expiresInSeconds: -1 }))],
    [401, 700212, federated(tokens.mintFederatedAssertion({ audience: 'https://github.com' }))],
    [401, 700211, federated(tokens.mintFederatedAssertion({ issuer: 'https://issuer.example' }))],
    [401, 700213, federated(tokens.mintFederatedAssertion({ subject: 'somebody' }))],
  ]
  for (const [status, code, form, tenant] of refusals) {
    test(`AADSTS${code} with ${status}`, async () => {
      const answer = await signIn(form, tenant)
      assert.equal(answer.status, status)
      const { error_description: description, error_codes: codes } = JSON.parse(answer.body)
      assert.deepEqual(codes, [code])
      assert.match(description, new RegExp(`^AADSTS${code}: [^]*\\r\\nCorrelation ID: `))
    })
  }

  test('a body that is no form is refused', async () => {
    const answer = await signIn({}, CONTOSO_TENANT, {
      headers: { 'content-type': 'application/json' }, body: JSON.stringify(WITH_SECRET),
    })
    assert.equal(answer.status, 400)
  })
})

describe('GitHub', () => {
  const headers = { authorization: `Bearer ${GITHUB_REQUEST_TOKEN}` }

  test('gives a job the token that Entra takes', async () => {
    const audience = encodeURIComponent(FEDERATED_AUDIENCE)
    const { body } = await ask(standIn, `${GITHUB_TOKEN_URL}&audience=${audience}`, { headers })
    assert.equal((await signIn(federated(JSON.parse(body).value, GITHUB_CLIENT_ID))).status, 200)
  })

  test('a token without an audience is none that Entra takes', async () => {
    const { body } = await ask(standIn, GITHUB_TOKEN_URL, { headers })
    assert.equal((await signIn(federated(JSON.parse(body).value, GITHUB_CLIENT_ID))).status, 401)
  })

  test('a wrong request token is refused', async () => {
    const wrong = { authorization: 'Bearer x' }
    const { status } = await ask(standIn, GITHUB_TOKEN_URL, { headers: wrong })
    assert.equal(status, 401)
  })
})

describe('managed identity', () => {
  const METADATA = { metadata: 'true' }
  const imds = (query: string, headers: Record<string, string> = METADATA): Promise<Answer> =>
    ask(standIn, `${standIn.identityUrl}/metadata/identity/oauth2/token${query}`, { headers })
  const appService = (query: string, header = APP_SERVICE_HEADER): Promise<Answer> =>
    ask(standIn, `${standIn.identityUrl}/msi/token${query}`, {
      headers: { 'x-identity-header': header },
    })
  const IMDS = `?api-version=2018-02-01&resource=${AZURE_DEVOPS}`
  const APP_SERVICE = `?api-version=2019-08-01&resource=${AZURE_DEVOPS}`
  const resourceId = encodeURIComponent(MANAGED_IDENTITY_RESOURCE_ID)

  test('the machine has an identity of its own and one that was given to it', async () => {
    const answers = await Promise.all([
      imds(IMDS), imds(`${IMDS}&client_id=${MANAGED_IDENTITY_CLIENT_ID}`),
      imds(`${IMDS}&object_id=${MANAGED_IDENTITY_OBJECT_ID}`),
      imds(`${IMDS}&msi_res_id=${resourceId}`),
      appService(APP_SERVICE), appService(`${APP_SERVICE}&mi_res_id=${resourceId}`),
    ])
    const [own, given] = [SYSTEM_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_CLIENT_ID]
    assert.deepEqual(answers.map(({ body }) => JSON.parse(body).client_id),
      [own, given, given, given, own, given])
    assert.ok(answers.every(({ body }) => typeof JSON.parse(body).expires_on === 'string'))
    assert.equal(JSON.parse(answers[4]?.body ?? '').expires_in, undefined)
    assert.ok(standIn.requests.every(({ viaProxy, errors }) => !viaProxy && errors.length === 0))
  })

  test('a probe is answered and is no error', async () => {
    assert.equal((await imds('', {})).status, 400)
    assert.deepEqual(standIn.requests[0]?.errors, [])
  })

  test('what is not as it should be is refused', async () => {
    const { status, body } = await imds(`${IMDS}&client_id=nobody`)
    assert.equal(status, 400)
    assert.equal(JSON.parse(body).error_description, 'Identity not found')
    const answers = await Promise.all([
      imds(IMDS, {}), imds('?api-version=2018-02-01&resource=https://vault.azure.net'),
      imds(`?resource=${AZURE_DEVOPS}`), imds(`${IMDS}/.default`),
      imds(`${IMDS}&client_id=${MANAGED_IDENTITY_CLIENT_ID}&object_id=x`),
      appService(APP_SERVICE, 'wrong'), appService(`${APP_SERVICE}&msi_res_id=${resourceId}`),
      appService(IMDS),
    ])
    assert.deepEqual(answers.map(answer => answer.status), [400, 400, 400, 400, 400, 401, 400, 400])
  })
})
