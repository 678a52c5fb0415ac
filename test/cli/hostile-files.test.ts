// Every file that a variable names, as everything that a path can be, against the built program.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, beforeEach, test } from 'node:test'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import { BIN, newMachine, NOWHERE, runKeyring, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const GET = ['get', FEED, 'me']
const TOKEN = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'pat' }
const SKIP_WINDOWS = process.platform === 'win32' ? 'Windows has other kinds of files' : false

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** A variable that names a file, what else its provider needs, and a text that it accepts. */
interface FileVariable {
  readonly variable: string
  readonly env: Readonly<Record<string, string>>
  text: string
}

const APPLICATION = { AZURE_CLIENT_ID: '44444444-0000-4000-8000-000000000001', AZURE_TENANT_ID: '11111111-aaaa-4aaa-8aaa-111111111111' }
const VARIABLES: readonly FileVariable[] = [
  { variable: 'ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE', env: { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }, text: 'pat\n' },
  { variable: 'AZURE_FEDERATED_TOKEN_FILE', env: { ...APPLICATION, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'workload_identity' }, text: 'a.b.c\n' },
  { variable: 'AZURE_CLIENT_CERTIFICATE_PATH', env: { ...APPLICATION, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_certificate' }, text: '' },
]

before(() => {
  const { key, certificate } = makeClientCertificate()
  for (const row of VARIABLES) if (row.text === '') row.text = key + certificate
})

/** What a path can be, besides a good file. Each makes it and says why it cannot be used. */
const KINDS: readonly (readonly [kind: string, make: (path: string) => void, reason: RegExp])[] = [
  ['a folder', (path) => mkdirSync(path), /not a regular file/],
  ['a FIFO', makeFifo, /not a regular file/],
  ['/dev/zero', (path) => symlinkSync('/dev/zero', path), /not a regular file/],
  ['/dev/null', (path) => symlinkSync('/dev/null', path), /not a regular file/],
  ['a gigabyte of nothing', makeSparse, /too large/],
  ['not UTF-8', (path) => writeFileSync(path, Buffer.from([0x70, 0xff, 0x74])), /not UTF-8|not a PEM file/],
  ['UTF-16', (path) => writeFileSync(path, Buffer.from('\ufeffpat', 'utf16le')), /not UTF-8|not a PEM file/],
  ['empty', (path) => writeFileSync(path, ''), /is empty|not a PEM file/],
  ['a dangling link', (path) => symlinkSync('/nonexistent/file', path), /missing/],
  ['a loop of links', (path) => symlinkSync(path, path), /unreadable/],
  ['below a file', (path) => writeFileSync(dirname(path) + '/file', ''), /missing/],
]

function get(env: Readonly<Record<string, string>>): Promise<Ended> {
  return runKeyring(GET, { ...machine.env, ...NOWHERE, HTTPS_PROXY: 'http://127.0.0.1:1', ...env }, { limitMs: 5000 })
}

/** No answer, in time, and one line that names the variable and the path. */
function assertNamed(ended: Ended, variable: string, path: string, reason: RegExp): void {
  assert.deepEqual([ended.status, ended.stdout], [1, ''], ended.stderr)
  const lines = ended.stderr.split('\n').slice(0, -1)
  for (const line of lines) assert.match(line, /^keyring: (error|warning|hint): /)
  assert.equal(lines.filter((line) => line.startsWith('keyring: error: ')).length, 1, ended.stderr)
  const [named, ...more] = lines.filter((line) => line.includes(variable))
  assert.ok(named?.includes(path.replaceAll('\n', ' ')) && more.length === 0, ended.stderr)
  assert.match(named ?? '', reason)
}

for (const row of VARIABLES) {
  const { variable, env } = row
  for (const [kind, make, reason] of KINDS) {
    test(`${variable}: ${kind}`, { skip: SKIP_WINDOWS }, async () => {
      const path = kind === 'below a file' ? join(machine.home, 'file/secret') : join(machine.home, 'secret file')
      make(kind === 'below a file' ? dirname(path) : path)
      assertNamed(await get({ ...env, [variable]: path }), variable, path, reason)
    })
  }

  test(`${variable}: a name with spaces and a line break`, { skip: SKIP_WINDOWS }, async () => {
    const path = join(machine.home, 'a secret\nkeyring: error: forged')
    writeFileSync(path, 'CANARY\nCANARY')
    assertNamed(await get({ ...env, [variable]: path }), variable, path, /white space|not a PEM file/)
  })

  test(`${variable}: unreadable`, { skip: SKIP_WINDOWS }, async (context) => {
    const path = join(machine.home, 'secret file')
    const ended = await getWithout(path, row.text, { ...env, [variable]: path })
    if (ended === undefined) return context.skip('root reads everything here')
    assertNamed(ended, variable, path, /unreadable/)
  })

  test(`${variable}: a byte order mark and CRLF are accepted, through a link too`, { skip: SKIP_WINDOWS }, async () => {
    const path = join(machine.home, 'secret\nfile')
    writeFileSync(path, `\ufeff${row.text.replaceAll('\n', '\r\n')}`)
    symlinkSync(path, join(machine.home, 'link'))
    for (const name of [path, join(machine.home, 'link')]) {
      const ended = await get({ ...env, [variable]: name })
      if (variable === 'ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE') assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
      // The others come as far as the way to Entra, which does not exist.
      else assert.match(ended.stderr, /^keyring: error: [^\n]*(127\.0\.0\.1|proxy)[^\n]*\n(keyring: hint: [^\n]*\n)*$/)
    }
  })
}

for (const [kind, make] of KINDS.filter(([name]) => name !== 'below a file')) {
  test(`keyringrc.cfg: ${kind} costs a warning at most`, { skip: SKIP_WINDOWS }, async () => {
    const folder = join(machine.home, '.config/python_keyring')
    mkdirSync(folder, { recursive: true })
    make(join(folder, 'keyringrc.cfg'))
    const ended = await get(TOKEN)
    assert.deepEqual([ended.status, ended.stdout], [0, 'pat\n'])
    const silent = kind === 'empty' || kind === 'a dangling link'
    assert.match(ended.stderr, silent ? /^$/ : /^keyring: warning: ignoring [^\n]*keyringrc\.cfg: [^\n]*\n$/)
  })
}

test('keyringrc.cfg: unreadable, or in the place of its folder a file', { skip: SKIP_WINDOWS }, async (context) => {
  writeFileSync(join(machine.home, '.config'), '')
  const ended = await get(TOKEN)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
  const path = join(machine.home, 'c/python_keyring/keyringrc.cfg')
  mkdirSync(dirname(path), { recursive: true })
  const unreadable = await getWithout(path, '[backend]\n', { ...TOKEN, XDG_CONFIG_HOME: join(machine.home, 'c') })
  if (unreadable === undefined) return context.skip('root reads everything here')
  assert.deepEqual([unreadable.status, unreadable.stdout], [0, 'pat\n'])
  assert.match(unreadable.stderr, /^keyring: warning: ignoring [^\n]*: unreadable\n$/)
})

const BUILD_SECRETS: readonly (readonly [kind: string, shell: string, status: number, stderr: RegExp])[] = [
  ['a good file', 'printf "\\357\\273\\277pat\\r\\n" > "$S"', 0, /^$/],
  ['a folder', 'mkdir "$S"', 1, /^keyring: error: cannot use \S+: not a regular file\n$/],
  ['a FIFO', 'mkfifo "$S"', 1, /^keyring: error: cannot use \S+: not a regular file\n$/],
  ['/dev/zero', 'ln -s /dev/zero "$S"', 1, /^keyring: error: cannot use \S+: not a regular file\n$/],
  ['a gigabyte of nothing', 'truncate -s 1G "$S"', 1, /^keyring: error: cannot use \S+: too large\n$/],
  ['not UTF-8', 'printf "p\\377t" > "$S"', 1, /^keyring: error: cannot use \S+: not UTF-8\n$/],
  ['a loop of links', 'ln -s "$S" "$S"', 1, /^keyring: error: cannot use \S+: unreadable\n$/],
  ['a dangling link', 'ln -s /nonexistent "$S"', 1, /^keyring: error: no credential for \S+ \(env_var: no token in a variable or in \/run\/secrets\)\n$/],
  ['empty', ': > "$S"', 1, /^keyring: warning: \S+ is empty\nkeyring: error: no credential for [^\n]*\n$/],
]

const mapped = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs none /run && mkdir /run/secrets']).status === 0

for (const [kind, shell, status, stderr] of BUILD_SECRETS) {
  test(`a build secret: ${kind}`, { skip: mapped ? false : 'nothing can be mounted on /run here' }, async () => {
    const script = `mount -t tmpfs none /run && mkdir /run/secrets && ${shell} && exec "$NODE" "$BIN" get "$FEED" me`
    for (const name of ['ARTIFACTS_KEYRING_NOFUSS_TOKEN', 'ado_token']) {
      const env = { ...machine.env, ...NOWHERE, PATH: process.env['PATH'] ?? '', NODE: process.execPath, BIN, FEED, S: `/run/secrets/${name}`, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'env_var' }
      const ended = await runProgram('unshare', ['-rm', 'sh', '-c', script], env, { limitMs: 5000 })
      assert.deepEqual([ended.status, ended.stdout], [status, status === 0 ? 'pat\n' : ''], ended.stderr)
      assert.match(ended.stderr, stderr)
      if (status === 1 && kind !== 'a dangling link') assert.ok(ended.stderr.includes(`/run/secrets/${name}`))
    }
  })
}

/** What the log file can be; none may cost the credential or hold it up. */
const LOGS: readonly (readonly [kind: string, make: (path: string) => void])[] = [
  ['a FIFO that nobody reads', makeFifo],
  ['a folder', (path) => mkdirSync(path)],
  ['a link to a file', (path) => symlinkSync(join(dirname(path), 'victim'), path)],
  ['a dangling link', (path) => symlinkSync('/nonexistent/log', path)],
  ['a loop of links', (path) => symlinkSync(path, path)],
  ['a full device', (path) => symlinkSync('/dev/full', path)],
]

for (const [kind, make] of LOGS) {
  test(`the log file: ${kind}`, { skip: SKIP_WINDOWS }, async () => {
    const path = join(machine.home, 'log')
    writeFileSync(join(machine.home, 'victim'), 'mine\n')
    make(path)
    const ended = await get({ ...TOKEN, ARTIFACTS_KEYRING_NOFUSS_LOG: path })
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
    assert.equal(readFileSync(join(machine.home, 'victim'), 'utf8'), 'mine\n')
  })
}

test('the log file: /dev/full, and a folder that is not there', { skip: SKIP_WINDOWS }, async () => {
  for (const path of ['/dev/full', '/dev/null', join(machine.home, 'gone/log'), `/${'x'.repeat(5000)}`]) {
    const ended = await get({ ...TOKEN, ARTIFACTS_KEYRING_NOFUSS_LOG: path })
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''], path)
  }
})

test('the log file: a FIFO that is full', { skip: process.platform === 'linux' ? false : 'only Linux opens a FIFO both ways' }, async () => {
  const path = join(machine.home, 'log')
  makeFifo(path)
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  try {
    assert.throws(() => {
      for (;;) writeSync(pipe, 'x'.repeat(4096))
    }, { code: 'EAGAIN' })
    const ended = await get({ ...TOKEN, ARTIFACTS_KEYRING_NOFUSS_LOG: path })
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
  } finally {
    closeSync(pipe)
  }
})

test('the log file: no more bytes are allowed', { skip: SKIP_WINDOWS }, () => {
  const env = { ...machine.env, ...TOKEN, NODE: process.execPath, BIN, FEED, ARTIFACTS_KEYRING_NOFUSS_LOG: join(machine.home, 'log') }
  const { status, stdout } = spawnSync('/bin/sh', ['-c', 'ulimit -f 0; exec "$NODE" "$BIN" get "$FEED" me'], { env, timeout: 5000 })
  assert.deepEqual([status, stdout.toString()], [0, 'pat\n'])
})

test('the log file is the own user\'s alone, and many that write it at once lose no line', { skip: SKIP_WINDOWS }, async () => {
  const path = join(machine.home, 'log')
  const all = await Promise.all(Array.from({ length: 8 }, () => get({ ...TOKEN, ARTIFACTS_KEYRING_NOFUSS_LOG: path })))
  assert.deepEqual(new Set(all.map(({ stdout }) => stdout)), new Set(['pat\n']))
  assert.equal(lstatSync(path).mode & 0o777, 0o600)
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\S+Z \d+ keyring: debug: /)
  assert.equal(new Set(lines.map((line) => line.split(' ')[1])).size, 8)
})

test('what is named is opened and not executed, and nothing else is left in the home folder', { skip: SKIP_WINDOWS }, async () => {
  const path = join(machine.home, 'secret')
  writeFileSync(path, '#!/bin/sh\n/bin/touch "$HOME/ran"\n', { mode: 0o755 })
  const before = readdirSync(machine.home)
  for (const { variable, env } of VARIABLES) await get({ ...env, [variable]: path })
  assert.deepEqual(readdirSync(machine.home), before)
})

function makeFifo(path: string): void {
  assert.equal(spawnSync('mkfifo', [path]).status, 0)
}

function makeSparse(path: string): void {
  writeFileSync(path, '')
  truncateSync(path, 2 ** 30)
}

/**
 * Runs keyring where a file of the given text may not be read: as it is for a user, without root's
 * right to read everything for root. Undefined where that cannot be.
 */
async function getWithout(path: string, text: string, env: Readonly<Record<string, string>>): Promise<Ended | undefined> {
  writeFileSync(path, text)
  chmodSync(path, 0)
  const drop = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []
  const [program = '', ...args] = [...drop, process.execPath, '-e', `fs.readFileSync(${JSON.stringify(path)})`]
  const probe = spawnSync(program, args)
  if (!probe.stderr?.includes('EACCES')) return undefined
  const [command = '', ...rest] = [...drop, process.execPath, BIN, ...GET]
  return runProgram(command, rest, { ...machine.env, ...NOWHERE, ...env, PATH: process.env['PATH'] ?? '' }, { limitMs: 5000 })
}
