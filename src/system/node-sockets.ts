import { lstatSync, unlinkSync } from 'node:fs'
import { connect as connectTo, createServer, type Server, type Socket } from 'node:net'
import { foreignCode } from './messages.ts'
import { catchSignals } from './node.ts'
import type { LineConnection, Listener } from './sockets.ts'

const LINE_LIMIT = 100_000
const MOST_CONNECTIONS = 512
/** A long wait is many short ones: the time in which a busy machine lets us not run does not count. */
const STEPS = 10

/** See `Sockets.connect`. */
export function connect(path: string): Promise<LineConnection | string> {
  return new Promise((resolve) => {
    const socket = connectTo(path)
    socket.once('error', (error) => resolve(foreignCode(error) ?? 'unknown'))
    socket.once('connect', () => resolve(lines(socket)))
  })
}

/** See `Sockets.listen`. */
export async function listen(path: string, accept: (caller: LineConnection) => void): Promise<Listener | undefined> {
  catchSignals()
  const server = createServer((socket) => accept(lines(socket)))
  server.maxConnections = MOST_CONNECTIONS
  if (await bind(server, path)) return listener(path)
  const other = await connect(path)
  if (typeof other !== 'string') other.close()
  // The socket of a dead process: whoever made it is gone.
  if (other === 'ECONNREFUSED') remove(path)
  return other === 'ECONNREFUSED' && (await bind(server, path)) ? listener(path) : undefined
}

function bind(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    // The socket is made before `listen` returns, and is never there with another mode.
    const mask = process.umask(0o177)
    server.listen({ path, backlog: MOST_CONNECTIONS }, () => resolve(true))
    process.umask(mask)
  })
}

function listener(path: string): Listener {
  const inode = (): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino
  const own = inode()
  const isInPlace = (): boolean => own !== undefined && inode() === own
  // Not `server.close`, which removes whatever is at the path by then.
  const close = (): void => (isInPlace() ? remove(path) : undefined)
  process.once('exit', close)
  return { isInPlace, close }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Gone already, or no socket: then it cannot be listened on either.
  }
}

function lines(socket: Socket): LineConnection {
  let text = ''
  let changed = (): void => {}
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
    if (text.length > LINE_LIMIT) socket.destroy()
    changed()
  })
  for (const end of ['error', 'end', 'close']) socket.on(end, () => changed())
  const read = (ms: number): Promise<string | undefined> =>
    new Promise((resolve) => {
      const finish = (line: string | undefined): void => {
        clearInterval(timer)
        changed = () => {}
        resolve(line)
      }
      let left = STEPS
      const timer = setInterval(() => (left -= 1) > 0 || finish(undefined), ms / STEPS)
      changed = () => {
        const [line, ...rest] = text.split('\n')
        if (rest.length === 0 && socket.readable) return
        text = rest.join('\n')
        finish(rest.length === 0 ? undefined : line)
      }
      changed()
    })
  const write = (line: string): void => void (socket.writable && socket.write(`${line}\n`))
  return { read, write, close: () => void socket.destroySoon() }
}
