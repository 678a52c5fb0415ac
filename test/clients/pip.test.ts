import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Ended } from '../flow/program.ts'
import { feedUser, INDEX, installed, NOT_INSTALLED, withUser } from './feed-user.ts'
import { pipAsks, PIP_ON_PATH, PIPS } from './pips.ts'
import type { Pip } from './pips.ts'

const user = feedUser()
const site = (): string => join(user.machine.home, 'site packages')

function pipInstall(pip: Pip, url: string): Promise<Ended> {
  const args = ['install', '--no-deps', '--target', site(), '--index-url', url, 'private-package']
  return user.run(pip.path ?? '', args, { env: { PIP_KEYRING_PROVIDER: 'subprocess' } })
}

for (const pip of PIPS) {
  const skip = pip.path === undefined && NOT_INSTALLED
  test(`${pip.name} installs, with a user name in the URL`, { skip }, async () => {
    installed(user, await pipInstall(pip, withUser('any.user')), pipAsks(pip.speaksJson, INDEX, 'any.user'), site())
  })

  test(`${pip.name} ${pip.speaksJson ? 'installs without a user name' : 'asks nothing without a user name'}`, { skip }, async () => {
    const ended = await pipInstall(pip, INDEX)
    if (pip.speaksJson) return installed(user, ended, pipAsks(true, INDEX), site())
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
  const ended = await user.run(PIP_ON_PATH ?? '', args, { env, path: `${user.machine.programs}:${process.env['PATH'] ?? ''}` })
  const [argv = []] = user.asked()
  installed(user, ended, pipAsks(argv.includes('--output=json'), INDEX, 'VssSessionToken'), site())
})
