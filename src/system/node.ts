import { accessSync, closeSync, constants, fstatSync, lstatSync, openSync, readSync, realpathSync, statSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { foreignCode } from './messages.ts'
import { isOn, setting } from './settings.ts'
import type { Inode } from './sockets.ts'
import type { Fetch, FileText, World } from './system.ts'

/** Exit statuses of a program that a signal ended: 128 and the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

/** The real outside world, on Node, with the given way to the network. */
export function nodeWorld(makeFetch: (world: World) => Fetch): World {
  const world: World = {
    env: process.env,
    showsDebug: isOn(process, 'ARTIFACTS_KEYRING_NOFUSS_DEBUG'),
    logFile: setting(process, 'ARTIFACTS_KEYRING_NOFUSS_LOG'),
    platform: process.platform,
    pid: process.pid,
    node: { version: process.version, path: process.execPath },
    uid: process.geteuid?.(),
    home,
    now: Date.now,
    startedAt: Date.now(),
    random: Math.random,
    uuid: () => globalThis.crypto.randomUUID(),
    sleep,
    limit,
    readFile,
    appendFile,
    createFile: async (path, text) => (await import('./node-files.ts')).createFile(path, text),
    replaceFile: async (path, text) => (await import('./node-files.ts')).replaceFile(path, text),
    isExecutable,
    inspect,
    makeFolder: async (path) => (await import('./node-files.ts')).makeFolder(path),
    sockets: () => import('./node-sockets.ts'),
    isThisProgram: (path) => realpathSync(path) === realpathSync(process.argv[1] ?? process.execPath),
    run: async (command, signal) => (await import('./node-run.ts')).run(command, signal),
    execute: async (program, args, env) => (await import('./node-run.ts')).execute(program, args, env),
    startApart: async (args, env) => (await import('./node-run.ts')).startApart(args, env),
    fetch: Object.assign(((url, init) => fetch(url, init)) satisfies Fetch, { connect: (url: string) => fetch.connect?.(url) }),
    drainInput: async (signal) => (await import('./node-files.ts')).drainInput(signal),
    writeOut: (text) => write(1, text),
    writeErr: (text) => void write(2, text),
    stderrIsTerminal: async () => (await import('node:tty')).isatty(2),
    writeTerminal: async (text) => (await import('./node-files.ts')).writeTerminal(text),
    outIsTerminal: async () => (await import('node:tty')).isatty(1),
  }
  const fetch = makeFetch(world)
  return world
}

function home(): string | undefined {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  catchSignals()
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

/**
 * Lets a signal end this process by way of its `exit` event. From the first wait on: before it a signal ends the
 * process by itself, and nothing is left behind.
 */
export function catchSignals(): void {
  for (const [signal, status] of Object.entries(SIGNALS)) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(status))
  }
}

function limit(ms: number, expired: () => void): () => void {
  catchSignals()
  const timer = setTimeout(expired, ms)
  return () => clearTimeout(timer)
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

/** See `System.readFile`. */
function readFile(path: string, most: number, decoding: 'strict' | 'lenient' = 'strict'): FileText {
  let file: number | undefined
  try {
    // An error for what is usually missing costs more than asking first.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return { problem: 'missing' }
    // O_NONBLOCK so that opening a FIFO does not wait for somebody to write to it.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    if (!fstatSync(file).isFile()) return { problem: 'not a regular file' }
    const bytes = readAtMost(file, most + 1)
    if (bytes.length > most) return { problem: 'too large' }
    return { text: new TextDecoder('utf-8', { fatal: decoding === 'strict' }).decode(bytes) }
  } catch (error) {
    const code = foreignCode(error)
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { problem: 'not UTF-8' }
    if (code === 'EISDIR' || code === 'ENXIO') return { problem: 'not a regular file' }
    return { problem: code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable' }
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Reads to the end, since a file that is made while it is read says that its size is 0. */
function readAtMost(file: number, most: number): Uint8Array {
  const chunks: Uint8Array[] = []
  for (let left = most; left > 0; ) {
    const chunk = new Uint8Array(Math.min(left, 65_536))
    const length = readSync(file, chunk, 0, chunk.length, null)
    if (length === 0) break
    chunks.push(chunk.subarray(0, length))
    left -= length
  }
  return Buffer.concat(chunks)
}

/** See `System.appendFile`. */
function appendFile(path: string, text: string): boolean {
  try {
    // No O_CREAT through a link that somebody else left, and nothing that is not a file.
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
    const file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0o600)
    try {
      if (!fstatSync(file).isFile()) return false
      writeSync(file, text)
      return true
    } finally {
      closeSync(file)
    }
  } catch {
    return false
  }
}

/** See `System.isExecutable`. */
function isExecutable(path: string): boolean {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false
    return accessSync(path, constants.X_OK) === undefined
  } catch {
    return false
  }
}

/** See `System.inspect`. */
function inspect(path: string): Inode | undefined {
  try {
    const found = lstatSync(path)
    const kind = found.isDirectory() ? 'folder' : found.isSocket() ? 'socket' : 'other'
    return { kind, owner: found.uid, mode: found.mode & 0o7777 }
  } catch {
    return undefined
  }
}
