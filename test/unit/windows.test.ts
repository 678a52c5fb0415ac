import assert from 'node:assert/strict'
import { test } from 'node:test'
import { execCommand } from '../../src/cli/mint.ts'
import { adoAuthHelper } from '../../src/identity/providers/ado-auth-helper.ts'
import { azureCli } from '../../src/identity/providers/azure-cli.ts'
import { azureDeveloperCli } from '../../src/identity/providers/azure-developer-cli.ts'
import { envVar } from '../../src/identity/providers/env-var.ts'
import { findProgram } from '../../src/system/find-program.ts'
import { homeFolder } from '../../src/system/settings.ts'
import { readKeyringrc } from '../../src/system/keyringrc.ts'
import { changedEnvironment } from '../../src/system/node-run.ts'
import { setting, withoutSecrets, withVariables } from '../../src/system/settings.ts'
import type { Command, CommandResult } from '../../src/system/system.ts'
import { fakeSystem, printed } from './fake-system.ts'
import type { FakeSystem, FakeWorld } from './fake-system.ts'

const WBIN = 'C:\\Program Files\\Microsoft SDKs\\Azure\\CLI2\\wbin'
const AZ_CMD = `${WBIN}\\az.cmd`
const PYTHON = `${WBIN}\\..\\python.exe`
const REQUEST = {
  resource: '499b84ac-1321-427f-aa17-267ca6975798',
  feedUrl: undefined,
  tenant: () => Promise.resolve('11111111-aaaa-4aaa-8aaa-111111111111'),
  laterConfigured: false,
}

function windows(world: FakeWorld): FakeSystem {
  return fakeSystem({ ...world, platform: 'win32' })
}

/** The environment of a process on Windows: a name is found in any case, and listed in its own. */
function windowsEnvironment(variables: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const spelled = (name: string | symbol): string => {
    const wanted = String(name).toUpperCase()
    return Object.keys(variables).find((own) => own.toUpperCase() === wanted) ?? ''
  }
  return new Proxy(variables, {
    get: (own, name) => own[spelled(name)],
    has: (own, name) => spelled(name) in own,
  })
}

/** Programs that answer well, and what they were started with. */
function programs(...paths: readonly string[]): { readonly started: Command[]; readonly programs: Record<string, (command: Command) => CommandResult> } {
  const started: Command[] = []
  const run = (command: Command): CommandResult => {
    started.push(command)
    return printed('{"accessToken": "tok", "token": "tok"}')
  }
  return { started, programs: Object.fromEntries(paths.map((path) => [path, run])) }
}

test("Windows: az is started as its own python.exe, so that no cmd.exe reads its arguments", async () => {
  const { started, programs: there } = programs(AZ_CMD, PYTHON)
  const system = windows({ env: { PATH: `C:\\Windows;${WBIN}\\` }, programs: there })
  const found = await azureCli(REQUEST, system)
  assert.ok('token' in found)
  assert.deepEqual(started.map(({ program, args }) => [program, ...args]), [[
    PYTHON, '-IBm', 'azure.cli', 'account', 'get-access-token', '--output', 'json',
    '--resource', REQUEST.resource, '--tenant', '11111111-aaaa-4aaa-8aaa-111111111111',
  ]])
})

test('Windows: an az.cmd of another kind is not started, and the reason says what would be', async () => {
  const { started, programs: there } = programs(AZ_CMD, `${WBIN}\\python.exe`, 'C:\\Windows\\System32\\cmd.exe')
  const system = windows({ env: { PATH: `${WBIN};C:\\Windows\\System32` }, programs: there })
  const failure = { code: 'PROVIDER_FAILED', message: `there is no python.exe in the folder above ${AZ_CMD}` }
  await assert.rejects(async () => azureCli(REQUEST, system), failure)
  assert.deepEqual(started, [])
})

test('Windows: a program az without ending, as Linux has it, is not az', async () => {
  const { started, programs: there } = programs('C:\\t\\az', 'C:\\t\\az.exe', 'rel\\az.cmd', 'az.cmd', '\\t\\az.cmd', 'C:rel\\az.cmd')
  const system = windows({ env: { PATH: 'C:\\t;rel;;.;\\t;C:rel' }, programs: there })
  assert.deepEqual(await azureCli(REQUEST, system), { unavailable: 'az is not installed' })
  assert.deepEqual(started, [])
})

test('Windows: no command file is taken for a program', async () => {
  const { started, programs: there } = programs('C:\\a\\azd.cmd', 'C:\\b\\azd.exe')
  const system = windows({ env: { PATH: 'C:\\a;C:\\b' }, programs: there })
  assert.ok('token' in await azureDeveloperCli(REQUEST, system))
  assert.deepEqual(started.map(({ program }) => program), ['C:\\b\\azd.exe'])
  assert.equal(findProgram(system, 'azd.exe'), 'C:\\b\\azd.exe')
  assert.equal(findProgram(system, 'azd.cmd'), 'C:\\a\\azd.cmd')
})

test("Windows: az's accounts are below the user's folder, whatever HOME says", async () => {
  const { started, programs: there } = programs(AZ_CMD, PYTHON)
  const at = 'C:\\Users\\me/.azure/azureProfile.json'
  const world = { env: { PATH: WBIN, HOME: '/c/Users/other' }, home: 'C:\\Users\\me', programs: there, files: { [at]: '{"subscriptions": [{}]}' } }
  assert.equal(homeFolder(windows(world)), 'C:\\Users\\me')
  assert.equal(homeFolder(fakeSystem(world)), '/c/Users/other')
  assert.ok('token' in await azureCli({ ...REQUEST, laterConfigured: true }, windows(world)))
  assert.equal(started.length, 1)
})

test('Windows: nothing is read or started at a path that has no drive', async () => {
  const { started, programs: there } = programs('/usr/local/bin/ado-auth-helper', 'C:\\Users\\me/ado-auth-helper')
  const files = { '/run/secrets/ado_token': 'planted', '/run/secrets/ARTIFACTS_KEYRING_NOFUSS_TOKEN': 'planted' }
  const system = windows({ home: 'C:\\Users\\me', programs: there, files })
  assert.ok('unavailable' in await adoAuthHelper(REQUEST, system))
  assert.deepEqual(started, [])
  assert.ok('unavailable' in envVar(REQUEST, system))
})

test("Windows: Python keyring's configuration is read where it is there, and not in ProgramData", () => {
  const text = '[artifacts_keyring_nofuss]\nprovider = azure_cli\n'
  const files = { 'C:\\L\\Python Keyring\\keyringrc.cfg': text, 'C:\\P\\Python Keyring\\keyringrc.cfg': text }
  const read = (env: Record<string, string>): string | undefined => readKeyringrc(windows({ env, files })).provider
  assert.equal(read({ LOCALAPPDATA: 'C:\\L' }), 'azure_cli')
  // Every user of the machine can write there.
  assert.equal(read({ ProgramData: 'C:\\P' }), undefined)
})

test('Windows: a variable is found in any case, beside changed ones too', () => {
  const env = windowsEnvironment({ Path: 'C:\\t', Azure_Tenant_Id: 'a', AZURE_CLIENT_ID: 'b' })
  const system = withVariables(windows({ env }), { AZURE_CLIENT_ID: 'c', AZURE_TENANT_ID: undefined })
  assert.equal(setting(system, 'PATH'), 'C:\\t')
  assert.equal(setting(system, 'AZURE_CLIENT_ID'), 'c')
  assert.equal(setting(system, 'AZURE_TENANT_ID'), undefined)
  const { programs: there } = programs('C:\\t\\azd.exe')
  assert.equal(findProgram({ ...system, isExecutable: (path) => path in there }, 'azd'), 'C:\\t\\azd.exe')
})

test('Windows: a secret is taken from the programs we start, however its name is written', () => {
  const ours = { SERVICEPRINCIPALKEY: 's', IdToken: 's', Artifacts_Keyring_Nofuss_Token: 's', Path: 'C:\\t', PATHEXT: '.EXE' }
  const given = changedEnvironment(ours, { ...withoutSecrets(), NO_COLOR: '1' }, true)
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  assert.deepEqual(Object.fromEntries(set), { Path: 'C:\\t', PATHEXT: '.EXE', NO_COLOR: '1' })
  // Elsewhere two spellings are two variables.
  assert.equal(changedEnvironment({ path: 'a' }, { PATH: 'b' }, false)['path'], 'a')
})

test('Windows: exec looks its command up on PATH, never in the working directory', async () => {
  const ARTIFACTS_KEYRING_NOFUSS_TOKEN = 'tok'
  const world = (env: Readonly<Record<string, string>>): FakeSystem =>
    windows({ env: { ...env, AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's' }, programs: { 'C:\\t\\pip.exe': () => printed('') },
      fetch: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ access_token: 'tok', token_type: 'Bearer', expires_in: 3600 }) }) })
  const command = (system: FakeSystem, program: string): Promise<() => Promise<number>> =>
    execCommand(['--provider', 'client_secret', '--', program, 'install'], system)
  const found = world({ PATH: '.;C:\\t' })
  assert.equal(await (await command(found, 'pip'))(), 7)
  assert.deepEqual(found.executed, [{ program: 'C:\\t\\pip.exe', args: ['install'], env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN } }])
  const absolute = world({ PATH: '' })
  assert.equal(await (await command(absolute, 'D:\\x\\pip.exe'))(), 7)
  assert.equal(absolute.executed[0]?.program, 'D:\\x\\pip.exe')
  const missing = world({ PATH: '.' })
  await assert.rejects(await command(missing, 'pip'), { code: 'OUTPUT', message: 'the command pip could not be started' })
  assert.deepEqual(missing.executed, [])
})
