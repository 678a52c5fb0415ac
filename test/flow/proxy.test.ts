import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { NOWHERE, runKeyring } from './program.ts'
import type { Ended } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const APPLICATION = {
  ...NOWHERE,
  AZURE_CLIENT_ID: SECRET_CLIENT_ID,
  AZURE_TENANT_ID: CONTOSO_TENANT,
  AZURE_CLIENT_SECRET: CLIENT_SECRET,
  ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret',
}

let azure: StandIn
before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach(() => azure.reset())

function get(env: Readonly<Record<string, string>>): Promise<Ended> {
  return runKeyring(['get', FEED, 'me'], { ...azure.environment(), ...APPLICATION, ...env }, { limitMs: 20_000 })
}

test('a proxy over TLS is checked by its own name', async () => {
  const ended = await get({ HTTPS_PROXY: azure.secureProxyUrl })
  assert.equal(ended.status, 0, ended.stderr)
  assert.deepEqual(azure.connects, ['login.microsoftonline.com:443'])
})

test('user and password of the proxy URL are sent, percent-decoded', async () => {
  azure.guardProxy('us@er:CANARY:pass word')
  const url = azure.proxyUrl.replace('//', '//us%40er:CANARY%3Apass%20word@')
  const ended = await get({ HTTPS_PROXY: url })
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(JSON.stringify(azure.requests).includes('pass word'), false)
})

test('a proxy that wants a password is not asked twice, and the hint says how to give it', async () => {
  azure.guardProxy('user:CANARYpassword')
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /^keyring: error: the proxy 127\.0\.0\.1:\d+ answered 407 when asked to connect\nkeyring: hint: put user and password/)
  const wrong = await get({ HTTPS_PROXY: azure.proxyUrl.replace('//', '//user:CANARYwrong@') })
  assert.equal(wrong.stderr.includes('CANARY'), false)
})

test('a proxy that is not there is an error that names it', async () => {
  const ended = await get({ HTTPS_PROXY: 'http://127.0.0.1:1' })
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /^keyring: error: no answer from the proxy 127\.0\.0\.1:1: the connection was refused$/m)
})

test('NO_PROXY leads past the proxy', async () => {
  const ended = await get({ NO_PROXY: '.microsoftonline.com', ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '5' })
  assert.equal(ended.status, 1)
  assert.deepEqual(azure.connects, [])
})
