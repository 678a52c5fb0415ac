import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { httpsFetch } from '../../src/net/https-fetch.ts'
import { request } from '../../src/net/request.ts'
import type { RequestOptions } from '../../src/net/request.ts'
import { KeyringError } from '../../src/system/messages.ts'
import type { Fetch, System } from '../../src/system/system.ts'
import { fakeSystem } from '../unit/fake-system.ts'

/** What each path of the server does. */
const PATHS: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  '/plain': (_, response) => response.end('body'),
  '/repeated': (_, response) => response.writeHead(401, [['WWW-Authenticate', 'A'], ['WWW-Authenticate', 'B c="d"'], ['X-One', '1']].flat()).end(),
  '/redirect': (_, response) => response.writeHead(302, { location: '/plain' }).end(),
  '/echo': (question, response) => response.end(`${question.method} ${question.headers['content-type'] ?? ''}`),
  '/large': (_, response) => response.end('x'.repeat(100_000)),
  '/cut': (_, response) => response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy()),
  '/reset': (_, response) => response.destroy(),
  '/other-protocol': (_, response) => void response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  '/hang': () => {},
  '/half': (_, response) => void response.write('half'),
}

let server: Server
let base: string

before(async () => {
  server = createServer((question, response) => PATHS[question.url ?? '']?.(question, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const ROWS: readonly (readonly [path: string, options: RequestOptions, expected: string])[] = [
  ['/plain', {}, '200 body'],
  ['/repeated', {}, '401  A, B c="d" 1'],
  ['/redirect', {}, '302 '],
  ['/echo', {}, '200 GET '],
  ['/large', { limit: 1000 }, 'BAD_ANSWER'],
  ['/large', { limit: 1000, bodyOf: [401] }, '200 '],
  ['/cut', {}, 'NETWORK'],
  ['/reset', {}, 'NETWORK'],
  ['/other-protocol', { timeoutMs: 5000 }, 'NETWORK'],
  ['/hang', { timeoutMs: 300 }, 'NETWORK'],
  ['/half', { timeoutMs: 300 }, 'NETWORK'],
]

const platform: Fetch = fetch

for (const name of ['node:https', 'globalThis.fetch'] as const) {
  for (const [path, options, expected] of ROWS) {
    test(`${name} in the seam: ${path} with ${JSON.stringify(options)}`, async () => {
      const fake = fakeSystem()
      const limit = (ms: number, expired: () => void) => {
        const timer = setTimeout(expired, ms)
        return () => clearTimeout(timer)
      }
      const system: System = { ...fake, limit, fetch: name === 'node:https' ? httpsFetch(fake) : platform }
      const outcome = await request(system, base + path, {}, { attempts: 1, ...options }).then(
        ({ status, text, header }) => [`${status} ${text}`, header('www-authenticate'), header('x-one')].filter((part) => part !== undefined).join(' '),
        (error: unknown) => (error instanceof KeyringError ? error.code : String(error)),
      )
      assert.equal(outcome, expected)
    })
  }
}
