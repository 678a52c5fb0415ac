import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Authority, CertificateFault } from './certificates.ts'
import { receive } from './received.ts'
import type { Handler, RecordedRequest } from './received.ts'

/** What the proxy needs of the rest of the stand-in. */
export interface ProxyOptions {
  readonly authority: Authority
  readonly requests: RecordedRequest[]
  readonly connects: string[]
  /** Who answers for a host. The name has a port unless it is 443. */
  readonly route: (host: string) => Handler
  /** What is wrong with a host's certificate. */
  readonly certificateFault: (host: string) => CertificateFault | undefined
  /** `user:password` that a client must show to the proxy itself; undefined: nothing. */
  readonly credential: () => string | undefined
}

/** The same proxy twice: reached in the clear and reached over TLS. */
export interface Proxies {
  readonly plain: Server
  readonly secure: SecureServer
}

const SERVER_OPTIONS = { keepAliveTimeout: 60_000, maxHeaderSize: 128 * 1024 }

/**
 * A CONNECT proxy that connects to nothing: it is itself the server of every host, so that
 * what was meant for a host out there is seen here.
 */
export function createProxies(options: ProxyOptions): Proxies {
  const { requests, connects, route, authority } = options
  const contexts = new Map<string, SecureContext>()
  const hosts = new WeakMap<object, string>()

  const inner = createServer(SERVER_OPTIONS, (message, response) => {
    const host = hosts.get(message.socket) ?? 'unknown'
    receive(requests, host, true, route(host))(message, response)
  })

  // The host is part of a plain request's address; whoever sends one has misread HTTPS_PROXY.
  const refuse: RequestListener = (message, response) => {
    const host = message.headers.host ?? 'unknown'
    receive(requests, host, true, (request, answer) => {
      request.errors.push('a plain request came to the proxy')
      answer.writeHead(400, { connection: 'close' }).end('CONNECT only\n')
    })(message, response)
  }

  const tunnel = (message: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const target = message.url ?? ''
    connects.push(target)
    socket.on('error', () => socket.destroy())
    if (!allowed(message)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n' +
        'Proxy-Authenticate: Basic realm="stand-in"\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const [, name, port] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(target) ?? []
    if (name === undefined || port === undefined) {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
      return
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    const secure = new TLSSocket(socket as Socket, {
      isServer: true,
      secureContext: contextOf(name.replace(/[[\]]/g, '')),
      SNICallback: (asked, callback) => callback(null, contextOf(asked)),
    })
    // A client that does not like the certificate hangs up: no failure of ours.
    secure.on('error', () => secure.destroy())
    hosts.set(secure, port === '443' ? name : `${name}:${port}`)
    inner.emit('connection', secure)
  }

  const { certificate, key } = authority.leaf('127.0.0.1')
  const plain = createServer(SERVER_OPTIONS, refuse)
  const secure = createSecureServer({ ...SERVER_OPTIONS, cert: certificate, key }, refuse)
  plain.on('connect', tunnel).on('close', () => inner.closeAllConnections())
  secure.on('connect', tunnel)
  return { plain, secure }

  function allowed({ headers }: IncomingMessage): boolean {
    const credential = options.credential()
    if (credential === undefined) return true
    const expected = `Basic ${Buffer.from(credential).toString('base64')}`
    return headers['proxy-authorization'] === expected
  }

  function contextOf(host: string): SecureContext {
    const fault = options.certificateFault(host)
    const key = `${fault ?? ''} ${host}`
    const known = contexts.get(key)
    if (known !== undefined) return known
    const { certificate, key: privateKey } = authority.leaf(host, fault)
    const made = createSecureContext({ cert: certificate, key: privateKey })
    contexts.set(key, made)
    return made
  }
}
