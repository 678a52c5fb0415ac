// The real Azure CLI, signed in against the stand-in, behind the built program (`npm run test:az`).
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { answerDiscovery, AZ_IDENTITY_PATH } from '../azure/az-endpoints.ts'
import { ask, basic } from '../azure/client.ts'
import { ENTRA_HOST, invalidClient, refuse } from '../azure/entra-refusals.ts'
import {
  APP_SERVICE_HEADER, CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID, SYSTEM_IDENTITY_CLIENT_ID,
} from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'
import { runKeyring, runProgram } from '../flow/program.ts'
import type { Ended } from '../flow/program.ts'
import { SupplyError } from '../supply/run.ts'
import { installedAz } from './installed-az.ts'

const az = await installedAz().catch((error: unknown) => {
  if (!(error instanceof SupplyError)) throw error
  console.error(`test:az: ${error.message}`)
  process.exit(1)
})
const azure = await startStandIn({ az: true })
beforeEach(() => azure.reset())
after(() => azure.close())

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const LIMIT = { limitMs: 180_000 }

// The very first start of an az compiles its Python, which can take longer than the program waits.
await runProgram(az, ['account', 'show'], newUser(), LIMIT)

type Variables = Readonly<Record<string, string>>

/** A user's machine with an az to which nobody is signed in. */
function newUser(more: Variables = {}): Variables {
  const home = mkdtempSync(join(azure.directory, 'home '))
  const config = join(home, 'azure config')
  mkdirSync(config)
  after(() => rmSync(home, { recursive: true, force: true }))
  const { HTTPS_PROXY = '', REQUESTS_CA_BUNDLE = '' } = azure.environment()
  return {
    PATH: `${dirname(az)}:/usr/bin:/bin`, HOME: home, AZURE_CONFIG_DIR: config,
    HTTPS_PROXY, REQUESTS_CA_BUNDLE, AZURE_CORE_COLLECT_TELEMETRY: 'false', ...more,
  }
}

async function signIn(user: Variables, args: readonly string[]): Promise<void> {
  const all = ['login', ...args, '--allow-no-subscriptions', '--output', 'none']
  const ended = await runProgram(az, all, user, LIMIT)
  assert.equal(ended.status, 0, ended.stderr)
  assert.deepEqual(azure.requests.flatMap(request => request.errors), [])
}

const AS_SERVICE_PRINCIPAL = ['--service-principal', '-u', SECRET_CLIENT_ID, '-p', CLIENT_SECRET,
  '--tenant', CONTOSO_TENANT]

function get(user: Variables, service = FEED): Promise<Ended> {
  azure.requests.length = 0
  const provider = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli' }
  return runKeyring(['get', service, 'me'], { ...user, ...provider }, LIMIT)
}

/** Asserts a password that the feed accepts, and that nobody objected to anything on the way. */
async function accepted(ended: Ended): Promise<string> {
  assert.equal(ended.status, 0, ended.stderr)
  assert.deepEqual([ended.stderr, ended.stdout.split('\n').length], ['', 2])
  assert.deepEqual(azure.requests.flatMap(request => request.errors), [])
  const password = ended.stdout.trimEnd()
  assert.equal((await ask(azure, FEED, { headers: basic('me', password) })).status, 200)
  return password
}

function refused(ended: Ended, error: RegExp): void {
  assert.deepEqual([ended.status, ended.stdout], [1, ''], ended.stderr)
  assert.match(ended.stderr, error)
  assert.doesNotMatch(ended.stderr, /CANARY/)
}

describe('az that is signed in as a service principal', () => {
  const user = newUser()
  const hosts = (): readonly string[] => azure.requests.map(({ host }) => host)

  test('gives the password of a feed', async () => {
    await signIn(user, AS_SERVICE_PRINCIPAL)
    await accepted(await get(user))
    assert.ok(hosts().includes(ENTRA_HOST))
  })

  test('gives it again without asking Entra for a token', async () => {
    await accepted(await get(user))
    assert.ok(azure.requests.every(({ method }) => method === 'GET'))
  })

  test('is told the tenant of the feed, in which there is no such application', async () => {
    refused(await get(user, FEED.replace('contoso', 'fabrikam')), /AADSTS700016/)
  })

  test('may find that its secret has expired', async () => {
    const other = newUser()
    await signIn(other, AS_SERVICE_PRINCIPAL)
    azure.answer(ENTRA_HOST, (request, response) => {
      if (answerDiscovery(request, response)) return
      const text = 'The provided client secret keys for the app are expired.'
      refuse(request, response, invalidClient(7000222, text))
    })
    refused(await get(other), /AADSTS7000222/)
  })
})

describe('az to which nobody is signed in', () => {
  const SIGNED_OUT = /^keyring: error: [^]*az is not signed in/m

  test('is told as such', async () => {
    refused(await get(newUser()), SIGNED_OUT)
  })

  test('is told as such after a sign-out', async () => {
    const user = newUser()
    await signIn(user, AS_SERVICE_PRINCIPAL)
    assert.equal((await runProgram(az, ['logout'], user, LIMIT)).status, 0)
    refused(await get(user), SIGNED_OUT)
  })
})

describe('az that is signed in with a managed identity', () => {
  const MSI_ENDPOINT = `${azure.identityUrl}${AZ_IDENTITY_PATH}`

  async function givesPassword(user: Variables): Promise<void> {
    await signIn(user, ['--identity'])
    const [, claims = ''] = (await accepted(await get(user))).split('.')
    const { appid } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    assert.equal(appid, SYSTEM_IDENTITY_CLIENT_ID)
  }

  test('gives the password of a feed', () => givesPassword(newUser({ MSI_ENDPOINT })))

  // The secret of the platform is not given to any program; the provider managed_identity has it.
  test('on App Service fails without the secret that no program is given', async () => {
    const user = newUser({
      APPSETTING_WEBSITE_SITE_NAME: 'site',
      MSI_ENDPOINT,
      MSI_SECRET: APP_SERVICE_HEADER,
    })
    await signIn(user, ['--identity'])
    refused(await get(user), /^keyring: error: az failed with exit status 1$/m)
  })
})
