// Cases of requests that a change of the program showed to be untested; see `npm run mutate`.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { httpsFetch } from '../../src/net/https-fetch.ts'
import { request } from '../../src/net/request.ts'
import { trustedCertificates } from '../../src/net/trust.ts'
import { PATIENCE } from '../../src/net/tunnel.ts'
import { KeyringError } from '../../src/system/messages.ts'
import type { System } from '../../src/system/system.ts'
import { fakeSystem } from './fake-system.ts'

const URL_ = 'https://host.example/path'
const ENV = { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1', ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' }

test('an error without a code is told in our own words, in debug output too', async () => {
  const system = fakeSystem({ env: ENV, fetch: () => new Error('CANARY') })
  const message = 'no answer from host.example: the request failed'
  await assert.rejects(request(system, URL_, {}), { code: 'NETWORK', message })
  assert.deepEqual(system.err, [`keyring: debug: GET host.example/path failed after 0 ms: ${message}, at 0 ms\n`])
})

test('a server that takes too long is named with the time that it had', async () => {
  const fake = fakeSystem({ env: ENV })
  const system: System = {
    ...fake,
    limit: (_ms, end) => {
      end()
      return () => {}
    },
  }
  const message = 'host.example did not answer within 2.5 s'
  await assert.rejects(request(system, URL_, {}, { timeoutMs: 2500 }), { code: 'NETWORK', message })
})

test('a file of certificates may have 16 MiB', () => {
  const reads: number[] = []
  const fake = fakeSystem({ env: { SSL_CERT_FILE: '/ca' } })
  const system: System = {
    ...fake,
    readFile: (path, most, decoding) => {
      reads.push(most)
      return fake.readFile(path, most, decoding)
    },
  }
  assert.throws(() => trustedCertificates(system), KeyringError)
  assert.deepEqual(reads, [16 * 1_048_576])
})

test('each address of a host has two and a half seconds', () => {
  assert.deepEqual(PATIENCE, { autoSelectFamilyAttemptTimeout: 2500 })
})

test('thirty-two interim answers are taken, one more is not', async () => {
  const server = createServer(({ url }, response) => {
    for (let left = Number(url?.slice(1)); left > 0; left -= 1) response.writeProcessing()
    // Later, as what arrives together with an answer does not matter any more.
    setTimeout(() => response.end('x'), 200)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const fake = fakeSystem({ env: ENV })
    const system: System = { ...fake, fetch: httpsFetch(fake) }
    assert.equal((await request(system, `${base}/32`, {})).text, 'x')
    await assert.rejects(request(system, `${base}/33`, {}), { code: 'BAD_ANSWER' })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
