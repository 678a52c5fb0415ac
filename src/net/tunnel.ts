import * as http from 'node:http'
import * as https from 'node:https'
import { isIP, type Socket } from 'node:net'
import type * as tls from 'node:tls'
import { KeyringError } from '../system/messages.ts'
import { authorityOf, type Proxy, proxyName } from './proxy.ts'

/**
 * Node gives each address of a host a quarter of a second before it tries the next: too little for a
 * network that is merely slow.
 */
export const PATIENCE = { autoSelectFamilyAttemptTimeout: 2500 } as const

/** What a gateway answers when the far host cannot be reached for the moment. */
const TRANSIENT = [502, 503, 504]

/**
 * Asks a proxy for a connection to a host (RFC 9110 §9.3.6).
 *
 * @throws KeyringError PROXY when the proxy answers anything but 2xx, NETWORK when it could not reach
 *   the host, or a foreign error whose `via` names the proxy when that could not be reached
 */
export function openTunnel(
  proxy: Proxy,
  host: string,
  port: number,
  secure: tls.SecureContextOptions & tls.CommonConnectionOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const authority = authorityOf(host, port)
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
      reject(Object.assign(new Error(), { cause: error, via: proxyName(proxy) }))
    })
    // Node calls it so for every status.
    request.on('connect', (response, socket, head) => {
      const status = response.statusCode ?? 0
      const agreed = status >= 200 && status < 300
      if (agreed && head.length === 0) return resolve(socket)
      socket.destroy()
      if (!agreed) return void refusal(proxy, response, authority).then(reject)
      // The far host speaks second in TLS, so these bytes are not its own.
      reject(new KeyringError('PROXY', `${proxyName(proxy)} sent data of its own after it had agreed to connect`))
    })
    request.setHeader('host', authority)
    if (authorization !== undefined) request.setHeader('proxy-authorization', authorization)
    request.end()
  })
}

async function refusal(proxy: Proxy, response: http.IncomingMessage, authority: string): Promise<KeyringError> {
  const { statusCode: status = 0, headers } = response
  if (status === 407) return unauthorized(proxy, headers['proxy-authenticate'] ?? '')
  const message = `${proxyName(proxy)} answered ${status} when asked to connect to ${authority}`
  return new KeyringError(TRANSIENT.includes(status) ? 'NETWORK' : 'PROXY', message)
}

async function unauthorized(proxy: Proxy, challenge: string): Promise<KeyringError> {
  const name = proxyName(proxy)
  const { parseChallenges } = await import('./challenge.ts')
  const schemes = parseChallenges(challenge).map(({ scheme }) => scheme)
  if (schemes.length > 0 && !schemes.includes('basic')) {
    const hint = 'only Basic is supported; a local proxy such as px or cntlm can do NTLM and Kerberos'
    return new KeyringError('PROXY', `${name} wants a sign-in other than Basic (407)`, hint)
  }
  if (proxy.authorization === undefined) {
    const hint = 'put user and password into the proxy URL: http://USER:PASSWORD@HOST:PORT'
    return new KeyringError('PROXY', `${name} wants a user and a password (407)`, hint)
  }
  const message = `${name} does not accept the user and password of its URL (407)`
  const hint = 'special characters in user and password are percent-encoded: @ is %40'
  return new KeyringError('PROXY', message, hint)
}
