import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import type * as tls from 'node:tls'
import { KeyringError } from '../system/errors.ts'
import type { Proxy } from './proxy.ts'

/**
 * Node gives each address of a host a quarter of a second before it tries the next: too little for a
 * network that is merely slow.
 */
export const PATIENCE = { autoSelectFamilyAttemptTimeout: 2500 } as const

/**
 * Asks a proxy for a connection to a host (RFC 9110 §9.3.6).
 *
 * @throws KeyringError PROXY when the proxy answers anything but 2xx, or a foreign error whose `via`
 *   names the proxy when it could not be reached
 */
export function openTunnel(
  proxy: Proxy,
  host: string,
  port: number,
  secure: tls.SecureContextOptions & tls.CommonConnectionOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const authorization = proxy.authorization?.reveal()
  const options: https.RequestOptions = {
    method: 'CONNECT',
    host: proxy.host,
    port: proxy.port,
    path: authority,
    // Else the certificate would be compared with the Host header, which is that of the far host.
    servername: isIP(proxy.host) === 0 ? proxy.host : '',
    agent: false,
    signal,
    ...PATIENCE,
  }
  return new Promise((resolve, reject) => {
    const request = proxy.secure ? https.request({ ...options, ...secure }) : http.request(options)
    request.on('error', (error) => {
      // Told here: the request that this is for knows only the host behind the proxy.
      const failure = { cause: error, via: `the proxy ${proxy.host}:${proxy.port}` }
      reject(Object.assign(new Error(), failure))
    })
    request.on('connect', (response, socket, head) => {
      const status = response.statusCode ?? 0
      if (status >= 200 && status < 300 && head.length === 0) return resolve(socket)
      socket.destroy()
      reject(refusal(proxy, status))
    })
    request.on('response', (response) => {
      response.destroy()
      reject(refusal(proxy, response.statusCode ?? 0))
    })
    request.setHeader('host', authority)
    if (authorization !== undefined) request.setHeader('proxy-authorization', authorization)
    request.end()
  })
}

function refusal(proxy: Proxy, status: number): KeyringError {
  const message = `the proxy ${proxy.host}:${proxy.port} answered ${status} when asked to connect`
  if (status !== 407) return new KeyringError('PROXY', message)
  const hint = 'put user and password into the proxy URL: http://USER:PASSWORD@HOST:PORT'
  return new KeyringError('PROXY', message, hint)
}
