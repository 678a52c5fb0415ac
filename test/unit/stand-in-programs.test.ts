import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AZURE_DEVOPS, CONTOSO_TENANT } from '../azure/identities.ts'
import {
  writeFakeAdoAuthHelper, writeFakeAz, writeFakeAzd, writeFakePwsh, writeKeyring,
} from '../azure/programs.ts'

const skip = process.platform === 'win32' ? 'the programs are shell scripts' : false
const base = mkdtempSync(join(tmpdir(), 'stand-in programs '))
after(() => rmSync(base, { recursive: true, force: true }))

let count = 0
function folder(): { readonly directory: string, readonly log: string } {
  const directory = join(base, `it's no. ${++count}`)
  mkdirSync(directory)
  return { directory, log: join(directory, 'the log') }
}

interface Ending {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(program: string, args: readonly string[]): Ending {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: {} })
  return { status, stdout, stderr }
}

const ARGS = ['account', 'get-access-token', '--output', 'json', '--resource', AZURE_DEVOPS]

test('az gives its token and logs how it was started', { skip }, () => {
  const { directory, log } = folder()
  const az = writeFakeAz(directory, { token: "a'%s.b.c", log })
  const { status, stdout } = start(az, ARGS)
  assert.equal(status, 0)
  const output = JSON.parse(stdout)
  assert.deepEqual(Object.keys(output),
    ['accessToken', 'expiresOn', 'expires_on', 'subscription', 'tenant', 'tokenType'])
  assert.equal(output.accessToken, "a'%s.b.c")
  assert.equal(output.tenant, CONTOSO_TENANT)
  const other = JSON.parse(start(az, [...ARGS, '--tenant', 'other']).stdout)
  assert.equal(other.tenant, 'other')
  assert.equal(other.subscription, undefined)
  assert.deepEqual(readFileSync(log, 'utf8').split('\n'),
    [['az', ...ARGS].join('\t'), ['az', ...ARGS, '--tenant', 'other'].join('\t'), ''])
})

test('az is strict about its arguments', { skip }, () => {
  const { directory, log } = folder()
  const az = writeFakeAz(directory, { token: 't', log })
  assert.equal(start(az, []).status, 2)
  assert.equal(start(az, [...ARGS, '--debug']).status, 2)
  assert.equal(start(az, [...ARGS, '--subscription', 'x']).status, 2)
  assert.equal(start(az, [...ARGS.slice(0, -1), 'https://vault.azure.net']).status, 2)
})

test('az fails as it really does', { skip }, () => {
  const { directory, log } = folder()
  assert.deepEqual(start(writeFakeAz(directory, { log }), ARGS),
    { status: 1, stdout: '', stderr: "ERROR: Please run 'az login' to setup account.\n" })
  const managed = writeFakeAz(directory, { log, token: 't', tenantRule: 'managed-identity' })
  assert.equal(start(managed, ARGS).status, 0)
  const refused = start(managed, [...ARGS, '--tenant', 'x'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /Tenant shouldn't be specified/)
  const raw = writeFakeAz(directory, { log, raw: 'no %d json', exitCode: 3, stderr: 'oh' })
  assert.deepEqual(start(raw, ARGS), { status: 3, stdout: 'no %d json', stderr: 'oh' })
})

test('ado-auth-helper gives its token to the one argument it knows', { skip }, () => {
  const { directory, log } = folder()
  const helper = writeFakeAdoAuthHelper(join(directory, 'ado-auth-helper'), { token: 'a.b.c', log })
  assert.equal(start(helper, ['get-access-token']).stdout, 'a.b.c\n')
  assert.deepEqual(start(helper, []), { status: 0, stdout: '', stderr: '' })
  writeFakeAdoAuthHelper(helper, { log })
  assert.deepEqual(start(helper, ['get-access-token']), { status: 1, stdout: '', stderr: '' })
})

test('keyring starts the product with its arguments as they are', { skip }, () => {
  const { directory, log } = folder()
  const bin = join(directory, 'keyring.cjs')
  writeFileSync(bin, 'console.log(JSON.stringify(process.argv.slice(2)))')
  const keyring = writeKeyring(directory, { node: process.execPath, bin, log })
  const args = ['get', 'https://x/y z', '', '$HOME']
  assert.deepEqual(JSON.parse(start(keyring, args).stdout), args)
  assert.equal(readFileSync(log, 'utf8'), `keyring\t${args.join('\t')}\n`)
})

const SCOPE = `${AZURE_DEVOPS}/.default`
const AZD_ARGS = ['auth', 'token', '--output', 'json', '--no-prompt', '--scope', SCOPE]

test('azd gives its token, is strict and fails as it really does', { skip }, () => {
  const { directory, log } = folder()
  const azd = writeFakeAzd(directory, { token: "a'%s.b.c", log })
  const { status, stdout, stderr } = start(azd, AZD_ARGS)
  assert.deepEqual([status, stderr], [0, ''])
  const output = JSON.parse(stdout)
  assert.deepEqual(Object.keys(output), ['token', 'expiresOn'])
  assert.equal(output.token, "a'%s.b.c")
  assert.match(output.expiresOn, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.equal(start(azd, [...AZD_ARGS, '--tenant-id', 'T']).status, 0)
  for (const args of [[], AZD_ARGS.slice(0, -1), [...AZD_ARGS, '--claims', 'x'],
    [...AZD_ARGS, '--tenant-id', ''], [...AZD_ARGS.slice(0, -1), AZURE_DEVOPS]]) {
    assert.deepEqual([start(azd, args).status, start(azd, args).stdout], [1, ''])
  }
  assert.equal(readFileSync(log, 'utf8').split('\n')[0], ['azd', ...AZD_ARGS].join('\t'))

  const out = start(writeFakeAzd(directory, { log }), AZD_ARGS)
  assert.deepEqual([out.status, out.stdout], [1, ''])
  assert.match(JSON.parse(out.stderr).error, /not logged in, run `azd auth login` to login/)
  const raw = writeFakeAzd(directory, { log, raw: 'no json', exitCode: 3, stderr: 'oh' })
  assert.deepEqual(start(raw, AZD_ARGS), { status: 3, stdout: 'no json', stderr: 'oh' })
})

test('pwsh gives its token, is strict and fails as it really does', { skip }, () => {
  const { directory, log } = folder()
  const script = Buffer.from('Get-AzAccessToken', 'utf16le').toString('base64')
  const args = ['-NoProfile', '-NonInteractive', '-OutputFormat', 'Text', '-EncodedCommand', script]
  const pwsh = writeFakePwsh(directory, { token: 'a.b.c', log })
  const { status, stdout } = start(pwsh, args)
  assert.equal(status, 0)
  const { Token, ExpiresOn } = JSON.parse(/\{.*\}/.exec(stdout)?.[0] ?? '')
  assert.equal(Token, 'a.b.c')
  assert.ok(ExpiresOn > Date.now() / 1000)
  assert.doesNotMatch(stdout, /^\{/)
  for (const wrong of [args.slice(0, -1), [...args, 'x'], [...args.slice(0, -1), 'Get-Az $x'],
    args.map(word => word.replace('EncodedCommand', 'Command'))]) {
    assert.equal(start(pwsh, wrong).status, 64)
  }
  assert.equal(readFileSync(log, 'utf8').split('\n')[0], ['pwsh', ...args].join('\t'))

  const out = start(writeFakePwsh(directory, { log }), args)
  assert.deepEqual([out.status, out.stdout], [1, ''])
  assert.match(out.stderr, /Run Connect-AzAccount to login\./)
  assert.equal(start(writeFakePwsh(directory, { log, noModule: true }), args).stdout,
    'NO_AZ_ACCOUNT_MODULE\n')
  const odd = writeFakePwsh(directory, { log, stdout: 'x', stderr: 'y', exitCode: 4 })
  assert.deepEqual(start(odd, args), { status: 4, stdout: 'x', stderr: 'y' })
})
