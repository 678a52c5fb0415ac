import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MANAGED_IDENTITY_CLIENT_ID } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { sections } from '../clients/readme.ts'
import { BIN, logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const TOKEN = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' }

/** Node 20 has it under another name, calls it experimental, and does not let its own script be read. */
const OLD = !process.allowedNodeEnvironmentFlags.has('--permission')
const PERMISSION = OLD ? '--experimental-permission --disable-warning=ExperimentalWarning --allow-fs-read="$PACKAGE/bin/"' : '--permission'
/** Node 25 and newer ask about the network too, and call that experimental. */
const NET = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net', '--disable-warning=ExperimentalWarning'] : []

/** The lines that SECURITY.md tells people to run. */
const SECURITY = readFileSync(join(ROOT, '.github', 'SECURITY.md'), 'utf8')
const LINES = sections(SECURITY).find(({ anchor }) => anchor === 'the-permissions-it-needs')?.blocks[0]?.text ?? ''
const SCRIPT = LINES.replace('--permission', () => PERMISSION)

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

/** What the program may read, as SECURITY.md has it. */
function readable(): readonly string[] {
  const flags = [...SCRIPT.matchAll(/(--allow-\S+?=)"([^"]+)"/g)]
  return flags.map(([, flag = '', path = '']) => flag + path.replace('$PACKAGE', ROOT).replace('$HOME', machine.home))
}

function get(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  // Where the coverage of a process is measured, this one may not write it down.
  const world = { ...machine.env, ...env, NODE_V8_COVERAGE: '' }
  const permission = PERMISSION.split(' ').filter((flag) => !flag.startsWith('--allow'))
  return runProgram(process.execPath, [...permission, ...flags, BIN, 'get', FEED, 'me'], world)
}

function managedIdentity(): Record<string, string> {
  const { AZURE_POD_IDENTITY_AUTHORITY_HOST = '' } = azure.environment()
  return { ...NOWHERE, AZURE_POD_IDENTITY_AUTHORITY_HOST, AZURE_CLIENT_ID: MANAGED_IDENTITY_CLIENT_ID }
}

test('permissions: the lines of SECURITY.md, as they stand there', async () => {
  const modules = join(machine.home, 'prefix', 'lib', 'node_modules')
  mkdirSync(modules, { recursive: true })
  // As npm installs a checkout.
  symlinkSync(ROOT, join(modules, 'artifacts-keyring-nofuss'))
  const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)
  const npm = { PATH, npm_config_prefix: join(machine.home, 'prefix'), NODE_V8_COVERAGE: '' }
  const ended = await runProgram('/bin/sh', ['-e', '-c', SCRIPT.replace('SERVICE', FEED)], { ...machine.env, ...npm, ...TOKEN })
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
})

test('permissions: with any one less, a token in a variable is not handed out, or not quietly', async () => {
  assert.equal(SCRIPT.match(/--allow-/g)?.length, readable().length)
  for (const flag of readable()) {
    const ended = await get(readable().filter((other) => other !== flag), TOKEN)
    if (flag.endsWith('.cfg')) {
      assert.deepEqual([ended.status, ended.stdout], [0, 'pat\n'])
      assert.match(ended.stderr, /^keyring: warning: ignoring \S.*keyringrc\.cfg: unreadable\n$/)
    } else {
      assert.deepEqual([ended.status, ended.stdout], [1, ''])
      assert.match(ended.stderr, /ERR_ACCESS_DENIED/)
    }
  }
})

test('permissions: a managed identity needs the network beside, and no other program is started', async () => {
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

test('permissions: another file is not read', async () => {
  const path = join(machine.home, 'token')
  writeFileSync(path, 'pat')
  const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: path, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }
  const refused = await get(readable(), env)
  assert.deepEqual([refused.status, refused.stdout], [1, ''])
  assert.match(refused.stderr, /TOKEN_FILE\): unreadable/)
  assert.equal((await get([...readable(), `--allow-fs-read=${path}`], env)).stdout, 'pat\n')
})
