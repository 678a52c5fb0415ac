import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { WHEEL } from '../azure/wheel.ts'
import type { Ended } from '../flow/program.ts'
import { feedUser, INDEX, installed, NOT_INSTALLED, succeeded, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'

const user = feedUser()
const site = (): string => join(user.machine.home, 'site packages')
const uv = clientPath('uv')
const uvTest = { skip: uv === undefined && NOT_INSTALLED }

function uvInstall(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const python = join(dirname(uv ?? ''), 'python')
  const all = ['pip', 'install', '--python', python, '--no-deps', '--target', site(), '--keyring-provider', 'subprocess']
  return user.run(uv ?? '', [...all, ...args], { env })
}

for (const name of ['VssSessionToken', '__token__']) {
  test(`uv installs, with ${name} in the URL`, uvTest, async () => {
    installed(user, await uvInstall(['--no-config', '--index-url', withUser(name), 'private-package']), ['get', INDEX, name], site())
  })
}

const NAMED = `[[index]]\nname = "feed"\nurl = "${INDEX}"\ndefault = true\n`
const ALWAYS = `${NAMED}authenticate = "always"\n`

test('uv installs, with the user name in a variable', uvTest, async () => {
  const args = ['--config-file', user.file('uv.toml', NAMED), 'private-package']
  installed(user, await uvInstall(args, { UV_INDEX_FEED_USERNAME: 'me' }), ['get', INDEX, 'me'], site())
})

test('uv installs without a user name, with authenticate = "always"', uvTest, async () => {
  const ended = await uvInstall(['--config-file', user.file('uv.toml', ALWAYS), 'private-package'])
  installed(user, ended, ['get', INDEX, '--mode', 'creds'], site())
})

test('uv asks nothing without a user name otherwise', uvTest, async () => {
  const ended = await uvInstall(['--config-file', user.file('uv.toml', NAMED), 'private-package'])
  assert.notEqual(ended.status, 0)
  assert.deepEqual(user.asked(), [])
})

test('uv names the whole file where no index matches, with the GUID of the feed', uvTest, async () => {
  const path = `66666666-0000-4000-8000-000000000001/_packaging/66666666-0000-4000-8000-000000000002/pypi/download/private-package/1.0/${WHEEL.name}`
  const file = `https://pkgs.dev.azure.com/contoso/${path}`
  installed(user, await uvInstall(['--no-config', `private-package @ ${file.replace('//', '//me@')}`]), ['get', file, 'me'], site())
})

for (const [how, config, rest] of [
  ['with a user name', NAMED.replace('//', '//me@'), ['me']],
  ['with authenticate = "always"', ALWAYS, ['--mode', 'creds']],
] as const) {
  test(`uv asks for the host when there is nothing for the index, ${how}`, uvTest, async () => {
    user.signOut()
    const ended = await uvInstall(['--config-file', user.file('uv.toml', config), 'private-package'])
    assert.notEqual(ended.status, 0)
    assert.deepEqual(user.asked(), [INDEX, 'pkgs.dev.azure.com'].map((service) => ['get', service, ...rest]))
    assert.match(ended.stderr, /keyring: hint: az login/)
  })
}

test('uv upgrades a tool without the user name that it was installed with', uvTest, async () => {
  const env = { UV_KEYRING_PROVIDER: 'subprocess' }
  const python = join(dirname(uv ?? ''), 'python')
  const args = ['tool', 'install', '--python', python, '--default-index', withUser('me'), 'private-package']
  succeeded(await user.run(uv ?? '', args, { env }))
  succeeded(await user.run(uv ?? '', ['tool', 'upgrade', 'private-package'], { env }))
  // The index is kept in the receipt without its user, and to be asked about always.
  assert.deepEqual(user.asked(), [['get', INDEX, 'me'], ['get', INDEX, '--mode', 'creds']])
})
