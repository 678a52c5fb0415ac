// `npm run demo`: pip installs a private package with this keyring, told step by step. The feed and
// everything else of Azure is the stand-in of the tests, on this machine; nothing is kept.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFakeAz, writeKeyring } from './azure/programs.ts'
import { startStandIn } from './azure/stand-in.ts'
import type { StandIn } from './azure/stand-in.ts'
import { pipOnPath } from './clients/installed.ts'
import { BIN, logLines, newMachine, runKeyring, runProgram } from './flow/program.ts'
import type { Machine } from './flow/program.ts'

const INDEX = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

async function demo(azure: StandIn, machine: Machine): Promise<void> {
  const log = join(machine.home, 'keyring.log')
  writeKeyring(machine.programs, { node: process.execPath, bin: BIN, log })
  writeFakeAz(machine.programs, { log: join(machine.home, 'az.log'), token: azure.tokens.mintUserToken() })
  say('A feed that needs a credential, and a user who is signed in to the Azure CLI.')
  say(`The package is private-package, the index is ${INDEX}`)
  const env = {
    ...machine.env,
    ...azure.environment(),
    PATH: `${machine.programs}:${process.env['PATH'] ?? ''}`,
    ARTIFACTS_KEYRING_NOFUSS_LOG: join(machine.home, 'debug.log'),
  }
  const pip = pipOnPath()
  if (pip === undefined) await withoutPip(env)
  else await withPip(pip, env, machine, log)
  tell('What keyring did:', readFileSync(join(machine.home, 'debug.log'), 'utf8').split('\n').map((line) => line.replace(/^\S+ \d+ keyring: debug: /, '')))
  tell('What the servers saw:', azure.requests.map(({ method, host, path, headers, status }) => {
    const credential = headers['authorization']?.split(' ')[0] ?? 'no credential'
    return `${method} ${host}${path.replace(/\?.*/, '')} (${credential}) -> ${status()}`
  }))
}

async function withPip(pip: string, env: Readonly<Record<string, string>>, machine: Machine, log: string): Promise<void> {
  const site = join(machine.home, 'site')
  const url = INDEX.replace('//', '//me@')
  const args = ['install', '--no-deps', '--target', site, '--index-url', url, 'private-package']
  say(`$ pip ${args.slice(0, 2).join(' ')} --index-url ${url} private-package`)
  const pipEnv = { ...env, PIP_CONFIG_FILE: '/dev/null', PIP_KEYRING_PROVIDER: 'subprocess', PIP_NO_CACHE_DIR: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' }
  const ended = await runProgram(pip, args, pipEnv, { limitMs: 120_000 })
  tell('pip says:', ended.stdout.split('\n'))
  if (ended.status !== 0) throw new Error(`pip failed:\n${ended.stderr}`)
  tell('What pip asked:', logLines(log).map((line) => line.split('\t').join(' ')))
  const module = readFileSync(join(site, 'private_package', '__init__.py'), 'utf8').trim()
  tell('What got installed: private_package, which reads', module.split('\n'))
}

async function withoutPip(env: Readonly<Record<string, string>>): Promise<void> {
  say('There is no pip on PATH, so this asks keyring as pip would:')
  say(`$ keyring get ${INDEX} me`)
  const ended = await runKeyring(['get', INDEX, 'me'], env)
  if (ended.status !== 0) throw new Error(`keyring failed:\n${ended.stderr}`)
  say(`exit status 0, and a session token of ${ended.stdout.trim().length} characters`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function tell(title: string, lines: readonly string[]): void {
  say(`\n${title}`)
  for (const line of lines.filter((text) => text.trim() !== '')) say(`  ${line}`)
}

const azure = await startStandIn()
const machine = newMachine()
try {
  await demo(azure, machine)
  say('\nEverything worked. README.md says how to set this up for your own feed.')
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await azure.close()
  machine.remove()
}
