import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import type { StandIn } from './stand-in.ts'

/** What a client asks of the stand-in. */
export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Hangs up after this many bytes of the answer's body. */
  readonly enough?: number
}

/** What the stand-in answered. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Asks for an address through the proxy, or directly when it is a plain one. */
export async function ask(
  standIn: StandIn, address: string, question: Question = {},
): Promise<Answer> {
  const url = new URL(address)
  const socket = url.protocol === 'https:' ? await tunnel(standIn, url) : undefined
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, enough } = question
    const request = socket === undefined ? plainRequest : secureRequest
    const sent = request(url, {
      method,
      headers: { connection: 'close', ...headers },
      ...(socket === undefined
        ? { agent: false } : { createConnection: () => socket, defaultPort: 443 }),
    }, message => {
      read(message, enough).then(text => {
        sent.destroy()
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: text })
      }, reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The authorization of a feed's client. */
export function basic(username: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

/** A checked TLS connection to a host behind the proxy. */
export function tunnel(
  standIn: StandIn, url: URL, headers: Record<string, string> = {}, proxy = standIn.proxyUrl,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const path = `${url.hostname}:${url.port === '' ? '443' : url.port}`
    const ca = readFileSync(standIn.caFile)
    // An empty servername: the proxy's certificate is for its address, not for the Host header.
    const options = { method: 'CONNECT', path, headers, agent: false, ca, servername: '' } as const
    const opening = (proxy.startsWith('https:') ? secureRequest : plainRequest)(proxy, options)
    opening.on('error', reject)
    opening.on('connect', (answer, socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy()
        reject(new Error(`the proxy answered ${answer.statusCode}`))
        return
      }
      const secure = connect({ socket, servername: url.hostname, ca }, () => resolve(secure))
      secure.on('error', reject)
    })
    opening.end()
  })
}

function read(message: IncomingMessage, enough = Infinity): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const done = (): void => resolve(Buffer.concat(chunks).toString())
    message.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size >= enough) done()
    })
    message.on('end', done)
    message.on('error', reject)
  })
}
