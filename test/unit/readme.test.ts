import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { providerNames, PROVIDERS } from '../../src/identity/chain.ts'
import { FEED_HOSTS } from '../../src/net/allowlist.ts'
import { VARIABLES } from '../../src/system/settings.ts'

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** Variables of Node and of the programs that call this one. */
const OTHERS = new Set([
  'PIP_KEYRING_PROVIDER',
  'PIP_INDEX_URL',
  'UV_KEYRING_PROVIDER',
  'UV_INDEX',
  'NODE_EXTRA_CA_CERTS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'TWINE_USERNAME',
  'TWINE_PASSWORD',
  'TWINE_REPOSITORY_URL',
  'POETRY_HTTP_BASIC_FEED_USERNAME',
  'POETRY_HTTP_BASIC_FEED_PASSWORD',
  'ADO_TOKEN',
])

test("README's table names every variable of the program and no other", () => {
  const section = README.slice(README.indexOf('## Environment variables'), README.indexOf('## Troubleshooting'))
  const cells = [...section.matchAll(/^\| (`.*?`) \|/gm)].map((match) => match[1] ?? '')
  const named = cells.flatMap((cell) => cell.split(', ').map((name) => name.replaceAll('`', '')))
  assert.deepEqual([...named].sort(), Object.keys(VARIABLES).sort())
})

test('every variable that README names elsewhere exists too', () => {
  const known = new Set<string>([...Object.keys(VARIABLES), ...OTHERS])
  const named = README.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? []
  for (const name of named) assert.ok(known.has(name), name)
})

test('README names every provider and every feed host', () => {
  for (const name of providerNames()) assert.ok(README.includes(`\`${name}\``), name)
  for (const host of FEED_HOSTS) assert.ok(README.includes(`\`${host}\``), host)
  assert.ok(PROVIDERS.length > 0)
})

test("README's commands exist", () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
  for (const [, name = ''] of README.matchAll(/npm run ([\w:]+)/g)) assert.ok(name in scripts, name)
})
