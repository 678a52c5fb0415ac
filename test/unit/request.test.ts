import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustGithubOidcUrl } from '../../src/net/allowlist.ts'
import { networkError } from '../../src/net/network-error.ts'
import { isExempt } from '../../src/net/no-proxy.ts'
import { authorityOf, proxyFor, proxyName } from '../../src/net/proxy.ts'
import { formBody, request, requestWithSecret } from '../../src/net/request.ts'
import { trustedCertificates, trustVariable } from '../../src/net/trust.ts'
import { KeyringError } from '../../src/system/messages.ts'
import type { ErrorCode } from '../../src/system/messages.ts'
import { Secret } from '../../src/system/settings.ts'
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
  ['an answer that is not HTTP', [systemError('HPE_INVALID_CONSTANT')], 'BAD_ANSWER', 1],
  ['headers without end', [systemError('HPE_HEADER_OVERFLOW')], 'BAD_ANSWER', 1],
  ['a compressed answer', [{ status: 200, headers: { 'content-encoding': 'gzip' }, body: 'x' }], 'BAD_ANSWER', 1],
  ['one that is said not to be', [{ status: 200, headers: { 'content-encoding': 'Identity' }, body: 'x' }], 200, 1],
  ['a proxy that refuses', [new KeyringError('PROXY', 'x')], 'PROXY', 1],
  ['a proxy that cannot reach the host', [new KeyringError('NETWORK', 'x'), { status: 200 }], 200, 2],
  ['407', [{ status: 407 }], 407, 1],
  ['204', [{ status: 204 }], 204, 1],
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

/** What a server may ask for, and how long is waited: 250 ms is our own choice. */
const RETRY_AFTER: readonly (readonly [value: string, ms: number | 'not at all'])[] = [
  ['2', 2000],
  ['0', 0],
  ['007', 7000],
  [new Date(NOW + 3000).toUTCString(), 3000],
  [new Date(NOW - 3000).toUTCString(), 0],
  ['59', 59_000],
  ['60', 'not at all'],
  ['1000000', 'not at all'],
  ['9'.repeat(400), 'not at all'],
  [new Date(NOW + 60_000).toUTCString(), 'not at all'],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 'not at all'],
  ['Fri, 99 Dec 2026 23:59:59 GMT', 250],
  ['2026-11-01T00:00:03Z', 250],
  ['Sun, 01 Nov 2026 00:00:03', 250],
  ['junk', 250],
  ['junk 5', 250],
  ['-1', 250],
  ['+1', 250],
  ['1.5', 250],
  ['1e3', 250],
  ['0x10', 250],
  ['1, 1', 250],
  ['', 250],
]

for (const status of [429, 503]) {
  for (const [value, ms] of RETRY_AFTER) {
    test(`request: ${status} with Retry-After: ${value.slice(0, 40)}`, async () => {
      const { said, asked, system } = await ask([{ status, headers: { 'retry-after': value } }, { status: 200 }])
      const expected = ms === 'not at all' ? [status, 1, []] : [200, 2, [ms]]
      assert.deepEqual([said, asked, system.sleeps], expected)
    })
  }
}

test('request: debug says why there is no second attempt', async () => {
  const busy = { status: 429, headers: { 'retry-after': '60' } }
  const { system } = await ask([busy], { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' })
  assert.equal(system.err[1], 'keyring: debug: no time is left to try host.example again, at 0 ms\n')
})

test('request: no compressed answer is asked for, and one that is not read may be', async () => {
  const system = fakeSystem({ fetch: () => ({ status: 401, headers: { 'content-encoding': 'gzip' }, body: 'x' }) })
  assert.equal((await request(system, URL_, {}, { bodyOf: [200] })).status, 401)
  assert.equal(system.requests[0]?.headers['accept-encoding'], 'identity')
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
  assert.deepEqual(system.err, ['keyring: debug: GET host.example/path 200 0 ms, at 0 ms\n'])
  const failed = await ask([systemError('CERT_HAS_EXPIRED')], { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' })
  assert.deepEqual(failed.system.err, ['keyring: debug: GET host.example/path failed after 0 ms: CERT_HAS_EXPIRED, at 0 ms\n'])
})

/** What Node's and undici's codes become. `P` is who is to blame. */
const FOREIGN: readonly (readonly [code: string, as: ErrorCode, message: string])[] = [
  ['ECONNREFUSED', 'NETWORK', 'no answer from P: the connection was refused'],
  ['ECONNRESET', 'NETWORK', 'no answer from P: the connection was dropped'],
  ['EPIPE', 'NETWORK', 'no answer from P: the connection was dropped'],
  ['UND_ERR_SOCKET', 'NETWORK', 'no answer from P: the connection was dropped'],
  ['ENOTFOUND', 'NETWORK', 'no answer from P: there is no such host name'],
  ['EAI_AGAIN', 'NETWORK', 'no answer from P: the name could not be looked up'],
  ['ETIMEDOUT', 'NETWORK', 'no answer from P: the connection timed out'],
  ['EHOSTUNREACH', 'NETWORK', 'no answer from P: there is no route to it'],
  ['ENETUNREACH', 'NETWORK', 'no answer from P: there is no route to it'],
  ['SOMETHING', 'NETWORK', 'no answer from P: the request failed'],
  ['', 'NETWORK', 'no answer from P: the request failed'],
  ['HPE_INVALID_CONSTANT', 'BAD_ANSWER', 'what P answers is not HTTP'],
  ['HPE_INVALID_CHUNK_SIZE', 'BAD_ANSWER', 'what P answers is not HTTP'],
  ['HPE_HEADER_OVERFLOW', 'BAD_ANSWER', 'the headers of the answer of P are too large'],
  ['UND_ERR_HEADERS_OVERFLOW', 'BAD_ANSWER', 'the headers of the answer of P are too large'],
  ['EPROTO', 'TLS', 'no TLS connection to P: the handshake failed (EPROTO)'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS', 'no TLS connection to P: the handshake failed (ERR_SSL_WRONG_VERSION_NUMBER)'],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'TLS', 'no TLS connection to P: the handshake failed (ERR_TLS_HANDSHAKE_TIMEOUT)'],
  ['CERT_HAS_EXPIRED', 'TLS', 'P is not trusted: its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'TLS', 'P is not trusted: its certificate is not valid yet'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS', 'P is not trusted: its certificate is for another name'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS', 'P is not trusted: its certificate is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS', 'P is not trusted: its certificate comes from an authority that is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'TLS', 'P is not trusted: its certificate comes from an authority that is not trusted'],
]

for (const [code, as, message] of FOREIGN) {
  test(`network error: ${code === '' ? 'one without a code' : code}`, () => {
    const [system, foreign] = [fakeSystem(), systemError(code)]
    const own = networkError(system, foreign, 'host.example', false, 1000)
    assert.deepEqual([own.code, own.message], [as, message.replace('P', 'host.example')])
    const behind = Object.assign(new Error('CANARY'), { cause: foreign, via: 'the proxy p:1' })
    const other = networkError(system, behind, 'host.example', false, 1000)
    assert.deepEqual([other.code, other.message], [as, message.replace('P', 'the proxy p:1')])
    assert.equal([...own.hints, ...other.hints].join().includes('CANARY'), false)
  })
}

test('network error: who kept us waiting is named, host or proxy', () => {
  const over = { ...fakeSystem(), signal: AbortSignal.abort() }
  const behind = Object.assign(new Error('CANARY'), { via: 'the proxy p:1' })
  for (const [error, party] of [[new Error('CANARY'), 'h'], [behind, 'the proxy p:1']] as const) {
    const stopped = networkError(fakeSystem(), error, 'h', true, 1500)
    assert.deepEqual([stopped.code, stopped.message], ['NETWORK', `${party} did not answer within 1.5 s`])
    const ended = networkError(over, error, 'h', true, 1500)
    assert.deepEqual([ended.code, ended.message], ['TIMEOUT', `the time of this call was over while waiting for ${party}`])
  }
})

test('network error: the hint fits the certificate and the variables', () => {
  const hint = (code: string, env: Record<string, string> = {}): string =>
    networkError(fakeSystem({ env }), systemError(code), 'h', false, 1).hints.join()
  assert.match(hint('CERT_HAS_EXPIRED'), /date and time$/)
  assert.match(hint('CERT_NOT_YET_VALID'), /date and time$/)
  assert.equal(hint('ERR_TLS_CERT_ALTNAME_INVALID'), '')
  assert.match(hint('SELF_SIGNED_CERT_IN_CHAIN'), /SSL_CERT_FILE or NODE_EXTRA_CA_CERTS$/)
  assert.match(hint('SELF_SIGNED_CERT_IN_CHAIN', { CURL_CA_BUNDLE: '/x' }), /^only the certificates that CURL_CA_BUNDLE names/)
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
  assert.deepEqual(proxy({ HTTPS_PROXY: 'http://p.example:8080' }), { variable: 'HTTPS_PROXY', secure: false, host: 'p.example', port: 8080, authorization: undefined })
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
  for (const value of ['socks5://CANARY', 'socks4a://CANARY', 'http://CANARY@', 'http://CAN ARY', 'ftp://CANARY', 'http://u:1/CANARY@p', 'http://u:1#CANARY@p', 'http://u:1?CANARY@p', 'http://u:1\\CANARY@p', 'u/CANARY@p']) {
    assert.throws(() => proxyFor(fakeSystem({ env: { ALL_PROXY: value } }), 'h', 443), (error: KeyringError) => {
      assert.equal(error.message.includes('CANARY'), false)
      return error.code === 'BAD_SETTING' && error.message.startsWith('ALL_PROXY ')
    })
  }
})

test('proxy: what messages call it, never with user and password', () => {
  const named = (url: string): string => {
    const proxy = proxyFor(fakeSystem({ env: { HTTPS_PROXY: url } }), 'h', 443)
    return proxy === undefined ? '' : proxyName(proxy)
  }
  assert.equal(named('http://user:CANARY@P.example:8080/path?query'), 'the proxy p.example:8080')
  assert.equal(named('http://user:CANARY@[2001:db8::1]'), 'the proxy [2001:db8::1]:80')
  assert.equal(authorityOf('::1', 443), '[::1]:443')
})

const NO_PROXY: readonly (readonly [list: string, host: string, exempt: boolean])[] = [
  ['*', 'a.b', true],
  ['*', '1.2.3.4', true],
  ['x,*', 'a.b', true],
  ['a.b', 'a.b', true],
  ['a.b', 'x.a.b', true],
  ['.a.b', 'a.b', true],
  ['.a.b', 'x.a.b', true],
  ['x, a.b ,y', 'a.b', true],
  ['x a.b', 'a.b', true],
  ['x,,a.b', 'a.b', true],
  ['A.B', 'a.b', true],
  ['a.b.', 'a.b', true],
  ['a.b:443', 'a.b', true],
  ['a.b:443', 'x.a.b', true],
  ['', 'a.b', false],
  [',', 'a.b', false],
  ['.', 'a.b', false],
  ['a.b', 'xa.b', false],
  ['a.b:80', 'a.b', false],
  ['a.b:', 'a.b', false],
  ['b', 'a.bb', false],
  ['x.a.b', 'a.b', false],
  ['*.b', 'a.b', false],
  ['http://a.b', 'a.b', false],
  ['1.2.3.4', '1.2.3.4', true],
  ['1.2.3.4:443', '1.2.3.4', true],
  ['1.2.3.4:80', '1.2.3.4', false],
  ['1.2.3.4', '1.2.3.40', false],
  ['2.3.4', '1.2.3.4', false],
  ['.2.3.4', '1.2.3.4', false],
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.9.9.9/8', '10.0.0.1', true],
  ['172.16.0.0/12', '172.31.255.255', true],
  ['172.16.0.0/12', '172.32.0.0', false],
  ['192.168.1.128/25', '192.168.1.129', true],
  ['192.168.1.128/25', '192.168.1.127', false],
  ['192.168.1.1/32', '192.168.1.1', true],
  ['192.168.1.1/32', '192.168.1.2', false],
  ['0.0.0.0/0', '1.2.3.4', true],
  ['10.0.0.0/33', '10.0.0.0', false],
  ['10.0.0.0/', '10.0.0.0', false],
  ['10.0.0.0/-8', '10.0.0.0', false],
  ['10.0.0.0/8/8', '10.0.0.0', false],
  ['10.0.0/8', '10.0.0.0', false],
  ['10.0.0.256/8', '10.0.0.1', false],
  ['0x0a.0.0.1', '10.0.0.1', false],
  ['10.0.0.0/8', '10.0.0.example', false],
  ['0.0.0.0/0', 'a.b', false],
  ['::1', '::1', true],
  ['[::1]', '::1', true],
  ['[::1]:443', '::1', true],
  ['[::1]:80', '::1', false],
  ['0:0:0:0:0:0:0:1', '::1', true],
  ['::2', '::1', false],
  ['2001:DB8::/32', '2001:db8:ffff::1', true],
  ['[2001:db8::]/32', '2001:db8::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['fe80::/10', 'fe80::1', true],
  ['fe80::/10', 'fec0::1', false],
  ['::/0', '::1', true],
  ['::/129', '::1', false],
  ['::/0', '1.2.3.4', false],
  ['0.0.0.0/0', '::1', false],
  ['::ffff:0:0/96', '::ffff:102:304', true],
  ['1::2::3', '1::3', false],
  ['fe80::1%eth0', 'fe80::1', false],
]

for (const [list, host, exempt] of NO_PROXY) {
  test(`NO_PROXY=${list} and ${host}: ${exempt ? 'direct' : 'through the proxy'}`, () => {
    assert.equal(isExempt(list, host, 443), exempt)
  })
}

test('proxy: no_proxy comes before NO_PROXY, and an empty one is none', () => {
  const exempt = (env: Record<string, string>): boolean =>
    proxyFor(fakeSystem({ env: { HTTPS_PROXY: 'http://p', ...env } }), 'a.b', 443) === undefined
  assert.equal(exempt({ no_proxy: 'a.b' }), true)
  assert.equal(exempt({ NO_PROXY: 'a.b' }), true)
  assert.equal(exempt({ no_proxy: 'x', NO_PROXY: 'a.b' }), false)
  assert.equal(exempt({ no_proxy: '', NO_PROXY: 'a.b' }), true)
})

/** A PEM block around a DER value of 260 bytes, which is all that is looked at here. */
function block(fill: number): string {
  const der = Buffer.concat([Buffer.from([0x30, 0x82, 1, 0]), Buffer.alloc(256, fill)])
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

test('trust: the file of the first variable, all blocks in it, and nothing else', () => {
  const files = { '/a': block(1), '/b': `x\r\n${block(2).replaceAll('\n', '\r\n')}y${block(3)}z` }
  const trust = (env: Record<string, string>): unknown => trustedCertificates(fakeSystem({ env, files }))
  assert.equal(trust({}), undefined)
  assert.deepEqual(trust({ SSL_CERT_FILE: '/b' }), [block(2), block(3)])
  const order = ['SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'PIP_CERT']
  const env: Record<string, string> = {}
  for (const name of order) {
    env[name] = '/a'
    assert.equal(trustVariable(fakeSystem({ env })), name)
    assert.deepEqual(trust(env), [block(1)])
    env[name] = '/b'
  }
})

const BUNDLES: readonly (readonly [file: string, problem: string])[] = [
  ['', 'no certificate in it'],
  ['-----BEGIN PRIVATE KEY-----\n', 'no certificate in it'],
  ['-----BEGIN CERTIFICATE-----', 'a certificate in it is damaged'],
  ['-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', 'a certificate in it is damaged'],
  ['-----BEGIN CERTIFICATE-----\nCANARY!\n-----END CERTIFICATE-----\n', 'a certificate in it is damaged'],
  [block(1).slice(0, 200), 'a certificate in it is damaged'],
  [`${block(1)}${block(2).slice(0, -30)}`, 'a certificate in it is damaged'],
  [`${block(1).slice(0, 200)}\n${block(2)}`, 'a certificate in it is damaged'],
  [block(1).replace('AQEBAQEB', 'AQEB'), 'a certificate in it is damaged'],
]

for (const [file, problem] of BUNDLES) {
  test(`trust: ${JSON.stringify(file.slice(0, 50))}… is an error that names variable and file`, () => {
    const system = fakeSystem({ env: { SSL_CERT_FILE: '/f' }, files: { '/f': file } })
    assert.throws(() => trustedCertificates(system), { code: 'BAD_SETTING', message: `SSL_CERT_FILE names /f: ${problem}` })
  })
}

test('trust: a file that cannot be read is an error that names variable and file', () => {
  for (const problem of ['missing', 'unreadable', 'not a regular file', 'too large'] as const) {
    const system = fakeSystem({ env: { PIP_CERT: '/f' }, files: { '/f': { problem } } })
    assert.throws(() => trustedCertificates(system), { code: 'BAD_SETTING', message: `PIP_CERT names /f: ${problem}` })
  }
})
