import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { answer } from '../../src/cli/answer.ts'
import { parseArguments } from '../../src/cli/parse-arguments.ts'
import { run } from '../../src/cli/run.ts'
import { Secret } from '../../src/system/settings.ts'
import { VERSION } from '../../src/version.ts'
import { fakeSystem } from './fake-system.ts'
import type { FakeSystem, FakeWorld } from './fake-system.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const PAT: FakeWorld = { env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'TOKEN' } }

async function keyring(argv: readonly string[], world: FakeWorld = PAT): Promise<{ readonly status: number; readonly out: string; readonly err: string; readonly system: FakeSystem }> {
  const system = fakeSystem(world)
  const status = await run(argv, system)
  assert.ok(system.out.length <= 1, 'stdout is written once')
  return { status, out: system.out.join(''), err: system.err.join(''), system }
}

const PLAIN = 'TOKEN\n'
const CREDS = 'VssSessionToken\nTOKEN\n'
const FOUND: readonly (readonly [argv: readonly string[], out: string])[] = [
  [['get', FEED, 'VssSessionToken'], PLAIN],
  [['get', FEED, 'anything-else'], PLAIN],
  [['get', FEED, '__token__'], PLAIN],
  [['--mode=creds', '--output=json', 'get', FEED], '{"username": "VssSessionToken", "password": "TOKEN"}\n'],
  [['--mode=creds', '--output=json', 'get', FEED, 'me'], '{"username": "me", "password": "TOKEN"}\n'],
  [['--mode=creds', '--output=json', 'get', FEED, 'mé"😀'], '{"username": "m\\u00e9\\"\\ud83d\\ude00", "password": "TOKEN"}\n'],
  [['get', FEED, '--mode', 'creds'], CREDS],
  [['--mode=creds', 'get', FEED, ''], CREDS],
  [['--mode', 'creds', 'get', FEED, 'me'], 'me\nTOKEN\n'],
  [['--mode=password', 'get', FEED, 'me'], PLAIN],
  [['get', FEED, ''], PLAIN],
  [['--output', 'json', 'get', FEED, 'me'], '{"password": "TOKEN"}\n'],
  [['get', '--mode', 'creds', FEED], CREDS],
  [['get', '--mode=creds', FEED, '--output=plain'], CREDS],
  [['get', '--', FEED, 'me'], PLAIN],
  [['--', 'get', FEED, '--mode'], PLAIN],
  [['get', FEED, '-'], PLAIN],
  [['get', FEED, '-7'], PLAIN],
  [['get', FEED, '-x y'], PLAIN],
  [['--mod', 'creds', 'get', FEED], CREDS],
  [['--m=creds', 'get', FEED], CREDS],
  [['--out=json', 'get', FEED, 'me'], '{"password": "TOKEN"}\n'],
  [['-p', '/x', 'get', FEED, 'me'], PLAIN],
  [['-p/x', 'get', FEED, 'me'], PLAIN],
  [['get', FEED, 'me', '--keyring-path=/x'], PLAIN],
  [['-b', 'artifacts_keyring_nofuss.Keyring', 'get', FEED, 'me'], PLAIN],
  [['--mode=creds', '--mode=password', 'get', FEED, 'me'], PLAIN],
]

for (const [argv, out] of FOUND) {
  test(`keyring ${argv.map((text) => JSON.stringify(text)).join(' ')}`, async () => {
    assert.deepEqual(await keyring(argv).then(({ status, out: text, err }) => [status, text, err]), [0, out, ''])
  })
}

const USAGE: readonly (readonly [argv: readonly string[], message: string])[] = [
  [[], 'Specify operation (get, set, del, diagnose).'],
  [['get'], 'get requires service and username'],
  [['get', FEED], 'get requires service and username'],
  [['--mode', 'creds', 'get'], 'get requires service'],
  [['set', FEED], 'set requires service and username'],
  [['del', FEED], 'del requires service and username'],
  [['--mode=creds', 'del', FEED], 'del requires service and username'],
  [['bogus'], "argument operation: invalid choice: 'bogus' (choose from 'get', 'set', 'del', 'diagnose')"],
  [[''], "argument operation: invalid choice: '' (choose from 'get', 'set', 'del', 'diagnose')"],
  [['--bogus'], 'unrecognized arguments: --bogus'],
  [['get', FEED, 'me', 'more'], 'unrecognized arguments: …'],
  [['get', FEED, 'me', '--x', 'hunter2'], 'unrecognized arguments: --x …'],
  [['get', FEED, 'me', '--x=hunter2'], 'unrecognized arguments: --x'],
  [['get', FEED, 'me', 'https://u:hunter2@h/'], 'unrecognized arguments: …'],
  [['https://u:hunter2@h/'], "argument operation: invalid choice: '…' (choose from 'get', 'set', 'del', 'diagnose')"],
  [['--mode', 'foo', 'get', FEED], "argument --mode: invalid choice: 'foo' (choose from 'password', 'creds')"],
  [['--output=xml', 'get', FEED], "argument --output: invalid choice: 'xml' (choose from 'plain', 'json')"],
  [['get', FEED, '--mode'], 'argument --mode: expected one argument'],
  [['--mode', '--output=json', 'get', FEED], 'argument --mode: expected one argument'],
  [['--keyring=x', 'get'], 'ambiguous option: --keyring could match --keyring-path, --keyring-backend'],
  [['--disable=x'], 'argument --disable: ignored explicit argument'],
  [['-b', 'os.path.bar', 'get', FEED, 'me'], 'Unable to load specified keyring: there is none here'],
]

for (const [argv, message] of USAGE) {
  test(`wrong usage: keyring ${argv.join(' ')}`, async () => {
    const { status, out, err } = await keyring(argv)
    assert.deepEqual([status, out], [2, ''])
    assert.match(err, /^usage: keyring /)
    assert.equal(err.trimEnd().split('\n').at(-1), `keyring: error: ${message}`)
    assert.equal(err.includes('hunter2'), false)
  })
}

test('the words that pip and uv take for an outdated keyring are in no usage text', async () => {
  const { err } = await keyring(['--mode=creds', 'get'])
  assert.equal(err.includes('unrecognized arguments'), false)
})

test('help, version, list of backends and diagnose answer on stdout', async () => {
  const help = await keyring(['--help', '--mode', 'bogus'])
  assert.equal(help.status, 0)
  assert.match(help.out, /^usage: keyring/)
  assert.equal((await keyring(['-h'])).out, help.out)
  assert.equal((await keyring(['--version'])).out, `keyring-compatible artifacts-keyring-nofuss ${VERSION}\n`)
  assert.match((await keyring(['--list-backends'])).out, /^[\w.]+ \(priority: [\d.]+\)\n$/)
  const home = { env: { HOME: '/h' } }
  const at = '/h/.config/python_keyring/keyringrc.cfg'
  assert.equal((await keyring(['diagnose'], home)).out, `config path: ${at} (absent)\ndata root: /h/.local/share/python_keyring\n`)
  assert.equal((await keyring(['diagnose'], { ...home, files: { [at]: '' } })).out, `config path: ${at}\ndata root: /h/.local/share/python_keyring\n`)
  assert.equal((await keyring(['diagnose'], {})).status, 0)
})

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
  assert.equal(VERSION, version)
})

test('set and del change nothing and say so', async () => {
  for (const [operation, message] of [['set', 'nothing was stored'], ['del', 'there is nothing to delete']] as const) {
    const { status, out, err } = await keyring([operation, FEED, 'me'])
    assert.deepEqual([status, out, err], [1, '', `keyring: error: this keyring is read-only: ${message}\n`])
  }
})

test('the null backend finds nothing and keeps nothing, by option and by variable', async () => {
  const name = 'keyring.backends.null.Keyring'
  const env = { env: { ...PAT.env, PYTHON_KEYRING_BACKEND: name } }
  for (const [argv, status] of [[['get', FEED, 'me'], 1], [['set', FEED, 'me'], 0], [['del', FEED, 'me'], 0]] as const) {
    const option = await keyring(['-b', name, ...argv])
    const variable = await keyring(argv, env)
    assert.deepEqual([option.status, option.out, option.err], [status, '', ''])
    assert.deepEqual([variable.status, variable.out, variable.err], [status, '', ''])
  }
  const foreign = await keyring(['get', FEED, 'me'], { env: { ...PAT.env, PYTHON_KEYRING_BACKEND: 'some.Backend' } })
  assert.equal(foreign.out, PLAIN)
})

test('--disable writes the file that Python keyring writes, once', async () => {
  const { status, system } = await keyring(['--disable'], { env: { HOME: '/h' } })
  assert.equal(status, 0)
  assert.deepEqual([...system.created], [['/h/.config/python_keyring/keyringrc.cfg', '[backend]\ndefault-keyring=keyring.backends.null.Keyring\n']])
  const again = await keyring(['--disable'], { env: { HOME: '/h' }, files: { '/h/.config/python_keyring/keyringrc.cfg': '' } })
  assert.deepEqual([again.status, again.err], [1, 'keyring: error: refusing to overwrite /h/.config/python_keyring/keyringrc.cfg\n'])
  assert.equal((await keyring(['--disable'], {})).status, 1)
})

test('a service that is not ours ends in silence', async () => {
  for (const service of ['https://index.example/simple/', 'pdm-pypi-x', 'github', 'files.example.com:8443', '']) {
    assert.deepEqual(await keyring(['get', service, 'me']).then(({ status, out, err }) => [status, out, err]), [1, '', ''])
  }
})

test('an error is one line and hints, lower case, without a period', async () => {
  const { status, out, err } = await keyring(['get', FEED, 'me'], { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9' }, fetch: () => Object.assign(new Error(), { code: 'ECONNREFUSED' }) })
  assert.deepEqual([status, out], [1, ''])
  assert.match(err, /^keyring: error: [^\n]*[^.\n]\nkeyring: hint: [^\n]*[^.\n]\n$/)
})

test('a user name that would break the lines of the answer is refused', async () => {
  const { status, out, err } = await keyring(['--mode=creds', 'get', FEED, 'a\nb'])
  assert.deepEqual([status, out, err], [1, '', 'keyring: error: the username contains a control character\n'])
})

test('a bug is told without its message', async () => {
  const system = { ...fakeSystem({ env: { HOME: '/h' } }), readFile: () => { throw new RangeError('CANARY') } }
  assert.equal(await run(['get', FEED, 'me'], system), 1)
  assert.deepEqual(system.err, ['keyring: error: internal error (RangeError); please report it\n'])
})

test('an answer that cannot be written is a failure', async () => {
  assert.equal(await run(['get', FEED, 'me'], { ...fakeSystem(PAT), writeOut: () => false }), 1)
})

test('a call whose time is over ends, whatever it waits for', async () => {
  const system = { ...fakeSystem(PAT), drainInput: () => new Promise<never>(() => {}) }
  const limited = { ...system, limit: (ms: number, expired: () => void) => { setTimeout(expired, ms / 10_000); return () => {} } }
  assert.equal(await run(['set', FEED, 'me'], limited), 1)
  assert.match(system.err.join(''), /^keyring: error: the time of this call is over\nkeyring: hint: /)
})

test('the answer repeats the requested user name, in both forms', () => {
  const credential = { username: 'bearer', password: new Secret('p') }
  assert.equal(answer(credential, { mode: 'creds', output: 'plain', username: undefined }), 'bearer\np\n')
  assert.equal(answer(credential, { mode: 'creds', output: 'plain', username: 'u' }), 'u\np\n')
})

test('parsing never throws and keeps the positionals in their order', () => {
  const parsed = parseArguments(['--output', 'json', 'get', 'a', '--mode', 'creds', 'b'])
  assert.ok(parsed.kind === 'arguments')
  assert.deepEqual([parsed.operation, parsed.service, parsed.username, ...parsed.options], ['get', 'a', 'b', ['--output', 'json'], ['--mode', 'creds']])
})

const DELEGATE = { ARTIFACTS_KEYRING_NOFUSS_DELEGATE: 'true' }

test('on Windows the other keyring is an .exe of an absolute folder, in a PATH with semicolons', async () => {
  const own = 'C:\\npm\\keyring.exe'
  const theirs = 'D:\\Python\\Scripts\\keyring.exe'
  const found = { [own]: () => ({ ended: 'signal' }) as const, [theirs]: () => ({ ended: 'signal' }) as const, 'x\\keyring.exe': () => ({ ended: 'signal' }) as const }
  const env = { ...DELEGATE, PATH: 'x;C:\\npm;D:\\Python\\Scripts\\' }
  const { status, system } = await keyring(['get', 'github', 'me'], { platform: 'win32', env, programs: found, thisProgram: own })
  assert.equal(status, 7)
  assert.deepEqual(system.executed.map(({ program, args }) => [program, args]), [[theirs, ['get', 'github', 'me']]])
  assert.equal(system.executed[0]?.env['ARTIFACTS_KEYRING_NOFUSS_DELEGATED'], theirs)
})

test('a debug line says to whom a service is left', async () => {
  const env = { ...DELEGATE, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' }
  const nobody = await keyring(['get', 'github', 'me'], { env })
  assert.match(nobody.err, /^keyring: debug: the service is left to nobody: there is no other keyring on PATH, at \d+ ms\n/m)
  const somebody = await keyring(['get', 'github', 'me'], { env: { ...env, PATH: '/b' }, programs: { '/b/keyring': () => ({ ended: 'signal' }) } })
  assert.match(somebody.err, /^keyring: debug: the service is left to \/b\/keyring, at \d+ ms\n/m)
})

test("a failure of pip's call is shown on the terminal as it is on stderr, a success is not", async () => {
  const asked = ['--mode=creds', '--output=json', 'get', FEED]
  const failed = await keyring(asked, { env: { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' } })
  assert.equal(failed.status, 1)
  assert.deepEqual(failed.system.shown, [failed.err])
  assert.deepEqual((await keyring(asked)).system.shown, [])
  assert.deepEqual((await keyring(['get', FEED, 'me'], { env: {} })).system.shown, [])
})
