import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CONTOSO_TENANT, GITHUB_CLIENT_ID, GITHUB_REQUEST_TOKEN, GITHUB_TOKEN_URL, CLIENT_SECRET, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, newMachine, NOWHERE, runKeyring, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'

let azure: StandIn
let machine: Machine
let env: Readonly<Record<string, string>>

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  const application = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET }
  env = { ...machine.env, ...azure.environment(), ...NOWHERE, ...application }
  if ('after' in context) context.after(() => machine.remove())
})

test('--output-file is readable by its owner only, also where it was not before', async () => {
  const file = join(machine.home, 'a token')
  writeFileSync(file, 'old', { mode: 0o644 })
  const ended = await runKeyring(['mint-token', '--output-file', file], env)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, '', ''])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), /^\S+\n$/)
  assert.deepEqual(readdirSync(machine.home), ['a token'])
})

test('--output-file refuses a symbolic link and keeps what it leads to', async () => {
  const target = join(machine.home, 'target')
  const link = join(machine.home, 'link')
  writeFileSync(target, 'precious')
  symlinkSync(target, link)
  const ended = await runKeyring(['mint-token', '--output-file', link], env)
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.equal(ended.stderr, `keyring: error: no token in ${link}: it is a symbolic link\n`)
  assert.equal(readFileSync(target, 'utf8'), 'precious')
  assert.ok(lstatSync(link).isSymbolicLink())
})

test('--output-file in a folder that is not there, or that is one, leaves nothing behind', async () => {
  for (const path of [join(machine.home, 'none', 'token'), machine.home]) {
    const ended = await runKeyring(['mint-token', '--output-file', path], env)
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /it cannot be written\n$/)
  }
  assert.deepEqual(readdirSync(machine.home), [])
})

test('exec does not start the command without a token', async () => {
  const witness = join(machine.home, 'started')
  const ended = await runKeyring(['exec', '--', '/bin/sh', '-c', `touch '${witness}'`], { ...machine.env, ...NOWHERE })
  assert.equal(ended.status, 1)
  assert.equal(existsSync(witness), false)
})

test('exec says that a command cannot be started, whichever way that fails', async () => {
  for (const command of ['/nonexistent', '/etc/passwd/x', `/${'x'.repeat(300)}`, machine.home]) {
    const ended = await runKeyring(['exec', '--', command], env)
    assert.equal(ended.status, 1)
    assert.equal(ended.stderr, `keyring: error: the command ${command} could not be started\n`)
  }
})

test('exec gives the token to the command only, and not in its arguments', async () => {
  const command = '/usr/bin/tr "\\000" "\\n" < /proc/$PPID/environ; echo; /usr/bin/tr "\\000" " " < /proc/$PPID/cmdline'
  const ended = await runKeyring(['exec', '--', '/bin/sh', '-c', command], env)
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(ended.stdout.includes('ARTIFACTS_KEYRING_NOFUSS_TOKEN'), false)
  assert.match(ended.stdout, /keyring\.js exec -- \/bin\/sh/)
})

test('exec outlasts the time of a call', async () => {
  const ended = await runKeyring(['exec', '--', '/bin/sh', '-c', '/bin/sleep 2; echo done'], { ...env, ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '1' })
  assert.deepEqual([ended.status, ended.stdout], [0, 'done\n'])
})

test('exec ends as its command does when a signal ends that', async () => {
  const ended = await runKeyring(['exec', '--', '/bin/sh', '-c', 'kill -KILL $$'], env)
  assert.equal(ended.status, 137)
})

for (const [signal, number] of [['SIGTERM', 15], ['SIGINT', 2], ['SIGHUP', 1]] as const) {
  test(`exec passes ${signal} on, and the command decides`, async () => {
    const command = `trap 'echo got ${number}; exit 9' ${number}; echo ready; while :; do /bin/sleep 0.05; done`
    const child = spawn(process.execPath, [BIN, 'exec', '--', '/bin/sh', '-c', command], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString()
        if (out === 'ready\n') resolve()
      })
    })
    child.kill(signal)
    const limit = setTimeout(() => child.kill('SIGKILL'), 20_000)
    after(() => clearTimeout(limit))
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.deepEqual([code, out], [9, `ready\ngot ${number}\n`])
  })
}

test('the GitHub action masks the token before it hands it on', async () => {
  const script = fileURLToPath(new URL('../../.github/actions/mint-token/mint-token.sh', import.meta.url))
  const output = join(machine.home, 'output')
  const environment = join(machine.home, 'env')
  const job = {
    ...machine.env,
    ...azure.environment(),
    ...NOWHERE,
    PATH: process.env['PATH'] ?? '',
    GITHUB_OUTPUT: output,
    GITHUB_ENV: environment,
    GITHUB_ACTIONS: 'true',
    AZURE_CLIENT_ID: GITHUB_CLIENT_ID,
    AZURE_TENANT_ID: CONTOSO_TENANT,
    ACTIONS_ID_TOKEN_REQUEST_URL: GITHUB_TOKEN_URL,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: GITHUB_REQUEST_TOKEN,
    RESOURCE: '',
  }
  const ended = await runProgram('/bin/bash', [script], job)
  assert.deepEqual([ended.status, ended.stderr], [0, ''])
  const token = /^::add-mask::(\S+)\n$/.exec(ended.stdout)?.[1]
  assert.ok(token !== undefined, 'the mask is all that is printed')
  assert.equal(readFileSync(output, 'utf8'), `token=${token}\n`)
  assert.equal(readFileSync(environment, 'utf8'), `ARTIFACTS_KEYRING_NOFUSS_TOKEN=${token}\n`)
  const refused = await runProgram('/bin/bash', [script], { ...job, ACTIONS_ID_TOKEN_REQUEST_URL: '', GITHUB_OUTPUT: `${output}2` })
  assert.notEqual(refused.status, 0)
  assert.match(refused.stderr, /^keyring: hint: {5}id-token: write$/m)
  assert.equal(existsSync(`${output}2`), false)
})

test('the GitHub action calls the script that is tested, and pins nothing it does not have', () => {
  const action = readFileSync(new URL('../../.github/actions/mint-token/action.yml', import.meta.url), 'utf8')
  assert.match(action, /run: bash "\$GITHUB_ACTION_PATH\/mint-token\.sh"/)
  assert.equal(/\buses:/.test(action), false)
  // An expression in a script would let an input become code.
  for (const run of action.match(/run: .*/g) ?? []) assert.equal(run.includes('${{'), false, run)
})
