import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import type * as tls from 'node:tls'
import { KeyringError } from '../system/errors.ts'
import type { Proxy } from './proxy.ts'

/**
 * Asks a proxy for a connection to a host (RFC 9110 §9.3.6).
 *
 * @throws KeyringError PROXY when the proxy answers anything but 2xx, or the foreign error of a
 *   connection that could not be made
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
    headers: {
      host: authority,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    },
    // Else the certificate would be compared with the Host header, which is that of the far host.
    servername: isIP(proxy.host) === 0 ? proxy.host : '',
    agent: false,
    signal,
  }
  return new Promise((resolve, reject) => {
    const request = proxy.secure ? https.request({ ...options, ...secure }) : http.request(options)
    request.on('error', reject)
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
    request.end()
  })
}

function refusal(proxy: Proxy, status: number): KeyringError {
  const message = `the proxy ${proxy.host}:${proxy.port} answered ${status} when asked to connect`
  if (status !== 407) return new KeyringError('PROXY', message)
  const hint = 'put user and password into the proxy URL: http://USER:PASSWORD@HOST:PORT'
  return new KeyringError('PROXY', message, hint)
}
