import { lstatSync, unlinkSync } from 'node:fs'
import { connect as connectTo, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { foreignCode } from './errors.ts'
import type { LineConnection, Listener } from './system.ts'

const LINE_LIMIT = 100_000
const MOST_CONNECTIONS = 512

/** See `Sockets.connect`. */
export function connect(path: string): Promise<LineConnection | string> {
  return new Promise((resolve) => {
    const socket = connectTo(path)
    socket.once('error', (error) => resolve(foreignCode(error) ?? 'unknown'))
    socket.once('connect', () => resolve(lines(socket)))
  })
}

/** See `Sockets.listen`. */
export async function listen(
  path: string,
  accept: (connection: LineConnection) => void,
): Promise<Listener | undefined> {
  for (const mayReplace of [true, false]) {
    const server = createServer((socket) => accept(lines(socket)))
    server.maxConnections = MOST_CONNECTIONS
    const problem = await bind(server, path)
    if (problem === undefined) return listener(server, path)
    if (problem !== 'EADDRINUSE' || !mayReplace) break
    const other = await connect(path)
    if (typeof other !== 'string') other.close()
    if (other !== 'ECONNREFUSED') break
    remove(path)
  }
  return undefined
}

function bind(server: Server, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(foreignCode(error) ?? 'unknown'))
    // The socket is made before `listen` returns, and is never there with another mode.
    const mask = process.umask(0o177)
    server.listen({ path, backlog: MOST_CONNECTIONS }, () => resolve(undefined))
    process.umask(mask)
  })
}

function listener(server: Server, path: string): Listener {
  const inode = (): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino
  const own = inode()
  const isInPlace = (): boolean => own !== undefined && inode() === own
  // Not `server.close`, which removes whatever is at the path by then.
  const close = (): void => {
    if (isInPlace()) remove(path)
    server.unref()
  }
  process.once('exit', close)
  return { isInPlace, close }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is gone, or no socket: then it cannot be listened on, which is said where that matters.
  }
}

function lines(socket: Socket): LineConnection {
  let text = ''
  let isOpen = true
  let changed = (): void => {}
  const ended = (): void => {
    isOpen = false
    changed()
  }
  socket.setEncoding('utf8')
  socket.on('error', ended).on('end', ended).on('close', ended)
  socket.on('data', (chunk: string) => {
    text += chunk
    if (text.length > LINE_LIMIT) {
      text = ''
      socket.destroy()
    }
    changed()
  })
  const read = (ms: number): Promise<string | undefined> =>
    new Promise((resolve) => {
      const finish = (line: string | undefined): void => {
        clearInterval(timer)
        changed = () => {}
        resolve(line)
      }
      // Ten short waits, not a long one: what the machine does not let us run does not count.
      let left = 10
      const timer = setInterval(() => (left -= 1) === 0 && finish(undefined), ms / 10)
      changed = () => {
        const [line, ...rest] = text.split('\n')
        if (rest.length === 0) return isOpen ? undefined : finish(undefined)
        text = rest.join('\n')
        finish(line)
      }
      changed()
    })
  return {
    read,
    write: (line) => void (socket.writable && socket.write(`${line}\n`)),
    close: () => void socket.destroySoon(),
  }
}
