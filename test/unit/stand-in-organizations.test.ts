import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { ask } from '../azure/client.ts'
import type { Answer, Question } from '../azure/client.ts'
import { ORGANIZATIONS } from '../azure/organizations.ts'
import { startStandIn } from '../azure/stand-in.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const feed = (organization: string, question: Question = {}): Promise<Answer> =>
  ask(standIn, `https://pkgs.dev.azure.com/${organization}/_packaging/feed/pypi/simple/`, question)

const exchange = (organization: string, question: Question = {}): Promise<Answer> =>
  ask(standIn, `https://vssps.dev.azure.com/${organization}/_apis/Token/SessionTokens` +
    '?tokenType=SelfDescribing&api-version=5.0-preview.1', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${standIn.tokens.mintUserToken()}`, 'content-type': 'application/json',
      accept: 'application/json', 'x-tfs-fedauthredirect': 'Suppress',
    },
    body: JSON.stringify({ displayName: 'test', scope: 'vso.packaging' }),
    ...question
  })

const SILENT = ['hang', 'reset', 'huge', 'exchange-hang', 'exchange-cut', 'exchange-huge']

describe('feeds', () => {
  const expected: Readonly<Record<string, number>> = {
    public: 200, redirect: 302, 'html-200': 200, 'html-203': 203, 'not-found': 404,
    'error-500': 500, 'error-500-once': 500, 'throttled-once': 429,
  }
  for (const name of ORGANIZATIONS.keys()) {
    if (SILENT.includes(name)) continue
    test(`${name} answers ${expected[name] ?? 401}`, async () => {
      const { status } = await feed(name)
      assert.equal(status, expected[name] ?? 401)
      assert.deepEqual(standIn.requests[0]?.errors, [])
    })
  }

  test('an unknown organization is not found', async () => {
    assert.equal((await feed('nobody')).status, 404)
  })

  test('what is met once is met again after a reset', async () => {
    const statuses = []
    for (let count = 0; count < 2; count++) statuses.push((await feed('throttled-once')).status)
    standIn.reset()
    statuses.push((await feed('throttled-once')).status)
    assert.deepEqual(statuses, [429, 401, 429])
  })

  test('the challenges are odd as named', async () => {
    const header = async (name: string, field: string): Promise<unknown> =>
      (await feed(name)).headers[field]
    assert.equal(await header('no-headers', 'www-authenticate'), undefined)
    assert.equal(await header('no-headers', 'x-vss-e2eid'), undefined)
    assert.equal(await header('no-endpoint', 'x-vss-authorizationendpoint'), undefined)
    assert.match(String(await header('personal', 'www-authenticate')), /^Bearer, Basic/)
    assert.match(String(await header('resource-tenant-only', 'www-authenticate')), /^Basic/)
    assert.equal(await header('bad-tenant', 'x-vss-resourcetenant'), '--help')
  })

  test('a reset ends the connection and a huge answer stops with its reader', async () => {
    await assert.rejects(feed('reset'))
    const { status, headers, body } = await feed('huge', { enough: 1_000_000 })
    assert.equal(status, 401)
    assert.ok(headers['x-vss-resourcetenant'] !== undefined)
    assert.ok(body.length >= 1_000_000 && body.length < 5_000_000)
  })
})

describe('exchanges', () => {
  const expected: Readonly<Record<string, number>> = {
    'exchange-redirect': 302, 'exchange-203': 203, 'exchange-500': 500, 'exchange-500-once': 500,
    'exchange-401': 401, 'exchange-tf401444': 401,
  }
  for (const name of ORGANIZATIONS.keys()) {
    if (SILENT.includes(name) || !name.startsWith('exchange-')) continue
    test(`${name} answers ${expected[name] ?? 200}`, async () => {
      assert.equal((await exchange(name)).status, expected[name] ?? 200)
    })
  }

  test('no answer of theirs has a token that could be used', async () => {
    const text = async (name: string): Promise<string> => (await exchange(name)).body
    assert.equal(JSON.parse(await text('exchange-no-token')).token, undefined)
    assert.equal(JSON.parse(await text('exchange-empty-token')).token, '')
    assert.match(JSON.parse(await text('exchange-newline-token')).token, /\n/)
    assert.ok(Array.isArray(JSON.parse(await text('exchange-array'))))
    assert.match(await text('exchange-tf401444'), /TF401444: Please sign-in at least once/)
    const truncated = await text('exchange-truncated')
    assert.throws(() => JSON.parse(truncated))
    await assert.rejects(exchange('exchange-cut'))
    const { body } = await exchange('exchange-huge', { enough: 100_000 })
    assert.ok(body.startsWith('{"token":"'))
  })
})

test('a test has an organization or a host answer as it likes, until the reset', async () => {
  standIn.behave('contoso', {
    feed: (_request, response) => void response.writeHead(418).end(),
    exchange: ({ body }, response) => void response.writeHead(200).end(body),
  })
  standIn.answer('login.microsoftonline.com', (_request, response) => {
    response.writeHead(503).end()
  })
  assert.equal((await feed('contoso')).status, 418)
  assert.match((await exchange('contoso')).body, /"displayName":"test"/)
  const signIn = 'https://login.microsoftonline.com/common'
  assert.equal((await ask(standIn, signIn)).status, 503)
  standIn.reset()
  assert.equal((await feed('contoso')).status, 401)
  assert.equal((await ask(standIn, signIn)).status, 404)
})
