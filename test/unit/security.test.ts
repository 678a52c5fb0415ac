import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { VARIABLES } from '../../src/system/settings.ts'

const SECURITY = readFileSync(new URL('../../.github/SECURITY.md', import.meta.url), 'utf8')
const ROWS = [...SECURITY.matchAll(/^\|.*\| `([\w-]+\/[\w.-]+\.test\.ts): ([^|]+)` \|$/gm)]

test('every row of the tables of SECURITY.md names a test that is there', () => {
  const tables = SECURITY.slice(SECURITY.indexOf('### Hosts'))
  const rows = tables.split('\n').filter((line) => line.startsWith('| ') && !/^\| (-|host|secret|program|file|what is tried) /.test(line) && !line.startsWith('| ---'))
  assert.equal(ROWS.length, rows.length)
  assert.ok(ROWS.length > 30)
  for (const [, file = '', name = ''] of ROWS) {
    const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').replaceAll("\\'", "'")
    assert.ok(source.includes(name), `${file} has no «${name}»`)
  }
})

test('SECURITY.md names every secret variable by name or by what it is', () => {
  const told: Readonly<Record<string, string>> = {
    ARTIFACTS_KEYRING_NOFUSS_TOKEN: "a user's token, from a variable",
    VSS_NUGET_ACCESSTOKEN: "a user's token, from a variable",
    ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN: "a user's token, from a variable",
    VSS_NUGET_EXTERNAL_FEED_ENDPOINTS: 'a personal access token',
    ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS: 'a personal access token',
    ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS: 'an assertion',
    AZURE_CLIENT_SECRET: 'client secret',
    AZURE_CLIENT_CERTIFICATE_PASSWORD: 'private key and its password',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "GitHub's request token",
    SYSTEM_ACCESSTOKEN: '`SYSTEM_ACCESSTOKEN`',
    servicePrincipalKey: 'client secret',
    idToken: 'an assertion',
    IDENTITY_HEADER: '`IDENTITY_HEADER`',
    MSI_SECRET: '`MSI_SECRET`',
  }
  const secrets = Object.entries(VARIABLES).filter(([, kind]) => kind === 'secret').map(([name]) => name)
  assert.deepEqual(Object.keys(told).sort(), secrets.sort())
  for (const text of Object.values(told)) assert.ok(SECURITY.includes(text), text)
})
