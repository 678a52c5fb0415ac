import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  drips, faultyCertificates, floods, GRANT, grantToken, httpAnswer, says, startFaultyServer,
} from '../azure/faulty-server.ts'
import type { Fault, Faults, FaultyServer } from '../azure/faulty-server.ts'
import { runKeyring } from './program.ts'

const HOST = 'login.microsoftonline.com'
const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const TENANT = '00000000-0000-4000-8000-00000000000a'
/** Where the time of the call is to run out. */
const SHORT_S = 2

let directory: string
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'faults '))
  writeFileSync(join(directory, 'ca.pem'), faultyCertificates().bundle)
})
after(() => rmSync(directory, { recursive: true, force: true }))

/** What a person sees, and what the servers saw. */
interface Expected {
  /** The text of the one error line; undefined for a credential. PROXY stands for the proxy. */
  readonly error?: RegExp
  readonly hint?: RegExp
  /** CONNECT requests that came. */
  readonly connects?: number
  /** HTTP requests that came through the tunnel, each with the secret. */
  readonly requests: number
  readonly env?: Readonly<Record<string, string>>
  /** The proxy's URL, in which PORT stands for its port. */
  readonly proxy?: string
  readonly address?: string
  readonly leastMs?: number
  readonly mostMs?: number
  readonly also?: (server: FaultyServer, stderr: string) => void
}

type Row = readonly [name: string, faults: Faults, expected: Expected]

/** Runs the program once against a server of its own. */
async function scenario(faults: Faults, expected: Expected): Promise<void> {
  const server = await startFaultyServer(faults, expected.address)
  try {
    const ended = await runKeyring(['get', FEED, 'me'], {
      HOME: directory,
      HTTPS_PROXY: (expected.proxy ?? 'http://127.0.0.1:PORT').replace('PORT', String(server.port)),
      SSL_CERT_FILE: join(directory, 'ca.pem'),
      AZURE_CLIENT_ID: '00000000-0000-4000-8000-00000000000b',
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_SECRET: 'CANARY-client-secret',
      ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret',
      ARTIFACTS_KEYRING_NOFUSS_RETRIES: '2',
      ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '20',
      ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1',
      ...expected.env,
    }, { limitMs: 20_000 })
    const lines = (level: string): string[] => ended.stderr.split('\n')
      .filter((line) => line.startsWith(`keyring: ${level}: `))
      .map((line) => line.slice(`keyring: ${level}: `.length).replaceAll(/the proxy (127\.0\.0\.1|\[::1\]):\d+/g, 'PROXY'))
    // Only lines of the grammar, and no secret among them.
    assert.match(ended.stderr, /^(keyring: (error|hint|debug): [^\n]*\n)*$/)
    assert.equal(/CANARY/.test(ended.stderr), false, ended.stderr)
    if (expected.error === undefined) {
      assert.deepEqual([ended.status, ended.stdout], [0, 'CANARY-token-of-the-faulty-server\n'], ended.stderr)
      assert.deepEqual(lines('error'), [])
    } else {
      assert.deepEqual([ended.status, ended.stdout], [1, ''], ended.stderr)
      assert.equal(lines('error').length, 1, ended.stderr)
      assert.match(lines('error')[0] ?? '', expected.error)
    }
    assert.match(lines('hint').join('\n'), expected.hint ?? /^$/)
    assert.equal(server.requests.length, expected.requests, ended.stderr)
    assert.equal(server.connects.length, expected.connects ?? expected.requests, ended.stderr)
    // The start of a process on a busy machine is no time of the call.
    const { leastMs = 0, mostMs = 3000 } = expected
    assert.ok(ended.ms >= leastMs && ended.ms < mostMs + 7000, `${ended.ms} ms`)
    expected.also?.(server, ended.stderr)
  } finally {
    await server.close()
  }
}

function inOwnProcesses(title: string, rows: readonly Row[]): void {
  describe(title, { concurrency: 6 }, () => {
    for (const [name, faults, expected] of rows) test(name, () => scenario(faults, expected))
  })
}

const OVER = new RegExp(`^the time of this call was over while waiting for ${HOST}$`)
const BUSY = /^Microsoft Entra is busy or down, try again later$/
const OVER_HINT = /^ARTIFACTS_KEYRING_NOFUSS_TIMEOUT sets how many seconds a call may take$/
const DROPPED = new RegExp(`^no answer from ${HOST}: the connection was dropped$`)
const NOT_HTTP = new RegExp(`^what ${HOST} answers is not HTTP$`)
const NO_TOKEN = new RegExp(`^${HOST} answered 200 without an access token$`)
const HANGS = {
  error: OVER,
  hint: OVER_HINT,
  leastMs: SHORT_S * 1000,
  env: { ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: String(SHORT_S) },
} as const
const HEAD = GRANT.slice(0, GRANT.indexOf('\r\n\r\n') + 4)
const BODY = GRANT.slice(HEAD.length)

inOwnProcesses('the server', [
  ['drops the connection before its answer', { answer: (wire) => wire.end() }, { error: DROPPED, requests: 2 }],
  ['resets it before its answer', { answer: (wire) => wire.reset() }, { error: DROPPED, requests: 2 }],
  ['resets it in its headers', { answer: says(HEAD.slice(0, 30), 'resets') }, { error: DROPPED, requests: 2 }],
  ['resets it in its body', { answer: says(GRANT.slice(0, -10), 'resets') }, { error: DROPPED, requests: 2 }],
  ['ends it in its body', { answer: says(GRANT.slice(0, -10)) }, { error: DROPPED, requests: 2 }],
  ['resets it once', { answer: (wire) => (wire.attempt === 1 ? wire.reset() : grantToken(wire)) }, { requests: 2 }],
  ['is silent', { answer: () => {} }, { ...HANGS, requests: 1 }],
  ['stops in its headers', { answer: says(HEAD.slice(0, 30), 'hangs') }, { ...HANGS, requests: 1 }],
  ['stops in its body', { answer: says(GRANT.slice(0, -10), 'hangs') }, { ...HANGS, requests: 1 }],
  ['drips its headers', { answer: drips(GRANT) }, { ...HANGS, requests: 1 }],
  ['drips its body', { answer: drips(BODY, HEAD) }, { ...HANGS, requests: 1 }],
  ['is slow, but in time', { answer: drips(GRANT.slice(-4), GRANT.slice(0, -4)) }, { requests: 1 }],
  ['sends a length that is too large', { answer: says(GRANT.replace(/(content-length: )/, '$19')) }, { error: DROPPED, requests: 2 }],
  ['sends a length that is too small', { answer: says(GRANT.replace(/content-length: \d+/, 'content-length: 20')) }, { error: NO_TOKEN, requests: 1 }],
  ['sends two lengths', { answer: says(GRANT.replace('\r\n\r\n', '\r\ncontent-length: 5\r\n\r\n')) }, { error: NOT_HTTP, requests: 1 }],
  ['sends an answer that is compressed', { answer: gzipped(0) }, { error: new RegExp(`^the answer of ${HOST} is compressed, which it should not be$`), requests: 1 }],
  ['sends half of one', { answer: gzipped(20) }, { error: new RegExp(`^the answer of ${HOST} is compressed, which it should not be$`), requests: 1 }],
  ['sends a header of 100 MB', { answer: floods('HTTP/1.1 200 OK\r\nx-long: ', 'x') }, { error: tooLarge('the headers of the answer of HOST are too large'), requests: 1, also: sentLittle }],
  ['sends headers without end', { answer: floods('HTTP/1.1 200 OK\r\n', 'x-more: x\r\n') }, { error: tooLarge('the headers of the answer of HOST are too large'), requests: 1, also: sentLittle }],
  ['sends a thousand headers', { answer: says(GRANT.replace('\r\n', `\r\n${'x-more: x\r\n'.repeat(1000)}`)) }, { requests: 1 }],
  ['sends a body of 100 MB', { answer: floods(`HTTP/1.1 200 OK\r\ncontent-length: ${100 * 1024 * 1024}\r\n\r\n`, 'x') }, { error: tooLarge('the answer of HOST is longer than 1048576 bytes'), requests: 1, also: sentLittle }],
  ['sends a body of 100 MB in chunks', { answer: floods('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', `400\r\n${'x'.repeat(1024)}\r\n`) }, { error: tooLarge('the answer of HOST is longer than 1048576 bytes'), requests: 1, also: sentLittle }],
  ['sends a body until the connection ends', { answer: says(`HTTP/1.1 200 OK\r\n\r\n${BODY}`) }, { requests: 1 }],
  ['sends garbage', { answer: says('CANARY garbage\r\n\r\n') }, { error: NOT_HTTP, requests: 1 }],
  ['sends binary garbage', { answer: says(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))) }, { error: NOT_HTTP, requests: 1 }],
  ['sends a bad chunk', { answer: says('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nCANARY\r\n') }, { error: NOT_HTTP, requests: 1 }],
  ['wants to speak another protocol', { answer: says('HTTP/1.1 101 CANARY\r\nconnection: upgrade\r\nupgrade: CANARY\r\n\r\nCANARY') }, { error: /^login\.microsoftonline\.com wants to speak another protocol \(101\)$/, requests: 2 }],
  ['sends interim answers first', { answer: says(`HTTP/1.1 100 X\r\n\r\nHTTP/1.1 103 X\r\nlink: CANARY\r\n\r\n${GRANT}`) }, { requests: 1 }],
  ['sends interim answers without end', { answer: floods('', 'HTTP/1.1 103 CANARY\r\nlink: CANARY\r\n\r\n') }, { error: tooLarge('HOST sends interim answers without end'), requests: 1, also: sentLittle }],
  ['answers 204', { answer: says('HTTP/1.1 204 CANARY\r\n\r\n') }, { error: /^login\.microsoftonline\.com refused to give a token \(204\)$/, requests: 1 }],
  ['answers 401', { answer: says(httpAnswer(401, ['www-authenticate: CANARY'], 'CANARY')) }, { error: /^login\.microsoftonline\.com refused to give a token \(401\)$/, requests: 1 }],
  ['answers 407', { answer: says(httpAnswer(407, ['proxy-authenticate: Basic'])) }, { error: /^login\.microsoftonline\.com refused to give a token \(407\)$/, requests: 1 }],
  ['answers 500 once', { answer: (wire) => (wire.attempt === 1 ? says(httpAnswer(500, []))(wire) : grantToken(wire)) }, { requests: 2 }],
  ['answers 500 for ever', { answer: says(httpAnswer(500, [], 'CANARY')) }, { error: /^login\.microsoftonline\.com refused to give a token \(500\)$/, hint: BUSY, requests: 2 }],
  ['answers 501', { answer: says(httpAnswer(501, [])) }, { error: /\(501\)$/, hint: BUSY, requests: 1 }],
])

const later = (value: () => string, status = 429): Fault => (wire) =>
  wire.attempt === 1 ? says(httpAnswer(status, [`retry-after: ${value()}`]))(wire) : grantToken(wire)
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString()
const NOT_WAITED = { error: /^login\.microsoftonline\.com refused to give a token \((429|503)\)$/, hint: BUSY, requests: 1 } as const

inOwnProcesses('Retry-After', [
  ['of a second', { answer: later(() => '1') }, { requests: 2, leastMs: 1000 }],
  ['of a second with 503', { answer: later(() => '1', 503) }, { requests: 2, leastMs: 1000 }],
  ['as a date', { answer: later(() => inSeconds(3)) }, { requests: 2, leastMs: 1900 }],
  ['as a date that is over', { answer: later(() => inSeconds(-1000)) }, { requests: 2 }],
  ['that is negative', { answer: later(() => '-5') }, { requests: 2 }],
  ['that is no time', { answer: later(() => 'CANARY 5') }, { requests: 2 }],
  ['beyond the end of the call', { answer: later(() => '30') }, { ...NOT_WAITED, also: saysWhy }],
  ['as a date beyond the end of the call', { answer: later(() => inSeconds(30), 503) }, { ...NOT_WAITED, also: saysWhy }],
  ['that is absurd', { answer: later(() => '9'.repeat(400)) }, { ...NOT_WAITED, also: saysWhy }],
])

const untrusted = (cause: string): RegExp => new RegExp(`^${HOST} is not trusted: its certificate ${cause}$`)
const NO_TLS = { error: /^no TLS connection to login\.microsoftonline\.com: the handshake failed \(\w+\)$/, hint: /^something between here and there may answer in its place, such as a firewall$/ } as const
const ONLY_THESE = /^only the certificates that SSL_CERT_FILE names are trusted; add those of a proxy that inspects TLS$/

inOwnProcesses('TLS', [
  ['an expired certificate', { certificate: 'expired' }, { error: untrusted('has expired'), hint: /^check this machine's date and time$/, connects: 1, requests: 0 }],
  ['one that begins tomorrow', { certificate: 'not-yet-valid' }, { error: untrusted('is not valid yet'), hint: /^check this machine's date and time$/, connects: 1, requests: 0 }],
  ['a self-signed one', { certificate: 'self-signed' }, { error: untrusted('is self-signed'), hint: ONLY_THESE, connects: 1, requests: 0 }],
  ['one for another name', { certificate: 'wrong-name' }, { error: untrusted('is for another name'), connects: 1, requests: 0 }],
  ['one of an unknown authority', {}, { error: untrusted('comes from an authority that is not trusted'), hint: /SSL_CERT_FILE or NODE_EXTRA_CA_CERTS$/, env: { SSL_CERT_FILE: '' }, connects: 1, requests: 0 }],
  ['a handshake that never comes', { handshake: () => {} }, { ...HANGS, connects: 1, requests: 0 }],
  ['a handshake that is dropped', { handshake: (wire) => wire.end() }, { error: DROPPED, connects: 2, requests: 0 }],
  ['a handshake that is reset', { handshake: (wire) => wire.reset() }, { error: DROPPED, connects: 2, requests: 0 }],
  ['plain HTTP in its place', { handshake: says(httpAnswer(400, [], 'CANARY')) }, { ...NO_TLS, connects: 1, requests: 0 }],
  ['garbage in its place', { handshake: says('CANARY'.repeat(100)) }, { ...NO_TLS, connects: 1, requests: 0 }],
  ['an alert in its place', { handshake: says(Buffer.from([21, 3, 3, 0, 2, 2, 40])) }, { ...NO_TLS, connects: 1, requests: 0 }],
])

const connect = (text: string, then: 'ends' | 'hangs' = 'ends'): Faults => ({
  connect: (wire) => {
    wire.send(text)
    if (then === 'ends') wire.end()
  },
})
const BASIC = 'proxy-authenticate: Basic realm="CANARY"'
const USER_HINT = /^put user and password into the proxy URL: http:\/\/USER:PASSWORD@HOST:PORT$/
const answered = (status: number): RegExp => new RegExp(`^PROXY answered ${status} when asked to connect to ${HOST}:443$`)

inOwnProcesses('the proxy', [
  ['is not there', {}, { proxy: 'http://127.0.0.1:1', error: /^no answer from PROXY: the connection was refused$/, requests: 0 }],
  ['has a name that does not exist', {}, { proxy: 'http://user:CANARY@no-such-host.invalid:PORT', error: /^no answer from the proxy no-such-host\.invalid:\d+: (there is no such host name|the name could not be looked up)$/, requests: 0 }],
  ['drops the connection', { accept: (wire) => wire.end() }, { error: /^no answer from PROXY: the connection was dropped$/, requests: 0, also: (server) => assert.equal(server.connections(), 2) }],
  ['resets the connection', { accept: (wire) => wire.reset() }, { error: /^no answer from PROXY: the connection was dropped$/, requests: 0 }],
  ['drops it after CONNECT', { connect: (wire) => wire.end() }, { error: /^no answer from PROXY: the connection was dropped$/, connects: 2, requests: 0 }],
  ['hangs before CONNECT', { accept: () => {} }, { ...HANGS, error: /^the time of this call was over while waiting for PROXY$/, requests: 0 }],
  ['hangs after CONNECT', { connect: () => {} }, { ...HANGS, error: /^the time of this call was over while waiting for PROXY$/, connects: 1, requests: 0 }],
  ['hangs in its answer', connect('HTTP/1.1 200 Conn', 'hangs'), { ...HANGS, error: /^the time of this call was over while waiting for PROXY$/, connects: 1, requests: 0 }],
  ['answers garbage', connect('CANARY\r\n\r\n'), { error: /^what PROXY answers is not HTTP$/, connects: 1, requests: 0 }],
  ['has headers without end', { connect: floods('HTTP/1.1 200 OK\r\n', 'x-more: x\r\n') as (wire: Parameters<Fault>[0]) => void }, { error: /^the headers of the answer of PROXY are too large$/, connects: 1, requests: 0, also: sentLittle }],
  ['sends a body after it agreed', connect('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nCANARY', 'hangs'), { error: /^PROXY sent data of its own after it had agreed to connect$/, connects: 1, requests: 0 }],
  ['says how long a body would be', { connect: (wire) => (wire.send('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: CANARY\r\n\r\n'), true) }, { requests: 1 }],
  ['answers 201', { connect: (wire) => (wire.send('HTTP/1.1 201 Created\r\n\r\n'), true) }, { requests: 1 }],
  ['answers 302', connect(httpAnswer(302, ['location: https://CANARY.example/'])), { error: answered(302), connects: 1, requests: 0 }],
  ['answers 403', connect(httpAnswer(403, [], '<html>CANARY')), { error: answered(403), connects: 1, requests: 0 }],
  ['answers 500', connect(httpAnswer(500, [])), { error: answered(500), connects: 1, requests: 0 }],
  ['answers 503 for ever', connect(httpAnswer(503, [], 'CANARY')), { error: answered(503), connects: 2, requests: 0 }],
  ['answers 504 for ever', connect(httpAnswer(504, [])), { error: answered(504), connects: 2, requests: 0 }],
  ['answers 502 once', { connect: (wire) => (wire.attempt === 1 ? wire.send(httpAnswer(502, [])) : wire.send('HTTP/1.1 200 OK\r\n\r\n'), wire.attempt > 1) }, { connects: 2, requests: 1 }],
  ['wants a password', connect(httpAnswer(407, [BASIC]), 'hangs'), { error: /^PROXY wants a user and a password \(407\)$/, hint: USER_HINT, connects: 1, requests: 0 }],
  ['does not take the password', connect(httpAnswer(407, [BASIC]), 'hangs'), { proxy: 'http://user:CANARY@127.0.0.1:PORT', error: /^PROXY does not accept the user and password of its URL \(407\)$/, hint: /^special characters in user and password are percent-encoded: @ is %40$/, connects: 1, requests: 0 }],
  ['wants NTLM', connect(httpAnswer(407, ['proxy-authenticate: Negotiate', 'proxy-authenticate: NTLM CANARY'])), { error: /^PROXY wants a sign-in other than Basic \(407\)$/, hint: /^only Basic is supported; a local proxy such as px or cntlm can do NTLM and Kerberos$/, connects: 1, requests: 0 }],
  ['speaks no TLS although its URL says so', { accept: says(httpAnswer(400, [], 'CANARY')) }, { proxy: 'https://127.0.0.1:PORT', error: /^no TLS connection to PROXY: the handshake failed \(\w+\)$/, hint: /^where the proxy itself does not speak TLS, its URL begins with http:\/\/$/, requests: 0, also: (server) => assert.equal(server.connections(), 1) }],
  ['listens on IPv6 only', {}, { address: '::1', proxy: 'http://[::1]:PORT', requests: 1 }],
  ['listens on IPv6 only and refuses', connect(httpAnswer(403, [])), { address: '::1', proxy: 'http://[::1]:PORT', error: answered(403), connects: 1, requests: 0 }],
  ['listens on IPv4 only', {}, { proxy: 'http://localhost:PORT', requests: 1 }],
])

function tooLarge(text: string): RegExp {
  return new RegExp(`^${text.replace('HOST', HOST)}$`)
}

/** What the machine's buffers hold, and not the flood. */
function sentLittle(server: FaultyServer): void {
  assert.ok(server.sent() < 30 * 1024 * 1024, `${server.sent()} bytes`)
}

function saysWhy(_: FaultyServer, stderr: string): void {
  assert.match(stderr, /^keyring: debug: no time is left to try login\.microsoftonline\.com again, at \d+ ms$/m)
}

function gzipped(missing: number): Fault {
  const body = gzipSync(BODY)
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`
  return says(Buffer.concat([Buffer.from(head), body.subarray(0, body.length - missing)]))
}
