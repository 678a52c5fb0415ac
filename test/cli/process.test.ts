import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { BIN, newMachine, NOWHERE, runKeyring, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const TOKEN = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' }

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

test('the executable starts by its name, through a link, from any folder', async () => {
  assert.equal(statSync(BIN).mode & 0o111, 0o111)
  symlinkSync(BIN, join(machine.programs, 'keyring'))
  symlinkSync(process.execPath, join(machine.programs, 'node'))
  const env = { ...machine.env, ...TOKEN, PATH: `${machine.programs}:/usr/bin:/bin` }
  const ended = await runProgram(join(machine.programs, 'keyring'), ['get', FEED, 'me'], env, { cwd: machine.home })
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
})

test('a PAT in a variable loads no network at all and opens no connection', async () => {
  // Node's own trace of its net, tls and http modules goes to stderr whenever one of them is used.
  const env = { ...machine.env, ...TOKEN, NODE_DEBUG: 'net,tls,http,https,child_process', HTTPS_PROXY: 'http://127.0.0.1:1' }
  const ended = await runKeyring(['get', FEED, 'me'], env)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
})

test('the trace of the test above does show a connection where there is one', async () => {
  const env = { ...machine.env, ...NOWHERE, NODE_DEBUG: 'net', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity' }
  assert.match((await runKeyring(['get', FEED, 'me'], env)).stderr, /^NET \d+: /m)
})

test('it needs neither HOME nor PATH', async () => {
  const ended = await runKeyring(['get', FEED, 'me'], TOKEN)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
})

test('standard input and output can be closed', () => {
  const shell = (command: string): number | null =>
    spawnSync('/bin/sh', ['-c', command], { env: { ...TOKEN, NODE: process.execPath, BIN, FEED }, timeout: 20_000 }).status
  assert.equal(shell('"$NODE" "$BIN" get "$FEED" me <&- >/dev/null'), 0)
  // Node puts /dev/null in the place of a standard stream that is closed.
  assert.equal(shell('"$NODE" "$BIN" get "$FEED" me >&- 2>&-'), 0)
  assert.equal(shell('"$NODE" "$BIN" get bogus 2>&-'), 2)
})

test('a pipe that nobody reads any more is a failure without a word', () => {
  const command = '(/bin/sleep 0.2; "$NODE" "$BIN" get "$FEED" me; echo "status $?" >&2) | :'
  const { stderr } = spawnSync('/bin/sh', ['-c', command], { env: { ...TOKEN, NODE: process.execPath, BIN, FEED }, timeout: 20_000 })
  assert.equal(stderr.toString(), 'status 1\n')
})

test('an answer to a full disk is a failure', { skip: statIsMissing('/dev/full') }, () => {
  const { status } = spawnSync('/bin/sh', ['-c', `"$NODE" "$BIN" get "$FEED" me >/dev/full`], { env: { ...TOKEN, NODE: process.execPath, BIN, FEED } })
  assert.equal(status, 1)
})

test('set reads its input to the end, keeps nothing and says so', async () => {
  const before = await runKeyring(['diagnose'], machine.env)
  const ended = await runKeyring(['set', FEED, 'me'], machine.env, { input: 'CANARYpassword\r\n' })
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', 'keyring: error: this keyring is read-only: nothing was stored\n'])
  assert.equal((await runKeyring(['diagnose'], machine.env)).stdout, before.stdout)
  const empty = await runKeyring(['del', FEED, 'me'], machine.env)
  assert.deepEqual([empty.status, empty.stdout], [1, ''])
})

test('--disable makes every later get find nothing, and does not overwrite', async () => {
  assert.deepEqual((await runKeyring(['--disable'], machine.env)).status, 0)
  assert.match(readFileSync(join(machine.home, '.config/python_keyring/keyringrc.cfg'), 'utf8'), /null\.Keyring/)
  const get = await runKeyring(['get', FEED, 'me'], { ...machine.env, ...TOKEN })
  assert.deepEqual([get.status, get.stdout, get.stderr], [1, '', ''])
  assert.equal((await runKeyring(['--disable'], machine.env)).status, 1)
})

test('a token file that is a folder, a FIFO, a device, a dangling link or not text: an error that names it', async () => {
  const at = (name: string): string => join(machine.home, name)
  mkdirSync(at('folder'))
  spawnSync('mkfifo', [at('fifo')])
  symlinkSync('/nonexistent', at('dangling'))
  writeFileSync(at('binary'), Buffer.from([0xff, 0xfe, 0x41]))
  writeFileSync(at('large'), 'x'.repeat(70_000))
  writeFileSync(at('lines'), 'a\nb\n')
  const rows = [
    [at('folder'), /not a regular file/],
    [at('fifo'), /not a regular file/],
    ['/dev/zero', /not a regular file/],
    [at('binary'), /not UTF-8/],
    [at('large'), /too large/],
    [at('lines'), /white space/],
    [at('dangling'), /missing/],
  ] as const
  for (const [path, reason] of rows) {
    const ended = await runKeyring(['get', FEED, 'me'], { ...machine.env, ...NOWHERE, ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: path, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }, { limitMs: 10_000 })
    assert.deepEqual([ended.status, ended.stdout], [1, ''], path)
    assert.match(ended.stderr, reason)
    assert.ok(ended.stderr.includes(`${path} (ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE)`), ended.stderr)
  }
})

test('arguments that are no UTF-8 are no crash', () => {
  const { status, stderr } = spawnSync('/bin/sh', ['-c', '"$NODE" "$BIN" get "$(printf "https://pkgs.dev.azure.com/\\377")" me'], { env: { NODE: process.execPath, BIN } })
  assert.equal(status, 1)
  assert.match(stderr.toString(), /^keyring: error: the service is refused: .*\n$/)
})

for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  test(`${signal} ends it quietly with ${status}, and the program it waits for`, async () => {
    const pidFile = join(machine.home, 'pid')
    const helper = join(machine.home, 'ado-auth-helper')
    writeFileSync(helper, `#!/bin/sh\ntrap '' INT TERM\n/bin/sleep 60 &\necho $! > '${pidFile}.new'\nmv '${pidFile}.new' '${pidFile}'\nwait\n`, { mode: 0o755 })
    const env = { ...machine.env, ...NOWHERE, PATH: '/usr/bin:/bin', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'ado_auth_helper' }
    const child = spawn(process.execPath, [BIN, 'get', FEED, 'me'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output: string[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    while (statIsMissing(pidFile)) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill(signal)
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.deepEqual([code, output], [status, []])
    const grandchild = Number(readFileSync(pidFile, 'utf8'))
    const gone = (): boolean => !/^State:\s+[^ZX\s]/m.test(statusOf(grandchild))
    for (let tries = 0; !gone() && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.ok(gone(), 'the program that the helper started has ended')
  })
}

test('a helper that leaves a process behind with its output open does not hold us', async () => {
  const helper = join(machine.home, 'ado-auth-helper')
  writeFileSync(helper, '#!/bin/sh\n/bin/sleep 30 &\necho pat\n', { mode: 0o755 })
  const ended = await runKeyring(['get', FEED, 'me'], { ...machine.env, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'ado_auth_helper' }, { limitMs: 20_000 })
  assert.deepEqual([ended.status, ended.stdout], [0, 'pat\n'])
})

test('a program that cannot be started when the time is over already is no crash', async () => {
  writeFileSync(join(machine.programs, 'az'), '#!/bin/sh\nexec /bin/sleep 30\n', { mode: 0o755 })
  writeFileSync(join(machine.home, 'ado-auth-helper'), '#!/gone/node\n', { mode: 0o755 })
  const env = { ...machine.env, ...NOWHERE, ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '1', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'ado_auth_helper' }
  const helper = await runKeyring(['get', FEED, 'me'], env)
  assert.deepEqual([helper.status, helper.stdout], [1, ''])
  assert.match(helper.stderr, /^keyring: error: no credential for \S+ \(ado_auth_helper: .* could not be used \(not-started\)\)\n$/)
})

test("Node's own debug output shows no secret of ours", async () => {
  const env = { ...machine.env, NODE_DEBUG: 'http,https,net,tls', ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'managed_identity', ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1' }
  const identity = await runKeyring(['get', FEED, 'me'], { ...env, IDENTITY_ENDPOINT: 'http://127.0.0.1:1/', IDENTITY_HEADER: 'CANARYheader' })
  assert.match(identity.stderr, /HTTP \d+: /)
  assert.equal(identity.stderr.includes('CANARY'), false)
  const application = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret', AZURE_CLIENT_ID: 'a', AZURE_TENANT_ID: 't', AZURE_CLIENT_SECRET: 'CANARYsecret' }
  const proxied = await runKeyring(['get', FEED, 'me'], { ...env, ...application, HTTPS_PROXY: 'http://user:CANARYpassword@127.0.0.1:1' })
  assert.equal(proxied.stderr.includes('CANARY') || proxied.stderr.includes(Buffer.from('user:CANARYpassword').toString('base64')), false)
})

test('del does not wait for input', async () => {
  const child = spawn(process.execPath, [BIN, 'del', FEED, 'me'], { env: machine.env, stdio: ['pipe', 'ignore', 'ignore'] })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  child.stdin.destroy()
  assert.equal(code, 1)
})

test('twenty at once all answer', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => runKeyring(['get', FEED, 'me'], { ...machine.env, ...TOKEN })))
  assert.deepEqual(new Set(all.map(({ status, stdout, stderr }) => `${status} ${stdout}${stderr}`)), new Set(['0 pat\n']))
})

function statIsMissing(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) === undefined
}

/** What /proc says of a process; nothing once it is gone, or on a system without /proc. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}
