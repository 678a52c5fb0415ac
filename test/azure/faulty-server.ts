import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, TLSSocket } from 'node:tls'
import { createFaultyCertificates } from './faulty-certificates.ts'
import type { FaultyCertificates, ServerCertificate } from './faulty-certificates.ts'

/** One end of a connection, as a fault uses it. */
export interface Wire {
  /** Counts from 1, per server. */
  readonly attempt: number
  readonly send: (bytes: string | Uint8Array) => void
  readonly end: () => void
  /** A TCP RST instead of a FIN. */
  readonly reset: () => void
  /** Resolves when everything was taken, or nobody is left to take it: then false. */
  readonly drained: () => Promise<boolean>
}

/** What one party does instead of its part of the conversation. */
export type Fault = (wire: Wire) => void | Promise<void>

/** Where a conversation goes wrong. What is not named goes well. */
export interface Faults {
  /** In the place of reading CONNECT. */
  readonly accept?: Fault
  /** In the place of the answer to CONNECT. The tunnel stands when it returns `true`. */
  readonly connect?: (wire: Wire) => boolean | void
  /** In the place of the TLS handshake, after the client's first bytes. */
  readonly handshake?: Fault
  readonly certificate?: ServerCertificate
  /** In the place of the HTTP answer, after the whole request. */
  readonly answer?: Fault
}

/** A CONNECT proxy that is every host itself, and goes wrong at one point. */
export interface FaultyServer {
  readonly port: number
  /** TCP connections that came. */
  readonly connections: () => number
  /** CONNECT requests, as `host:443`. */
  readonly connects: readonly string[]
  /** Whole HTTP requests that came inside TLS. */
  readonly requests: readonly string[]
  /** Bytes that were handed to the operating system for the clients. */
  readonly sent: () => number
  readonly close: () => Promise<void>
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'
let certificates: FaultyCertificates | undefined

/** The certificates of every server in this process. */
export function faultyCertificates(): FaultyCertificates {
  return (certificates ??= createFaultyCertificates())
}

/** Starts a server on a free port of a loopback address. */
export async function startFaultyServer(
  faults: Faults, address = '127.0.0.1',
): Promise<FaultyServer> {
  const sockets = new Set<Socket>()
  const connects: string[] = []
  const requests: string[] = []
  let connections = 0
  let sent = 0
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => {
      sent += socket.bytesWritten
      sockets.delete(socket)
    })
    void converse(socket)
  })

  async function converse(socket: Socket): Promise<void> {
    if (faults.accept !== undefined) return faults.accept(wireOf(socket, socket, connections))
    const head = await readRequest(socket)
    connects.push(/^CONNECT (\S+)/.exec(head)?.[1] ?? head)
    const wire = wireOf(socket, socket, connects.length)
    if (faults.connect !== undefined && faults.connect(wire) !== true) return
    if (faults.connect === undefined) socket.write(ESTABLISHED)
    if (faults.handshake !== undefined) {
      await Promise.race([once(socket, 'data'), once(socket, 'close')])
      return faults.handshake(wire)
    }
    const host = (connects.at(-1) ?? '').replace(/:443$/, '')
    const { certificate, key } = faultyCertificates().of(host, faults.certificate ?? 'good')
    const secureContext = createSecureContext({ cert: certificate, key })
    const secure = new TLSSocket(socket, { isServer: true, secureContext })
    secure.on('error', () => secure.destroy())
    requests.push(await readRequest(secure))
    const inner = wireOf(secure, socket, requests.length)
    return (faults.answer ?? grantToken)(inner)
  }

  server.listen({ host: address, port: 0, backlog: 256 })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    connects,
    requests,
    sent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sent),
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    }),
  }
}

/** An HTTP answer with a length. */
export function httpAnswer(status: number, headers: readonly string[], body = ''): string {
  const lines = [...headers, `content-length: ${Buffer.byteLength(body)}`]
  return `HTTP/1.1 ${status} X\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** The answer of an Entra that has no objections. */
export const GRANT = httpAnswer(200, ['content-type: application/json'], JSON.stringify({
  token_type: 'Bearer', expires_in: 3599, access_token: 'CANARY-token-of-the-faulty-server',
}))

/** Answers as it should. */
export const grantToken: Fault = (wire) => {
  wire.send(GRANT)
  wire.end()
}

/** Sends, then does as `then` says. */
export function says(bytes: string | Uint8Array, then: 'ends' | 'resets' | 'hangs' = 'ends'): Fault {
  return async (wire) => {
    wire.send(bytes)
    await wire.drained()
    // Else the reset overtakes the bytes.
    if (then === 'resets') await sleep(50)
    if (then === 'ends') wire.end()
    if (then === 'resets') wire.reset()
  }
}

/** Sends one byte every 200 ms. */
export function drips(bytes: string, before = ''): Fault {
  return async (wire) => {
    wire.send(before)
    for (const byte of bytes) {
      wire.send(byte)
      await sleep(200)
      if (!(await wire.drained())) return
    }
  }
}

/** Sends a text over and over until that many bytes were sent or nobody reads them. */
export function floods(before: string, text: string, bytes = 100 * 1024 * 1024): Fault {
  return async (wire) => {
    wire.send(before)
    const chunk = text.repeat(Math.ceil(65_536 / text.length))
    for (let sent = 0; sent < bytes; sent += chunk.length) {
      wire.send(chunk)
      if (!(await wire.drained())) return
    }
    wire.end()
  }
}

function wireOf(socket: Socket, raw: Socket, attempt: number): Wire {
  return {
    attempt,
    send: (bytes) => void (socket.writable && bytes.length > 0 && socket.write(bytes)),
    end: () => void socket.end(),
    reset: () => void raw.resetAndDestroy(),
    drained: async () => {
      if (socket.writableNeedDrain && !socket.destroyed) {
        // Whichever comes first; the other promise must not end in an error that nobody sees.
        await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve))
      }
      return !socket.destroyed
    },
  }
}

/** Reads a head and as much of a body as it announces. Never resolves when that does not come. */
function readRequest(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = Number(/^content-length: (\d+)\r$/im.exec(text)?.[1] ?? 0)
      if (end < 0 || text.length < end + 4 + length) return
      socket.off('data', take)
      resolve(text)
    }
    socket.on('data', take)
  })
}
