import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The repository's root directory: every script works from here, wherever it was started. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A failure that one line explains: printed without a stack. */
export class SupplyError extends Error {}

/** How a child process runs; `timeoutMs` is required so that no step can hang for ever. */
export interface RunOptions {
  readonly timeoutMs: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<number>()

// A group rather than one process: npm and pip start children, which would outlive their parent.
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group ended by itself between the decision and the signal.
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-12).join('\n')
}

/** Runs a program without input and gives its standard output; anything but exit 0 throws. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const shown = [command, ...args].join(' ')
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const { pid } = child
    let stdout = ''
    let stderr = ''
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      if (pid !== undefined) killGroup(pid)
    }, options.timeoutMs)
    if (pid !== undefined) running.add(pid)
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const reason = error.code === 'ENOENT' ? 'there is no such program' : error.message
      reject(new SupplyError(`${command}: ${reason}`))
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (pid !== undefined) running.delete(pid)
      if (code === 0) resolve(stdout)
      else if (timedOut) reject(new SupplyError(`${shown}: no end after ${options.timeoutMs} ms`))
      else {
        const said = lastLines(stderr === '' ? stdout : stderr)
        reject(new SupplyError(`${shown}: exit ${code ?? signal}\n${said}`))
      }
    })
  })
}

/** Maps in order with at most `limit` at work at once; the first failure rejects. */
export async function mapFew<Item, Result>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length)
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    // One iterator shared by all workers: each takes the next item that nobody has.
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
  return results
}

/** Runs a script's main function; a failure is one clear message and exit code 1. */
export async function script(name: string, main: () => Promise<void>): Promise<void> {
  process.once('exit', () => running.forEach(killGroup))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(1))
  }
  try {
    await main()
  } catch (error) {
    if (!(error instanceof SupplyError)) throw error
    process.stderr.write(`${name}: ${error.message}\n`)
    // Not `exitCode`: work that others of the same batch still do would only delay the message.
    process.exit(1)
  }
}
