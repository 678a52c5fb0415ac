import * as http from 'node:http'
import * as https from 'node:https'
import * as tls from 'node:tls'
import { isIP, type Socket } from 'node:net'
import { debug, KeyringError } from '../system/messages.ts'
import type { Fetch, FetchInit, FetchResponse, World } from '../system/system.ts'
import { proxyFor, proxyName } from './proxy.ts'
import { trustedCertificates } from './trust.ts'
import { openTunnel, PATIENCE } from './tunnel.ts'

/** Answers of status 1xx before the one that counts. */
const MOST_INTERIM = 32

/** A connection that no request uses yet. */
interface Ahead {
  readonly socket: Promise<Socket>
  readonly stop: () => void
}

/**
 * `fetch` on `node:https`: loads in a third of the time of the platform's, obeys the proxy variables,
 * takes a certificate file and never follows a redirect. Certificates are always checked.
 */
export function httpsFetch(system: World): Fetch {
  let context: tls.SecureContext | undefined
  const ahead = new Map<string, Ahead>()
  const open = async (target: URL, direct: boolean, signal: AbortSignal): Promise<Socket> => {
    const host = target.hostname.replace(/^\[|\]$/g, '')
    const port = Number(target.port) || 443
    const proxy = direct ? undefined : proxyFor(system, host, port)
    // Made once: reading a bundle of 150 certificates takes longer than a request.
    const secure = { secureContext: (context ??= makeContext(system)), rejectUnauthorized: true }
    if (proxy !== undefined) debug(system, `asking ${proxyName(proxy)} for a connection to ${host}`)
    const tunnel = proxy && (await openTunnel(proxy, host, port, secure, signal))
    const way = tunnel === undefined ? { port, ...PATIENCE } : { socket: tunnel }
    const socket = tls.connect({ ...secure, ...way, host, servername: isIP(host) === 0 ? host : '' })
    // Until a request listens: it finds the socket destroyed, and says why with one of its own.
    return socket.on('error', () => {})
  }
  const fetch: Fetch = async (url, init) => {
    const target = new URL(url)
    if (target.protocol === 'http:') return answer(http.request(target, plainOptions(init)), init)
    const socket =
      init.pinnedSha1 !== undefined
        ? await openPinned(target, init.pinnedSha1, init.signal)
        : ((await takeAhead(ahead, target, init)) ?? (await open(target, init.direct === true, init.signal)))
    return answer(https.request(target, { ...plainOptions(init), ...over(socket) }), init)
  }
  const connect = (url: string): void => {
    const target = new URL(url)
    const stopped = new AbortController()
    debug(system, `connecting to ${target.host} ahead of the request`)
    const socket = open(target, false, stopped.signal)
    socket.catch(() => {})
    ahead.set(target.host, { socket, stop: () => stopped.abort() })
  }
  return Object.assign(fetch, { connect })
}

/** The connection that was opened ahead of this request, where there is one and it still stands. */
async function takeAhead(ahead: Map<string, Ahead>, target: URL, init: FetchInit): Promise<Socket | undefined> {
  const opened = ahead.get(target.host)
  if (opened === undefined) return undefined
  ahead.delete(target.host)
  init.signal.addEventListener('abort', opened.stop)
  const socket = await opened.socket.catch(() => undefined)
  return socket?.destroyed === true ? undefined : socket
}

function makeContext(system: World): tls.SecureContext {
  const ca = trustedCertificates(system)
  return tls.createSecureContext(ca === undefined ? {} : { ca })
}

function plainOptions(init: FetchInit): https.RequestOptions {
  return { method: init.method, agent: false, signal: init.signal, ...PATIENCE }
}

/** A connection of our own. With an agent, even the one that `false` means, it would not be asked for. */
function over(socket: Socket): https.RequestOptions {
  return { agent: undefined, defaultPort: 443, createConnection: () => socket }
}

/** A TLS connection to the one server that has this certificate. Nothing is sent before that is known. */
function openPinned(target: URL, sha1: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const port = Number(target.port) || 443
    const host = target.hostname.replace(/^\[|\]$/g, '')
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...PATIENCE })
    const stop = (): void => void socket.destroy(new Error('stopped'))
    signal.addEventListener('abort', stop)
    socket.on('error', reject)
    socket.on('secureConnect', () => {
      const fingerprint = socket.getPeerCertificate().fingerprint.replaceAll(':', '').toLowerCase()
      if (fingerprint === sha1) return resolve(socket)
      reject(new KeyringError('TLS', `${target.host} has another certificate than the one expected`))
      socket.destroy()
    })
  })
}

function answer(request: http.ClientRequest, init: FetchInit): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    // Where the server ends it without an answer.
    request.on('close', () => reject(Object.assign(new Error(), { code: 'ECONNRESET' })))
    let interim = 0
    request.on('information', () => {
      // They could go on until the time is over.
      if ((interim += 1) <= MOST_INTERIM) return
      const message = `${request.host} sends interim answers without end`
      request.destroy(new KeyringError('BAD_ANSWER', message))
    })
    request.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(new KeyringError('NETWORK', `${request.host} wants to speak another protocol (101)`))
    })
    request.on('response', (response) => {
      // An error after this belongs to whoever reads the body, who else would hear of a dropped
      // connection where Node dropped it, since the body was not HTTP.
      response.on('error', () => {})
      request.on('error', (error) => void (response.complete || response.destroy(error)))
      resolve({
        status: response.statusCode ?? 0,
        headers: { get: (name) => headerValue(response, name.toLowerCase()) },
        body: response,
      })
    })
    // Not as an option: with NODE_DEBUG=http Node prints those.
    for (const [name, value] of Object.entries(init.headers)) request.setHeader(name, value)
    if (init.method === 'POST') request.setHeader('content-length', Buffer.byteLength(init.body ?? ''))
    request.end(init.body)
  })
}

/** All lines of one header, joined (RFC 9110 §5.3); Node's own `headers` drops some repetitions. */
function headerValue(response: http.IncomingMessage, name: string): string | null {
  const values = response.headersDistinct[name]
  return values === undefined ? null : values.join(', ')
}
