import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { httpAnswer, startFaultyServer } from '../azure/faulty-server.ts'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { NOWHERE, runKeyring } from './program.ts'
import type { Ended } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const NOBODY = 'http://127.0.0.1:1'
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

/** A credential, through the proxy of the stand-in. */
function went(ended: Ended): void {
  assert.deepEqual([ended.status, ended.stderr], [0, ''])
  assert.deepEqual(azure.connects, ['login.microsoftonline.com:443'])
}

function refused(ended: Ended, stderr: RegExp): void {
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, stderr)
  assert.equal(ended.stderr.includes('CANARY'), false, ended.stderr)
  assert.deepEqual(azure.requests, [])
}

const ORDER = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const

for (const [index, name] of ORDER.entries()) {
  test(`${name} comes before those after it`, async () => {
    const none = Object.fromEntries(ORDER.slice(0, index).map((other) => [other, '']))
    const others = Object.fromEntries(ORDER.slice(index + 1).map((other) => [other, NOBODY]))
    went(await get({ HTTPS_PROXY: '', ...none, ...others, http_proxy: NOBODY, HTTP_PROXY: NOBODY, [name]: azure.proxyUrl }))
  })
}

const SPELLINGS: readonly (readonly [name: string, spelled: (url: string) => string])[] = [
  ['with a slash', (url) => `${url}/`],
  ['with a path, a query and a fragment', (url) => `${url}/some/path?a=b#c`],
  ['without a scheme', (url) => url.replace('http://', '')],
  ['in upper case', (url) => url.replace('http', 'HTTP')],
  ['with white space around it', (url) => `  ${url}\t`],
  ['with a user', (url) => url.replace('//', '//user@')],
]

for (const [name, spelled] of SPELLINGS) {
  test(`a proxy URL ${name}`, async () => {
    went(await get({ HTTPS_PROXY: spelled(azure.proxyUrl) }))
  })
}

test('a proxy over TLS is checked by its own name', async () => {
  went(await get({ HTTPS_PROXY: azure.secureProxyUrl }))
})

test('a proxy over TLS that is not trusted is the one to blame, and gets no password', async () => {
  const url = azure.secureProxyUrl.replace('//', '//user:CANARY@')
  const ended = await get({ HTTPS_PROXY: url, SSL_CERT_FILE: '', REQUESTS_CA_BUNDLE: '', ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
  refused(ended, /^keyring: error: the proxy 127\.0\.0\.1:\d+ is not trusted: its certificate comes from an authority that is not trusted\nkeyring: hint: [^\n]*\n$/)
  assert.deepEqual(azure.connects, [])
})

test('user and password of the proxy URL are sent, percent-decoded', async () => {
  azure.guardProxy('us@er:CANARY:pass word/?#é')
  const url = azure.proxyUrl.replace('//', '//us%40er:CANARY%3Apass%20word%2F%3F%23%C3%A9@')
  for (const proxy of [url, url.replace('http://', '')]) {
    azure.connects.length = 0
    went(await get({ HTTPS_PROXY: proxy }))
  }
  assert.equal(JSON.stringify(azure.requests).includes('pass word'), false)
})

test('a proxy that wants a password is not asked twice, and the hint says how to give it', async () => {
  azure.guardProxy('user:CANARYpassword')
  const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' })
  refused(ended, /^keyring: error: the proxy 127\.0\.0\.1:\d+ wants a user and a password \(407\)\nkeyring: hint: put user and password/)
  const wrong = await get({ HTTPS_PROXY: azure.proxyUrl.replace('//', '//user:CANARYwrong@'), ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' })
  refused(wrong, /^keyring: error: the proxy 127\.0\.0\.1:\d+ does not accept the user and password of its URL \(407\)$/m)
  assert.equal(azure.connects.length, 2)
})

test('a proxy that is not there is an error that names it', async () => {
  refused(await get({ HTTPS_PROXY: NOBODY }), /^keyring: error: no answer from the proxy 127\.0\.0\.1:1: the connection was refused$/m)
})

const UNUSABLE: readonly (readonly [value: string, message: RegExp])[] = [
  ['socks5://CANARY@127.0.0.1:1', /^keyring: error: ALL_PROXY names a socks proxy, and only http and https proxies are supported\nkeyring: hint: set HTTPS_PROXY to an http proxy; it comes before ALL_PROXY\n$/],
  ['socks5h://127.0.0.1:1', /names a socks proxy/],
  ['SOCKS4://127.0.0.1', /names a socks proxy/],
  ['ftp://CANARY@127.0.0.1:1', /^keyring: error: ALL_PROXY is not the URL of an http or https proxy\nkeyring: hint: it looks like /],
  ['http://user:12/CANARY@127.0.0.1:1', /ALL_PROXY is not the URL/],
  ['http://user:CAN#ARY@127.0.0.1:1', /ALL_PROXY is not the URL/],
  ['http://127.0.0.1:99999', /ALL_PROXY is not the URL/],
]

for (const [value, message] of UNUSABLE) {
  test(`ALL_PROXY=${value} is an error before any connection`, async () => {
    refused(await get({ HTTPS_PROXY: '', ALL_PROXY: value, ARTIFACTS_KEYRING_NOFUSS_RETRIES: '3' }), message)
    assert.deepEqual(azure.connects, [])
    // What is not used is not looked at.
    went(await get({ ALL_PROXY: value }))
  })
}

const EXEMPTIONS: readonly (readonly [host: string, no: string, way: 'direct' | 'proxy'])[] = [
  ['127.0.0.1', '', 'proxy'],
  ['127.0.0.1', '127.0.0.1', 'direct'],
  ['127.0.0.1', 'example.com, 127.0.0.0/8', 'direct'],
  ['127.0.0.1', '127.0.0.1:PORT', 'direct'],
  ['127.0.0.1', '127.0.0.1:1', 'proxy'],
  ['127.0.0.1', '10.0.0.0/8,::1', 'proxy'],
  ['127.0.0.1', '*', 'direct'],
  ['localhost', '', 'proxy'],
  ['localhost', 'x, localhost', 'direct'],
  ['localhost', '.LOCALHOST.', 'direct'],
  ['localhost', 'host', 'proxy'],
  ['localhost', '127.0.0.1', 'proxy'],
  ['[::1]', '', 'proxy'],
  ['[::1]', '::1', 'direct'],
  ['[::1]', '[::1]:PORT', 'direct'],
  ['[::1]', '::/64', 'direct'],
  ['[::1]', 'fe80::/10', 'proxy'],
]

describe('NO_PROXY', { concurrency: 4 }, () => {
  for (const [host, no, way] of EXEMPTIONS) {
    test(`${host} with NO_PROXY=${no}: ${way}`, async () => {
      let direct = 0
      const server = createServer((socket) => {
        direct += 1
        socket.on('error', () => {}).end()
      })
      const proxy = await startFaultyServer({ connect: (wire) => wire.send(httpAnswer(403, [])) })
      server.listen(0, host === 'localhost' ? '127.0.0.1' : host.replace(/[[\]]/g, ''))
      await once(server, 'listening')
      const port = String((server.address() as AddressInfo).port)
      try {
        const ended = await runKeyring(['get', FEED, 'me'], {
          ...APPLICATION,
          ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'workload_identity',
          ACTIONS_ID_TOKEN_REQUEST_URL: `https://${host}:${port}/token`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'CANARY',
          HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
          NO_PROXY: no.replace('PORT', port),
        })
        assert.deepEqual([ended.status, ended.stdout], [1, ''])
        const seen = [direct, ...proxy.connects]
        assert.deepEqual(seen, way === 'direct' ? [1] : [0, `${host}:${port}`], ended.stderr)
      } finally {
        server.close()
        await proxy.close()
      }
    })
  }
})

/** Node 22 warns of its own experiment before the program begins. */
function withoutWarnings(ended: Ended): Ended {
  return { ...ended, stderr: ended.stderr.replace(/^\(.*\n/gm, '') }
}

test("Node's own use of the proxy variables changes nothing", async () => {
  went(withoutWarnings(await get({ NODE_USE_ENV_PROXY: '1' })))
})

test('an identity endpoint of the machine is reached without a proxy', async () => {
  const proxies = { http_proxy: azure.proxyUrl, HTTP_PROXY: azure.proxyUrl, ALL_PROXY: azure.proxyUrl }
  const identity = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity', AZURE_CLIENT_ID: '', ...proxies }
  const { AZURE_POD_IDENTITY_AUTHORITY_HOST = '' } = azure.environment()
  for (const NODE_USE_ENV_PROXY of ['', '1']) {
    const ended = await get({ ...identity, AZURE_POD_IDENTITY_AUTHORITY_HOST, NODE_USE_ENV_PROXY })
    assert.deepEqual([ended.status, withoutWarnings(ended).stderr], [0, ''])
    assert.equal(azure.requests.every(({ errors }) => errors.length === 0), true)
    assert.deepEqual(azure.connects, [])
  }
})
