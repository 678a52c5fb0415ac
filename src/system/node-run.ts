import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Command, CommandResult } from './system.ts'

/** How long output is waited for after the program itself has ended, in milliseconds. */
const STRAGGLER_MS = 250

/**
 * Runs a program: argv only, no standard input, `/` as working directory, a group of its own so
 * that whatever it started ends with it, bounded output, bounded time.
 *
 * @param signal ends the program early, which counts as `timeout`
 */
export function run(command: Command, signal: AbortSignal): Promise<CommandResult> {
  return new Promise((resolve) => {
    const windows = process.platform === 'win32'
    const child = start(command, windows)
    if (child === undefined) return resolve({ ended: 'not-started' })
    const stdout: Uint8Array[] = []
    const stderr: Uint8Array[] = []
    const finish = (result: CommandResult): void => {
      clearTimeout(timer)
      clearTimeout(straggler)
      signal.removeEventListener('abort', outOfTime)
      process.removeListener('exit', killGroup)
      killGroup()
      child.stdout?.destroy()
      child.stderr?.destroy()
      resolve(result)
    }
    const killGroup = (): void => kill(child, windows)
    const outOfTime = (): void => finish({ ended: 'timeout' })
    const collect = (chunks: Uint8Array[]) => {
      let length = 0
      return (chunk: Uint8Array): void => {
        length += chunk.length
        chunks.push(chunk)
        if (length > command.limit) finish({ ended: 'too-much-output' })
      }
    }
    const exited = (status: number | null): void => {
      if (status === null) return finish({ ended: 'signal' })
      finish({ ended: 'exit', status, stdout: decode(stdout), stderr: decode(stderr) })
    }
    let straggler: NodeJS.Timeout | undefined
    // First of all: a program that cannot be started says so even when nobody waits any more.
    child.on('error', () => finish({ ended: 'not-started' }))
    const timer = setTimeout(outOfTime, command.timeoutMs)
    signal.addEventListener('abort', outOfTime)
    if (signal.aborted) return outOfTime()
    process.once('exit', killGroup)
    child.stdout?.on('data', collect(stdout)).on('error', () => {})
    child.stderr?.on('data', collect(stderr)).on('error', () => {})
    child.on('close', exited)
    // A program that leaves a grandchild behind never closes its output: do not wait for that.
    child.on('exit', (status) => {
      straggler = setTimeout(exited, STRAGGLER_MS, status)
    })
  })
}

function start(command: Command, windows: boolean): ChildProcess | undefined {
  try {
    return spawn(command.program, command.args, {
      cwd: windows ? (process.env['SystemRoot'] ?? 'C:\\Windows') : '/',
      env: changedEnvironment(process.env, command.env, windows),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: !windows,
      windowsHide: true,
    })
  } catch {
    return undefined
  }
}

/** Variables with changes; `undefined` takes one away, on Windows whatever the case of its name. */
export function changedEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  changes: Readonly<Record<string, string | undefined>>,
  windows: boolean,
): Record<string, string | undefined> {
  const known = (name: string): string => (windows ? name.toUpperCase() : name)
  const changed = new Set(Object.keys(changes).map(known))
  const kept = Object.entries(variables).filter(([name]) => !changed.has(known(name)))
  return { ...Object.fromEntries(kept), ...changes }
}

function kill(child: ChildProcess, windows: boolean): void {
  if (child.pid === undefined) return
  try {
    if (windows) child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group has already ended.
  }
}

function decode(chunks: readonly Uint8Array[]): string {
  return new TextDecoder().decode(Buffer.concat(chunks))
}

/** See `System.startApart`. */
export function startApart(args: readonly string[], env: Readonly<Record<string, string>>): () => boolean {
  let ended = false
  const end = (): void => void (ended = true)
  const options = { cwd: '/', env, stdio: 'ignore', detached: true } as const
  try {
    spawn(process.execPath, [process.argv[1] ?? '', ...args], options).on('error', end).on('exit', end).unref()
  } catch {
    end()
  }
  return () => ended
}

/** Signals that a command gets instead of us while it runs. */
const PASSED_ON = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/**
 * Runs a command to its end, however long that takes, with our standard streams.
 *
 * @returns its exit status, 128 and the number of the signal that ended it, or undefined when it
 *   could not be started
 */
export function execute(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    let child: ChildProcess | undefined
    for (const signal of PASSED_ON) {
      // Those that are there would end us and leave the command behind. Ours comes first, and before
      // the command starts: without any listener for a moment, a signal would be lost.
      const others = process.rawListeners(signal)
      process.on(signal, () => child?.kill(signal))
      for (const listener of others) process.removeListener(signal, listener as () => void)
    }
    const environment = changedEnvironment(process.env, env, process.platform === 'win32')
    try {
      child = spawn(program, args, { env: environment, stdio: 'inherit' })
    } catch {
      // Some errors do not come as an event: ENOTDIR, and EINVAL for a command file of Windows.
      return resolve(undefined)
    }
    child.on('error', () => resolve(undefined))
    child.on('exit', (status, signal) => {
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
