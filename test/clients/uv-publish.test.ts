import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WHEEL } from '../azure/wheel.ts'
import type { Ended } from '../flow/program.ts'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, UPLOAD } from './feed-user.ts'
import { clientPath } from './installed.ts'

const user = feedUser()
const uv = clientPath('uv')
const uvTest = { skip: uv === undefined && NOT_INSTALLED }

function publish(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const file = user.file(`dist/${WHEEL.name}`, WHEEL.content)
  const all = ['publish', '--no-config', '--keyring-provider', 'subprocess', '--publish-url', UPLOAD]
  return user.run(uv ?? '', [...all, ...args, file], { env })
}

const TAKEN = [{ organization: 'contoso', feed: 'feed', name: WHEEL.name, sha256: WHEEL.sha256 }]

test('uv uploads, with a token that may write', uvTest, async () => {
  succeeded(await publish(['--username', 'me']))
  assert.deepEqual(user.asked(), [['get', UPLOAD, 'me']])
  assert.deepEqual(user.scopes(), ['vso.packaging_write'])
  assert.deepEqual(user.uploadedWith(), ['session: vso.packaging_write'])
  assert.deepEqual(user.azure.uploads, TAKEN)
})

test('uv uploads what the index does not have yet', uvTest, async () => {
  succeeded(await publish(['--username', 'me', '--check-url', INDEX.replace('/feed/', '/other/')]))
  // The index has no user name, so it is looked at without a credential, in vain.
  assert.deepEqual(user.asked(), [['get', UPLOAD, 'me']])
  assert.deepEqual(user.azure.uploads, TAKEN)
})

test('uv is refused with a token that may read', uvTest, async () => {
  const token = user.azure.tokens.mintSessionToken({ organization: 'contoso', scope: 'vso.packaging' })
  const ended = await publish(['--username', 'me'], { ARTIFACTS_KEYRING_NOFUSS_TOKEN: token })
  assert.notEqual(ended.status, 0)
  assert.match(ended.stderr, /403 Forbidden/)
  assert.equal(user.answered(403).length, 1)
  assert.deepEqual(user.azure.uploads, [])
})

test('uv asks nothing without a user name', uvTest, async () => {
  const ended = await publish([])
  assert.notEqual(ended.status, 0)
  assert.match(ended.stderr, /Missing credentials/)
  assert.deepEqual(user.asked(), [])
})

test('uv asks for address and host, twice, when there is nothing', uvTest, async () => {
  user.signOut()
  assert.notEqual((await publish(['--username', 'me'])).status, 0)
  const once = [['get', UPLOAD, 'me'], ['get', 'pkgs.dev.azure.com', 'me']]
  assert.deepEqual(user.asked(), [...once, ...once])
})
