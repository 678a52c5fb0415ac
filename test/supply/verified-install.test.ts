import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { clientPath, pipOnPath } from '../clients/installed.ts'
import { logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'
import { sha256 } from './pack.ts'
import { manifest, packedFiles } from './packed-files.ts'
import { startRegistry } from './registry.ts'
import type { Registry } from './registry.ts'
import { root, run } from './run.ts'

const INDEX = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const { name, version } = manifest()
const FILE = `${name}-${version}.tgz`

/** The commands of README's section, in order. */
const STEPS = commands('## Verified install')

let azure: StandIn
let machine: Machine
let folder: string
let registry: Registry | undefined

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach(() => {
  azure.reset()
  machine = newMachine()
  folder = join(machine.home, 'downloads')
  mkdirSync(folder)
})
afterEach(async () => {
  await registry?.close()
  registry = undefined
  machine.remove()
})

function commands(heading: string): readonly string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf(`${heading}\n`)).split(/\n(?=## )/)[0] ?? ''
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]?.trim() ?? '')
}

/** What is built here, packed; with another manifest in it, where one is given. */
async function tarball(change?: (text: string) => string): Promise<Buffer> {
  const from = join(machine.home, 'package')
  for (const path of packedFiles()) {
    mkdirSync(join(from, path, '..'), { recursive: true })
    const bytes = readFileSync(join(root, path))
    const changed = path === 'package.json' && change !== undefined
    writeFileSync(join(from, path), changed ? change(bytes.toString('utf8')) : bytes)
  }
  await run('npm', ['pack', '--silent', '--ignore-scripts'], { timeoutMs: 120_000, cwd: from })
  return readFileSync(join(from, FILE))
}

/** Runs one command of README as a person would, in the folder of downloads. */
function step(command: string): Promise<Ended> {
  const env = {
    HOME: machine.home,
    PATH: process.env['PATH'] ?? '',
    npm_config_registry: registry?.url ?? '',
    npm_config_cache: join(machine.home, 'cache'),
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
  }
  return runProgram('sh', ['-e', '-c', command], env, { cwd: folder, limitMs: 120_000 })
}

async function succeeds(command: string): Promise<void> {
  const ended = await step(command)
  assert.equal(ended.status, 0, `${command}\n${ended.stdout}\n${ended.stderr}`)
}

test('README has the three steps, for the version of the package, and none runs a script', () => {
  assert.equal(STEPS.length, 3)
  const [download = '', compare = '', install = ''] = STEPS
  assert.ok(download.startsWith('npm pack ') && download.endsWith(`${name}@${version}`))
  assert.match(compare, /SHA256SUMS/)
  assert.ok(install.startsWith('npm install ') && install.endsWith(`./${FILE}`))
  for (const command of [download, install]) assert.match(command, / --ignore-scripts /)
})

test('the three steps: one file, its hash, a keyring in a prefix that pip installs with', async (context) => {
  const bytes = await tarball()
  registry = await startRegistry(name, version, bytes)
  const [download = '', compare = '', install = ''] = STEPS

  await succeeds(download)
  assert.deepEqual(readdirSync(folder), [FILE])
  assert.deepEqual([...new Set(registry.asked)], [`/${name}`, `/${name}/-/${FILE}`])
  const { length } = registry.asked
  // As the release lists it, with files that were not downloaded.
  writeFileSync(join(folder, 'SHA256SUMS'), `${'0'.repeat(64)}  keyring-linux-x64\n${sha256(bytes)}  ${FILE}\n`)
  await succeeds(compare)
  await succeeds(install)

  const prefix = join(machine.home, '.local')
  assert.deepEqual(readdirSync(join(prefix, 'lib', 'node_modules')).filter((entry) => !entry.startsWith('.')), [name])
  assert.equal(existsSync(join(prefix, 'lib', 'node_modules', name, 'node_modules')), false)
  assert.deepEqual(readdirSync(join(prefix, 'bin')).sort(), Object.keys(manifest().bin).sort())
  assert.equal(registry.asked.length, length, 'the install asks nobody')

  const pip = clientPath('pip-latest') ?? pipOnPath()
  if (pip === undefined) return context.skip('there is no pip')
  writeFakeAz(machine.programs, { log: join(machine.home, 'az.log'), token: azure.tokens.mintUserToken() })
  const site = join(machine.home, 'site')
  const env = {
    ...machine.env,
    ...NOWHERE,
    ...azure.environment(),
    PATH: [join(prefix, 'bin'), machine.programs, process.env['PATH']].join(delimiter),
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_CACHE_DIR: '1',
    PIP_KEYRING_PROVIDER: 'subprocess',
  }
  const args = ['install', '--no-deps', '--target', site, '--index-url', INDEX.replace('//', '//me@'), 'private-package']
  const ended = await runProgram(pip, args, env, { limitMs: 110_000 })
  assert.equal(ended.status, 0, `${ended.stdout}\n${ended.stderr}`)
  assert.match(readFileSync(join(site, 'private_package', '__init__.py'), 'utf8'), /\S/)
  assert.equal(logLines(join(machine.home, 'az.log')).length, 1)
})

test('a package with other bytes is refused by its hash, and has run nothing before or after', async () => {
  const good = await tarball()
  const ran = join(machine.home, 'ran')
  const names = ['prepack', 'prepare', 'preinstall', 'install', 'postinstall']
  const scripts = Object.fromEntries(names.map((script) => [script, `touch '${ran}'`]))
  const bad = await tarball((text) => JSON.stringify({ ...(JSON.parse(text) as object), scripts }))
  registry = await startRegistry(name, version, bad)
  const [download = '', compare = '', install = ''] = STEPS
  await succeeds(download)
  writeFileSync(join(folder, 'SHA256SUMS'), `${sha256(good)}  ${FILE}\n`)
  const ended = await step(compare)
  assert.equal(ended.status, 1)
  assert.match(ended.stdout, /FAILED/)
  await succeeds(install)
  assert.equal(existsSync(ran), false)
  // The scripts would have run without the option.
  await succeeds(install.replace(' --ignore-scripts', ''))
  assert.equal(existsSync(ran), true)
})

test('what README says of provenance is a command of npm', async () => {
  assert.ok(readFileSync(join(root, 'README.md'), 'utf8').includes('`npm audit signatures`'))
  assert.match(await run('npm', ['audit', '--help'], { timeoutMs: 60_000 }), /npm audit \[fix\|signatures\]/)
})
