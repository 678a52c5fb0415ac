import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, beforeEach } from 'node:test'
import { writeFakeAz, writeKeyring } from '../azure/programs.ts'
import type { RecordedRequest } from '../azure/received.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, logLines, newMachine, NOWHERE, runProgram } from '../flow/program.ts'
import type { Ended, Machine } from '../flow/program.ts'

/** A feed that demands a credential, as a client is told of it. */
export const INDEX = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

/** Where the same feed takes packages. */
export const UPLOAD = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/'

/** The names that this program is started by. */
export type StartName = 'keyring' | 'keyring-subprocess'

/** One user of the feed: signed in to az, with the built `keyring` on PATH, which records its starts. */
export interface FeedUser {
  readonly azure: StandIn
  readonly machine: Machine
  /** Runs a client by its absolute path, in an environment of which every variable is listed here. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ended>
  /** The arguments of every start of `keyring`, in order; or of its other name. */
  asked(name?: StartName): readonly (readonly string[])[]
  /** The scope of every session token that was asked of Azure DevOps. */
  scopes(): readonly unknown[]
  /** Requests to the feed that were answered with this status. */
  answered(status: number): readonly RecordedRequest[]
  /** Ends the user's session of az: then nothing has a token. */
  signOut(): void
  /** See the function of this name. */
  uploadedWith(): readonly string[]
  /** Puts a program under another name beside `keyring`. */
  alias(name: StartName): void
  /** Writes a file below the home folder. Returns its path. */
  file(path: string, content: string | Uint8Array): string
}

/** How a client runs. */
export interface RunOptions {
  /** The home folder unless another is named. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** All of PATH; else the user's programs alone: the machine may have a `keyring` and an az too. */
  readonly path?: string
}

/** Why a test cannot run here. */
export const NOT_INSTALLED = 'not installed: run npm run clients'

/** Prepares a feed and, for every test of the file, a new user of it. */
export function feedUser(): FeedUser {
  let azure: StandIn
  let machine: Machine
  before(async () => {
    azure = await startStandIn()
  })
  after(() => azure.close())
  beforeEach((context) => {
    azure.reset()
    machine = newMachine()
    writeFakeAz(machine.programs, { log: azLog(machine), token: azure.tokens.mintUserToken() })
    symlinkSync('/bin/sh', join(machine.programs, 'sh'))
    user.alias('keyring')
    const { remove } = machine
    if ('after' in context) context.after(remove)
  })
  const user: FeedUser = {
    get azure() { return azure },
    get machine() { return machine },
    run: async (program, args, { cwd, env, path } = {}) => {
      const all = { ...machine.env, ...azure.environment(), ...NOWHERE, ...CLIENTS_ALONE, ...env }
      const ended = await runProgram(program, args, { ...all, PATH: path ?? machine.programs }, { limitMs: 150_000, cwd: cwd ?? machine.home })
      assert.equal(`${ended.stdout}${ended.stderr}`.includes('CANARY'), false, 'a secret in the output')
      const strangers = azure.requests.filter(({ errors }) => errors.some((error) => error.includes("none of Azure's")))
      assert.deepEqual(strangers.map(({ host, path: of }) => host + of), [], 'what no test expects')
      return ended
    },
    asked: (name = 'keyring') => logLines(startsOf(machine, name)).map((line) => line.split('\t').slice(1)),
    scopes: () => azure.requests.filter(({ path }) => path.includes('SessionTokens'))
      .map(({ body }) => (JSON.parse(body) as { readonly scope: unknown }).scope),
    answered: (status) => answered(azure, status),
    uploadedWith: () => uploadedWith(azure),
    signOut: () => void writeFakeAz(machine.programs, { log: azLog(machine) }),
    alias: (name) => void writeKeyring(machine.programs, { node: process.execPath, bin: BIN, log: startsOf(machine, name), name }),
    file: (path, content) => {
      const whole = join(machine.home, path)
      mkdirSync(dirname(whole), { recursive: true })
      writeFileSync(whole, content)
      return whole
    },
  }
  return user
}

function answered(azure: StandIn, status: number): readonly RecordedRequest[] {
  return azure.requests.filter(({ path, status: of }) => path.includes('/_packaging/') && of() === status)
}

/** What a feed was shown by each request that it took a file of: kind and scope of the token. */
export function uploadedWith(azure: StandIn): readonly string[] {
  return answered(azure, 202).map(({ headers }) => {
    const basic = Buffer.from(headers['authorization']?.replace(/^Basic /, '') ?? '', 'base64').toString()
    const token = azure.tokens.find(basic.replace(/^[^:]*:/, ''))
    return `${token?.kind}: ${token?.scope ?? 'all'}`
  })
}

/** What keeps clients from the configuration, the caches and the network of the machine they run on. */
const CLIENTS_ALONE = {
  PIP_CONFIG_FILE: '/dev/null',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  PIP_NO_CACHE_DIR: '1',
  UV_NO_CACHE: '1',
  UV_PYTHON_DOWNLOADS: 'never',
  PDM_CHECK_UPDATE: '0',
  NO_COLOR: '1',
}

function azLog(machine: Machine): string {
  return join(machine.home, 'az.log')
}

function startsOf(machine: Machine, name: StartName): string {
  return join(machine.home, `${name}.log`)
}

/** The index with a user name in it. */
export function withUser(name: string): string {
  return INDEX.replace('//', `//${name}@`)
}

/** A client went well: the reason when it did not. */
export function succeeded(ended: Ended): void {
  assert.equal(ended.status, 0, `${ended.stdout}\n${ended.stderr}`)
}

/**
 * One session token to read packages, for one start of `keyring` with these arguments and one of az; and
 * with it the package came.
 */
export function installed(user: FeedUser, ended: Ended, argv: readonly string[], place: string): void {
  succeeded(ended)
  assert.match(readFileSync(join(place, 'private_package', '__init__.py'), 'utf8'), /\S/)
  assert.deepEqual(user.asked(), [argv])
  assert.equal(logLines(azLog(user.machine)).length, 1)
  assert.deepEqual(user.scopes(), ['vso.packaging'])
  const paths = user.answered(200).map(({ path }) => path)
  assert.ok(paths.some((path) => path.includes('/pypi/download/')), paths.join('\n'))
}
