import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { clientPath } from '../clients/installed.ts'
import { BIN, logLines, newMachine, runKeyring, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'

const FOREIGN = 'https://index.example/simple/'
const GUARD = 'ARTIFACTS_KEYRING_NOFUSS_DELEGATED'
const SECRETS = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'CANARYtoken', AZURE_CLIENT_SECRET: 'CANARYsecret', SYSTEM_ACCESSTOKEN: 'CANARYaccess' }

let machine: Machine
let other: string
let env: Readonly<Record<string, string>>
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
  other = join(machine.home, 'other')
  mkdirSync(other)
  symlinkSync(process.execPath, join(machine.programs, 'node'))
  symlinkSync(BIN, join(machine.programs, 'keyring'))
  env = { ...machine.env, PATH: `${machine.programs}:${other}:/usr/bin:/bin`, ARTIFACTS_KEYRING_NOFUSS_DELEGATE: '1' }
})

/** Another `keyring`, which tells a file what it was given and ends in its own way. */
function writeOther(more = ''): void {
  const script = `#!/bin/sh
for word in "$@"; do printf '<%s>' "$word"; done >> '${machine.home}/arguments'
echo >> '${machine.home}/arguments'
env > '${machine.home}/environment'
cat > '${machine.home}/input'
${more}
printf 'its answer\\nwithout an end'
printf 'its warning' >&2
exit 42
`
  writeFileSync(join(other, 'keyring'), script, { mode: 0o755 })
}

const started = (): readonly string[] => logLines(join(machine.home, 'arguments'))

const CALLS: readonly (readonly string[])[] = [
  ['get', FOREIGN, 'me'],
  ['get', FOREIGN, ''],
  ['--mode=creds', '--output=json', 'get', FOREIGN],
  ['get', '--mode', 'creds', 'github'],
  ['-b', 'some.Backend', 'get', 'github', 'a b'],
  ['-b', 'keyring.backends.null.Keyring', 'get', 'github', 'me'],
  ['get', '--', 'pdm-pypi-x', '-é"\\\t*$HOME'],
  ['set', 'files.example.com:8443', 'me'],
  ['del', 'a service with spaces', 'me'],
]

for (const argv of CALLS) {
  test(`goes to the other keyring as it is: ${JSON.stringify(argv)}`, async () => {
    writeOther()
    const ended = await runKeyring(argv, env, { input: 'pass\nword' })
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [42, 'its answer\nwithout an end', 'its warning'])
    assert.deepEqual(started(), [argv.map((word) => `<${word}>`).join('')])
    assert.equal(readFileSync(join(machine.home, 'input'), 'utf8'), 'pass\nword')
  })
}

test('its environment is ours with the guard and without our secrets', async () => {
  writeOther()
  const shown = { ...env, ANYTHING: 'else', PYTHON_KEYRING_BACKEND: 'some.Backend', ...SECRETS }
  await runKeyring(['get', FOREIGN, 'me'], shown)
  const lines = logLines(join(machine.home, 'environment')).filter((line) => !/^(PWD|OLDPWD|SHLVL|_|NODE_V8_COVERAGE)=/.test(line))
  const expected = { ...env, ANYTHING: 'else', PYTHON_KEYRING_BACKEND: 'some.Backend', [GUARD]: join(other, 'keyring') }
  assert.deepEqual([...lines].sort(), Object.entries(expected).map(([name, value]) => `${name}=${value}`).sort())
})

test('off, which is the default, nobody else is asked and nothing is said', async () => {
  writeOther()
  for (const value of ['', '0', 'no']) {
    const off = { ...env, ARTIFACTS_KEYRING_NOFUSS_DELEGATE: value }
    const get = await runKeyring(['get', FOREIGN, 'me'], off)
    assert.deepEqual([get.status, get.stdout, get.stderr], [1, '', ''])
    const set = await runKeyring(['set', FOREIGN, 'me'], off, { input: 'password\n' })
    assert.deepEqual([set.status, set.stdout, set.stderr], [1, '', 'keyring: error: this keyring is read-only: nothing was stored\n'])
  }
  assert.deepEqual(started(), [])
})

const AZURE = [
  'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/',
  'pkgs.dev.azure.com',
  'contoso.pkgs.visualstudio.com:443',
  'http://pkgs.dev.azure.com/contoso/',
  'https://pkgs.dev.azure.com:8443/contoso/',
  'https://user@host@pkgs.dev.azure.com/contoso/',
  'https://PKGS.dev.azure.com\\@evil.example/',
  'https://pkgs.dev.azure.com@evil.example/',
  'https://evil-pkgs.dev.azure.com/contoso/',
  'https://pkgs.dev.azure.com.evil.example/contoso/',
  'https://evil.example/#pkgs.dev.azure.com',
]

test('what is a feed, is refused as one or only looks like one never leaves', async () => {
  writeOther()
  for (const service of AZURE) {
    for (const operation of ['get', 'set', 'del']) {
      const ended = await runKeyring([operation, service, 'me'], { ...env, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }, { input: 'password\n' })
      assert.deepEqual([ended.status, ended.stdout], [1, ''], `${operation} ${service}`)
    }
  }
  assert.deepEqual(started(), [])
})

test('a token of ours still answers for a feed, and wrong usage is told by us', async () => {
  writeOther()
  const found = await runKeyring(['get', AZURE[0] ?? '', 'me'], { ...env, ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' })
  assert.deepEqual([found.status, found.stdout, found.stderr], [0, 'pat\n', ''])
  for (const argv of [['get', FOREIGN], ['get', FOREIGN, 'me', 'more'], ['set', FOREIGN]]) {
    assert.equal((await runKeyring(argv, env)).status, 2)
  }
  assert.equal((await runKeyring(['diagnose', FOREIGN], env)).status, 0)
  assert.deepEqual(started(), [])
})

/** A script that starts us again, first on PATH, as somebody may have written it. */
function writeWrapper(): string {
  const path = join(machine.home, 'wrapper')
  mkdirSync(path)
  const script = `#!/bin/sh\necho started >> '${machine.home}/wrapped'\nexec '${process.execPath}' '${BIN}' "$@"\n`
  writeFileSync(join(path, 'keyring'), script, { mode: 0o755 })
  return path
}

test('a script that starts us again is passed over, and the one behind it is found', async () => {
  writeOther()
  const wrapper = writeWrapper()
  const wrapped = { ...env, PATH: `${wrapper}:${env['PATH']}` }
  const ended = await runProgram(join(wrapper, 'keyring'), ['get', FOREIGN, 'me'], wrapped)
  assert.deepEqual([ended.status, ended.stdout], [42, 'its answer\nwithout an end'])
  assert.equal(started().length, 1)
  assert.equal(logLines(join(machine.home, 'wrapped')).length, 2)
})

test('scripts that only start us again come to an end, in silence', async () => {
  const wrapper = writeWrapper()
  symlinkSync(join(wrapper, 'keyring'), join(other, 'keyring'))
  const ended = await runKeyring(['get', FOREIGN, 'me'], { ...env, PATH: `${wrapper}:${env['PATH']}` })
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', ''])
  assert.equal(logLines(join(machine.home, 'wrapped')).length, 2)
})

test('without another keyring on an absolute PATH it is as if it were off', async () => {
  writeOther()
  const nobody = { ...env, PATH: `${machine.programs}::.:other:/usr/bin:/bin` }
  for (const cwd of [machine.home, other]) {
    const ended = await runKeyring(['get', FOREIGN, 'me'], nobody, { cwd })
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', ''])
  }
  assert.equal((await runKeyring(['set', FOREIGN, 'me'], nobody)).stderr, 'keyring: error: this keyring is read-only: nothing was stored\n')
  assert.deepEqual(started(), [])
})

test('another keyring that cannot be started is an error that names it', async () => {
  writeFileSync(join(other, 'keyring'), '#!/gone/python\n', { mode: 0o755 })
  const ended = await runKeyring(['set', FOREIGN, 'me'], env, { input: 'password' })
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', `keyring: error: ${join(other, 'keyring')} could not be started\n`])
})

test('it may take longer than a call of ours: a person may have to unlock something', async () => {
  writeOther('sleep 2')
  const ended = await runKeyring(['get', FOREIGN, 'me'], { ...env, ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '1' })
  assert.equal(ended.status, 42)
})

/** Keeps its passwords in a file, so that one process finds what another has stored. */
const STORE = `
import json, os, keyring.backend
from keyring.errors import PasswordDeleteError
PATH = os.path.join(os.environ['HOME'], 'store.json')
class Keyring(keyring.backend.KeyringBackend):
    priority = 9
    def load(self):
        return json.load(open(PATH)) if os.path.exists(PATH) else {}
    def save(self, store):
        json.dump(store, open(PATH, 'w'))
    def get_password(self, service, username):
        return self.load().get(service + ' ' + username)
    def set_password(self, service, username, password):
        self.save({**self.load(), service + ' ' + username: password})
    def delete_password(self, service, username):
        store = self.load()
        if store.pop(service + ' ' + username, None) is None:
            raise PasswordDeleteError()
        self.save(store)
`

const python = clientPath('keyring')
test('a real Python keyring stores, finds and deletes through us', { skip: python === undefined && 'not installed: run npm run clients' }, async () => {
  writeFileSync(join(machine.home, 'store.py'), STORE)
  const both = { ...env, PATH: `${machine.programs}:${dirname(python ?? '')}:/usr/bin:/bin`, PYTHONPATH: machine.home, PYTHON_KEYRING_BACKEND: 'store.Keyring' }
  const call = async (argv: readonly string[], input = ''): Promise<readonly unknown[]> => {
    const { status, stdout } = await runKeyring(argv, both, { input })
    return [status, stdout]
  }
  assert.deepEqual(await call(['get', FOREIGN, 'me']), [1, ''])
  assert.deepEqual(await call(['set', FOREIGN, 'me'], 'pässword\n'), [0, ''])
  assert.deepEqual(await call(['get', FOREIGN, 'me']), [0, 'pässword\n'])
  assert.deepEqual(await call(['--output', 'json', 'get', FOREIGN, 'me']), [0, '{"password": "p\\u00e4ssword"}\n'])
  assert.deepEqual(await call(['del', FOREIGN, 'me']), [0, ''])
  assert.deepEqual(await call(['get', FOREIGN, 'me']), [1, ''])
  assert.equal((await call(['del', FOREIGN, 'me']))[0], 1)
})
