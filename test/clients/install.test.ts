import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { WHEEL } from '../azure/wheel.ts'
import type { Ended } from '../flow/program.ts'
import { logLines } from '../flow/program.ts'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'
import { pipAsks, PIP_ON_PATH, PIPS } from './pips.ts'
import type { Pip } from './pips.ts'

const user = feedUser()
const site = (): string => join(user.machine.home, 'site packages')

/** The index and the wheel went out, to one credential and one start of `keyring` with these arguments. */
function installed(ended: Ended, argv: readonly string[], place = site()): void {
  succeeded(ended)
  assert.match(readFileSync(join(place, 'private_package', '__init__.py'), 'utf8'), /\S/)
  assert.deepEqual(user.asked(), [argv])
  assert.equal(logLines(join(user.machine.home, 'az.log')).length, 1)
  assert.deepEqual(user.scopes(), ['vso.packaging'])
  const paths = user.answered(200).map((request) => request.path)
  assert.ok(paths.some((path) => path.includes('/pypi/download/')), paths.join('\n'))
}

function pipInstall(pip: Pip, url: string): Promise<Ended> {
  const args = ['install', '--no-deps', '--target', site(), '--index-url', url, 'private-package']
  return user.run(pip.path ?? '', args, { env: { PIP_KEYRING_PROVIDER: 'subprocess' } })
}

for (const pip of PIPS) {
  const skip = pip.path === undefined && NOT_INSTALLED
  test(`${pip.name} installs, with a user name in the URL`, { skip }, async () => {
    installed(await pipInstall(pip, withUser('any.user')), pipAsks(pip.speaksJson, INDEX, 'any.user'))
  })

  test(`${pip.name} ${pip.speaksJson ? 'installs without a user name' : 'asks nothing without a user name'}`, { skip }, async () => {
    const ended = await pipInstall(pip, INDEX)
    if (pip.speaksJson) return installed(ended, pipAsks(true, INDEX))
    assert.notEqual(ended.status, 0)
    assert.deepEqual(user.asked(), [])
  })

  test(`${pip.name} asks for the host when there is nothing for the index`, { skip }, async () => {
    user.signOut()
    const ended = await pipInstall(pip, withUser('me'))
    assert.notEqual(ended.status, 0)
    assert.deepEqual(user.asked(), [INDEX, 'pkgs.dev.azure.com'].map((service) => pipAsks(pip.speaksJson, service, 'me')))
    // The reason reaches the user until 26.2, which drops what a `keyring` says.
    assert.equal(ended.stderr.includes('keyring: hint: az login'), !pip.speaksJson, ended.stderr)
  })
}

test('the pip on PATH installs', { skip: PIP_ON_PATH === undefined && 'there is no pip on PATH' }, async () => {
  const args = ['install', '--no-deps', '--target', site(), '--index-url', withUser('VssSessionToken'), 'private-package']
  const env = { PIP_KEYRING_PROVIDER: 'subprocess' }
  const ended = await user.run(PIP_ON_PATH ?? '', args, { env, path: process.env['PATH'] ?? '' })
  const [argv = []] = user.asked()
  installed(ended, pipAsks(argv.includes('--output=json'), INDEX, 'VssSessionToken'))
})

const uv = clientPath('uv')
const uvTest = { skip: uv === undefined && NOT_INSTALLED }

function uvInstall(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const python = join(dirname(uv ?? ''), 'python')
  const all = ['pip', 'install', '--python', python, '--no-deps', '--target', site(), '--keyring-provider', 'subprocess']
  return user.run(uv ?? '', [...all, ...args], { env })
}

for (const name of ['VssSessionToken', '__token__']) {
  test(`uv installs, with ${name} in the URL`, uvTest, async () => {
    installed(await uvInstall(['--no-config', '--index-url', withUser(name), 'private-package']), ['get', INDEX, name])
  })
}

const NAMED = `[[index]]\nname = "feed"\nurl = "${INDEX}"\ndefault = true\n`
const ALWAYS = `${NAMED}authenticate = "always"\n`

test('uv installs, with the user name in a variable', uvTest, async () => {
  const args = ['--config-file', user.file('uv.toml', NAMED), 'private-package']
  installed(await uvInstall(args, { UV_INDEX_FEED_USERNAME: 'me' }), ['get', INDEX, 'me'])
})

test('uv installs without a user name, with authenticate = "always"', uvTest, async () => {
  const ended = await uvInstall(['--config-file', user.file('uv.toml', ALWAYS), 'private-package'])
  installed(ended, ['get', INDEX, '--mode', 'creds'])
})

test('uv asks nothing without a user name otherwise', uvTest, async () => {
  const ended = await uvInstall(['--config-file', user.file('uv.toml', NAMED), 'private-package'])
  assert.notEqual(ended.status, 0)
  assert.deepEqual(user.asked(), [])
})

test('uv names the whole file where no index matches, with the GUID of the feed', uvTest, async () => {
  const path = `66666666-0000-4000-8000-000000000001/_packaging/66666666-0000-4000-8000-000000000002/pypi/download/private-package/1.0/${WHEEL.name}`
  const file = `https://pkgs.dev.azure.com/contoso/${path}`
  installed(await uvInstall(['--no-config', `private-package @ ${file.replace('//', '//me@')}`]), ['get', file, 'me'])
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

const pdm = clientPath('pdm')
const pdmTest = { skip: pdm === undefined && NOT_INSTALLED }

/** Has PDM install the package into an environment of a new project. Gives the packages' folder too. */
async function pdmInstall(url: string): Promise<{ readonly ended: Ended, readonly lib: string }> {
  user.file('project/pyproject.toml', `[project]
name = "app"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["private-package"]

[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "pypi"
url = "${url}"
`)
  const cwd = join(user.machine.home, 'project')
  const python = join(cwd, 'env', 'bin', 'python')
  succeeded(await user.run(join(dirname(pdm ?? ''), 'python'), ['-m', 'venv', '--without-pip', join(cwd, 'env')]))
  succeeded(await user.run(pdm ?? '', ['use', '--ignore-remembered', '-f', python], { cwd }))
  const ended = await user.run(pdm ?? '', ['install', '--no-self'], { cwd })
  const where = await user.run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])
  return { ended, lib: where.stdout.trim() }
}

test('PDM installs without a user name: it gives an empty one', pdmTest, async () => {
  const { ended, lib } = await pdmInstall(INDEX)
  installed(ended, ['--mode=creds', 'get', INDEX, ''], lib)
})

test('PDM leaves the user name in the service', pdmTest, async () => {
  const { ended, lib } = await pdmInstall(withUser('me'))
  installed(ended, ['--mode=creds', 'get', withUser('me'), 'me'], lib)
})

test('PDM asks six times when there is nothing', pdmTest, async () => {
  user.signOut()
  const { ended } = await pdmInstall(INDEX)
  assert.notEqual(ended.status, 0)
  // For the index, for the host, and for what PDM itself would have stored, which is not ours.
  const services = [INDEX, 'pkgs.dev.azure.com', 'pdm-pypi-pypi']
  const both = (service: string): string[][] => [['--mode=creds', 'get', service, ''], ['--mode=password', 'get', service, '__token__']]
  assert.deepEqual(user.asked(), services.flatMap(both))
})
