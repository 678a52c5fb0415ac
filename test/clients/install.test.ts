import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { writeFakeAz, writeKeyring } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'
import { clientPath, pipOnPath } from './installed.ts'

const INDEX = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

let azure: StandIn
let machine: Machine
let keyringLog: string

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  keyringLog = join(machine.home, 'keyring.log')
  writeKeyring(machine.programs, { node: process.execPath, bin: BIN, log: keyringLog })
  writeFakeAz(machine.programs, { log: join(machine.home, 'az.log'), token: azure.tokens.mintUserToken() })
  if ('after' in context) context.after(() => machine.remove())
})

/** Runs a client in a world in which only this `keyring` and this `az` come first on PATH. */
function client(program: string, args: readonly string[], options: { readonly cwd?: string } = {}): Promise<Ended> {
  const env = {
    ...machine.env,
    ...azure.environment(),
    ...NOWHERE,
    PATH: `${machine.programs}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_CACHE_DIR: '1',
    PIP_KEYRING_PROVIDER: 'subprocess',
    UV_NO_CACHE: '1',
    UV_PYTHON_DOWNLOADS: 'never',
    PDM_CHECK_UPDATE: '0',
    NO_COLOR: '1',
  }
  return runProgram(program, args, env, { limitMs: 110_000, ...options })
}

/** The index and the wheel went out, to one credential and one start of `keyring` with these arguments. */
function installed(ended: Ended, site: string, argv: readonly string[]): void {
  assert.equal(ended.status, 0, `${ended.stdout}\n${ended.stderr}`)
  assert.match(readFileSync(join(site, 'private_package', '__init__.py'), 'utf8'), /\S/)
  assert.deepEqual(logLines(keyringLog), [['keyring', ...argv].join('\t')])
  assert.equal(logLines(join(machine.home, 'az.log')).length, 1)
  const paths = azure.requests.filter((request) => request.status() === 200).map((request) => request.path)
  assert.ok(paths.some((path) => path.endsWith('/simple/private-package/')), paths.join('\n'))
  assert.ok(paths.some((path) => path.includes('/pypi/download/')), paths.join('\n'))
  assert.equal(paths.filter((path) => path.includes('SessionTokens')).length, 1)
  assert.equal(`${ended.stdout}${ended.stderr}`.includes('CANARY'), false)
}

interface Pip {
  readonly name: string
  readonly path: string | undefined
  /** From 26.2 on pip asks for user and password as JSON, and needs no user in the URL. */
  readonly speaksJson: boolean
}

const PIPS: readonly Pip[] = [
  { name: 'pip 23.1', path: clientPath('pip-23.1'), speaksJson: false },
  { name: 'pip 26.1.2', path: clientPath('pip-26.1.2'), speaksJson: false },
  { name: 'the newest pip', path: clientPath('pip-latest'), speaksJson: true },
]

const NOT_INSTALLED = 'not installed: run npm run clients'

for (const { name, path, speaksJson } of PIPS) {
  const asks = speaksJson ? ['--mode=creds', '--output=json', 'get', INDEX] : ['get', INDEX]
  test(`${name} installs, with a user name in the URL`, { skip: path === undefined && NOT_INSTALLED }, async () => {
    const site = join(machine.home, 'site packages')
    const url = INDEX.replace('//', '//any.user@')
    const ended = await client(path ?? '', ['install', '--no-deps', '--target', site, '--index-url', url, 'private-package'])
    installed(ended, site, [...asks, 'any.user'])
  })
}

const newest = PIPS.at(-1)
test('the newest pip installs without a user name', { skip: newest?.path === undefined && NOT_INSTALLED }, async () => {
  const site = join(machine.home, 'site')
  const ended = await client(newest?.path ?? '', ['install', '--no-deps', '--target', site, '--index-url', INDEX, 'private-package'])
  installed(ended, site, ['--mode=creds', '--output=json', 'get', INDEX])
})

const pip = pipOnPath()
test('the pip on PATH installs', { skip: pip === undefined && 'there is no pip on PATH' }, async () => {
  const site = join(machine.home, 'site')
  const url = INDEX.replace('//', '//VssSessionToken@')
  const ended = await client(pip ?? '', ['install', '--no-deps', '--target', site, '--index-url', url, 'private-package'])
  const [line = ''] = logLines(keyringLog)
  installed(ended, site, line.split('\t').slice(1))
  assert.match(line, /\tget\thttps:\/\/pkgs\.dev\.azure\.com\/contoso\/_packaging\/feed\/pypi\/simple\/\tVssSessionToken$/)
})

const uv = clientPath('uv')
for (const user of ['VssSessionToken', '__token__']) {
  test(`uv installs, with ${user} in the URL`, { skip: uv === undefined && NOT_INSTALLED }, async () => {
    const site = join(machine.home, 'site')
    const url = INDEX.replace('//', `//${user}@`)
    const ended = await client(uv ?? '', ['pip', 'install', '--no-config', '--no-deps', '--target', site, '--keyring-provider', 'subprocess', '--index-url', url, 'private-package'])
    installed(ended, site, ['get', INDEX, user])
  })
}

test('uv installs without a user name, with authenticate = "always"', { skip: uv === undefined && NOT_INSTALLED }, async () => {
  const site = join(machine.home, 'site')
  const config = join(machine.home, 'uv.toml')
  writeFileSync(config, `keyring-provider = "subprocess"\n\n[[index]]\nname = "feed"\nurl = "${INDEX}"\ndefault = true\nauthenticate = "always"\n`)
  const ended = await client(uv ?? '', ['pip', 'install', '--config-file', config, '--no-deps', '--target', site, 'private-package'])
  installed(ended, site, ['get', INDEX, '--mode', 'creds'])
})

const pdm = clientPath('pdm')
test('PDM installs without a user name', { skip: pdm === undefined && NOT_INSTALLED }, async () => {
  const project = join(machine.home, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'pyproject.toml'), `[project]
name = "app"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["private-package"]

[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "pypi"
url = "${INDEX}"
`)
  const python = join(dirname(pdm ?? ''), 'python')
  const target = join(project, 'env')
  const made = await client(python, ['-m', 'venv', '--without-pip', target])
  assert.equal(made.status, 0, made.stderr)
  const used = await client(pdm ?? '', ['use', '--ignore-remembered', '-f', join(target, 'bin', 'python')], { cwd: project })
  assert.equal(used.status, 0, used.stderr)
  const ended = await client(pdm ?? '', ['install', '--no-self'], { cwd: project })
  const lib = (await client(join(target, 'bin', 'python'), ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])).stdout.trim()
  installed(ended, lib, ['--mode=creds', 'get', INDEX, ''])
})
