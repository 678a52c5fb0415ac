import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { sendDevOpsError } from '../azure/answers.ts'
import { sendChallenge } from '../azure/challenge.ts'
import {
  CLIENT_SECRET,
  CONTOSO_TENANT,
  FABRIKAM_TENANT,
  FABRIKAM_USER,
  SECRET_CLIENT_ID,
} from '../azure/identities.ts'
import { ORGANIZATIONS } from '../azure/organizations.ts'
import { writeFakeAz, writeKeyring } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { VERSION } from '../../src/version.ts'
import { BIN, newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/project/_packaging/feed/pypi/simple/'
const CONNECT_TO_FEED = 'pass the URL that "Connect to feed" shows: https://pkgs.dev.azure.com/ORG/_packaging/FEED/pypi/simple/'
const TOKEN = 'ARTIFACTS_KEYRING_NOFUSS_TOKEN'
const PROVIDER = 'ARTIFACTS_KEYRING_NOFUSS_PROVIDER'
const SECRET = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET }
const SIGN_IN = 'set ARTIFACTS_KEYRING_NOFUSS_TOKEN, or install the Azure CLI and run: az login'
const LAST_RESORT = 'put that right, or run it again with ARTIFACTS_KEYRING_NOFUSS_DEBUG=1'
const CHECK_NETWORK = 'check the URL of the feed, the network, HTTPS_PROXY and NO_PROXY'

let azure: StandIn
let machine: Machine
let log: string

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  log = join(machine.home, 'programs.log')
  writeKeyring(machine.programs, { node: process.execPath, bin: BIN, log })
  if ('after' in context) context.after(() => machine.remove())
})

/** What `doctor` said; every secret of the tests is a canary, and stdout is a report, so it has none either. */
async function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const ended = await runKeyring(['doctor', ...args], { ...machine.env, ...azure.environment(), ...NOWHERE, ...env })
  assert.equal(ended.stdout.includes('CANARY'), false, ended.stdout)
  return ended
}

/** The lines with this sign, each as `check: reason`. */
function lines({ stdout }: Ended, sign: '✓' | '✗' | '–'): readonly string[] {
  const rows = stdout.split('\n').filter((line) => line.startsWith(sign))
  for (const row of rows) assert.match(row, /^. .{20} \S/u, 'the reasons stand in one column')
  return rows.map((row) => `${row.slice(2, 22).trim()}: ${row.slice(23)}`)
}

function nextStep({ stdout }: Ended): string {
  return /^next: ([\s\S]*)\n$/m.exec(stdout)?.[1]?.replaceAll('\n      ', '\n') ?? 'nothing'
}

/** A broken set-up, and what is said of it. */
interface Broken {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Every line with ✗ that is not about a caller. */
  readonly failed: readonly (string | RegExp)[]
  /** Some lines with –. */
  readonly skipped?: readonly string[]
  readonly next: string
}

function az(options: Partial<Parameters<typeof writeFakeAz>[1]> = {}): void {
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken(), ...options })
}

function keyringrc(text: string): string {
  const folder = join(machine.home, '.config/python_keyring')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'keyringrc.cfg'), text)
  return join(folder, 'keyringrc.cfg')
}

const of = (organization: string): readonly string[] => [FEED.replace('contoso', organization)]
const feed = (name: string): readonly string[] => [FEED.replace('/feed/', `/${name}/`)]
const BAD_PROXY = { https_proxy: 'http://user:CANARYpassword@127.0.0.1:1' }

const BROKEN: Readonly<Record<string, () => Broken>> = {
  'nothing to sign in with': () => ({
    failed: ['token: no provider has one'],
    skipped: ['azure_cli: az is not installed', 'env_var: no token in a variable or in /run/secrets'],
    next: SIGN_IN,
  }),
  'az without an account': () => {
    writeFakeAz(machine.programs, { log })
    return { failed: ['token: no provider has one'], skipped: ['azure_cli: az is not signed in'], next: 'az login' }
  },
  "az with an account of another tenant, whose token the feed's organization rejects": () => {
    az({ token: azure.tokens.mintUserToken({ tenant: FABRIKAM_TENANT, upn: FABRIKAM_USER }) })
    const whose = `account ${FABRIKAM_USER} of tenant ${FABRIKAM_TENANT}, the feed's is ${CONTOSO_TENANT}`
    return { failed: [`token: vssps.dev.azure.com rejected the token (401), ${whose}`, 'token: no provider has one'], next: `az login --tenant ${CONTOSO_TENANT}` }
  },
  'az with an account that Entra refuses a token in the tenant': () => {
    writeFakeAz(machine.programs, { log, stderr: 'AADSTS50020: CANARY user account\n', exitCode: 1 })
    return {
      failed: ['azure_cli: az could not get a token (AADSTS50020)', 'token: no provider has one'],
      next: 'the account is of another tenant; it must be invited there, or sign in with another\naz login --scope 499b84ac-1321-427f-aa17-267ca6975798/.default',
    }
  },
  'the same, and az is the only provider': () => {
    writeFakeAz(machine.programs, { log, stderr: 'AADSTS53003: CANARY\n', exitCode: 1 })
    return {
      env: { [PROVIDER]: 'azure_cli' },
      failed: ['token: az could not get a token (AADSTS53003)'],
      next: 'a Conditional Access policy of the tenant forbids this sign-in; ask its administrator\naz login --scope 499b84ac-1321-427f-aa17-267ca6975798/.default',
    }
  },
  'az that does not end': () => {
    az({ delaySeconds: 30 })
    return {
      env: { ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '3', PATH: `${machine.programs}:/usr/bin:/bin`, [PROVIDER]: 'azure_cli' },
      failed: ['token: the time of this call was over while waiting for azure_cli'],
      next: 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT sets how many seconds a call may take',
    }
  },
  'an expired Entra token': () => ({
    env: { [TOKEN]: azure.tokens.mintUserToken({ expiresInSeconds: -3600 }) },
    failed: [/^token: the token of alice@contoso\.example in ARTIFACTS_KEYRING_NOFUSS_TOKEN expired at 20[\d-]+T[\d:.]+Z$/, 'token: no provider has one'],
    next: "get a new token, or check this machine's clock",
  }),
  'a PAT of another organization': () => ({
    env: { [TOKEN]: azure.tokens.mintPat('fabrikam') },
    failed: ['access: the token has expired, was revoked or is of another organization (401)'],
    skipped: ['exchange: not needed: the token is handed out as it is', 'azure_cli: not needed'],
    next: 'put a new token of the organization contoso in ARTIFACTS_KEYRING_NOFUSS_TOKEN',
  }),
  'a revoked PAT in a file': () => {
    const pat = azure.tokens.mintPat('contoso')
    azure.tokens.revoke(pat)
    const path = join(machine.home, 'token')
    writeFileSync(path, pat)
    return {
      env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: path },
      failed: ['access: the token has expired, was revoked or is of another organization (401)'],
      next: `put a new token of the organization contoso in ${path} (ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE)`,
    }
  },
  'a token file that is a folder': () => ({
    env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: machine.home },
    failed: [`env_var: cannot use ${machine.home} (ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE): not a regular file`, 'token: no provider has one'],
    next: SIGN_IN,
  }),
  'a user who is no reader of the feed': () => {
    az()
    return {
      args: feed('no-permission'),
      failed: ['access: alice@contoso.example has no permission (403)'],
      next: 'give alice@contoso.example the role Feed Reader in the settings of the feed',
    }
  },
  'a second identity, whose token is accepted, and who is no reader of the feed': () => {
    az()
    const whose = `account ${FABRIKAM_USER} of tenant ${FABRIKAM_TENANT}, the feed's is ${CONTOSO_TENANT}`
    return {
      args: feed('no-permission'),
      env: { [TOKEN]: azure.tokens.mintUserToken({ tenant: FABRIKAM_TENANT, upn: FABRIKAM_USER }) },
      failed: [`token: vssps.dev.azure.com rejected the token (401), ${whose}`, 'access: alice@contoso.example has no permission (403)'],
      next: 'give alice@contoso.example the role Feed Reader in the settings of the feed',
    }
  },
  'a user who may not publish': () => {
    az()
    azure.behave('contoso', { feed: (request, response) => {
      const row = ORGANIZATIONS.get('contoso')
      assert.ok(row !== undefined)
      return request.headers['authorization'] === undefined ? sendChallenge(response, row) : sendDevOpsError(response, 403, 'CANARY')
    } })
    return {
      args: [FEED.replace('/simple/', '/upload')],
      failed: ['access: alice@contoso.example has no permission (403)'],
      next: 'give alice@contoso.example the role Feed Publisher (Contributor) in the settings of the feed',
    }
  },
  'a feed that does not exist': () => {
    az()
    return {
      args: feed('no-such-feed'),
      failed: ['access: no such feed or package (404)'],
      next: 'check organization, project, feed and package in the URL',
    }
  },
  'an organization that does not exist': () => ({
    args: of('nobody'),
    failed: ['discovery: pkgs.dev.azure.com answered 404 where 401 with its tenant was expected'],
    next: 'check organization, project and feed in the URL',
  }),
  'a package of an upstream source under a read token': () => {
    az()
    return {
      args: [`${FEED}upstream-package/`],
      failed: ['access: the package is upstream only, and this credential may not save it into the feed (401)'],
      next: 'give alice@contoso.example the role Feed and Upstream Reader (Collaborator) in the settings of the feed\nand set ARTIFACTS_KEYRING_NOFUSS_SCOPE=write',
    }
  },
  'a proxy that wants a password': () => {
    azure.guardProxy('user:CANARYpassword')
    return {
      failed: [/^connection: the proxy 127\.0\.0\.1:\d+ wants a user and a password \(407\)$/],
      next: 'put user and password into the proxy URL: http://USER:PASSWORD@HOST:PORT',
    }
  },
  'a proxy that is not there': () => ({
    env: BAD_PROXY,
    failed: ['connection: no answer from the proxy 127.0.0.1:1: the connection was refused'],
    next: CHECK_NETWORK,
  }),
  'a proxy whose name is in no DNS': () => ({
    env: { https_proxy: 'http://no-such-host.invalid:3128' },
    failed: [/^connection: no answer from the proxy no-such-host\.invalid:3128: (there is no such host name|the name could not be looked up)$/],
    next: CHECK_NETWORK,
  }),
  'a proxy that speaks SOCKS': () => ({
    env: { HTTPS_PROXY: '', ALL_PROXY: 'socks5://user:CANARYpassword@127.0.0.1:1' },
    failed: ['proxy: ALL_PROXY names a socks proxy, and only http and https proxies are supported'],
    next: 'set HTTPS_PROXY to an http proxy; it comes before ALL_PROXY',
  }),
  'a network that inspects TLS': () => ({
    env: { SSL_CERT_FILE: '', REQUESTS_CA_BUNDLE: '' },
    failed: ['connection: pkgs.dev.azure.com is not trusted: its certificate comes from an authority that is not trusted'],
    next: 'where a proxy inspects TLS, name its certificates in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS',
  }),
  'a bundle of certificates that is not there': () => ({
    env: { PIP_CERT: '/nonexistent/ca.pem' },
    failed: ['trust: PIP_CERT names /nonexistent/ca.pem: missing'],
    next: LAST_RESORT,
  }),
  'a feed that names a sign-in authority of somebody else': () => ({
    args: of('evil-authority'),
    failed: ['discovery: pkgs.dev.azure.com names a sign-in authority that is not trusted'],
    next: 'nothing was sent there; is something between you and Azure DevOps changing its answers?',
  }),
  'a feed that names a token service of somebody else': () => ({
    args: of('evil-endpoint'),
    env: { [TOKEN]: azure.tokens.mintUserToken() },
    failed: ['discovery: pkgs.dev.azure.com names an authorization endpoint that is not trusted'],
    next: 'nothing was sent there; is something between you and Azure DevOps changing its answers?',
  }),
  'a page to sign in where a feed should be': () => ({
    args: of('html-203'),
    failed: ['discovery: pkgs.dev.azure.com answered 203 where 401 with its tenant was expected'],
    next: CHECK_NETWORK,
  }),
  'a service that is down': () => ({
    args: of('error-500'),
    failed: ['discovery: pkgs.dev.azure.com answered 500 where 401 with its tenant was expected'],
    next: 'Azure DevOps is busy or down, try again later',
  }),
  'a keyringrc.cfg that disables keyring': () => {
    const path = keyringrc('[backend]\ndefault-keyring=keyring.backends.null.Keyring\n')
    return { failed: [`configuration: ${path} disables keyring`], next: 'remove keyring.backends.null.Keyring from it' }
  },
  'a variable that disables keyring': () => ({
    env: { PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring' },
    failed: ['configuration: PYTHON_KEYRING_BACKEND disables keyring'],
    next: 'remove keyring.backends.null.Keyring from it',
  }),
  'a provider that does not exist, in the variable': () => ({
    env: { [PROVIDER]: 'azure-cli' },
    failed: ['configuration: ARTIFACTS_KEYRING_NOFUSS_PROVIDER names an unknown provider'],
    next: 'valid names: feed_endpoints, env_var, azure_pipelines, service_connection, system_access_token, azure_cli, ado_auth_helper, workload_identity, azure_identity, client_secret, client_certificate, managed_identity, azure_developer_cli, azure_powershell',
  }),
  'a provider that does not exist, in keyringrc.cfg': () => {
    keyringrc('[artifacts_keyring_nofuss]\nprovider = az\n')
    return {
      failed: ['configuration: keyringrc.cfg names an unknown provider'],
      next: 'valid names: feed_endpoints, env_var, azure_pipelines, service_connection, system_access_token, azure_cli, ado_auth_helper, workload_identity, azure_identity, client_secret, client_certificate, managed_identity, azure_developer_cli, azure_powershell',
    }
  },
  'another provider forced than the one that is set up': () => {
    az()
    return { env: { [PROVIDER]: 'client_secret' }, failed: ['token: no provider has one'], skipped: ['client_secret: AZURE_CLIENT_ID and AZURE_TENANT_ID and AZURE_CLIENT_SECRET not set'], next: LAST_RESORT }
  },
  'no URL': () => ({ args: [], failed: ['service: no feed of Azure Artifacts is named'], next: CONNECT_TO_FEED }),
  'only a host': () => ({ args: ['pkgs.dev.azure.com'], failed: ['service: no feed of Azure Artifacts is named'], next: CONNECT_TO_FEED }),
  'a slip in the host': () => ({
    args: ['https://me:CANARYpassword@pkgs.dev.azure.co/contoso/_packaging/feed/pypi/simple/'],
    failed: ['service: no feed of Azure Artifacts is named'],
    next: CONNECT_TO_FEED,
  }),
  'an http URL': () => ({
    args: [FEED.replace('https://', 'http://me:CANARYpassword@')],
    failed: ['service: the service is refused: http:// would send the credential in the clear, use https://'],
    next: CONNECT_TO_FEED,
  }),
  'a pipeline that does not give its token to the step': () => ({
    env: { TF_BUILD: 'True' },
    failed: ['token: no provider has one'],
    skipped: ['system_access_token: SYSTEM_ACCESSTOKEN not set'],
    next: 'add to the step, so that it gets the token of the job:\n  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)',
  }),
  'a pipeline that gives the name of its token': () => ({
    env: { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: '$(System.AccessToken)' },
    failed: ['system_access_token: SYSTEM_ACCESSTOKEN holds a macro that Azure Pipelines did not replace', 'token: no provider has one'],
    next: 'add to the step, so that it gets the token of the job:\n  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)',
  }),
  'a GitHub job without the permission to ask for a token': () => ({
    env: { GITHUB_ACTIONS: 'true', AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT },
    failed: ['token: no provider has one'],
    skipped: ['workload_identity: the GitHub job may not ask for an OIDC token'],
    next: 'add to the job, so that it may get an OIDC token:\n  permissions:\n    id-token: write',
  }),
  'a wrong client secret': () => ({
    env: { ...SECRET, AZURE_CLIENT_SECRET: 'CANARYwrong' },
    failed: ['client_secret: login.microsoftonline.com refused to give a token (401: AADSTS7000215)', 'token: no provider has one'],
    next: 'AZURE_CLIENT_SECRET is wrong; it must be the value of the secret, not its ID',
  }),
  'a service principal that is not in the organization': () => {
    azure.behave('contoso', { feed: (_, response) => {
      const row = ORGANIZATIONS.get('contoso')
      assert.ok(row !== undefined)
      sendChallenge(response, row)
    } })
    return {
      env: SECRET,
      failed: [`access: ${SECRET_CLIENT_ID}, tenant ${CONTOSO_TENANT}, is not in contoso, tenant ${CONTOSO_TENANT} (401)`],
      next: `add ${SECRET_CLIENT_ID} to the organization at https://dev.azure.com/contoso/_settings/users, or use another identity`,
    }
  },
  'a service principal of another tenant': () => ({
    env: { [TOKEN]: azure.tokens.mintApplicationToken({ tenant: FABRIKAM_TENANT }) },
    failed: [`access: ${SECRET_CLIENT_ID}, tenant ${FABRIKAM_TENANT}, is not in contoso, tenant ${CONTOSO_TENANT} (401)`],
    next: `add ${SECRET_CLIENT_ID} to the organization at https://dev.azure.com/contoso/_settings/users, or use another identity`,
  }),
  'a user who never signed in to the organization (TF401444)': () => {
    az()
    return {
      args: of('exchange-tf401444'),
      failed: ['token: vssps.dev.azure.com does not know this identity yet (TF401444), account alice@contoso.example', 'token: no provider has one'],
      next: 'sign in once in a browser: https://dev.azure.com/exchange-tf401444',
    }
  },
  'the same, and of another tenant: what the service says comes first': () => {
    az({ token: azure.tokens.mintUserToken({ tenant: FABRIKAM_TENANT, upn: FABRIKAM_USER }) })
    azure.behave('contoso', { exchange: (_, response) => sendDevOpsError(response, 401, 'TF401444: Please sign-in at least once as CANARY') })
    const whose = `account ${FABRIKAM_USER} of tenant ${FABRIKAM_TENANT}, the feed's is ${CONTOSO_TENANT}`
    return {
      failed: [`token: vssps.dev.azure.com does not know this identity yet (TF401444), ${whose}`, 'token: no provider has one'],
      next: 'sign in once in a browser: https://dev.azure.com/contoso',
    }
  },
  'a token service that is down': () => {
    az()
    return {
      args: of('exchange-500'),
      failed: ['token: vssps.dev.azure.com answered 500 to the exchange of the token'],
      next: 'Azure DevOps may be busy or down, try again later',
    }
  },
  'a scope that does not exist': () => {
    az()
    return {
      env: { ARTIFACTS_KEYRING_NOFUSS_SCOPE: 'everything' },
      failed: ['token: ARTIFACTS_KEYRING_NOFUSS_SCOPE is neither read nor write'],
      next: LAST_RESORT,
    }
  },
  'a public feed': () => ({
    args: of('public'),
    failed: [],
    skipped: ['discovery: pkgs.dev.azure.com answers without a credential'],
    next: 'nothing: this feed needs no credential',
  }),
}

describe('broken set-ups', { concurrency: false }, () => {
  for (const [name, make] of Object.entries(BROKEN)) {
    test(`doctor: ${name}`, async () => {
      const { args = [FEED], env, failed, skipped = [], next } = make()
      const ended = await doctor(args, env)
      assert.equal(ended.status, 1, ended.stdout)
      assert.equal(ended.stderr, '')
      const said = lines(ended, '✗')
      assert.equal(said.length, failed.length, ended.stdout)
      for (const [index, expected] of failed.entries()) {
        if (typeof expected === 'string') assert.equal(said[index], expected)
        else assert.match(said[index] ?? '', expected)
      }
      for (const expected of skipped) assert.ok(lines(ended, '–').includes(expected), ended.stdout)
      assert.equal(nextStep(ended), next)
      // What only the feed objects to, get hands out.
      const found = failed.some((line) => String(line).startsWith('access: '))
      const get = await runKeyring(['get', args[0] ?? '', 'me'], { ...machine.env, ...azure.environment(), ...NOWHERE, ...env })
      assert.equal(get.status, found ? 0 : 1, get.stderr)
    })
  }
})

const GOOD: Readonly<Record<string, () => { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly ok: readonly (string | RegExp)[] }>> = {
  'a user of az': () => {
    az()
    return {
      ok: [
        `discovery: tenant ${CONTOSO_TENANT}, session tokens from https://vssps.dev.azure.com/contoso`,
        new RegExp(`^azure_cli: alice@contoso\\.example, tenant ${CONTOSO_TENANT}, (59|60) min left, from az's answer$`),
        "token: a user's, of Entra",
        /^exchange: session token, scope vso\.packaging, (239|240) min left$/,
        'access: the feed accepts the credential (200)',
      ],
    }
  },
  'a user whose first token is rejected': () => {
    az()
    const env = { [TOKEN]: azure.tokens.mintUserToken({ tenant: FABRIKAM_TENANT, upn: FABRIKAM_USER }) }
    return { env, ok: [/^env_var: bob@fabrikam\.example, /, /^azure_cli: alice@/, 'access: the feed accepts the credential (200)'] }
  },
  'a package of an upstream source under a token that may write': () => {
    az()
    return {
      args: [`${FEED}upstream-package/`],
      env: { ARTIFACTS_KEYRING_NOFUSS_SCOPE: 'write' },
      ok: [/^exchange: session token, scope vso\.packaging_write, /, 'access: the feed accepts the credential (200)'],
    }
  },
  'an upload': () => {
    az()
    const ok = [/^exchange: session token, scope vso\.packaging_write, /, 'access: the feed accepts the credential; only an upload shows the role (405)']
    return { args: [FEED.replace('/simple/', '/upload')], ok }
  },
  'a session token that is a PAT': () => {
    az()
    return { env: { ARTIFACTS_CREDENTIALPROVIDER_TOKENTYPE: 'Compact' }, ok: ['exchange: session token, scope unknown'] }
  },
  'a PAT': () => ({
    env: { [TOKEN]: azure.tokens.mintPat('contoso') },
    ok: ['env_var: a token without a name, from ARTIFACTS_KEYRING_NOFUSS_TOKEN', 'token: of Azure DevOps', 'access: the feed accepts the credential (200)'],
  }),
  'an application': () => ({
    env: SECRET,
    ok: [new RegExp(`^client_secret: ${SECRET_CLIENT_ID}, tenant ${CONTOSO_TENANT}, (59|60) min left, from Entra`), "token: an application's, of Entra"],
  }),
  'the token of a pipeline': () => ({
    env: { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: azure.tokens.mintSystemAccessToken('contoso') },
    ok: [/^system_access_token: a token without a name, (59|60) min left, from SYSTEM_ACCESSTOKEN$/, 'token: of Azure DevOps'],
  }),
  'a proxy with a password': () => {
    azure.guardProxy('user:CANARYpassword')
    const env = { https_proxy: azure.proxyUrl.replace('//', '//user:CANARYpassword@'), [TOKEN]: azure.tokens.mintPat('contoso') }
    return { env, ok: [/^proxy: the proxy 127\.0\.0\.1:\d+ \(https_proxy\)$/, 'trust: only the certificates of REQUESTS_CA_BUNDLE (1)'] }
  },
  'a provider that is forced': () => ({
    env: { [PROVIDER]: 'env_var', [TOKEN]: azure.tokens.mintPat('contoso') },
    ok: ['configuration: only env_var (ARTIFACTS_KEYRING_NOFUSS_PROVIDER)'],
  }),
  'a provider that keyringrc.cfg forces': () => {
    const path = keyringrc('[artifacts_keyring_nofuss]\nprovider = env_var\n')
    return { env: { [TOKEN]: azure.tokens.mintPat('contoso') }, ok: [`configuration: only env_var (${path})`] }
  },
  'a URL with a user and a password': () => ({
    args: [FEED.replace('//', '//me:CANARYpassword@')],
    env: { [TOKEN]: azure.tokens.mintPat('contoso') },
    ok: ['service: organization contoso'],
  }),
  'a home folder that cannot be read': () => ({
    env: { HOME: '/nonexistent', [TOKEN]: azure.tokens.mintPat('contoso') },
    ok: ['configuration: /nonexistent/.config/python_keyring/keyringrc.cfg (missing)'],
  }),
}

for (const [name, make] of Object.entries(GOOD)) {
  test(`doctor: it works with ${name}`, async () => {
    const { args = [FEED], env, ok } = make()
    const ended = await doctor(args, env)
    assert.deepEqual([ended.status, ended.stderr], [0, ''], ended.stdout)
    assert.equal(nextStep(ended), 'nothing, the feed accepts the credential')
    const said = lines(ended, '✓')
    for (const expected of ok) {
      assert.ok(said.some((line) => (typeof expected === 'string' ? line === expected : expected.test(line))), `${String(expected)} is not in\n${ended.stdout}`)
    }
    assert.equal(said[1], `node: ${process.version} (${process.execPath}), keyring ${VERSION}`)
  })
}

test('doctor: a configuration file that cannot be read is a warning, once for each time it is read', async () => {
  mkdirSync(join(machine.home, '.config/python_keyring/keyringrc.cfg'), { recursive: true })
  const ended = await doctor([FEED], { [TOKEN]: azure.tokens.mintPat('contoso') })
  assert.equal(ended.status, 0)
  assert.match(lines(ended, '✓')[2] ?? '', /^configuration: .*keyringrc\.cfg \(not a regular file\)$/)
  assert.match(ended.stderr, /^(keyring: warning: ignoring .*keyringrc\.cfg: not a regular file\n)+$/)
})

test('doctor: the credential goes to the feed alone, once, after a request without it', async () => {
  az()
  assert.equal((await doctor([FEED])).status, 0)
  const seen = azure.requests.map(({ method, host, headers }) => `${method} ${host} ${headers['authorization']?.split(' ')[0] ?? '-'}`)
  const probe = 'GET pkgs.dev.azure.com -'
  assert.deepEqual(seen, [probe, probe, 'POST vssps.dev.azure.com Bearer', 'GET pkgs.dev.azure.com Basic'])
  // Else a credential that is not accepted is answered with a page to sign in.
  assert.deepEqual(new Set(azure.requests.map(({ headers }) => headers['x-tfs-fedauthredirect'])), new Set(['Suppress']))
  assert.deepEqual(azure.requests.flatMap(({ errors }) => errors), [])
})

test('doctor: nothing is sent where the service is not ours or the feed names somebody else', async () => {
  const env = { [TOKEN]: azure.tokens.mintUserToken() }
  await doctor(['https://index.example/simple/'], env)
  await doctor(['http://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'], env)
  assert.deepEqual(azure.connects, [])
  await doctor(of('evil-endpoint'), env)
  assert.deepEqual(azure.requests.map(({ headers }) => headers['authorization']), [undefined])
})
