// twine and Poetry import Python's keyring: no executable called `keyring` is ever started by them.
// What README has them do instead is run by readme-blocks.test.ts; here is the rest.
import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { WHEEL } from '../azure/wheel.ts'
import type { Ended } from '../flow/program.ts'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, UPLOAD } from './feed-user.ts'
import { clientPath } from './installed.ts'
import { POETRY_IN_PROJECT, poetryProject, projectHasPackage } from './project.ts'

const user = feedUser()
const twine = clientPath('importers', 'twine') ?? ''
const poetry = clientPath('importers', 'poetry') ?? ''
const options = { skip: twine === '' && NOT_INSTALLED }
const BACKEND = 'keyring-subprocess'

/** What the Python backend asked `keyring-subprocess`: its service and, in Base64, the real question. */
function wrapped(): readonly unknown[] {
  return user.asked(BACKEND).map((argv) => {
    assert.deepEqual(argv.slice(0, 2), ['get', BACKEND])
    assert.equal(argv.length, 3)
    return JSON.parse(Buffer.from(argv[2] ?? '', 'base64').toString())
  })
}

/** Runs a line in a shell, with the clients on PATH. */
function shell(line: string, env: Readonly<Record<string, string>> = {}, cwd = user.machine.home): Promise<Ended> {
  const path = [user.machine.programs, dirname(twine)].join(':')
  return user.run('/bin/sh', ['-c', line], { cwd, env, path })
}

function dist(): string {
  user.file(`dist/${WHEEL.name}`, WHEEL.content)
  return 'dist/*'
}

function uploadedOnce(): void {
  assert.deepEqual(user.azure.uploads.map(({ name, sha256 }) => [name, sha256]), [[WHEEL.name, WHEEL.sha256]])
}

test('twine does not ask an executable called keyring', options, async () => {
  const ended = await shell(`twine upload --non-interactive --repository-url ${UPLOAD} ${dist()}`)
  assert.notEqual(ended.status, 0)
  assert.deepEqual(user.asked(), [])
})

test('twine is refused with a password for reading', options, async () => {
  const password = `TWINE_USERNAME=me TWINE_PASSWORD=$(keyring get ${INDEX} me)`
  const ended = await shell(`${password} twine upload --repository-url ${UPLOAD} ${dist()}`)
  assert.notEqual(ended.status, 0)
  assert.equal(user.answered(403).length, 1)
  assert.deepEqual(user.azure.uploads, [])
})

test('twine uploads with the Python backend keyring-subprocess', options, async () => {
  user.alias(BACKEND)
  succeeded(await shell(`twine upload --non-interactive --repository-url ${UPLOAD} ${dist()}`))
  // Once for the user name, once for the password of that name.
  assert.deepEqual(wrapped(), [
    { method: 'get_credential', service: UPLOAD, username: null },
    { method: 'get_password', service: UPLOAD, username: 'VssSessionToken' },
  ])
  assert.deepEqual(user.asked(), [])
  assert.deepEqual(user.scopes(), ['vso.packaging_write', 'vso.packaging_write'])
  assert.deepEqual(user.uploadedWith(), ['session: vso.packaging_write'])
  uploadedOnce()
})

test('Poetry installs with the Python backend keyring-subprocess', options, async () => {
  user.alias(BACKEND)
  user.file('project/pyproject.toml', poetryProject(INDEX))
  const cwd = join(user.machine.home, 'project')
  succeeded(await shell('poetry install --no-interaction', POETRY_IN_PROJECT, cwd))
  assert.ok(projectHasPackage(cwd))
  const own = { method: 'get_password', service: 'poetry-repository-feed', username: '__poetry_source_empty_username__' }
  assert.deepEqual(wrapped(), [
    // Whether a keyring works at all, and what Poetry would have stored itself: neither is ours.
    { method: 'get_password', service: 'python-poetry-check', username: 'python-poetry' },
    own,
    { method: 'get_credential', service: INDEX.replace(/\/$/, ''), username: null },
    // The install has a session of its own.
    own,
    { method: 'get_credential', service: INDEX, username: null },
  ])
  assert.deepEqual(user.scopes(), ['vso.packaging', 'vso.packaging'])
})

test('Poetry stores no password with the Python backend keyring-subprocess', options, async () => {
  user.alias(BACKEND)
  const ended = await user.run(poetry, ['config', 'http-basic.feed', 'me', 'secret'])
  assert.notEqual(ended.status, 0)
  assert.match(ended.stderr, /Unable to store the password/)
  assert.equal(user.asked(BACKEND).at(-1)?.[0], 'set')
})

/** Has Poetry upload the package. */
function poetryPublish(line: string): Promise<Ended> {
  user.file('project/pyproject.toml', '[project]\nname = "private-package"\nversion = "1.0"\nrequires-python = ">=3.10"\n')
  user.file(`project/dist/${WHEEL.name}`, WHEEL.content)
  return shell(line, { POETRY_REPOSITORIES_FEED_URL: UPLOAD }, join(user.machine.home, 'project'))
}

test('Poetry uploads with a password in a variable', options, async () => {
  const password = `POETRY_HTTP_BASIC_FEED_USERNAME=me POETRY_HTTP_BASIC_FEED_PASSWORD=$(keyring get ${UPLOAD} me)`
  succeeded(await poetryPublish(`${password} poetry publish --repository feed`))
  assert.deepEqual(user.uploadedWith(), ['session: vso.packaging_write'])
  uploadedOnce()
})

test('Poetry uploads with the Python backend keyring-subprocess', options, async () => {
  user.alias(BACKEND)
  succeeded(await poetryPublish('poetry publish --no-interaction --repository feed'))
  assert.deepEqual(wrapped(), [
    { method: 'get_password', service: 'python-poetry-check', username: 'python-poetry' },
    { method: 'get_password', service: 'poetry-repository-feed', username: '__token__' },
    { method: 'get_password', service: 'poetry-repository-feed', username: '__poetry_source_empty_username__' },
    { method: 'get_credential', service: UPLOAD, username: null },
  ])
  assert.deepEqual(user.uploadedWith(), ['session: vso.packaging_write'])
  uploadedOnce()
})
