import { closeSync, constants, lstatSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { foreignCode } from './messages.ts'

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

/** See `System.writeTerminal`. */
export function writeTerminal(text: string): void {
  try {
    // Neither becomes this the terminal of a daemon, nor waits one that was stopped (Ctrl-S) for a person.
    const flags = constants.O_RDWR | (constants.O_NOCTTY ?? 0) | (constants.O_NONBLOCK ?? 0)
    const file = openSync(process.platform === 'win32' ? '\\\\.\\CONOUT$' : '/dev/tty', flags)
    writeSync(file, text)
    closeSync(file)
  } catch {
    // There is none, or it takes nothing now.
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

/** See `System.drainInput`. */
export async function drainInput(signal: AbortSignal): Promise<void> {
  const { isatty } = await import('node:tty')
  if (isatty(0)) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve())
    process.stdin.on('error', () => resolve()).on('end', resolve).on('close', resolve)
    process.stdin.resume()
  })
}
