// Every wait and every size has its end where it is meant to have it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { discover } from '../../src/feed/discovery.ts'
import { parseService } from '../../src/feed/service.ts'
import { exchange } from '../../src/feed/session-token.ts'
import { readCertificate } from '../../src/identity/certificate.ts'
import { checkClaims } from '../../src/identity/claims.ts'
import { assertionFromFile } from '../../src/identity/federated-assertion.ts'
import { machineToken } from '../../src/identity/managed-identity/find-source.ts'
import type { Provider } from '../../src/identity/provider.ts'
import { adoAuthHelper } from '../../src/identity/providers/ado-auth-helper.ts'
import { azureCli } from '../../src/identity/providers/azure-cli.ts'
import { azureDeveloperCli } from '../../src/identity/providers/azure-developer-cli.ts'
import { azurePowershell } from '../../src/identity/providers/azure-powershell.ts'
import { envVar } from '../../src/identity/providers/env-var.ts'
import { trustAuthorizationEndpoint } from '../../src/net/allowlist.ts'
import { request } from '../../src/net/request.ts'
import { Secret } from '../../src/system/settings.ts'
import type { Command, System } from '../../src/system/system.ts'
import { fakeSystem, NOW, printed } from './fake-system.ts'
import type { FakeWorld } from './fake-system.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const RESOURCE = '499b84ac-1321-427f-aa17-267ca6975798'
const MIB = 1_048_576
const CALL = { resource: RESOURCE, feedUrl: FEED, tenant: () => Promise.resolve('organizations'), laterConfigured: true }

interface Watched {
  readonly system: System
  readonly reads: (readonly [path: string, most: number])[]
  readonly waits: number[]
  readonly commands: Command[]
}

/** A world that notes the limits that it is given. */
function watched(world: FakeWorld): Watched {
  const fake = fakeSystem(world)
  const reads: Watched['reads'] = []
  const waits: number[] = []
  const commands: Command[] = []
  const system: System = {
    ...fake,
    readFile: (path, most, decoding) => {
      reads.push([path, most])
      return fake.readFile(path, most, decoding)
    },
    limit: (ms) => {
      waits.push(ms)
      return () => {}
    },
    run: (command, signal) => {
      commands.push(command)
      return fake.run(command, signal)
    },
  }
  return { system, reads, waits, commands }
}

const PROGRAMS: readonly (readonly [path: string, provider: Provider, seconds: number])[] = [
  ['/bin/az', azureCli, 45],
  ['/bin/azd', azureDeveloperCli, 30],
  ['/bin/pwsh', azurePowershell, 30],
  ['/usr/local/bin/ado-auth-helper', adoAuthHelper, 30],
]

for (const [path, provider, seconds] of PROGRAMS) {
  test(`${path} has ${seconds} seconds and 1 MiB of output`, async () => {
    const { system, commands } = watched({ env: { PATH: '/bin' }, programs: { [path]: () => printed('{"accessToken":"t","token":"t","Token":"t"}\n') } })
    await Promise.resolve(provider({ ...CALL, laterConfigured: false }, system)).catch(() => undefined)
    assert.deepEqual(commands.map(({ timeoutMs, limit }) => [timeoutMs, limit]), [[seconds * 1000, MIB]])
  })
}

test('a person hears after three seconds what is waited for', async () => {
  const { system, waits } = watched({ env: { PATH: '/bin' }, programs: { '/bin/az': () => printed('{"accessToken":"t"}') } })
  await azureCli({ ...CALL, laterConfigured: false }, system)
  assert.deepEqual(waits, [3000])
})

test("az's list of accounts may have 16 MiB", async () => {
  const { system, reads } = watched({ env: { PATH: '/bin', HOME: '/h' }, programs: { '/bin/az': () => printed('') } })
  await azureCli(CALL, system)
  assert.deepEqual(reads, [['/h/.azure/azureProfile.json', 16 * MIB]])
})

test('files of tokens may have 64 KiB, a certificate 1 MiB, the key of Azure Arc 4 KiB', async () => {
  const token = watched({ env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: '/t' }, files: { '/t': 'pat' } })
  await envVar(CALL, token.system)
  assert.deepEqual(token.reads, [['/t', 65_536]])
  const assertion = watched({ files: { '/a': 'assertion' } })
  assertionFromFile('/a', assertion.system)
  assert.deepEqual(assertion.reads, [['/a', 65_536]])
  const certificate = watched({})
  assert.throws(() => readCertificate('/c', undefined, certificate.system))
  assert.deepEqual(certificate.reads, [['/c', MIB]])
  const realm = '/var/opt/azcmagent/tokens/a.key'
  const arc = watched({
    env: { IDENTITY_ENDPOINT: 'http://127.0.0.1:9/t', IMDS_ENDPOINT: 'http://127.0.0.1:9' },
    fetch: () => ({ status: 401, headers: { 'www-authenticate': `Basic realm=${realm}` } }),
  })
  await assert.rejects(machineToken(RESOURCE, arc.system))
  assert.deepEqual(arc.reads, [[realm, 4096]])
})

test('a request waits for 20 seconds, the feed for 10, the search for the metadata service for 1', async () => {
  const fetch = (): { readonly status: number } => ({ status: 404 })
  const any = watched({ fetch })
  await request(any.system, FEED, {})
  assert.deepEqual(any.waits, [20_000])
  const feed = watched({ fetch })
  const parsed = parseService(FEED, feed.system)
  assert.ok(parsed)
  await assert.rejects(discover(parsed, feed.system))
  assert.deepEqual(feed.waits, [10_000])
  const machine = watched({ env: { ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1' }, fetch })
  await assert.rejects(machineToken(RESOURCE, machine.system))
  assert.deepEqual(machine.waits, [1000, 20_000])
})

test('an answer may have 1 MiB', async () => {
  const system = fakeSystem({ fetch: ({ url }) => ({ status: 200, body: 'x'.repeat(url.endsWith('?more') ? MIB + 1 : MIB) }) })
  assert.equal((await request(system, FEED, {})).text.length, MIB)
  await assert.rejects(request(system, `${FEED}?more`, {}), { code: 'BAD_ANSWER' })
})

test('a service may have 8 KiB', () => {
  const longest = FEED.padEnd(8192, 'x')
  assert.equal(parseService(longest, fakeSystem())?.url, longest)
  assert.throws(() => parseService(`${longest}x`, fakeSystem()), { code: 'SERVICE_REFUSED', message: 'the service is refused: it is longer than 8 KiB' })
})

test('a session token is asked for 4 hours and at most a day, a personal access token for 90 days', async () => {
  const days = async (type: string, minutes: string): Promise<number> => {
    const env = { ARTIFACTS_CREDENTIALPROVIDER_TOKENTYPE: type, ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: minutes }
    const system = fakeSystem({ env, fetch: () => ({ status: 200, body: '{"token":"t"}' }) })
    const endpoint = trustAuthorizationEndpoint('https://vssps.dev.azure.com/contoso')
    const feed = parseService(FEED, system)
    assert.ok(endpoint !== undefined && feed !== undefined)
    await exchange(endpoint, new Secret('bearer'), 'vso.packaging', feed, system)
    const { validTo } = JSON.parse(system.requests[0]?.body ?? '') as { readonly validTo: string }
    return (Date.parse(validTo) - NOW) / 86_400_000
  }
  assert.deepEqual([await days('', ''), await days('', '999999')], [4 / 24, 1])
  assert.deepEqual([await days('Compact', ''), await days('Compact', '999999'), await days('Compact', '1440')], [90, 90, 1])
})

test('a token is called expired after five minutes, not before', () => {
  const check = (secondsAgo: number): void => checkClaims({ exp: NOW / 1000 - secondsAgo }, 'x', fakeSystem())
  check(300)
  assert.throws(() => check(300.001), { code: 'TOKEN_REJECTED' })
})
