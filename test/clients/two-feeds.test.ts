import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'
import { pipAsks, PIPS } from './pips.ts'

const user = feedUser()
const site = (): string => join(user.machine.home, 'site packages')
const other = (url: string): string => url.replace('/feed/', '/other/')

for (const { name, path, speaksJson } of PIPS) {
  const install = async (first: string, second: string): Promise<void> => {
    const args = ['install', '--no-deps', '--target', site(), '--index-url', first, '--extra-index-url', second]
    const env = { PIP_KEYRING_PROVIDER: 'subprocess' }
    succeeded(await user.run(path ?? '', [...args, 'private-package'], { env }))
  }
  const skip = path === undefined && NOT_INSTALLED

  test(`${name} asks once for two feeds of one host and one user name`, { skip }, async () => {
    await install(withUser('me'), other(withUser('me')))
    assert.deepEqual(user.asked(), [pipAsks(speaksJson, INDEX, 'me')])
  })

  // pip keeps one credential a host, and takes it for none when the other URL names another user.
  test(`${name} asks anew with every change of the user name`, { skip }, async () => {
    await install(withUser('a'), other(withUser('b')))
    const asks = [[INDEX, 'a'], [other(INDEX), 'b'], [INDEX, 'a']] as const
    assert.deepEqual(user.asked(), asks.map(([service, of]) => pipAsks(speaksJson, service, of)))
  })
}

const uv = clientPath('uv')
test('uv asks for each of two feeds', { skip: uv === undefined && NOT_INSTALLED }, async () => {
  const python = join(dirname(uv ?? ''), 'python')
  const args = ['pip', 'install', '--no-config', '--no-deps', '--python', python, '--target', site()]
  const both = ['--default-index', withUser('me'), '--index', other(withUser('me')), '--index-strategy', 'unsafe-best-match']
  succeeded(await user.run(uv ?? '', [...args, '--keyring-provider', 'subprocess', ...both, 'private-package']))
  // At the same time, so in any order.
  const asked = user.asked().toSorted((left, right) => left.join().localeCompare(right.join()))
  assert.deepEqual(asked, [['get', INDEX, 'me'], ['get', other(INDEX), 'me']])
})
