import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { writeKeyring } from '../azure/programs.ts'
import { BIN, logLines } from '../flow/program.ts'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'
import { pipAsks, speaksJson } from './pips.ts'

const user = feedUser()
const uv = clientPath('uv') ?? ''
const skip = uv === '' && NOT_INSTALLED

interface Activated {
  /** The folder of programs of a virtual environment that has a pip and a `keyring`. */
  readonly bin: string
  /** How often its `keyring` was started. */
  readonly starts: () => number
}

async function activated(): Promise<Activated> {
  const python = join(dirname(uv), 'python')
  succeeded(await user.run(python, ['-m', 'venv', join(user.machine.home, 'venv')]))
  const bin = join(user.machine.home, 'venv', 'bin')
  const log = join(user.machine.home, 'venv.log')
  writeKeyring(bin, { node: process.execPath, bin: BIN, log })
  return { bin, starts: () => logLines(log).length }
}

const args = ['install', '--no-deps', '--index-url', withUser('me'), 'private-package']
const env = { PIP_KEYRING_PROVIDER: 'subprocess' }

// Else a `keyring` that pip itself could import would be started in its own environment.
test('pip does not see the keyring among its own scripts', { skip }, async () => {
  const { bin, starts } = await activated()
  const alone = await user.run(join(bin, 'pip'), args, { env, path: bin })
  assert.notEqual(alone.status, 0)
  assert.equal(starts(), 0)
  succeeded(await user.run(join(bin, 'pip'), args, { env, path: `${bin}:${user.machine.programs}` }))
  assert.equal(starts(), 0)
  const { stdout } = await user.run(join(bin, 'pip'), ['--version'])
  assert.deepEqual(user.asked(), [pipAsks(speaksJson(stdout.replace(/^pip /, '')), INDEX, 'me')])
})

test('uv takes the first keyring on PATH, that of an activated environment too', { skip }, async () => {
  const { bin, starts } = await activated()
  const all = ['pip', ...args, '--no-config', '--python', join(bin, 'python'), '--keyring-provider', 'subprocess']
  succeeded(await user.run(uv, all, { path: `${bin}:${user.machine.programs}` }))
  assert.equal(starts(), 1)
  assert.deepEqual(user.asked(), [])
})
