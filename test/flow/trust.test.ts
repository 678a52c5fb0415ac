import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { createAuthority } from '../azure/certificates.ts'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { NOWHERE, runKeyring } from './program.ts'
import type { Ended } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
/** In the order in which they are looked at. */
const VARIABLES = ['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE'] as const
const APPLICATION = {
  ...NOWHERE,
  AZURE_CLIENT_ID: SECRET_CLIENT_ID,
  AZURE_TENANT_ID: CONTOSO_TENANT,
  AZURE_CLIENT_SECRET: CLIENT_SECRET,
  ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret',
}

let azure: StandIn
let directory: string
let right: string
let wrong: string

before(async () => {
  azure = await startStandIn()
  directory = mkdtempSync(join(tmpdir(), 'trust of a user '))
  right = readFileSync(azure.caFile, 'utf8')
  wrong = file('another authority.pem', createAuthority().certificate)
})
after(async () => {
  await azure.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(() => azure.reset())

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

/** Asks with these variables of trust and no others. */
function get(env: Readonly<Record<string, string>>): Promise<Ended> {
  const { HTTPS_PROXY } = azure.environment()
  return runKeyring(['get', FEED, 'me'], { ...APPLICATION, HTTPS_PROXY: HTTPS_PROXY ?? '', ...env }, { limitMs: 20_000 })
}

function trusted(ended: Ended): void {
  assert.deepEqual([ended.status, ended.stderr], [0, ''])
  assert.match(ended.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
}

function refused(ended: Ended, error: RegExp): void {
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /^keyring: error: [^\n]*\n(keyring: hint: [^\n]*\n)?$/)
  assert.match(ended.stderr, error)
  assert.equal(ended.stderr.includes('CANARY'), false, ended.stderr)
  assert.deepEqual(azure.requests, [])
}

for (const [index, name] of VARIABLES.entries()) {
  test(`${name}: the only certificates that are trusted, and it comes before those after it`, async () => {
    const later = Object.fromEntries(VARIABLES.slice(index + 1).map((other) => [other, join(directory, 'missing')]))
    trusted(await get({ [name]: azure.caFile, ...later }))
    const right = Object.fromEntries(VARIABLES.slice(index + 1).map((other) => [other, azure.caFile]))
    azure.reset()
    const ended = await get({ [name]: wrong, ...right })
    refused(ended, /^keyring: error: login\.microsoftonline\.com is not trusted: its certificate comes from an authority that is not trusted$/m)
    assert.ok(ended.stderr.includes(`keyring: hint: only the certificates that ${name} names are trusted`), ended.stderr)
    assert.equal(azure.connects.length, 1)
  })
}

test('an empty variable is none', async () => {
  trusted(await get({ PIP_CERT: '', REQUESTS_CA_BUNDLE: ' ', SSL_CERT_FILE: azure.caFile }))
})

test("NODE_EXTRA_CA_CERTS adds to Node's own certificates, and not to a bundle", async () => {
  trusted(await get({ NODE_EXTRA_CA_CERTS: azure.caFile }))
  azure.reset()
  refused(await get({ NODE_EXTRA_CA_CERTS: azure.caFile, SSL_CERT_FILE: wrong }), /only the certificates that SSL_CERT_FILE names/)
})

test('without any of them the certificate of the stand-in is refused, and the hint names two', async () => {
  refused(await get({}), /^keyring: hint: where a proxy inspects TLS, name its certificates in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS$/m)
})

test('NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing and prints nothing', async () => {
  refused(await get({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }), /is not trusted/)
  azure.reset()
  trusted(await get({ NODE_TLS_REJECT_UNAUTHORIZED: '0', SSL_CERT_FILE: azure.caFile }))
})

const oneLine = (pem: string): string => pem.replace(/(?<=[\w+/=])\n(?=[\w+/=])/g, '')
const GOOD: readonly (readonly [name: string, content: () => string | Uint8Array])[] = [
  ['text between the blocks', () => `# Issuer: CN=x\n# "CANARY"\n${rootCertificates[0]}\n\nBag Attributes\n  a: b\n${right}\nend`],
  ['CRLF', () => `${rootCertificates[0]}\n${right}`.replaceAll('\n', '\r\n')],
  ['a byte order mark', () => `\ufeff${right}`],
  ['Latin-1 comments', () => Buffer.from(`# Autorité de certification: Türktrust\n${right}`, 'latin1')],
  ['no line break at its end', () => right.trim()],
  ['base64 in one line', () => oneLine(right)],
  ['a key beside the certificate', () => `-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n${right}`],
  ['every root of the world', () => `${rootCertificates.join('\n')}\n${right}`],
]

for (const [name, content] of GOOD) {
  test(`a bundle with ${name}`, async () => {
    trusted(await get({ SSL_CERT_FILE: file('bundle.pem', content()) }))
  })
}

const BAD: readonly (readonly [name: string, path: () => string, problem: string])[] = [
  ['missing', () => join(directory, 'missing'), 'missing'],
  ['below a file', () => join(azure.caFile, 'x'), 'missing'],
  ['a directory', () => folder('folder'), 'not a regular file'],
  ['unreadable', () => loop('loop'), 'unreadable'],
  ['empty', () => file('empty.pem', ''), 'no certificate in it'],
  ['no PEM', () => file('der.pem', Buffer.from([0x30, 0x82, 1, 0, 255])), 'no certificate in it'],
  ['UTF-16', () => file('utf16.pem', Buffer.from(right, 'utf16le')), 'no certificate in it'],
  ['only a key', () => file('key.pem', '-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n'), 'no certificate in it'],
  ['cut in a certificate', () => file('cut.pem', right.slice(0, 300)), 'a certificate in it is damaged'],
  ['cut in its last certificate', () => file('cut2.pem', `${right}${right.slice(0, 300)}`), 'a certificate in it is damaged'],
  ['one that lacks an end in the middle', () => file('cut3.pem', `${right.slice(0, 300)}\n${right}`), 'a certificate in it is damaged'],
  ['one with a short certificate', () => file('short.pem', `${right}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`), 'a certificate in it is damaged'],
  ['one with a line left out', () => file('line.pem', right.split('\n').toSpliced(3, 1).join('\n')), 'a certificate in it is damaged'],
  ['one with other characters', () => file('chars.pem', right.replace(/\n(?=M)/, '\n<CANARY>')), 'a certificate in it is damaged'],
]

for (const [name, path, problem] of BAD) {
  test(`a bundle that is ${name}: the error names variable and file, before any connection`, async () => {
    const ended = await get({ REQUESTS_CA_BUNDLE: path(), SSL_CERT_FILE: azure.caFile })
    refused(ended, /error/)
    assert.equal(ended.stderr, `keyring: error: REQUESTS_CA_BUNDLE names ${path()}: ${problem}\n`)
    assert.deepEqual(azure.connects, [])
  })
}

function folder(name: string): string {
  mkdirSync(join(directory, name), { recursive: true })
  return join(directory, name)
}

/** A link to itself: the tests of a container run as root, who may read every file. */
function loop(name: string): string {
  rmSync(join(directory, name), { force: true })
  symlinkSync(name, join(directory, name))
  return join(directory, name)
}
