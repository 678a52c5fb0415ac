import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustGithubOidcUrl } from '../../src/net/allowlist.ts'
import { proxyFor } from '../../src/net/proxy.ts'
import { formBody, request, requestWithSecret } from '../../src/net/request.ts'
import { trustedCertificates } from '../../src/net/trust.ts'
import { KeyringError } from '../../src/system/errors.ts'
import { Secret } from '../../src/system/secret.ts'
import { fakeSystem, NOW, systemError } from './fake-system.ts'
import type { FakeAnswer, FakeSystem } from './fake-system.ts'

const URL_ = 'https://host.example/path?secret=CANARY'

/** What came of these answers, one after the other, and how often was asked. */
async function ask(
  answers: readonly (FakeAnswer | Error)[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly said: number | string; readonly asked: number; readonly system: FakeSystem }> {
  const left = [...answers]
  const system = fakeSystem({ env, fetch: () => left.shift() ?? new Error('asked too often') })
  try {
    const answer = await request(system, URL_, {})
    return { said: answer.status, asked: system.requests.length, system }
  } catch (error) {
    assert.ok(error instanceof KeyringError)
    assert.equal(error.message.includes('CANARY'), false)
    return { said: error.code, asked: system.requests.length, system }
  }
}

const reset = systemError('ECONNRESET')
const RETRIES: readonly (readonly [name: string, answers: readonly (FakeAnswer | Error)[], said: number | string, asked: number])[] = [
  ['200', [{ status: 200 }], 200, 1],
  ['a dropped connection, then 200', [reset, { status: 200 }], 200, 2],
  ['503, then 200', [{ status: 503 }, { status: 200 }], 200, 2],
  ['429, 500, then 200', [{ status: 429 }, { status: 500 }, { status: 200 }], 200, 3],
  ['502 for ever', [{ status: 502 }, { status: 502 }, { status: 502 }], 502, 3],
  ['504 for ever', [{ status: 504 }, { status: 504 }, { status: 504 }], 504, 3],
  ['dropped for ever', [reset, reset, reset], 'NETWORK', 3],
  ['401', [{ status: 401 }], 401, 1],
  ['404', [{ status: 404 }], 404, 1],
  ['501', [{ status: 501 }], 501, 1],
  ['302', [{ status: 302 }], 302, 1],
  ['an expired certificate', [systemError('CERT_HAS_EXPIRED')], 'TLS', 1],
  ['an unknown authority', [systemError('UNABLE_TO_VERIFY_LEAF_SIGNATURE')], 'TLS', 1],
  ['a wrong name', [systemError('ERR_TLS_CERT_ALTNAME_INVALID')], 'TLS', 1],
  ['a TLS failure', [systemError('ERR_SSL_WRONG_VERSION_NUMBER')], 'TLS', 1],
  ['a proxy that refuses', [new KeyringError('PROXY', 'x')], 'PROXY', 1],
]

for (const [name, answers, said, asked] of RETRIES) {
  test(`request: ${name}`, async () => {
    const result = await ask(answers)
    assert.deepEqual([result.said, result.asked], [said, asked])
  })
}

test('request: the number of attempts is a setting, 1 to 10', async () => {
  const always = Array.from({ length: 20 }, () => ({ status: 500 }))
  for (const [value, asked] of [['1', 1], ['0', 1], ['5', 5], ['999', 10], ['junk', 3]] as const) {
    assert.equal((await ask(always, { ARTIFACTS_KEYRING_NOFUSS_RETRIES: value })).asked, asked)
  }
})

test('request: waits half a second doubled each time, with full jitter, at most 8 s', async () => {
  const always = Array.from({ length: 20 }, () => ({ status: 500 }))
  const { system } = await ask(always, { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '8' })
  assert.deepEqual(system.sleeps, [250, 500, 1000, 2000, 4000, 4000, 4000])
})

test('request: Retry-After in seconds and as a date is obeyed', async () => {
  const after = (value: string): FakeAnswer => ({ status: 429, headers: { 'retry-after': value } })
  const date = new Date(NOW + 3000).toUTCString()
  const past = new Date(NOW - 3000).toUTCString()
  for (const [value, ms] of [['2', 2000], ['0', 0], [date, 3000], [past, 0], ['junk', 250], ['-1', 250]] as const) {
    const { system, said } = await ask([after(value), { status: 200 }])
    assert.equal(said, 200)
    assert.deepEqual(system.sleeps, [ms], value)
  }
})

test('request: a wait beyond the end of the call is not begun', async () => {
  const { said, asked, system } = await ask([{ status: 429, headers: { 'retry-after': '60' } }])
  assert.deepEqual([said, asked, system.sleeps], [429, 1, []])
})

test('request: a body over the limit is an error, or cut', async () => {
  const system = fakeSystem({ fetch: () => ({ status: 200, body: 'x'.repeat(11) }) })
  await assert.rejects(request(system, URL_, {}, { limit: 10 }), { code: 'BAD_ANSWER' })
  assert.equal((await request(system, URL_, {}, { limit: 11 })).text.length, 11)
  assert.equal((await request(system, URL_, {}, { limit: 10, overflow: 'cut' })).status, 200)
  assert.equal((await request(system, URL_, {}, { limit: 10, bodyOf: [401] })).text, '')
})

test('request: debug shows method, host, path, status and time, and no query', async () => {
  const { system } = await ask([{ status: 200 }], { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' })
  assert.deepEqual(system.err, ['keyring: debug: GET host.example/path 200 0 ms\n'])
  const failed = await ask([systemError('CERT_HAS_EXPIRED')], { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' })
  assert.deepEqual(failed.system.err, ['keyring: debug: GET host.example/path failed after 0 ms: CERT_HAS_EXPIRED\n'])
})

test('request: every foreign error is told in our own words', async () => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'HPE_INVALID_CONSTANT', 'HPE_HEADER_OVERFLOW', 'SOMETHING']) {
    const system = fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1' }, fetch: () => systemError(code) })
    await assert.rejects(request(system, URL_, {}), (error: KeyringError) => {
      assert.match(error.message, /^no answer from host\.example: [a-zA-Z ]+$/)
      return error.code === 'NETWORK'
    })
  }
})

test('a secret goes into headers and forms, encoded for them', async () => {
  const system = fakeSystem({ fetch: () => ({ status: 200 }) })
  const url = trustGithubOidcUrl('https://host.example/', 'a')
  assert.ok(url)
  const body = formBody({ a: 'b c', secret: new Secret('~+/&=% x') })
  assert.equal(`${body}`, '[secret]')
  await requestWithSecret(system, url, { authorization: new Secret('Bearer x'), accept: 'y' }, body)
  const [sent] = system.requests
  assert.equal(sent?.method, 'POST')
  assert.equal(sent?.headers['authorization'], 'Bearer x')
  assert.equal(sent?.body, 'a=b+c&secret=%7E%2B%2F%26%3D%25+x')
})

test('proxy: the variables of curl, the scheme first', () => {
  const proxy = (env: Record<string, string>) => proxyFor(fakeSystem({ env }), 'login.microsoftonline.com', 443)
  assert.equal(proxy({}), undefined)
  assert.deepEqual(proxy({ HTTPS_PROXY: 'http://p.example:8080' }), { secure: false, host: 'p.example', port: 8080, authorization: undefined })
  assert.equal(proxy({ https_proxy: 'http://a', HTTPS_PROXY: 'http://b' })?.host, 'a')
  assert.equal(proxy({ ALL_PROXY: 'http://a', HTTPS_PROXY: 'http://b' })?.host, 'b')
  assert.equal(proxy({ all_proxy: 'a.example:3128' })?.port, 3128)
  assert.equal(proxy({ HTTPS_PROXY: 'https://p.example' })?.port, 443)
  assert.equal(proxy({ HTTPS_PROXY: 'p.example' })?.port, 80)
  assert.equal(proxy({ HTTPS_PROXY: 'http://[::1]:8' })?.host, '::1')
  assert.equal(proxy({ HTTP_PROXY: 'http://b' }), undefined)
})

test('proxy: user and password are percent-decoded and kept as a secret', () => {
  const proxy = proxyFor(fakeSystem({ env: { HTTPS_PROXY: 'http://us%40er:CAN%3AARY@p.example:1' } }), 'h', 443)
  assert.equal(proxy?.authorization?.reveal(), `Basic ${Buffer.from('us@er:CAN:ARY').toString('base64')}`)
})

test('proxy: what is no proxy is an error that names the variable and not its value', () => {
  for (const value of ['socks5://CANARY', 'http://CANARY@', 'http://CAN ARY', 'ftp://CANARY']) {
    assert.throws(() => proxyFor(fakeSystem({ env: { ALL_PROXY: value } }), 'h', 443), (error: KeyringError) => {
      assert.equal(error.message.includes('CANARY'), false)
      return error.code === 'BAD_SETTING' && error.message.startsWith('ALL_PROXY ')
    })
  }
})

test('proxy: NO_PROXY takes hosts, domains, ports and a star', () => {
  const exempt = (no: string, host: string): boolean =>
    proxyFor(fakeSystem({ env: { HTTPS_PROXY: 'http://p', NO_PROXY: no } }), host, 443) === undefined
  const yes = [['*', 'a.b'], ['a.b', 'a.b'], ['a.b', 'x.a.b'], ['.a.b', 'a.b'], ['.a.b', 'x.a.b'], ['x, a.b ,y', 'a.b'], ['x a.b', 'a.b'], ['A.B', 'a.b'], ['a.b:443', 'a.b'], ['a.b.', 'a.b']] as const
  for (const [no, host] of yes) assert.equal(exempt(no, host), true, `${no} ${host}`)
  const not = [['', 'a.b'], ['a.b', 'xa.b'], ['a.b:80', 'a.b'], ['b', 'a.bb'], ['x.a.b', 'a.b'], [',', 'a.b']] as const
  for (const [no, host] of not) assert.equal(exempt(no, host), false, `${no} ${host}`)
})

test('trust: the file of the first variable, and an error that names both when it is of no use', () => {
  const pem = '-----BEGIN CERTIFICATE-----\n'
  const trust = (env: Record<string, string>): string | undefined => trustedCertificates(fakeSystem({ env, files: { '/a': `A${pem}`, '/b': `B${pem}`, '/empty': '' } }))?.text
  assert.equal(trust({}), undefined)
  assert.equal(trust({ SSL_CERT_FILE: '/b' }), `B${pem}`)
  assert.equal(trust({ SSL_CERT_FILE: '/b', REQUESTS_CA_BUNDLE: '/a' }), `A${pem}`)
  assert.throws(() => trust({ SSL_CERT_FILE: '/none' }), { code: 'BAD_SETTING', message: 'SSL_CERT_FILE names /none: missing' })
  assert.throws(() => trust({ SSL_CERT_FILE: '/empty' }), { code: 'BAD_SETTING', message: 'SSL_CERT_FILE names /empty: no certificate in it' })
})
