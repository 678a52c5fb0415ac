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
import { dirname } from 'node:path'
import { foreignCode } from './errors.ts'
import type { FileText, Inode } from './system.ts'

/** See `System.readFile`. */
export function readFile(
  path: string,
  most: number,
  decoding: 'strict' | 'lenient' = 'strict',
): FileText {
  let file: number | undefined
  try {
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
export function appendFile(path: string, text: string): boolean {
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

/** See `System.createFile`. */
export function createFile(path: string, text: string): 'created' | 'exists' | 'failed' {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    return 'created'
  } catch (error) {
    return foreignCode(error) === 'EEXIST' ? 'exists' : 'failed'
  }
}

/** See `System.replaceFile`. */
export function replaceFile(path: string, text: string): 'written' | 'link' | 'failed' {
  const temporary = `${path}.${globalThis.crypto.randomUUID()}`
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

/** See `System.isExecutable`. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** See `System.inspect`. */
export function inspect(path: string): Inode | undefined {
  try {
    const found = lstatSync(path)
    const kind = found.isDirectory() ? 'folder' : found.isSocket() ? 'socket' : 'other'
    return { kind, owner: found.uid, mode: found.mode & 0o7777 }
  } catch {
    return undefined
  }
}

/** See `System.makeFolder`. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch {
    // Whoever needs the folder looks whether it is there.
  }
}
