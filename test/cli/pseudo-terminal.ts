import { runProgram } from '../flow/program.ts'

/** What is typed, once the terminal shows `after` last and the file `path` has `lines` lines. */
export interface Step {
  readonly after: string
  readonly path?: string
  readonly lines?: number
  readonly type: string
}

/** A program that has a terminal of its own. */
export interface Job {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Which of its standard streams are the terminal; the others are pipes, and standard input is nothing. */
  readonly terminal?: readonly ('stdin' | 'stdout' | 'stderr')[]
  /** Runs it in a session of its own, which has no terminal. */
  readonly detached?: boolean
  readonly steps?: readonly Step[]
}

/** How it ended, and what went where. */
export interface Seen {
  readonly status: number
  /** What a person saw, with `\n` for the terminal's line ends. */
  readonly terminal: string
  readonly stdout: string
  readonly stderr: string
}

const DRIVER = `
import fcntl, json, os, pty, re, select, struct, sys, termios, time

job = json.load(sys.stdin)
ends = {1: os.pipe(), 2: os.pipe()}
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 250, 0, 0))
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    if job['detached']:
        child = os.fork()
        if child:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os.setsid()
    if 'stdin' not in job['terminal']:
        os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
    for number, name in ((1, 'stdout'), (2, 'stderr')):
        if name not in job['terminal']:
            os.dup2(ends[number][1], number)
    os.closerange(3, 64)
    os.execve(job['argv'][0], job['argv'], job['env'])

seen = {master: b'', ends[1][0]: b'', ends[2][0]: b''}
for _, writer in ends.values():
    os.close(writer)

def lines(path):
    try:
        with open(path) as file:
            return len(file.readlines())
    except FileNotFoundError:
        return 0

def ready(step):
    shown = re.sub(r'\\x1b\\[[?0-9;]*[a-zA-Z]', '', seen[master].decode(errors='replace')).rstrip()
    return shown.endswith(step['after']) and lines(step.get('path', '')) >= step.get('lines', 0)

steps, limit, open_ends, ended = job['steps'], time.monotonic() + 60, set(seen), None
while open_ends and time.monotonic() < limit:
    # Open until here: a terminal that nobody has open would be at its end for us.
    if ended is None and open_ends == {master}:
        waited, ended = os.waitpid(pid, os.WNOHANG)
        if waited:
            os.close(slave)
        else:
            ended = None
    if steps and ready(steps[0]):
        os.write(master, steps.pop(0)['type'].encode())
    for end in select.select(list(open_ends), [], [], 0.05)[0]:
        try:
            data = os.read(end, 65536)
        except OSError:
            data = b''
        seen[end] += data
        if not data:
            open_ends.remove(end)
if open_ends:
    sys.exit('not ended: %r, steps left: %r' % (seen, steps))
status = os.waitstatus_to_exitcode(ended)
text = [seen[end].decode() for end in (master, ends[1][0], ends[2][0])]
json.dump(dict(zip(('status', 'terminal', 'stdout', 'stderr'), [status, *text])), sys.stdout)
`

/** Runs a program to its end on a real pseudo-terminal, made by Python. */
export async function runOnTerminal(job: Job): Promise<Seen> {
  const input = JSON.stringify({ terminal: [], detached: false, steps: [], ...job })
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/' }
  const ended = await runProgram('python3', ['-c', DRIVER], env, { input, limitMs: 90_000 })
  if (ended.status !== 0) throw new Error(`the terminal failed: ${ended.stderr.slice(-3000)}`)
  const seen = JSON.parse(ended.stdout) as Seen
  return { ...seen, terminal: seen.terminal.replaceAll('\r\n', '\n') }
}
