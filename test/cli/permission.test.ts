import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MANAGED_IDENTITY_CLIENT_ID } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const BIN_FOLDER = fileURLToPath(new URL('../../bin/', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../../dist/', import.meta.url))
const TOKEN = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' }

// Node 20 calls it experimental, and has it under another name.
const skip = process.allowedNodeEnvironmentFlags.has('--permission') ? false : 'this Node has no --permission'
/** Node 25 and newer ask about the network too, and call that experimental. */
const NET = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net', '--disable-warning=ExperimentalWarning'] : []

let azure: StandIn
let machine: Machine
before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** What the program needs: its own two folders and one file, which need not exist. */
function readable(): readonly string[] {
  const files = [BIN_FOLDER, PROGRAM, join(machine.home, '.config/python_keyring/keyringrc.cfg')]
  return files.map((path) => `--allow-fs-read=${path}`)
}

function get(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  // Where the coverage of a process is measured, this one may not write it down.
  const world = { ...machine.env, ...env, NODE_V8_COVERAGE: '' }
  return runProgram(process.execPath, ['--permission', ...flags, BIN, 'get', FEED, 'me'], world)
}

function managedIdentity(): Record<string, string> {
  const { AZURE_POD_IDENTITY_AUTHORITY_HOST = '' } = azure.environment()
  return { ...NOWHERE, AZURE_POD_IDENTITY_AUTHORITY_HOST, AZURE_CLIENT_ID: MANAGED_IDENTITY_CLIENT_ID }
}

test('permissions: a token in a variable needs the program and the configuration file', { skip }, async () => {
  const ended = await get(readable(), TOKEN)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
})

test('permissions: nothing runs without leave to read the program', { skip }, async () => {
  const ended = await get(readable().filter((flag) => !flag.endsWith(PROGRAM)), TOKEN)
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /ERR_ACCESS_DENIED/)
})

test('permissions: a configuration file that must not be read is ignored, with a warning', { skip }, async () => {
  const ended = await get(readable().slice(0, 2), TOKEN)
  assert.deepEqual([ended.status, ended.stdout], [0, 'pat\n'])
  assert.match(ended.stderr, /^keyring: warning: ignoring \S.*keyringrc\.cfg: unreadable\n$/)
})

test('permissions: a managed identity needs the network beside, and no other program is started', { skip }, async () => {
  const log = join(machine.home, 'log')
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  const ended = await get([...readable(), ...NET], managedIdentity())
  assert.deepEqual([ended.status, ended.stderr], [0, ''])
  assert.match(ended.stdout, /^ey[\w.-]+\n$/)
  assert.deepEqual(logLines(log), [])
  if (NET.length === 0) return
  azure.reset()
  const refused = await get(readable(), managedIdentity())
  assert.deepEqual([refused.status, refused.stdout, azure.requests], [1, '', []])
  assert.match(refused.stderr, /^keyring: error: no credential for /)
})

test('permissions: another file is not read', { skip }, async () => {
  const path = join(machine.home, 'token')
  writeFileSync(path, 'pat')
  const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: path, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }
  const refused = await get(readable(), env)
  assert.deepEqual([refused.status, refused.stdout], [1, ''])
  assert.match(refused.stderr, /TOKEN_FILE\): unreadable/)
  assert.equal((await get([...readable(), `--allow-fs-read=${path}`], env)).stdout, 'pat\n')
})
