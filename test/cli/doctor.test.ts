import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { beforeEach, test } from 'node:test'
import { BIN, newMachine, NOWHERE, runKeyring, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'
import { pythonPath } from '../flow/python.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
/** Nothing answers, so everything up to the connection is checked, and nothing leaves the machine. */
const OFFLINE = { ...NOWHERE, HTTPS_PROXY: 'http://user:CANARYpassword@127.0.0.1:1', ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'CANARYpat' }

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return runKeyring(['doctor', ...args], { ...machine.env, ...OFFLINE, ...env })
}

const WRONG: readonly (readonly string[])[] = [
  [FEED, 'CANARY'],
  [FEED, '--output', 'CANARY'],
  [FEED, '--output'],
  [FEED, '--CANARY'],
  [FEED, '--version'],
  [FEED, '', 'CANARY'],
]

for (const args of WRONG) {
  test(`doctor ${args.slice(1).join(' ')}: wrong usage is status 2 and checks nothing`, async () => {
    const ended = await doctor(args)
    assert.deepEqual([ended.status, ended.stdout], [2, ''])
    assert.match(ended.stderr, /^usage: keyring [\s\S]*\nkeyring: error: doctor takes a URL and --output plain or json\n$/)
  })
}

test('doctor --help is the help', async () => {
  const ended = await doctor(['--help'])
  assert.deepEqual([ended.status, ended.stderr], [0, ''])
  assert.match(ended.stdout, /keyring doctor \[URL\]/)
})

test('doctor: one line a check, a blank line, and what to do next', async () => {
  const ended = await doctor([FEED])
  assert.deepEqual([ended.status, ended.stderr], [1, ''])
  const config = `${machine.home}/.config/python_keyring/keyringrc.cfg`
  assert.equal(
    ended.stdout.replace(/^✓ node .*$/m, 'NODE'),
    `✗ uv, PDM              no keyring on PATH
NODE
✓ configuration        ${config} (missing)
✓ proxy                the proxy 127.0.0.1:1 (HTTPS_PROXY)
✓ trust                the certificates of Node
✓ service              organization contoso
✗ connection           no answer from the proxy 127.0.0.1:1: the connection was refused

next: check the URL of the feed, the network, HTTPS_PROXY and NO_PROXY
`,
  )
})

test('doctor --output json: the names that programs may rely on', async () => {
  for (const args of [[FEED, '--output', 'json'], ['--output=json', FEED]]) {
    const ended = await doctor(args)
    assert.deepEqual([ended.status, ended.stderr, ended.stdout.includes('CANARY')], [1, '', false])
    const report = JSON.parse(ended.stdout) as { readonly checks: readonly Readonly<Record<string, unknown>>[] }
    assert.deepEqual(Object.keys(report), ['works', 'checks', 'next'])
    for (const check of report.checks) assert.deepEqual(Object.keys(check), ['check', 'result', 'reason'])
    const [uv, node, ...rest] = report.checks
    assert.deepEqual([uv?.['check'], node?.['check'], node?.['result']], ['uv, PDM', 'node', 'ok'])
    assert.deepEqual({ ...report, checks: rest }, {
      works: false,
      checks: [
        { check: 'configuration', result: 'ok', reason: `${machine.home}/.config/python_keyring/keyringrc.cfg (missing)` },
        { check: 'proxy', result: 'ok', reason: 'the proxy 127.0.0.1:1 (HTTPS_PROXY)' },
        { check: 'trust', result: 'ok', reason: 'the certificates of Node' },
        { check: 'service', result: 'ok', reason: 'organization contoso' },
        { check: 'connection', result: 'failed', reason: 'no answer from the proxy 127.0.0.1:1: the connection was refused' },
      ],
      next: ['check the URL of the feed, the network, HTTPS_PROXY and NO_PROXY'],
    })
  }
})

test('doctor: what comes from outside cannot move the cursor or start a line', async () => {
  const ended = await doctor([FEED], { PIP_CERT: '/nonexistent/\x1b[2J\n✓ access' })
  assert.match(ended.stdout, /^✗ trust +PIP_CERT names \/nonexistent\/ \[2J ✓ access: missing$/m)
  assert.equal(/[\x00-\x09\x0b-\x1f]/.test(ended.stdout), false)
  const json = await doctor([FEED, '--output=json'], { PIP_CERT: '/nonexistent/\x1b[2J\n✓ access' })
  const { checks } = JSON.parse(json.stdout) as { readonly checks: readonly { readonly reason: string }[] }
  assert.equal(checks.at(-1)?.reason, 'PIP_CERT names /nonexistent/ [2J ✓ access: missing')
})

/** Runs a command with a pseudo-terminal as its stdout. */
const ON_A_TERMINAL = `
import os, pty, subprocess, sys
master, slave = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=slave)
os.close(slave)
while True:
    try:
        chunk = os.read(master, 65536)
    except OSError:
        break
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
sys.stdout.flush()
sys.exit(child.wait())
`

async function onATerminal(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const all = { ...machine.env, ...OFFLINE, ...env }
  const ended = await runProgram(pythonPath(), ['-c', ON_A_TERMINAL, process.execPath, BIN, 'doctor', ...args], all)
  assert.equal(`${ended.stdout}${ended.stderr}`.includes('CANARY'), false)
  return { ...ended, stdout: ended.stdout.replaceAll('\r\n', '\n') }
}

test('doctor: colours on a terminal, and only there', async () => {
  const plain = await doctor([FEED])
  assert.equal(plain.stdout.includes('\x1b'), false)
  const coloured = await onATerminal([FEED], {})
  assert.deepEqual([coloured.status, coloured.stderr], [1, ''])
  assert.equal(coloured.stdout.replace(/\x1b\[\d*m/g, ''), plain.stdout)
  assert.match(coloured.stdout, /^\x1b\[31m✗ uv, PDM .*\x1b\[0m$/m)
  assert.match(coloured.stdout, /^\x1b\[32m✓\x1b\[0m proxy /m)
})

test('doctor: NO_COLOR, unless it is empty, and JSON have no colours on a terminal either', async () => {
  const without = await onATerminal([FEED], { NO_COLOR: '1' })
  assert.equal(without.stdout, (await doctor([FEED])).stdout)
  assert.equal((await onATerminal([FEED], { NO_COLOR: '' })).stdout.includes('\x1b[32m'), true)
  const json = await onATerminal([FEED, '--output=json'], {})
  assert.equal(json.stdout, (await doctor([FEED, '--output=json'])).stdout)
})

test('doctor: a full disk and a closed stdout are a failure without a word', () => {
  for (const command of ['>/dev/full', '>&-', '| :']) {
    const shell = `"$NODE" "$BIN" doctor "$FEED" ${command}`
    const env = { ...machine.env, ...OFFLINE, NODE: process.execPath, BIN, FEED }
    const ended = spawnSync('/bin/sh', ['-c', shell], { env, timeout: 20_000 })
    assert.equal(ended.signal, null)
    assert.equal(ended.stderr.toString(), '', command)
  }
})
