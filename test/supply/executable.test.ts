import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { clientPath, clientsDirectory } from '../clients/installed.ts'
import { BIN, logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'
import { executablePath, platformName } from './executable-path.ts'
import { nodeVersions } from './node-versions.ts'
import { root, run } from './run.ts'
import { singleScript } from './single-script.ts'
import { windowsNodePath } from './windows-node.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const keyring = executablePath(platformName())
const builds = Number(process.versions.node.split('.')[0]) >= 26 || existsSync(join(clientsDirectory, 'node-26', 'bin', 'node'))
const skip = !builds && 'needs Node 26: run npm run nodes'
const windows = process.platform === 'win32'

let azure: StandIn
let machine: Machine

before(async () => {
  azure = await startStandIn()
  // The script rather than `npm run exe`: what is built is what the other tests are running.
  const args = ['--import', 'tsx', 'test/supply/executable.ts']
  if (builds) await run(process.execPath, args, { timeoutMs: 300_000 })
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** A call of the executable, and the same of bin/keyring.js. Neither finds a `node` on PATH. */
async function both(args: readonly string[], env: Readonly<Record<string, string>>): Promise<readonly [Ended, Ended]> {
  // Windows' own programs and sockets need its folder.
  const base = windows ? { SystemRoot: process.env['SystemRoot'] ?? '' } : {}
  const all = { ...base, ...machine.env, ...NOWHERE, ...env }
  const single = await runProgram(keyring, args, all)
  const plain = await runProgram(process.execPath, [BIN, ...args], all)
  for (const { stderr } of [single, plain]) assert.equal(stderr.includes('CANARY'), false)
  return [single, plain]
}

function same([single, plain]: readonly [Ended, Ended], status: number): Ended {
  assert.deepEqual([single.status, single.stdout, single.stderr], [plain.status, plain.stdout, plain.stderr])
  assert.equal(single.status, status, single.stderr)
  return single
}

const CALLS: readonly (readonly [number, ...string[]])[] = [
  [0, '--version'],
  [0, '--help'],
  [0, '--list-backends'],
  [2],
  [2, '--nonsense'],
  [2, 'get'],
  [1, 'get', 'https://example.org/', 'me'],
  [1, 'get', 'http://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/', 'me'],
  [1, 'get', FEED, 'me'],
  [1, 'set', FEED, 'me'],
  [1, 'mint-token'],
]

for (const [status, ...args] of CALLS) {
  test(`keyring ${args.join(' ')}: as bin/keyring.js answers`, { skip }, async () => {
    same(await both(args, {}), status)
  })
}

test('it can be started by the path of a script, its own, as a program does that starts itself again', { skip }, async () => {
  const ended = await runProgram(keyring, [keyring, '--version'], machine.env)
  assert.equal(ended.status, 0, ended.stderr)
  assert.match(ended.stdout, /artifacts-keyring-nofuss/)
  const other = await runProgram(keyring, [`${keyring}x`, '--version'], machine.env)
  assert.equal(other.status, (await runProgram(process.execPath, [BIN, `${keyring}x`, '--version'], machine.env)).status)
})

test('a token in a variable is the password, without a request', { skip }, async () => {
  const env = { ...azure.environment(), ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'CANARY-pat' }
  const ended = same(await both(['--mode=creds', '--output=json', 'get', FEED, 'me'], env), 0)
  assert.deepEqual(JSON.parse(ended.stdout), { username: 'me', password: 'CANARY-pat' })
  assert.deepEqual(azure.requests, [])
})

test("a user's token is exchanged: the same two requests", { skip }, async () => {
  const env = { ...azure.environment(), ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintUserToken() }
  const [single, plain] = await both(['get', FEED, 'me'], env)
  assert.deepEqual([single.status, plain.status], [0, 0], single.stderr)
  assert.match(single.stdout, /^\S+\n$/)
  const sent = azure.requests.map(({ host, method, path }) => [host, method, path])
  assert.equal(sent.length, 4)
  assert.deepEqual(sent.slice(0, 2), sent.slice(2))
})

test('NODE_EXTRA_CA_CERTS adds to its certificates too', { skip }, async () => {
  const env = { HTTPS_PROXY: azure.proxyUrl, ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintUserToken() }
  const [single] = await both(['get', FEED, 'me'], { ...env, NODE_EXTRA_CA_CERTS: azure.caFile })
  assert.equal(single.status, 0, single.stderr)
  same(await both(['get', FEED, 'me'], env), 1)
})

test('it starts az, and the feed takes what it prints', { skip: skip || (windows && 'the fake az is a shell script') }, async () => {
  const log = join(machine.home, 'az.log')
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const [single] = await both(['get', FEED, 'me'], { ...azure.environment(), PATH: `${machine.programs}:/usr/bin:/bin` })
  assert.equal(single.status, 0, single.stderr)
  assert.equal(logLines(log).length, 2)
})

const uv = clientPath('uv')
test('uv installs with it', { skip: skip || (uv === undefined && 'not installed: run npm run clients') }, async () => {
  const site = join(machine.home, 'site')
  const env = {
    ...machine.env,
    ...NOWHERE,
    ...azure.environment(),
    ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintUserToken(),
    PATH: `${join(root, 'build', platformName())}:/usr/bin:/bin`,
    UV_NO_CACHE: '1',
    UV_PYTHON_DOWNLOADS: 'never',
  }
  const index = FEED.replace('//', '//me@')
  const args = ['pip', 'install', '--no-config', '--no-deps', '--python', await pythonPath(), '--target', site, '--keyring-provider', 'subprocess', '--index-url', index, 'private-package']
  const ended = await runProgram(uv ?? '', args, env)
  assert.equal(ended.status, 0, ended.stderr)
  assert.match(readFileSync(join(site, 'private_package', '__init__.py'), 'utf8'), /\S/)
})

async function pythonPath(): Promise<string> {
  return (await run('python3', ['-c', 'import sys; print(sys.executable)'], { timeoutMs: 60_000 })).trim()
}

test('its script is every file of dist, unchanged, and nothing but a loader besides', () => {
  const text = singleScript(join(root, 'dist'))
  const paths = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'))
  let rest = text
  for (const path of paths) {
    const source = readFileSync(join(root, 'dist', path), 'utf8').trimEnd()
    const module = `'${path.replaceAll('\\', '/')}'(require, exports) {\n${source}\n},\n`
    assert.ok(rest.includes(module), path)
    rest = rest.replace(module, () => '')
  }
  assert.ok(rest.split('\n').filter((line) => line.trim() !== '').length < 22)
  assert.doesNotMatch(rest, /\beval\b|\bFunction\b|\bimport\b/)
  assert.equal(text, singleScript(join(root, 'dist')))
})

test('the executable holds that script, and is the same when it is made again', { skip }, async () => {
  const first = readFileSync(keyring)
  assert.ok(first.includes(singleScript(join(root, 'dist'))))
  await run(process.execPath, ['--import', 'tsx', 'test/supply/executable.ts'], { timeoutMs: 300_000 })
  assert.ok(first.equals(readFileSync(keyring)))
})

// Nothing here can start it; that is for the workflow's Windows machine.
const crossBuilds = process.platform === 'linux' && existsSync(windowsNodePath)
test('keyring.exe is made of Node for Windows: a console program for x64 that holds the script', { skip: skip || (!crossBuilds && 'run npm run exe -- win-x64') }, async () => {
  const node = join(clientsDirectory, 'node-26', 'bin', 'node')
  const version = (await run(node, ['--version'], { timeoutMs: 60_000 })).trim()
  assert.equal(version, `v${nodeVersions.at(-1)}`)
  await run(process.execPath, ['--import', 'tsx', 'test/supply/executable.ts', 'win-x64'], { timeoutMs: 300_000 })
  const file = readFileSync(executablePath('win-x64'))
  assert.equal(file.toString('latin1', 0, 2), 'MZ')
  const header = file.readUInt32LE(0x3c)
  assert.equal(file.toString('latin1', header, header + 4), 'PE\0\0')
  // PE/COFF: machine AMD64; optional header PE32+, subsystem 3 is the console.
  assert.equal(file.readUInt16LE(header + 4), 0x8664)
  assert.equal(file.readUInt16LE(header + 24), 0x20b)
  assert.equal(file.readUInt16LE(header + 24 + 68), 3)
  assert.ok(file.includes(singleScript(join(root, 'dist'))))
  // Node looks for a script only when this is 1.
  assert.ok(file.includes('NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1'))
})
