import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AZURE_DEVOPS, CONTOSO_TENANT } from '../azure/identities.ts'
import { writeFakeAdoAuthHelper, writeFakeAz, writeKeyring } from '../azure/programs.ts'

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
