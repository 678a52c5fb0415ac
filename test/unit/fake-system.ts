import { isOn, setting } from '../../src/system/settings.ts'
import type { Command, CommandResult, FetchInit, FileText, System } from '../../src/system/system.ts'

/** One request that the code under test made. */
export interface AskedRequest extends FetchInit {
  readonly url: string
}

/** What a fake server answers. */
export interface FakeAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A world in which nothing exists unless the test says so. */
export interface FakeWorld {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string | FileText>>
  readonly programs?: Readonly<Record<string, (command: Command) => CommandResult>>
  readonly fetch?: (request: AskedRequest) => FakeAnswer | Error
  readonly platform?: string
  /** The path on PATH that leads to us. */
  readonly thisProgram?: string
  readonly home?: string
  readonly now?: number
}

/** The fake world, and what was done to it. */
export interface FakeSystem extends System {
  readonly out: string[]
  readonly err: string[]
  /** What went to the terminal behind stderr's back. */
  readonly shown: string[]
  readonly requests: AskedRequest[]
  readonly sleeps: number[]
  readonly created: Map<string, string>
  readonly appended: Map<string, string>
  readonly executed: { readonly program: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> }[]
}

/** A point in time for all tests: 2026-11-01T00:00:00Z, in milliseconds. */
export const NOW = Date.UTC(2026, 10, 1)

/** Makes a world. An unplanned request is an error of the test. */
export function fakeSystem(world: FakeWorld = {}): FakeSystem {
  const out: string[] = []
  const err: string[] = []
  const shown: string[] = []
  const requests: AskedRequest[] = []
  const sleeps: number[] = []
  const created = new Map<string, string>()
  const appended = new Map<string, string>()
  const executed: FakeSystem['executed'] = []
  const { signal } = new AbortController()
  return {
    out,
    err,
    shown,
    requests,
    sleeps,
    created,
    appended,
    executed,
    env: world.env ?? {},
    showsDebug: isOn({ env: world.env ?? {} }, 'ARTIFACTS_KEYRING_NOFUSS_DEBUG'),
    logFile: setting({ env: world.env ?? {} }, 'ARTIFACTS_KEYRING_NOFUSS_LOG'),
    platform: world.platform ?? 'linux',
    pid: 42,
    node: { version: 'v20.0.0', path: '/usr/bin/node' },
    uid: 1000,
    inspect: () => undefined,
    makeFolder: () => Promise.resolve(),
    sockets: () => Promise.reject(new Error('unplanned use of sockets')),
    startApart: () => Promise.reject(new Error('unplanned start of an agent')),
    home: () => world.home,
    signal,
    endsAt: (world.now ?? NOW) + 60_000,
    now: () => world.now ?? NOW,
    startedAt: world.now ?? NOW,
    random: () => 0.5,
    uuid: () => '00000000-0000-4000-8000-000000000000',
    sleep: (ms) => {
      sleeps.push(ms)
      return Promise.resolve()
    },
    limit: () => () => {},
    readFile: (path) => {
      const file = world.files?.[path]
      if (file === undefined) return { problem: 'missing' }
      return typeof file === 'string' ? { text: file } : file
    },
    appendFile: (path, text) => {
      appended.set(path, (appended.get(path) ?? '') + text)
      return true
    },
    createFile: (path, text) => {
      if (created.has(path) || world.files?.[path] !== undefined) return Promise.resolve('exists')
      created.set(path, text)
      return Promise.resolve('created')
    },
    replaceFile: (path, text) => {
      created.set(path, text)
      return Promise.resolve('written')
    },
    execute: (program, args, env) => {
      executed.push({ program, args, env })
      return Promise.resolve(7)
    },
    isThisProgram: (path) => path === world.thisProgram,
    isExecutable: (path) => world.programs?.[path] !== undefined,
    run: (command) => {
      const program = world.programs?.[command.program]
      return Promise.resolve(program?.(command) ?? { ended: 'not-started' })
    },
    fetch: (url, init) => {
      const request = { url, ...init }
      requests.push(request)
      const answer = world.fetch?.(request) ?? new Error(`unplanned request to ${url}`)
      if (answer instanceof Error) return Promise.reject(answer)
      const headers = new Map(Object.entries(answer.headers ?? {}))
      return Promise.resolve({
        status: answer.status,
        headers: { get: (name: string) => headers.get(name.toLowerCase()) ?? null },
        body: bodyOf(answer.body ?? ''),
      })
    },
    drainInput: () => Promise.resolve(),
    writeOut: (text) => {
      out.push(text)
      return true
    },
    writeErr: (text) => void err.push(text),
    stderrIsTerminal: () => Promise.resolve(false),
    writeTerminal: async (text) => void shown.push(text),
    outIsTerminal: () => Promise.resolve(false),
  }
}

/** A program that ended well with this output. */
export function printed(stdout: string, stderr = '', status = 0): CommandResult {
  return { ended: 'exit', status, stdout, stderr }
}

/** An error as Node throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`CANARY message of ${code}`), { code })
}

/** A JWT with these claims and no signature worth the name. */
export function jwt(claims: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.CANARYsignature`
}

async function* bodyOf(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield await Promise.resolve(Buffer.from(text))
}
