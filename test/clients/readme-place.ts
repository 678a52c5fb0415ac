import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StandIn } from '../azure/stand-in.ts'
import { logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'
import { clientPath } from './installed.ts'
import { hasPackage, projectHasPackage } from './project.ts'

/** What README's lines start; undefined where `npm run clients` has not run. */
export const CLIENTS = {
  pip: clientPath('pip-latest'),
  uv: clientPath('uv'),
  twine: clientPath('importers', 'twine'),
  poetry: clientPath('importers', 'poetry'),
}

/** What is called so in README, and its name in the stand-in. */
const NAMES: readonly (readonly [inReadme: RegExp, name: string])[] = [
  [/\bmy-private-package\b/g, 'private-package'],
  [/\bORG\b/g, 'contoso'],
  [/\bFEED\b/g, 'feed'],
]

/** Programs of the machine that the shell, npm and the clients need. */
const TOOLS = ['sh', 'env', 'cat', 'mkdir', 'npm'] as const

/** A machine with Node, npm and these clients, on which README's lines run. */
export interface Place extends Machine {
  readonly azure: StandIn
  /** Where the commands run: a project with a pyproject.toml. */
  readonly project: string
  /** Links to Node, npm, the clients, a Python for uv, and what the shell needs. */
  readonly tools: string
  /** A folder without a space in its name. */
  readonly plain: string
  /** The program as npm packs it. */
  readonly tarball: string
}

/** Packs the program as `npm publish` would. Gives the path of the tarball. */
export function packProgram(directory: string): string {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory], { cwd, stdio: 'pipe' })
  const name = readdirSync(directory).find((file) => file.endsWith('.tgz'))
  if (name === undefined) throw new Error('npm pack made nothing')
  return join(directory, name)
}

/** Makes a machine on which nothing is set up and nobody signed in. */
export function newPlace(azure: StandIn, tarball: string): Place {
  const machine = newMachine()
  const plain = mkdtempSync(join(azure.directory, 'plain-'))
  const project = join(machine.home, 'project')
  mkdirSync(project)
  const tools = join(machine.home, 'tools')
  mkdirSync(tools)
  for (const tool of TOOLS) symlinkSync(onPath(tool), join(tools, tool))
  symlinkSync(process.execPath, join(tools, 'node'))
  for (const [client, path = ''] of Object.entries(CLIENTS)) symlinkSync(path, join(tools, client))
  symlinkSync(join(dirname(CLIENTS.pip ?? ''), 'python'), join(tools, 'python3'))
  const prefix = join(machine.home, 'npm')
  const env = {
    HOME: machine.home,
    PATH: [join(prefix, 'bin'), machine.programs, tools].join(delimiter),
    ...azure.environment(),
    ...NOWHERE,
    ARTIFACTS_KEYRING_NOFUSS_LOG: join(machine.home, 'keyring.log'),
    // The machine's own configuration of pip, /etc/pip.conf, may name other certificates.
    PIP_CERT: azure.caFile,
    PIP_TARGET: join(machine.home, 'site'),
    PIP_NO_CACHE_DIR: '1',
    // Without a person to ask, pip only asks a keyring that it was told to ask.
    PIP_NO_INPUT: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    UV_NO_CACHE: '1',
    UV_PYTHON_DOWNLOADS: 'never',
    NO_COLOR: '1',
    npm_config_prefix: prefix,
    npm_config_cache: join(machine.home, 'npm-cache'),
    npm_config_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  }
  return { ...machine, env, azure, project, tools, plain, tarball }
}

function onPath(name: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  const path = [...folders, '/bin', '/usr/bin'].map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
  if (path === undefined) throw new Error(`there is no ${name} on PATH`)
  return path
}

/**
 * A text of README for this place: its names, what is in `<>`, and the packed program in the place of
 * the one that is published.
 */
export function fill(text: string, place: Place, values: Readonly<Record<string, string>> = {}): string {
  let filled = text.replaceAll(/(npm install .*) artifacts-keyring-nofuss(?="?,?$)/gm, `$1 ${place.tarball}`)
  for (const [pattern, name] of NAMES) filled = filled.replaceAll(pattern, name)
  for (const [placeholder, value] of Object.entries(values)) filled = filled.replaceAll(placeholder, () => value)
  const open = /<[a-z][^<>\n]*>/i.exec(filled)?.[0]
  if (open !== undefined) throw new Error(`nothing is known for ${open}`)
  return filled
}

/** A project that has the package among its dependencies, or none yet. */
export function writeProject(folder: string, dependencies: readonly string[], more = ''): void {
  const list = JSON.stringify(dependencies)
  const text = `[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.8"\ndependencies = ${list}\n${more}`
  writeFileSync(join(folder, 'pyproject.toml'), text)
}

/** Runs a script of the shell to its end. Throws with all that it said when it fails. */
export async function runScript(
  script: string,
  env: Readonly<Record<string, string>>,
  cwd: string,
  wrap: readonly string[] = [],
): Promise<void> {
  const [program = '/bin/sh', ...args] = [...wrap, '/bin/sh', '-e', '-c', script]
  const ended = await runProgram(program, args, env, { cwd, limitMs: 150_000 })
  const said = `${ended.stdout}${ended.stderr}`
  if (ended.status !== 0) throw new Error(`exit ${ended.status}:\n${script}\n${said}`)
  if (said.includes('CANARY')) throw new Error(`a secret in the output of:\n${script}`)
}

/** Who installed the package: pip in its folder, uv in the project's environment. */
export function installedBy(place: Place, project = place.project): readonly string[] {
  const found = { pip: hasPackage(place.env['PIP_TARGET'] ?? ''), uv: projectHasPackage(project) }
  return Object.entries(found).filter(([, has]) => has).map(([client]) => client)
}

/** What each start of keyring found its token in, from its log. */
export function tokensFound(place: Place): readonly (string | undefined)[] {
  const path = place.env['ARTIFACTS_KEYRING_NOFUSS_LOG'] ?? ''
  const starts = new Map<string, string | undefined>()
  for (const line of logLines(path)) {
    const [, pid = ''] = line.split(' ')
    starts.set(pid, starts.get(pid) ?? / debug: (\w+: found a token in .*)$/.exec(line)?.[1])
  }
  if (existsSync(path) && readFileSync(path, 'utf8').includes('CANARY')) throw new Error('a secret in the log')
  return [...starts.values()]
}
