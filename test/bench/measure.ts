import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A program to measure: all of its command line and of its environment. */
export interface Job {
  /** The first is the absolute path of the program. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** What one process, from its start to its end, has cost. */
export interface Measured {
  /** 128 and the signal's number where a signal ended it. */
  readonly status: number
  readonly wallMs: number
  /** User and system time, with that of the programs it started and waited for. */
  readonly cpuMs: number
  /** The largest resident set of it, or of one of those programs. */
  readonly peakMiB: number
  /** What it said on standard error. */
  readonly stderr: string
}

/** Measures one program at a time. */
export interface Measurer {
  /** Rejects when the program does not end within its time. */
  measure(job: Job): Promise<Measured>
  close(): void
}

const LIMIT_MS = 120_000

/**
 * Node can tell neither CPU time nor peak memory of a child: it reaps children itself, and then their
 * entries in /proc are gone. wait4(2) tells both at the very moment of the end, without touching the child
 * and without a guess between two looks; Python's standard library has it, and whoever installs Python
 * packages has Python. This process is apart from the one that plays Azure, whose work would else delay it.
 *
 * ru_maxrss also counts the starting process as it was before exec: some 15 MiB here, less than any Node. It
 * is in bytes on macOS.
 */
const PROGRAM = `
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    argv, env = job['argv'], job['env']
    os.chdir(job['cwd'])
    null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
    out = (os.POSIX_SPAWN_DUP2, 0, 1)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    err = (os.POSIX_SPAWN_OPEN, 2, job['stderr'], flags, 0o600)
    started = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=[null, out, err])
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps({
        'status': code if code >= 0 else 128 - code,
        'wallMs': wall * 1000,
        'cpuMs': (usage.ru_utime + usage.ru_stime) * 1000,
        'peakMiB': usage.ru_maxrss / (1024 * 1024 if sys.platform == 'darwin' else 1024),
    }), flush=True)
`

/** Starts the process that measures. */
export function startMeasurer(): Measurer {
  const folder = mkdtempSync(join(tmpdir(), 'keyring-bench-'))
  const stderr = join(folder, 'stderr')
  // A group of its own, so that a program without end can be killed with all that it started.
  const python = spawn('python3', ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const lines = createInterface({ input: python.stdout })
  const ended = new Promise<never>((_, reject) => {
    python.on('error', () => reject(new Error('the benchmark needs python3 on the PATH')))
    python.on('close', () => reject(new Error('the process that measures has ended')))
  })
  ended.catch(() => {})
  // What is written to a process that has ended is answered by `ended`.
  python.stdin.on('error', () => {})
  const answer = async (job: Job): Promise<Measured> => {
    const line = new Promise<string>((resolve) => lines.once('line', resolve))
    python.stdin.write(`${JSON.stringify({ cwd: folder, ...job, stderr })}\n`)
    const text = await Promise.race([line, ended])
    // The other side of this pipe is the program above.
    const figures = JSON.parse(text) as Omit<Measured, 'stderr'>
    return { ...figures, stderr: readFileSync(stderr, 'utf8') }
  }
  const kill = (): void => {
    if (python.pid === undefined || python.exitCode !== null || python.signalCode !== null) return
    process.kill(-python.pid, 'SIGKILL')
  }
  return {
    measure: async (job) => {
      const timer = setTimeout(kill, LIMIT_MS)
      try {
        return await answer(job)
      } finally {
        clearTimeout(timer)
      }
    },
    close: () => {
      kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
