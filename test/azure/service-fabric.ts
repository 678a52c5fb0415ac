import { randomUUID, X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import { send, sendJson } from './answers.ts'
import type { Authority } from './certificates.ts'
import { AZURE_DEVOPS, SF_SECRET, SYSTEM_IDENTITY_CLIENT_ID } from './identities.ts'
import { direct, LIFETIME, objectToQuery } from './identity-queries.ts'
import { receive } from './received.ts'
import type { Handler, RecordedRequest } from './received.ts'
import type { Tokens } from './tokens.ts'

/** The token service of a Service Fabric node, whose certificate nobody issued. */
export interface ServiceFabric {
  readonly server: Server
  /** The SHA-1 of its certificate: 40 hexadecimal digits. */
  readonly thumbprint: string
  /** How many connections there were on which the client said nothing. */
  silentConnections(): number
  /** Answers what is right with a redirect to this address. */
  redirect(location: string): void
  reset(): void
}

/** A token service that does as it should. */
export function createServiceFabric(
  tokens: Tokens, authority: Authority, requests: RecordedRequest[],
): ServiceFabric {
  const { certificate, key } = authority.leaf('node0.service-fabric.example', 'self-signed')
  let location: string | undefined
  let [connections, talks] = [0, 0]
  const handler = direct(serviceFabricHandler(tokens, () => location))
  const server = createServer({ cert: certificate, key }, (message, response) => {
    receive(requests, message.headers.host ?? 'unknown', false, handler)(message, response)
  })
  server.on('connection', () => connections++)
  server.on('secureConnection', socket => socket.once('data', () => talks++))
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return {
    server,
    thumbprint: new X509Certificate(certificate).fingerprint.replaceAll(':', ''),
    silentConnections: () => connections - talks,
    redirect: address => {
      location = address
    },
    reset: () => {
      location = undefined
      connections = talks = 0
    },
  }
}

function serviceFabricHandler(tokens: Tokens, location: () => string | undefined): Handler {
  return ({ headers, url, errors, method }, response) => {
    const refuse = (status: number, code: string, message: string): void => {
      errors.push(message)
      sendJson(response, status, { error: { correlationId: randomUUID(), code, message } })
    }
    if (method !== 'GET') return refuse(405, 'MethodNotAllowed', 'only GET is supported')
    if (url.pathname !== '/metadata/identity/oauth2/token') {
      return refuse(404, 'NotFound', 'no such identity endpoint')
    }
    if (headers['secret'] !== SF_SECRET) {
      return refuse(404, 'SecretHeaderNotFound', 'Secret is not found in the request headers.')
    }
    const objection = objectToQuery(url, '2019-07-01-preview', [])
    if (objection !== undefined) return refuse(400, 'ArgumentNullOrEmpty', objection)
    const elsewhere = location()
    if (elsewhere !== undefined) return send(response, 302, '', { location: elsewhere })
    const clientId = SYSTEM_IDENTITY_CLIENT_ID
    return sendJson(response, 200, {
      token_type: 'Bearer',
      access_token: tokens.mintApplicationToken({ clientId, expiresInSeconds: LIFETIME }),
      expires_on: Math.floor(Date.now() / 1000) + LIFETIME,
      resource: AZURE_DEVOPS,
    })
  }
}
