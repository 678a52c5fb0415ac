import type { AddressInfo, Server, Socket } from 'node:net'

/** Starts a server on a free port of 127.0.0.1. Returns the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // The default backlog is shorter than the number of clients a test may start at once.
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/**
 * Follows a server's connections from now on. Returns what ends the server and all of them: a
 * socket that became a tunnel is no longer known to the server, and would keep the process.
 */
export function follow(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  return () => new Promise(resolve => {
    server.close(() => resolve())
    for (const socket of sockets) socket.destroy()
  })
}
