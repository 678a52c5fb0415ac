import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built program, as it is installed. */
export const BIN = fileURLToPath(new URL('../../bin/keyring.js', import.meta.url))

/** How a process ended. */
export interface Ended {
  /** Undefined when a signal ended it. */
  readonly status: number | undefined
  readonly signal: string | undefined
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** Where nobody answers: no managed identity, and no second attempt to find one. */
export const NOWHERE = {
  AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1',
  ARTIFACTS_KEYRING_NOFUSS_RETRIES: '1',
}

/** A user's machine: a home folder, a folder of programs, and nothing else on PATH. */
export interface Machine {
  readonly home: string
  readonly programs: string
  /** Variables of a program that runs there. */
  readonly env: Readonly<Record<string, string>>
  readonly remove: () => void
}

/** Makes an empty machine. Its folders have a space in their names. */
export function newMachine(): Machine {
  const root = mkdtempSync(join(tmpdir(), 'a machine '))
  const home = join(root, 'home folder')
  const programs = join(root, 'bin')
  mkdirSync(home)
  mkdirSync(programs)
  // /usr/bin/env, sh and sleep are what the fake programs need.
  const env = { HOME: home, PATH: `${programs}:/nonexistent` }
  return { home, programs, env, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** Runs a program to its end with exactly this environment; after `limitMs` it is killed. */
export function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: { readonly input?: string; readonly limitMs?: number; readonly cwd?: string } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(program, args, { env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 60_000)
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    child.on('error', reject)
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      // Strict, as pip decodes both streams.
      const text = (chunks: Buffer[]): string => new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
      resolve({
        status: status ?? undefined,
        signal: signal ?? undefined,
        stdout: text(out),
        stderr: text(err),
        ms: performance.now() - started,
      })
    })
  })
}

/**
 * Runs the built `keyring` on the Node that runs the tests. Every secret of a test is a canary: one on
 * stderr fails the test, whatever it is about.
 */
export async function runKeyring(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: { readonly input?: string; readonly limitMs?: number; readonly cwd?: string } = {},
): Promise<Ended> {
  const ended = await runProgram(process.execPath, [BIN, ...args], env, options)
  if (ended.stderr.includes('CANARY')) throw new Error(`a secret on stderr of keyring ${args[0]}`)
  return ended
}

/** The lines of a log that a fake program writes; none when it never started. */
export function logLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '')
  } catch {
    return []
  }
}
