import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { ask } from '../azure/client.ts'
import type { Answer } from '../azure/client.ts'
import {
  AZURE_DEVOPS, CONTOSO_TENANT, PIPELINES_CLIENT_ID, PIPELINES_OIDC_URL, SERVICE_CONNECTION_ID,
} from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const QUERY = `api-version=7.1&serviceConnectionId=${SERVICE_CONNECTION_ID}`

interface Question {
  readonly method?: string
  readonly url?: string
  readonly query?: string
  readonly bearer?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

function askToken(options: Question = {}): Promise<Answer> {
  const { method = 'POST', url = PIPELINES_OIDC_URL, query = QUERY, body = '' } = options
  const bearer = options.bearer ?? standIn.tokens.mintSystemAccessToken('contoso')
  return ask(standIn, `${url}?${query}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`, 'content-type': 'application/json',
      'content-length': String(body.length), 'x-tfs-fedauthredirect': 'Suppress',
      ...options.headers,
    },
    body,
  })
}

describe('Azure Pipelines', () => {
  test('gives a job the token of its service connection, which Entra takes', async () => {
    const { status, body, headers } = await askToken()
    assert.equal(status, 200, body)
    assert.ok(headers['x-vss-e2eid'] !== undefined && headers['x-msedge-ref'] !== undefined)
    assert.deepEqual(standIn.requests[0]?.errors, [])
    const { oidcToken } = JSON.parse(body)
    const entra = `https://login.microsoftonline.com/${CONTOSO_TENANT}/oauth2/v2.0/token`
    const form = new URLSearchParams({
      grant_type: 'client_credentials', scope: `${AZURE_DEVOPS}/.default`,
      client_id: PIPELINES_CLIENT_ID, client_assertion: oidcToken,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await ask(standIn, entra, { method: 'POST', headers: type, body: String(form) })
    assert.equal(answer.status, 200, answer.body)
  })

  const { tokens } = standIn
  const other = '88888888-0000-4000-8000-00000000ffff'
  const refusals: readonly (readonly [name: string, status: number, question: Question])[] = [
    ['no Suppress header', 302, { headers: { 'x-tfs-fedauthredirect': 'Follow' } }],
    ['an unknown bearer', 401, { bearer: 'made-up' }],
    ['a token of another organization', 401, { bearer: tokens.mintSystemAccessToken('fabrikam') }],
    ['a user', 401, { bearer: tokens.mintUserToken() }],
    ['an unmapped macro', 401, { bearer: '$(System.AccessToken)' }],
    ['another path', 404, { url: `${PIPELINES_OIDC_URL}/` }],
    ['GET', 405, { method: 'GET' }],
    ['a body', 400, { body: '{}' }],
    ['a form', 415, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['no api-version', 400, { query: `serviceConnectionId=${SERVICE_CONNECTION_ID}` }],
    ['another api-version', 400, { query: QUERY.replace('7.1', '7.1-preview.1') }],
    ['no connection', 400, { query: 'api-version=7.1' }],
    ['an unknown parameter', 400, { query: `${QUERY}&audience=x` }],
    ['an unknown connection', 404, { query: QUERY.replace(SERVICE_CONNECTION_ID, other) }],
  ]
  for (const [name, status, question] of refusals) {
    test(`refuses ${name}`, async () => {
      const answer = await askToken(question)
      assert.equal(answer.status, status)
      assert.ok(answer.headers['x-vss-e2eid'] !== undefined)
      assert.equal(standIn.requests[0]?.errors.length, 1)
      if (question.query?.includes(other) === true) {
        const expected = `No service connection found with identifier ${other}`
        assert.match(answer.body, new RegExp(expected))
      }
    })
  }
})
