import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { debug, foreignCode, log, oneLine } from '../../src/system/messages.ts'
import { findProgram } from '../../src/system/find-program.ts'
import { configFile, dataFolder, parseKeyringrc, readKeyringrc } from '../../src/system/keyringrc.ts'
import { nodeWorld } from '../../src/system/node.ts'
import { isOn, readToken, Secret, setting, wholeNumber, withoutSecrets } from '../../src/system/settings.ts'
import { fakeSystem, systemError } from './fake-system.ts'

test('a secret prints nowhere', () => {
  const secret = new Secret('CANARY')
  const printed = [`${secret}`, String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ a: [secret] }), Object.keys(secret).join()]
  for (const text of printed) assert.equal(text.includes('CANARY'), false, text)
  assert.equal(secret.reveal(), 'CANARY')
  assert.equal(secret.prefixed('Bearer ').reveal(), 'Bearer CANARY')
})

test('the longest token is 64 KiB', () => {
  assert.equal(readToken('x'.repeat(65_536), 'X')?.reveal().length, 65_536)
  assert.throws(() => readToken('x'.repeat(65_537), 'X'), { code: 'BAD_TOKEN' })
  assert.equal(readToken('~!', 'X')?.reveal(), '~!')
  for (const bad of ['a b', 'a\u00a0b', 'a\x7fb', 'a\x1fb', 'ä']) assert.throws(() => readToken(bad, 'X'), { code: 'BAD_TOKEN' })
})

test('an empty variable is unset, and a number is held within its bounds', () => {
  const env = (value: string) => fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_RETRIES: value } })
  const bounds = { least: 1, most: 10, fallback: 3 }
  const number = (value: string): number => wholeNumber(env(value), 'ARTIFACTS_KEYRING_NOFUSS_RETRIES', bounds)
  assert.equal(setting(env(' '), 'ARTIFACTS_KEYRING_NOFUSS_RETRIES'), undefined)
  assert.deepEqual(['0', '1', '7', '10', '11', '999', '-4', 'junk', '', '1.5', '9'.repeat(30)].map(number), [1, 1, 7, 10, 10, 10, 1, 3, 3, 3, 3])
})

test('a switch is on for 1, true, yes and on in any case', () => {
  const on = (value: string): boolean => isOn(fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_DEBUG: value } }), 'ARTIFACTS_KEYRING_NOFUSS_DEBUG')
  assert.deepEqual(['1', 'TRUE', 'yes', ' On ', '0', 'false', 'no', '', '11'].map(on), [true, true, true, true, false, false, false, false, false])
})

test('every secret variable is taken from the programs we start', () => {
  const env = withoutSecrets()
  assert.ok('ARTIFACTS_KEYRING_NOFUSS_TOKEN' in env && 'AZURE_CLIENT_SECRET' in env)
  assert.equal('PATH' in env, false)
})

test('a line of the log is one line, without control characters, of bounded length', () => {
  const system = fakeSystem()
  log(system, 'error', 'a\r\nb\x1b[31mc\u202e\u2028d\0')
  assert.deepEqual(system.err, ['keyring: error: a b [31mc d\n'])
  assert.equal(oneLine('x'.repeat(5000)).length, 1001)
})

test('debug is silent unless asked for; the log file gets every line with time and process', () => {
  const quiet = fakeSystem()
  debug(quiet, 'x')
  assert.deepEqual(quiet.err, [])
  const loud = fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' } })
  debug(loud, 'x')
  assert.deepEqual(loud.err, ['keyring: debug: x, at 0 ms\n'])
  const filed = fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_LOG: '/log' } })
  debug(filed, 'x')
  log(filed, 'warning', 'y')
  assert.deepEqual(filed.err, ['keyring: warning: y\n'])
  assert.equal(filed.appended.get('/log'), '2026-11-01T00:00:00.000Z 42 keyring: debug: x, at 0 ms\n2026-11-01T00:00:00.000Z 42 keyring: warning: y\n')
})

const CONFIGS: readonly (readonly [name: string, text: string, provider: string | undefined])[] = [
  ['nothing', '', undefined],
  ['a pair', '[artifacts_keyring_nofuss]\nprovider = azure_cli\n', 'azure_cli'],
  ['a colon, CRLF and no spaces', '[artifacts_keyring_nofuss]\r\nprovider:azure_cli\r\n', 'azure_cli'],
  ['a key in upper case', '[artifacts_keyring_nofuss]\nPROVIDER=env_var', 'env_var'],
  ['the last of several', '[artifacts_keyring_nofuss]\nprovider=a\nprovider=b', 'b'],
  ['another section', '[backend]\nprovider=a', undefined],
  ['no section', 'provider=a', undefined],
  ['comments', '# x\n[artifacts_keyring_nofuss]\n; provider=a\n#provider=b\n', undefined],
  ['an empty value', '[artifacts_keyring_nofuss]\nprovider =\n', undefined],
  ['an indented key', '[artifacts_keyring_nofuss]\n  provider = a\n', 'a'],
  ['an indented line below a key', '[artifacts_keyring_nofuss]\nx = y\n  provider=a\n', undefined],
  ['lines that fit nothing', '[\n]\n=\n:x\n[artifacts_keyring_nofuss]\njunk\nprovider=a', 'a'],
  ['an indented section', '[x;y]\n  [artifacts_keyring_nofuss]\r\nprovider=\t"q"\ndefault-keyring:a # b\n', '"q"'],
  ['a section within brackets', '[[artifacts_keyring_nofuss]]\nprovider = a', undefined],
  ['[DEFAULT]', '[DEFAULT]\nprovider = a\n[artifacts_keyring_nofuss]\n', 'a'],
  ['[DEFAULT] without our section', '[DEFAULT]\nprovider = a\n', undefined],
  ['a value on the next line', '[artifacts_keyring_nofuss]\nprovider =\n  azure_cli\n', 'azure_cli'],
  ['a value of two lines', '[artifacts_keyring_nofuss]\nprovider = a\n  # note\n\n  b', 'a\nb'],
  ['a section that looks like more of the value', '[artifacts_keyring_nofuss]\nprovider = a\n [backend]', 'a\n[backend]'],
  ['a section named like every object', '[__proto__]\nprovider=a', undefined],
]

for (const [name, text, provider] of CONFIGS) {
  test(`keyringrc.cfg: ${name}`, () => {
    assert.equal(parseKeyringrc(text).provider, provider)
  })
}

test('keyringrc.cfg: an unreadable one is a warning, a missing one is none', () => {
  const at = '/h/.config/python_keyring/keyringrc.cfg'
  const unreadable = fakeSystem({ env: { HOME: '/h' }, files: { [at]: { problem: 'unreadable' } } })
  assert.equal(readKeyringrc(unreadable).provider, undefined)
  assert.deepEqual(unreadable.err, [`keyring: warning: ignoring ${at}: unreadable\n`])
  const missing = fakeSystem({ env: { HOME: '/h' } })
  readKeyringrc(missing)
  readKeyringrc(fakeSystem())
  assert.deepEqual(missing.err, [])
})

test("Python keyring's folders, on each platform", () => {
  const linux = fakeSystem({ env: { HOME: '/h' } })
  assert.equal(configFile(linux), '/h/.config/python_keyring/keyringrc.cfg')
  assert.equal(dataFolder(linux), '/h/.local/share/python_keyring')
  const xdg = fakeSystem({ env: { HOME: '/h', XDG_CONFIG_HOME: '/c', XDG_DATA_HOME: '/d' } })
  assert.deepEqual([configFile(xdg), dataFolder(xdg)], ['/c/python_keyring/keyringrc.cfg', '/d/python_keyring'])
  const windows = fakeSystem({ platform: 'win32', env: { LOCALAPPDATA: 'C:\\U\\L' } })
  assert.equal(configFile(windows), 'C:\\U\\L\\Python Keyring\\keyringrc.cfg')
  assert.equal(configFile(fakeSystem({ platform: 'win32' })), undefined)
  assert.equal(configFile(fakeSystem()), undefined)
  assert.equal(configFile(fakeSystem({ home: '/os' })), '/os/.config/python_keyring/keyringrc.cfg')
})

test('a program is found on absolute entries of PATH, with the endings of Windows there', () => {
  const programs = { '/a b/x': () => ({ ended: 'not-started' as const }), 'C:\\t\\x.exe': () => ({ ended: 'not-started' as const }) }
  assert.equal(findProgram(fakeSystem({ env: { PATH: '.:/z:/a b/' }, programs }), 'x'), '/a b/x')
  assert.equal(findProgram(fakeSystem({ env: { PATH: 'rel;C:\\t' }, programs, platform: 'win32' }), 'x'), 'C:\\t\\x.exe')
  assert.equal(findProgram(fakeSystem({ programs }), 'x'), undefined)
})

test('the code of a foreign error is found behind its causes, and nothing else of it', () => {
  assert.equal(foreignCode(systemError('ENOENT')), 'ENOENT')
  assert.equal(foreignCode(new TypeError('fetch failed', { cause: systemError('ECONNRESET') })), 'ECONNRESET')
  assert.equal(foreignCode(new Error('x')), undefined)
  assert.equal(foreignCode('x'), undefined)
  const loop = new Error('x')
  loop.cause = loop
  assert.equal(foreignCode(loop), undefined)
})

test('a file that says that it is empty is read to its end', { skip: existsSync('/proc/self/smaps') ? false : 'there is no /proc' }, () => {
  assert.equal(statSync('/proc/self/smaps').size, 0)
  const { readFile } = nodeWorld(() => () => Promise.reject(new Error('no network here')))
  const file = readFile('/proc/self/smaps', 64 * 1_048_576)
  assert.ok('text' in file)
  assert.ok(file.text.length > 20_000, `${file.text.length} characters`)
  assert.deepEqual(readFile('/proc/self/smaps', 1000), { problem: 'too large' })
})
