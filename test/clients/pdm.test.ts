import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { WHEEL } from '../azure/wheel.ts'
import type { Ended } from '../flow/program.ts'
import { feedUser, INDEX, installed, NOT_INSTALLED, succeeded, UPLOAD, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'

const user = feedUser()
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
  installed(user, ended, ['--mode=creds', 'get', INDEX, ''], lib)
})

test('PDM leaves the user name in the service', pdmTest, async () => {
  const { ended, lib } = await pdmInstall(withUser('me'))
  installed(user, ended, ['--mode=creds', 'get', withUser('me'), 'me'], lib)
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

for (const [how, args, name] of [
  ['with a user name', ['--username', 'me'], 'me'],
  ['without a user name', [], ''],
] as const) {
  test(`PDM uploads ${how}, with a token that may write`, pdmTest, async () => {
    user.file('project/pyproject.toml', '[project]\nname = "private-package"\nversion = "1.0"\nrequires-python = ">=3.8"\n')
    user.file(`project/dist/${WHEEL.name}`, WHEEL.content)
    const all = ['publish', '--no-build', '--repository', UPLOAD, ...args]
    succeeded(await user.run(pdm ?? '', all, { cwd: join(user.machine.home, 'project') }))
    // First for what PDM itself would have stored under the name of a repository, which has none here.
    const own = 'pdm-repository-__unknown__'
    assert.deepEqual(user.asked(), [
      ['--mode=creds', 'get', own, name],
      ['--mode=password', 'get', own, name || '__token__'],
      ['--mode=creds', 'get', UPLOAD, name],
    ])
    assert.deepEqual(user.scopes(), ['vso.packaging_write'])
    assert.deepEqual(user.azure.uploads.map((file) => file.sha256), [WHEEL.sha256])
  })
}
