import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { foreignCode } from './errors.ts'
import type { Fetch, FileText, System } from './system.ts'

/** What `nodeSystem` does not make itself. */
export interface NodeSystemParts {
  readonly signal: AbortSignal
  readonly fetch: (system: System) => Fetch
}

/** The real outside world, on Node. */
export function nodeSystem(parts: NodeSystemParts): System {
  const system: System = {
    env: process.env,
    platform: process.platform,
    pid: process.pid,
    home,
    signal: parts.signal,
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
    run: async (command, signal) => (await import('./node-run.ts')).run(command, signal),
    execute: async (program, args, env) =>
      (await import('./node-run.ts')).execute(program, args, env),
    fetch: (url, init) => parts.fetch(system)(url, init),
    drainInput,
    writeOut: (text) => write(1, text),
    writeErr: (text) => void write(2, text),
  }
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

function readFile(path: string, most: number): FileText {
  let file: number | undefined
  try {
    // O_NONBLOCK so that opening a FIFO does not wait for somebody to write to it.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    if (!fstatSync(file).isFile()) return { problem: 'not a regular file' }
    const bytes = readAtMost(file, most + 1)
    if (bytes.length > most) return { problem: 'too large' }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    const code = foreignCode(error)
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { problem: 'not UTF-8' }
    if (code === 'EISDIR' || code === 'ENXIO') return { problem: 'not a regular file' }
    return { problem: code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable' }
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function readAtMost(file: number, most: number): Uint8Array {
  const size = Math.min(most, Math.max(4096, fstatSync(file).size + 1))
  const bytes = new Uint8Array(size)
  let length = 0
  while (length < size) {
    const read = readSync(file, bytes, length, size - length, null)
    if (read === 0) break
    length += read
  }
  return bytes.subarray(0, length)
}

function appendFile(path: string, text: string): boolean {
  try {
    // No O_CREAT through a link that somebody else left, and nothing that is not a file.
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY
    const careful = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
    const file = openSync(path, flags | careful, 0o600)
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

function createFile(path: string, text: string): 'created' | 'exists' | 'failed' {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    return 'created'
  } catch (error) {
    return foreignCode(error) === 'EEXIST' ? 'exists' : 'failed'
  }
}

function replaceFile(path: string, text: string): 'written' | 'link' | 'failed' {
  const temporary = `${path}.${uuid()}`
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) return 'link'
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o600 })
    renameSync(temporary, path)
    return 'written'
  } catch {
    rmSync(temporary, { force: true })
    return 'failed'
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function drainInput(): Promise<void> {
  return new Promise((resolve) => {
    process.stdin.on('error', resolve).on('end', resolve).on('close', resolve)
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
