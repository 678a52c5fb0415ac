import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { newMachine, runKeyring, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'
import { clientPath } from './installed.ts'

const SERVICE = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

/** A backend that answers as this program does with a PAT of `p`. */
const BACKEND = `
from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential

class Keyring(KeyringBackend):
    priority = 9.9
    def get_password(self, service, username):
        return 'p' if service == '${SERVICE}' else None
    def get_credential(self, service, username):
        return SimpleCredential(username or 'VssSessionToken', 'p') if service == '${SERVICE}' else None
    def set_password(self, service, username, password):
        raise NotImplementedError()
`

const ROWS: readonly (readonly string[])[] = [
  ['get', SERVICE, 'u'],
  ['get', SERVICE],
  ['get', SERVICE, ''],
  ['get', '--', SERVICE, 'u'],
  ['get', SERVICE, '--mode', 'creds'],
  ['--mode=creds', 'get', SERVICE, ''],
  ['--mode=creds', 'get', SERVICE, 'é😀'],
  ['--mode=creds', '--output=json', 'get', SERVICE],
  ['--mode=creds', '--output=json', 'get', SERVICE, 'é"\\😀'],
  ['--output=json', 'get', SERVICE, 'u'],
  ['--mod', 'creds', 'get', SERVICE],
  ['get', 'https://index.example/', 'u'],
  ['--mode=creds', 'get', 'https://index.example/'],
  ['get'],
  [],
  ['bogus'],
  ['--bogus'],
  ['--mode', 'foo', 'get', SERVICE, 'u'],
  ['--output=xml', 'get', SERVICE, 'u'],
  ['--mode', 'creds', 'get'],
  ['set', SERVICE],
  ['del', SERVICE],
  ['get', SERVICE, 'u', 'more'],
  ['set', SERVICE, 'u'],
  ['diagnose'],
]

const keyring = clientPath('keyring')

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

for (const argv of ROWS) {
  test(`Python keyring 25.7.0 and ours agree: keyring ${argv.map((text) => JSON.stringify(text)).join(' ')}`, { skip: keyring === undefined && 'not installed: run npm run clients' }, async () => {
    const modules = join(machine.home, 'modules')
    mkdirSync(modules)
    writeFileSync(join(modules, 'fixed_backend.py'), BACKEND)
    const env = { HOME: machine.home, PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }
    const python = join(dirname(keyring ?? ''), 'python')
    const input = { input: 'password\n' }
    const [theirs, ours] = await Promise.all([
      runProgram(python, ['-m', 'keyring', ...argv], { ...env, PYTHONPATH: modules, PYTHON_KEYRING_BACKEND: 'fixed_backend.Keyring' }, input),
      runKeyring(argv, { ...env, ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'p' }, input),
    ])
    assert.deepEqual([ours.status, ours.stdout], [theirs.status, theirs.stdout], theirs.stderr)
  })
}
