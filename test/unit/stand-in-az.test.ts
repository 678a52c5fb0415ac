import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { ask } from '../azure/client.ts'
import type { Answer, Question } from '../azure/client.ts'
import {
  APP_SERVICE_HEADER, AZURE_DEVOPS, CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID,
} from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'

const plain = await startStandIn()
const forAz = await startStandIn({ az: true })
beforeEach(() => {
  plain.reset()
  forAz.reset()
})
after(() => Promise.all([plain.close(), forAz.close()]))

const ENTRA = 'https://login.microsoftonline.com'
const MANAGEMENT = 'https://management.core.windows.net/'
const errors = (): readonly string[] => forAz.requests.flatMap(request => request.errors)

function signIn(standIn: typeof plain, scope: string): Promise<Answer> {
  return ask(standIn, `${ENTRA}/${CONTOSO_TENANT}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials', scope, client_id: SECRET_CLIENT_ID,
      client_secret: CLIENT_SECRET, client_info: '1',
    }).toString(),
  })
}

describe('what only az asks for', () => {
  test('is there when it was asked for', async () => {
    const { body } = await ask(forAz, `${ENTRA}/x/v2.0/.well-known/openid-configuration`)
    assert.equal(JSON.parse(body).token_endpoint, `${ENTRA}/x/oauth2/v2.0/token`)
    assert.equal((await ask(forAz, `${ENTRA}/common/discovery/instance`)).status, 200)
    const answer = await signIn(forAz, `${MANAGEMENT}/.default`)
    const bearer = JSON.parse(answer.body).access_token
    assert.equal(forAz.tokens.find(bearer)?.audience, MANAGEMENT)
    const authorization = { authorization: `Bearer ${bearer}` }
    const list = 'https://management.azure.com/subscriptions?api-version=2019-11-01'
    const { value } = JSON.parse((await ask(forAz, list, { headers: authorization })).body)
    assert.deepEqual([value, errors()], [[], []])
  })

  test('is not there otherwise', async () => {
    assert.equal((await signIn(plain, `${MANAGEMENT}/.default`)).status, 400)
    await ask(plain, `${ENTRA}/${CONTOSO_TENANT}/v2.0/.well-known/openid-configuration`)
    await ask(plain, 'https://management.azure.com/subscriptions?api-version=2019-11-01')
    assert.equal((await ask(plain, `${plain.identityUrl}/az/msi/token`)).status, 404)
    assert.ok(plain.requests.every(request => request.errors.length === 1))
  })

  test('is refused when it is wrong', async () => {
    const bearer = forAz.tokens.mintApplicationToken()
    const headers = { authorization: `Bearer ${bearer}` }
    const list = 'https://management.azure.com/subscriptions?api-version=2019-11-01'
    assert.equal((await ask(forAz, list, { headers })).status, 401)
    assert.equal((await signIn(forAz, 'https://vault.azure.net/.default')).status, 400)
    assert.equal((await ask(forAz, `${ENTRA}/common/discovery`)).status, 404)
    assert.equal(errors().length, 3)
  })

  test('has the two older identity endpoints', async () => {
    const address = `${forAz.identityUrl}/az/msi/token`
    const form: Question = {
      method: 'POST', headers: { metadata: 'true' }, body: `resource=${AZURE_DEVOPS}`,
    }
    const query = `?resource=${AZURE_DEVOPS}&api-version=2017-09-01`
    const secret = { headers: { secret: APP_SERVICE_HEADER } }
    assert.equal((await ask(forAz, address, form)).status, 200)
    assert.equal((await ask(forAz, `${address}/${query}`, secret)).status, 200)
    assert.deepEqual(errors(), [])
    assert.equal((await ask(forAz, `${address}/${query}`)).status, 401)
    assert.equal((await ask(forAz, address, { ...form, headers: {} })).status, 400)
  })
})
