import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { Ended } from '../flow/program.ts'
import { BUILT, writeProject } from './built-project.ts'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'
import { pipAsks, PIPS } from './pips.ts'
import type { Pip } from './pips.ts'

const user = feedUser()
const site = (): string => join(user.machine.home, 'site packages')

// For the isolated environment pip starts another pip. Only that one needs the feed here.
function pipBuild({ path = '' }: Pip, options: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const args = ['install', ...options, '--target', site(), '--index-url', withUser('me'), writeProject(user)]
  return user.run(path, args, { env })
}

for (const pip of PIPS) {
  const skip = pip.path === undefined && NOT_INSTALLED
  const argv = pipAsks(pip.speaksJson, INDEX, 'me')
  for (const options of [[], ['--no-input']]) {
    test(`${pip.name} builds in isolation with PIP_KEYRING_PROVIDER ${options.join()}`, { skip }, async () => {
      succeeded(await pipBuild(pip, options, { PIP_KEYRING_PROVIDER: 'subprocess' }))
      assert.ok(existsSync(join(site(), 'app', '__init__.py')))
      assert.deepEqual(user.asked(), [argv])
    })
  }

  test(`${pip.name} builds in isolation with the setting in pip.conf`, { skip }, async () => {
    const config = user.file('pip.conf', '[global]\nkeyring-provider = subprocess\n')
    succeeded(await pipBuild(pip, ['--no-input'], { PIP_CONFIG_FILE: config }))
    assert.deepEqual(user.asked(), [argv])
  })

  // No pip hands --keyring-provider on to the pip that it starts, which falls back to `auto`. That finds
  // the executable too, unless the user cannot be asked: then `auto` means none.
  test(`${pip.name} loses --keyring-provider in isolation`, { skip }, async () => {
    const ended = await pipBuild(pip, ['--keyring-provider', 'subprocess', '--no-input'], {})
    assert.notEqual(ended.status, 0)
    assert.match(ended.stderr, /installing? .*build dependencies|install build dependencies/)
    assert.deepEqual(user.asked(), [])
    succeeded(await pipBuild(pip, ['--keyring-provider', 'subprocess'], {}))
    assert.deepEqual(user.asked(), [argv])
  })
}

const python = join(dirname(clientPath('frontends') ?? ''), 'python')
const skip = clientPath('frontends', 'pyproject-build') === undefined && NOT_INSTALLED

async function build(installer: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const cwd = writeProject(user)
  succeeded(await user.run(python, ['-m', 'build', '--wheel', ...installer], { cwd, env }))
  assert.deepEqual(readFileSync(join(cwd, 'dist', BUILT.name)), BUILT.content)
}

// `build` chooses the executable for its installer by itself when there is a `keyring` on PATH.
test('build with pip needs no setting but the index', { skip }, async () => {
  await build([], { PIP_INDEX_URL: withUser('me') })
  assert.deepEqual(user.asked(), [pipAsks(true, INDEX, 'me')])
})

test('build with pip needs no user name', { skip }, async () => {
  await build([], { PIP_INDEX_URL: INDEX })
  assert.deepEqual(user.asked(), [pipAsks(true, INDEX)])
})

const uv = clientPath('uv')
test('build with uv needs no setting but the index', { skip: skip || (uv === undefined && NOT_INSTALLED) }, async () => {
  await build(['--installer', 'uv'], { UV_DEFAULT_INDEX: withUser('me'), UV: uv ?? '' })
  assert.deepEqual(user.asked(), [['get', INDEX, 'me']])
})
