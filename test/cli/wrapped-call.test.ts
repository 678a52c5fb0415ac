import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { beforeEach, test } from 'node:test'
import { newMachine, runKeyring } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const NAME = 'keyring-subprocess'

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

function keyring(...argv: readonly string[]): Promise<Ended> {
  return runKeyring(argv, { ...machine.env, ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'CANARYe' })
}

function wrap(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64')
}

function unwrapped({ stdout }: Ended): unknown {
  assert.match(stdout, /^[A-Za-z0-9+/]+=*\n$/)
  return JSON.parse(Buffer.from(stdout, 'base64').toString())
}

test('a wrapped get_password is answered with the password', async () => {
  const call = wrap({ method: 'get_password', service: FEED, username: 'me' })
  const ended = await keyring('get', NAME, call)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'CANARYe\n', ''])
})

for (const [username, expected] of [[null, 'VssSessionToken'], ['', 'VssSessionToken'], ['me', 'me'], ['é', 'é']]) {
  test(`a wrapped get_credential for ${JSON.stringify(username)} is answered with both, in Base64`, async () => {
    const ended = await keyring('get', NAME, wrap({ method: 'get_credential', service: FEED, username }))
    assert.equal(ended.status, 0)
    assert.deepEqual(unwrapped(ended), { username: expected, password: 'CANARYe' })
  })
}

test('the form of a wrapped answer is that of the method, whatever the options say', async () => {
  const call = wrap({ method: 'get_password', service: FEED, username: 'me' })
  assert.equal((await keyring('--mode=creds', '--output=json', 'get', NAME, call)).stdout, 'CANARYe\n')
})

test('a wrapped call for a service that is not ours finds nothing, in silence', async () => {
  for (const service of ['poetry-repository-feed', NAME, 'https://index.example/', '']) {
    const ended = await keyring('get', NAME, wrap({ method: 'get_credential', service, username: null }))
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', ''], service)
  }
})

const SERVICE = { method: 'get_password', service: FEED, username: 'me' }
const NOT_WRAPPED: readonly (readonly [what: string, text: string])[] = [
  ['nothing', ''],
  ['no Base64', '%%%'],
  ['no JSON', Buffer.from('{').toString('base64')],
  ['an array', wrap([SERVICE])],
  ['null', wrap(null)],
  ['no method', wrap({ ...SERVICE, method: undefined })],
  ['another method', wrap({ ...SERVICE, method: 'toString' })],
  ['a method that is no text', wrap({ ...SERVICE, method: ['get_password'] })],
  ['no service', wrap({ ...SERVICE, service: undefined })],
  ['a service that is no text', wrap({ ...SERVICE, service: { host: FEED } })],
]
for (const [what, text] of NOT_WRAPPED) {
  test(`a call of the backend's name with ${what} finds nothing, in silence`, async () => {
    const ended = await keyring('get', NAME, text)
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', ''])
  })
}

test('a wrapped service is as hostile as any', async () => {
  for (const service of [`${FEED}\\..`, FEED.replace('https', 'http'), FEED.replace('//', '//a@b@')]) {
    const ended = await keyring('get', NAME, wrap({ ...SERVICE, service }))
    assert.deepEqual([ended.status, ended.stdout], [1, ''], service)
    assert.match(ended.stderr, /^keyring: error: the service is refused/)
  }
  const ended = await keyring('get', NAME, wrap({ ...SERVICE, username: 'a\nb' }))
  assert.equal(ended.status, 1)
  assert.match(ended.stderr, /control character/)
})

test('a wrapped set stores nothing, and says so', async () => {
  const ended = await keyring('set', NAME, wrap({ service: FEED, username: 'secret' }))
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /read-only: nothing was stored/)
})

test('the package installs one program under each of its names', () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const bin = 'bin/keyring.js'
  assert.deepEqual((manifest as { readonly bin: unknown }).bin, { keyring: bin, 'ak-nofuss': bin, [NAME]: bin })
})
