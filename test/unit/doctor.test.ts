import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCallers } from '../../src/doctor/callers.ts'
import { step } from '../../src/doctor/check.ts'
import type { Check } from '../../src/doctor/check.ts'
import { examine } from '../../src/doctor/examine.ts'
import { checkClaims } from '../../src/identity/claims.ts'
import { trustFeed } from '../../src/net/allowlist.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { programsOnPath } from '../../src/system/find-program.ts'
import { Secret } from '../../src/system/settings.ts'
import type { Command, CommandResult } from '../../src/system/system.ts'
import { VERSION } from '../../src/version.ts'
import { fakeSystem, jwt, NOW, printed } from './fake-system.ts'
import type { FakeAnswer, FakeSystem, FakeWorld } from './fake-system.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const TENANT = '11111111-aaaa-4aaa-8aaa-111111111111'
const OURS = (): CommandResult => printed(`keyring-compatible artifacts-keyring-nofuss ${VERSION}\n`)

test('only the URL of a feed may get the credential of a feed', () => {
  for (const url of [FEED, 'https://org.pkgs.visualstudio.com/', 'https://pkgs.codedev.ms/a/b']) assert.equal(trustFeed(url), url)
  const bad = [
    FEED.replace('https', 'http'), FEED.replace('.com/', '.com:444/'), FEED.replace('.com/', '.com:443/'), FEED.replace('//', '//u:p@'),
    'https://pkgs.dev.azure.com.evil.example/', 'https://evil.example/https://pkgs.dev.azure.com/', 'https://pkgs.dev.azure.com\\@evil.example/',
    'https://evil-pkgs.dev.azure.com/', 'https://pkgs.dev.azure.com', ` ${FEED}`, 'https://dev.azure.com/', '',
  ]
  for (const url of bad) assert.throws(() => trustFeed(url), { code: 'UNTRUSTED_ENDPOINT' }, url)
})

test('a secret as password of Basic authentication, which does not print either', () => {
  const header = new Secret('pässword').basic('me')
  assert.equal(header.reveal(), `Basic ${Buffer.from('me:pässword', 'utf8').toString('base64')}`)
  assert.equal(String(header), '[secret]')
})

test('every program of a name, in the order of PATH', () => {
  const programs = { '/a/x': OURS, '/b/x': OURS }
  assert.deepEqual([...programsOnPath(fakeSystem({ env: { PATH: '/b:.:/c:/a/:/b' }, programs }), 'x')], ['/b/x', '/a/x', '/b/x'])
})

test('an expired token is a hint too', () => {
  const error = (() => {
    try {
      return checkClaims({ exp: 1 }, 'X', fakeSystem())
    } catch (caught) {
      return caught
    }
  })()
  assert.ok(error instanceof KeyringError)
  assert.deepEqual(error.hints, ["get a new token, or check this machine's clock"])
})

test('a step tells what it found, or its error, and nothing of a fault of ours', async () => {
  const told: Check[] = []
  const tell = (check: Check): void => void told.push(check)
  assert.equal(await step('a', tell, () => 1, (it) => `found ${it}`), 1)
  await assert.rejects(step('b', tell, () => Promise.reject(new KeyringError('TLS', 'no', 'do', 'this')), String), { code: 'TLS' })
  await assert.rejects(step('c', tell, () => { throw new TypeError('CANARY') }, String), TypeError)
  await assert.rejects(step('d', tell, () => 1, () => { throw new KeyringError('BAD_SETTING', 'odd') }), { code: 'BAD_SETTING' })
  assert.deepEqual(told, [
    { check: 'a', result: 'ok', reason: 'found 1' },
    { check: 'b', result: 'failed', reason: 'no', next: ['do', 'this'] },
    { check: 'd', result: 'failed', reason: 'odd', next: ['put that right, or run it again with ARTIFACTS_KEYRING_NOFUSS_DEBUG=1'] },
  ])
})

async function callers(system: FakeSystem): Promise<readonly Check[]> {
  const told: Check[] = []
  await checkCallers(system, (check) => void told.push(check))
  return told
}

test('on Windows uv finds a keyring.exe only, and pip what it says itself', async () => {
  const found = 'C:\\npm\\keyring.cmd'
  const answer = { pip: '26.3', prefix: 'C:\\Python', first: found, found, library: null }
  const programs = { [found]: OURS, 'C:\\Python\\python.exe': () => printed(JSON.stringify(answer)) }
  const env = { PATH: 'C:\\npm;C:\\Python' }
  assert.deepEqual(await callers(fakeSystem({ platform: 'win32', env, programs })), [
    { check: 'uv, PDM', result: 'failed', reason: 'no keyring on PATH', next: ['put the folder of this keyring on PATH'] },
    { check: 'pip 26.3', result: 'ok', reason: `${found}, this program (Python in C:\\Python)` },
  ])
  const exe = fakeSystem({ platform: 'win32', env: { PATH: 'C:\\npm;C:\\x' }, programs: { [found]: OURS, 'C:\\x\\keyring.exe': OURS } })
  assert.deepEqual(await callers(exe), [{ check: 'uv, PDM', result: 'ok', reason: 'C:\\x\\keyring.exe, this program' }])
})

const ENDINGS: readonly (readonly [result: CommandResult, reason: string])[] = [
  [{ ended: 'not-started' }, 'which does not start'],
  [{ ended: 'timeout' }, 'which does not start'],
  [{ ended: 'signal' }, 'which does not start'],
  [{ ended: 'too-much-output' }, 'which does not start'],
  [printed('', 'env: node: No such file', 127), 'which does not start'],
  [printed('', '', 126), 'which does not start'],
  [printed('', 'usage', 125), 'another program'],
  [printed('', 'usage', 2), 'another program'],
  [printed('keyring-compatible artifacts-keyring-nofuss 9.9.9\n'), 'version 9.9.9 of this program'],
  [printed('keyring-compatible artifacts-keyring-nofuss 9 9\n'), 'another program'],
  [printed('banner\nkeyring-compatible artifacts-keyring-nofuss 9\n'), 'another program'],
]

for (const [result, reason] of ENDINGS) {
  test(`a keyring that ends with ${JSON.stringify(result).slice(0, 70)}: ${reason}`, async () => {
    const asked: Command[] = []
    const keyring = (command: Command): CommandResult => {
      asked.push(command)
      return result
    }
    const [uv] = await callers(fakeSystem({ env: { PATH: '/p' }, programs: { '/p/keyring': keyring } }))
    assert.deepEqual([uv?.check, uv?.result, uv?.reason], ['uv, PDM', 'failed', `/p/keyring, ${reason}`])
    assert.deepEqual(asked.map(({ args }) => args), [['--version']])
    const env: Readonly<Record<string, string | undefined>> = asked[0]?.env ?? {}
    assert.ok('ARTIFACTS_KEYRING_NOFUSS_TOKEN' in env && env['ARTIFACTS_KEYRING_NOFUSS_TOKEN'] === undefined)
  })
}

test('a Python that prints anything else than an answer is none', async () => {
  for (const stdout of ['', 'Python 2.7', '[]', '{"pip": 1}', '{}']) {
    const system = fakeSystem({ env: { PATH: '/p' }, programs: { '/p/python3': () => printed(stdout) } })
    assert.equal((await callers(system)).length, 1, stdout)
  }
})

const CHALLENGE: FakeAnswer = {
  status: 401,
  headers: {
    'www-authenticate': `Bearer authorization_uri=https://login.windows.net/${TENANT}`,
    'x-vss-authorizationendpoint': 'https://vssps.dev.azure.com/contoso',
  },
}

/** What is said of the access of a token to a feed that answers it so. */
async function access(answer: FakeAnswer, token: string, url = FEED, world: FakeWorld = {}): Promise<Check | undefined> {
  const told: Check[] = []
  const system = fakeSystem({
    ...world,
    env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: token, ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1' },
    fetch: ({ headers }) => (headers['authorization'] === undefined ? CHALLENGE : answer),
  })
  await examine(url, system, (check) => void told.push(check)).catch((error: unknown) => assert.ok(error instanceof KeyringError))
  return told.at(-1)
}

const APPLICATION = jwt({ idtyp: 'app', appid: 'an-application', tid: TENANT, exp: NOW / 1000 + 600 })
const UNKNOWN_OWNER = jwt({ idtyp: 'app' })
const PAGE = 'https://dev.azure.com/contoso/_settings/users'

const ANSWERS: readonly (readonly [status: number, token: string, reason: string, next: string])[] = [
  [200, APPLICATION, 'the feed accepts the credential (200)', ''],
  [203, APPLICATION, `an-application, tenant ${TENANT}, is not in contoso, tenant ${TENANT} (203)`, `add an-application to the organization at ${PAGE}, or use another identity`],
  [302, 'pat', 'the token has expired, was revoked or is of another organization (302)', 'put a new token of the organization contoso in ARTIFACTS_KEYRING_NOFUSS_TOKEN'],
  [401, UNKNOWN_OWNER, `the owner of the token, tenant unknown, is not in contoso, tenant ${TENANT} (401)`, `add the owner of the token to the organization at ${PAGE}, or use another identity`],
  [403, 'pat', 'the owner of the token has no permission (403)', 'give the owner of the token the role Feed Reader in the settings of the feed'],
  [404, 'pat', 'no such feed or package (404)', 'check organization, project, feed and package in the URL'],
  [405, 'pat', 'the feed is busy or down (405)', 'try again later'],
  [429, APPLICATION, 'the feed is busy or down (429)', 'try again later'],
  [500, 'pat', 'the feed is busy or down (500)', 'try again later'],
  [503, APPLICATION, 'the feed is busy or down (503)', 'try again later'],
]

for (const [status, token, reason, next] of ANSWERS) {
  test(`the feed answers ${status} to ${token === 'pat' ? 'a PAT' : 'an application'}`, async () => {
    const check = await access({ status }, token)
    assert.deepEqual([check?.check, check?.result, check?.reason, (check?.next ?? []).join()], ['access', status === 200 ? 'ok' : 'failed', reason, next])
  })
}

test('a page to sign in is no feed, with 200 either', async () => {
  const check = await access({ status: 200, body: '<html><form action="https://login.example"></form></html>' }, 'pat')
  assert.deepEqual([check?.result, check?.reason], ['failed', 'the token has expired, was revoked or is of another organization (200)'])
})

test('an organization without a known page has none to be added at', async () => {
  const check = await access({ status: 401 }, APPLICATION, FEED.replace('pkgs.dev.azure.com', 'pkgs.codedev.ms'))
  assert.deepEqual(check?.next, ['add an-application to the organization, or use another identity'])
})

test('a feed that does not answer the credential', async () => {
  const told: Check[] = []
  const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat', ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1' }
  const reset = Object.assign(new Error('CANARY'), { code: 'ECONNRESET' })
  const system = fakeSystem({ env, fetch: ({ headers }) => (headers['authorization'] === undefined ? CHALLENGE : reset) })
  await assert.rejects(examine(FEED, system, (check) => void told.push(check)), { code: 'NETWORK' })
  assert.deepEqual([told.at(-1)?.check, told.at(-1)?.reason], ['access', 'no answer from pkgs.dev.azure.com: the connection was dropped'])
})

test('a token says how long it lives, and an expired one since when', async () => {
  const life = async (exp: number | undefined): Promise<string | undefined> => {
    const told: Check[] = []
    const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: jwt({ idtyp: 'app', appid: 'a', exp }) }
    const fetch = ({ headers }: { readonly headers: Readonly<Record<string, string>> }): FakeAnswer => (headers['authorization'] === undefined ? CHALLENGE : { status: 200 })
    await examine(FEED, fakeSystem({ env, fetch }), (check) => void told.push(check))
    return told.find(({ check }) => check === 'env_var')?.reason
  }
  const now = NOW / 1000
  assert.equal(await life(now + 119), 'a, 1 min left, from ARTIFACTS_KEYRING_NOFUSS_TOKEN')
  assert.equal(await life(now), 'a, 0 min left, from ARTIFACTS_KEYRING_NOFUSS_TOKEN')
  assert.equal(await life(now - 60), 'a, expired 1 min ago, from ARTIFACTS_KEYRING_NOFUSS_TOKEN')
  assert.equal(await life(undefined), 'a, from ARTIFACTS_KEYRING_NOFUSS_TOKEN')
})
