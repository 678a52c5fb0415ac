import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { writeFakeAz, writeKeyring } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { clientPath } from '../clients/installed.ts'
import { BIN, newMachine, NOWHERE } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'
import { runOnTerminal } from './pseudo-terminal.ts'
import type { Job, Seen } from './pseudo-terminal.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const PIP = ['--mode=creds', '--output=json', 'get', FEED]
const WAITING = 'keyring: notice: waiting for az\n'

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

async function keyring(args: readonly string[], job: Partial<Job> = {}): Promise<Seen> {
  const env = { ...machine.env, ...NOWHERE, ...job.env }
  const seen = await runOnTerminal({ ...job, argv: [process.execPath, BIN, ...args], env })
  assert.equal(`${seen.terminal}${seen.stderr}`.includes('CANARY'), false, 'a secret was shown')
  return seen
}

/** Nothing to be found, and a secret that must not be shown. */
const FAILING = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret', AZURE_CLIENT_SECRET: 'CANARYsecret' }

for (const args of [PIP, [...PIP, 'me']]) {
  test(`pip's call fails: the lines are on the terminal too, once (${args.length} arguments)`, async () => {
    const seen = await keyring(args, { env: FAILING })
    assert.deepEqual([seen.status, seen.stdout], [1, ''])
    assert.match(seen.stderr, /^keyring: error: no credential for [^\n]+\n(keyring: hint: [^\n]+\n)*$/)
    assert.equal(seen.terminal, seen.stderr)
  })
}

test('an error comes with its hints', async () => {
  const seen = await keyring(PIP)
  assert.match(seen.terminal, /^keyring: error: [^\n]+\nkeyring: hint: [^\n]+\n$/)
  assert.equal(seen.terminal, seen.stderr)
})

test('debug output stays where it was asked for', async () => {
  const seen = await keyring(PIP, { env: { ...FAILING, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' } })
  assert.match(seen.stderr, /^keyring: debug: /m)
  assert.match(seen.terminal, /^keyring: error: [^\n]+\n$/)
})

const OTHERS: readonly (readonly string[])[] = [
  ['get', FEED, 'me'],
  ['--mode=creds', 'get', FEED, 'me'],
  ['get', FEED, '--mode', 'creds'],
  ['--output=json', '--mode=creds', 'get', FEED],
  ['--mode', 'creds', '--output', 'json', 'get', FEED],
  ['--mode=creds', '--output=json', 'get', '--', FEED, 'me'],
  ['set', FEED, 'me'],
  ['mint-token', '--provider', 'client_secret'],
]

test("another call's failure is on stderr alone", async () => {
  for (const args of OTHERS) {
    const seen = await keyring(args, { env: FAILING })
    assert.deepEqual([seen.status, seen.terminal], [1, ''], args.join(' '))
    assert.match(seen.stderr, /^keyring: error: /)
  }
})

test('where stderr is the terminal the lines are there once', async () => {
  const seen = await keyring(PIP, { env: FAILING, terminal: ['stderr'] })
  assert.match(seen.terminal, /^keyring: error: [^\n]+\n$/)
  assert.equal(seen.stderr, '')
})

test('without a terminal the lines are on stderr alone', async () => {
  const seen = await keyring(PIP, { env: FAILING, detached: true })
  assert.deepEqual([seen.status, seen.terminal], [1, ''])
  assert.match(seen.stderr, /^keyring: error: /)
})

test("pip's call that is silent is silent on the terminal", async () => {
  const foreign = ['--mode=creds', '--output=json', 'get', 'https://index.example/simple/']
  const token = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'CANARYpat' }
  assert.deepEqual(await keyring(foreign), { status: 1, terminal: '', stdout: '', stderr: '' })
  const found = await keyring(PIP, { env: token })
  assert.deepEqual([found.status, found.terminal, found.stderr], [0, '', ''])
  assert.match(found.stdout, /CANARYpat/)
})

test('a terminal that takes nothing is not waited for', async () => {
  // The driver stops the output, as Ctrl-S does, before anything is written.
  const stopped = { after: '', type: '\u0013' }
  const shell = ['/bin/sh', '-c', '/bin/sleep 0.3; exec "$@"', 'sh', process.execPath, BIN, ...PIP]
  const seen = await runOnTerminal({ argv: shell, env: { ...machine.env, ...NOWHERE, ...FAILING }, steps: [stopped] })
  assert.equal(seen.status, 1)
  assert.match(seen.stderr, /^keyring: error: /)
})

const pip = clientPath('pip-latest')
test('the newest pip shows nothing of it, and the terminal does', { skip: pip === undefined && 'not installed: run npm run clients' }, async () => {
  writeKeyring(machine.programs, { node: process.execPath, bin: BIN, log: join(machine.home, 'keyring.log') })
  const index = ['--index-url', FEED, '--no-input', '--keyring-provider', 'subprocess', '--disable-pip-version-check']
  const env = { ...machine.env, ...azure.environment(), ...NOWHERE, ...FAILING, PATH: `${machine.programs}:/usr/bin:/bin`, PIP_CONFIG_FILE: '/dev/null', NO_COLOR: '1' }
  const seen = await runOnTerminal({ argv: [pip ?? '', 'download', '--no-deps', ...index, 'private-package'], env })
  assert.equal(seen.status, 1)
  assert.equal(`${seen.stdout}${seen.stderr}`.includes('keyring: error'), false)
  assert.match(seen.terminal, /^keyring: error: no credential for [^\n]+\n$/)
  assert.equal(readFileSync(join(machine.home, 'keyring.log'), 'utf8').split('\n')[0], ['keyring', ...PIP].join('\t'))
})

/** az that answers after so many seconds. */
function slowAz(seconds: number): Readonly<Record<string, string>> {
  writeFakeAz(join(machine.programs), { log: join(machine.home, 'az.log'), token: azure.tokens.mintUserToken() })
  const quick = readFileSync(join(machine.programs, 'az'), 'utf8')
  writeFileSync(join(machine.programs, 'az'), quick.replace('\n', `\n/bin/sleep ${seconds}\n`), { mode: 0o755 })
  return { ...azure.environment(), ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli' }
}

test('a slow az: whoever watches stderr is told that it is being waited for', async () => {
  const env = slowAz(4)
  const log = join(machine.home, 'keyring.log')
  const [watched, piped, pips, detached] = await Promise.all([
    keyring(['get', FEED, 'me'], { env, terminal: ['stderr'] }),
    keyring(['get', FEED, 'me'], { env: { ...env, ARTIFACTS_KEYRING_NOFUSS_LOG: log } }),
    keyring(PIP, { env }),
    keyring(PIP, { env, detached: true }),
  ])
  assert.deepEqual([watched.status, watched.terminal, watched.stderr], [0, WAITING, ''])
  assert.deepEqual([piped.status, piped.terminal, piped.stderr], [0, '', ''])
  assert.match(readFileSync(log, 'utf8'), /^\S+ \d+ keyring: notice: waiting for az\n/m)
  assert.deepEqual([pips.status, pips.terminal, pips.stderr], [0, WAITING, ''])
  assert.deepEqual([detached.status, detached.terminal, detached.stderr], [0, '', ''])
})

test('a quick az: nobody is told anything', async () => {
  const seen = await keyring(['get', FEED, 'me'], { env: slowAz(0), terminal: ['stderr'] })
  assert.deepEqual([seen.status, seen.terminal, seen.stderr], [0, '', ''])
})
