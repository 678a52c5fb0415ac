import assert from 'node:assert/strict'
import { request } from 'node:https'
import { after, beforeEach, describe, test } from 'node:test'
import { connect } from 'node:tls'
import type { Arc } from '../azure/azure-arc.ts'
import { ask } from '../azure/client.ts'
import type { Answer, Question } from '../azure/client.ts'
import {
  AZURE_DEVOPS, DEFAULT_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_CLIENT_ID,
  MANAGED_IDENTITY_OBJECT_ID, MANAGED_IDENTITY_RESOURCE_ID, ML_SECRET, SF_SECRET,
} from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const METADATA = { metadata: 'true' }
const query = (version: string, more = ''): string =>
  `?api-version=${version}&resource=${AZURE_DEVOPS}${more}`
const errors = (): readonly string[] => standIn.requests.flatMap(one => one.errors)
const now = (): number => Date.now() / 1000

describe('IMDS', () => {
  const imds = (headers: Readonly<Record<string, string>> = METADATA): Promise<Answer> =>
    ask(standIn, `${standIn.identityUrl}/metadata/identity/oauth2/token${query('2018-02-01')}`,
      { headers })

  test('follows a script, which only right requests use up', async () => {
    standIn.imds([404, 500, 200])
    const statuses: number[] = []
    for (const headers of [{}, METADATA, METADATA, METADATA, METADATA]) {
      statuses.push((await imds(headers)).status)
    }
    assert.deepEqual(statuses, [400, 404, 500, 200, 200])
    assert.equal(errors().length, 1)
  })

  test('has odd bodies', async () => {
    const body = async (...script: Parameters<typeof standIn.imds>): Promise<string> => {
      standIn.imds(...script)
      return (await imds()).body
    }
    assert.equal(typeof JSON.parse(await body([])).expires_on, 'string')
    assert.equal(typeof JSON.parse(await body([], 'expires-on-number')).expires_on, 'number')
    assert.equal(JSON.parse(await body([], 'expires-on-odd')).expires_on, '15609740s28')
    const bare = JSON.parse(await body([], 'no-expiry'))
    assert.deepEqual([bare.expires_on, bare.expires_in], [undefined, undefined])
    const truncated = await body([], 'truncated')
    assert.throws(() => JSON.parse(truncated))
    assert.match(await body([], 'unreachable'), /unreachable network/)
  })
})

describe('Azure Arc', () => {
  const ARC: Arc = { realm: '/var/opt/azcmagent/tokens/one.key', key: 'CANARY the key+/=' }
  const PATH = '/metadata/identity/oauth2/token'
  const get = (more = '', headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    ask(standIn, `${standIn.arcUrl}${PATH}${query('2020-06-01', more)}`,
      { headers: { ...METADATA, ...headers } })
  const KEY = { authorization: `Basic ${ARC.key}` }

  test('challenges, and gives a token for the key, once a challenge', async () => {
    standIn.arc(ARC)
    const first = await get()
    assert.equal(first.status, 401)
    assert.equal(first.headers['www-authenticate'], `Basic realm=${ARC.realm}`)
    const { status, body } = await get('', KEY)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(JSON.parse(body)),
      ['access_token', 'expires_in', 'expires_on', 'resource', 'token_type'])
    assert.deepEqual(errors(), [])
    assert.equal((await get('', KEY)).status, 401)
    assert.equal(errors().length, 1)
  })

  test('refuses another key and a wrong request; nothing is there before it is told', async () => {
    assert.equal((await get()).status, 404)
    standIn.arc(ARC)
    await get()
    assert.equal((await get('', { authorization: `Basic ${btoa(ARC.key)}` })).status, 401)
    assert.equal((await get('', { metadata: 'false' })).status, 400)
    assert.equal((await get('&mi_res_id=x')).status, 400)
    assert.equal((await get('&client_id=nobody', KEY)).status, 400)
    assert.equal(errors().length, 5)
  })

  test('misbehaves in the challenge', async () => {
    const challenge = async (misbehave: NonNullable<Arc['misbehave']>): Promise<unknown> => {
      standIn.arc({ ...ARC, misbehave })
      const { status, headers } = await get()
      return status === 200 ? status : headers['www-authenticate']
    }
    assert.equal(await challenge('no-challenge'), undefined)
    assert.equal(String(await challenge('basic-only')).trim(), 'Basic')
    assert.equal(await challenge('basic-realm-without-value'), 'Basic realm')
    assert.equal(await challenge('ok-at-once'), 200)
  })

  test('echoes the name it was asked by, unless told otherwise', async () => {
    const echo = async (
      name: string, value: string, misbehave?: NonNullable<Arc['misbehave']>,
    ): Promise<unknown> => {
      standIn.arc({ ...ARC, ...(misbehave && { misbehave }) })
      await get()
      const answer = JSON.parse((await get(`&${name}=${encodeURIComponent(value)}`, KEY)).body)
      assert.match(answer.access_token, /CANARY/)
      const known = ['access_token', 'expires_in', 'expires_on', 'resource', 'token_type']
      return Object.entries(answer).filter(([member]) => !known.includes(member))
    }
    const [id, path] = [MANAGED_IDENTITY_OBJECT_ID, MANAGED_IDENTITY_RESOURCE_ID]
    assert.deepEqual(await echo('object_id', id), [['object_id', id]])
    assert.deepEqual(await echo('msi_res_id', path), [['msi_res_id', path]])
    assert.deepEqual(await echo('msi_res_id', path, 'echo-mi-res-id'), [['mi_res_id', path]])
    assert.deepEqual(await echo('msi_res_id', path, 'echo-in-upper-case'),
      [['msi_res_id', path.toUpperCase()]])
    assert.deepEqual(await echo('object_id', id, 'no-echo'), [])
    const [[, wrong] = []] = await echo('object_id', id, 'wrong-echo') as [string, string][]
    assert.notEqual(wrong, id)
  })
})

describe('Azure Machine Learning', () => {
  const get = (more = '', secret = ML_SECRET, version = '2017-09-01'): Promise<Answer> =>
    ask(standIn, `${standIn.identityUrl}/ml/token${query(version, more)}`, { headers: { secret } })

  test('gives a token with a date of its own', async () => {
    const expiry = async (): Promise<unknown> =>
      JSON.parse((await get(`&clientid=${DEFAULT_IDENTITY_CLIENT_ID}`)).body).expires_on
    const linux = String(await expiry())
    assert.match(linux, /^\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d \+00:00$/)
    standIn.machineLearning('windows')
    const windows = String(await expiry())
    assert.match(windows, /^[1-9]\d?\/[1-9]\d?\/\d{4} [1-9]\d?:\d\d:\d\d [AP]M \+00:00$/)
    standIn.machineLearning('seconds')
    const seconds = Number(await expiry())
    for (const text of [linux, windows]) {
      assert.ok(Math.abs(Date.parse(text) / 1000 - seconds) < 5, text)
    }
    assert.deepEqual(errors(), [])
  })

  test('refuses what is not as it should be', async () => {
    const answers = [
      await get('', 'wrong'), await get('', ML_SECRET, '2019-08-01'), await get('&clientid=x'),
      await get(`&client_id=${DEFAULT_IDENTITY_CLIENT_ID}`),
    ]
    assert.deepEqual(answers.map(({ status }) => status), [401, 400, 400, 400])
    assert.equal(errors().length, 4)
  })
})

describe('Cloud Shell', () => {
  const FORM = 'application/x-www-form-urlencoded'
  const post = (body: string, question: Question = {}, search = ''): Promise<Answer> =>
    ask(standIn, `${standIn.identityUrl}/cloudshell/token${search}`,
      { method: 'POST', headers: { ...METADATA, 'content-type': FORM }, body, ...question })
  const BODY = `resource=${AZURE_DEVOPS}`

  test('gives the token of its user, and refuses every name of another', async () => {
    const { access_token: token, expires_on: end } = JSON.parse((await post(BODY)).body)
    assert.equal(standIn.tokens.find(token)?.kind, 'user')
    assert.ok(Number(end) > now())
    assert.deepEqual(errors(), [])
    const answers = [
      await post(`${BODY}&client_id=${MANAGED_IDENTITY_CLIENT_ID}`),
      await post(BODY, {}, `?client_id=${MANAGED_IDENTITY_CLIENT_ID}`),
      await post('resource=https%3A%2F%2Fvault.azure.net'),
      await post(BODY, { headers: { 'content-type': FORM } }),
      await post(BODY, { headers: METADATA }),
      await post('', { method: 'GET' }),
    ]
    assert.deepEqual(answers.map(({ status }) => status), [400, 400, 400, 400, 415, 405])
    assert.equal(errors().length, 6)
  })
})

describe('Service Fabric', () => {
  const VERSION = '2019-07-01-preview'
  const get = (search: string, headers: Record<string, string>): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = { headers, agent: false, rejectUnauthorized: false } as const
      const sent = request(`${standIn.serviceFabricUrl}${search}`, options, message => {
        const chunks: Buffer[] = []
        message.on('data', (chunk: Buffer) => chunks.push(chunk))
        message.on('end', () => resolve({
          status: message.statusCode ?? 0, headers: message.headers,
          body: Buffer.concat(chunks).toString(),
        }))
      })
      sent.on('error', reject).end()
    })

  test('gives a token for the secret', async () => {
    const { status, body } = await get(query(VERSION), { secret: SF_SECRET })
    assert.equal(status, 200)
    assert.ok(JSON.parse(body).expires_on > now())
    assert.deepEqual(errors(), [])
    assert.equal(standIn.serviceFabricConnections, 0)
  })

  test('refuses what is not as it should be, and redirects when told', async () => {
    const none = await get(query(VERSION), {})
    assert.equal(none.status, 404)
    assert.equal(JSON.parse(none.body).error.code, 'SecretHeaderNotFound')
    const secret = { secret: SF_SECRET }
    assert.equal((await get(query(VERSION, '&client_id=x'), secret)).status, 400)
    assert.equal((await get(query('2019-08-01'), secret)).status, 400)
    assert.equal(errors().length, 3)
    standIn.serviceFabric({ redirect: 'https://evil.example/' })
    const { status, headers } = await get(query(VERSION), secret)
    assert.deepEqual([status, headers.location], [302, 'https://evil.example/'])
  })

  test('shows its thumbprint, and counts who says nothing after that', async () => {
    const { hostname: host, port } = new URL(standIn.serviceFabricUrl)
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false })
    await new Promise<void>(resolve => socket.on('secureConnect', resolve))
    const { fingerprint } = socket.getPeerCertificate()
    assert.equal(fingerprint.replaceAll(':', ''), standIn.serviceFabricThumbprint)
    assert.match(standIn.serviceFabricThumbprint, /^[0-9A-F]{40}$/)
    assert.equal(socket.authorized, false)
    socket.destroy()
    assert.equal(standIn.serviceFabricConnections, 1)
    assert.deepEqual(standIn.requests, [])
  })
})
