import { writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { foreignCode } from './errors.ts'
import { appendFile, createFile, inspect, isExecutable, makeFolder, readFile, replaceFile } from './node-files.ts'
import type { Fetch, System } from './system.ts'

/** The real outside world, on Node, with the given way to the network. */
export function nodeSystem(makeFetch: (system: System) => Fetch): System {
  const system: System = {
    env: process.env,
    platform: process.platform,
    pid: process.pid,
    uid: process.geteuid?.(),
    home,
    signal: new AbortController().signal,
    endsAt: Number.POSITIVE_INFINITY,
    now: Date.now,
    random: Math.random,
    uuid,
    sleep,
    limit,
    readFile,
    appendFile,
    createFile,
    replaceFile,
    isExecutable,
    inspect,
    makeFolder,
    sockets: () => import('./node-sockets.ts'),
    run: async (command, signal) => (await import('./node-run.ts')).run(command, signal),
    execute: async (program, args, env) =>
      (await import('./node-run.ts')).execute(program, args, env),
    startApart: async (args, env) => (await import('./node-run.ts')).startApart(args, env),
    fetch: (url, init) => fetch(url, init),
    drainInput,
    writeOut: (text) => write(1, text),
    writeErr: (text) => void write(2, text),
  }
  const fetch = makeFetch(system)
  return system
}

function home(): string | undefined {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}

function uuid(): string {
  return globalThis.crypto.randomUUID()
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

function limit(ms: number, expired: () => void): () => void {
  const timer = setTimeout(expired, ms)
  return () => clearTimeout(timer)
}

async function drainInput(): Promise<void> {
  const { isatty } = await import('node:tty')
  if (isatty(0)) return
  await new Promise<void>((resolve) => {
    process.stdin.on('error', () => resolve()).on('end', resolve).on('close', resolve)
    process.stdin.resume()
  })
}

/**
 * Writes synchronously: nothing is lost when the process ends, and the stream classes of Node,
 * which take a millisecond or two to load, are not needed. A closed pipe is not an error worth a
 * word: nobody is left to read it.
 */
function write(stream: 1 | 2, text: string): boolean {
  const bytes = Buffer.from(text, 'utf8')
  const deadline = Date.now() + 10_000
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(stream, bytes, written)
    } catch (error) {
      // A pipe that another process made non-blocking and that is full for the moment.
      if (foreignCode(error) !== 'EAGAIN' || Date.now() > deadline) return false
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
  return true
}
