import { createServer } from 'node:http'
import { sendJson } from './answers.ts'
import { appServiceHandler } from './app-service.ts'
import { createArcAgent } from './azure-arc.ts'
import type { Arc } from './azure-arc.ts'
import type { Authority } from './certificates.ts'
import { direct } from './identity-queries.ts'
import { createImds } from './imds.ts'
import type { ImdsOddity } from './imds.ts'
import { cloudShellHandler, machineLearningHandler } from './msi-endpoints.ts'
import type { MachineLearningDate } from './msi-endpoints.ts'
import { receive } from './received.ts'
import type { Handler, RecordedRequest } from './received.ts'
import { follow, listen } from './servers.ts'
import { createServiceFabric } from './service-fabric.ts'
import type { Tokens } from './tokens.ts'

/** What gives a machine, or what runs on it, a token of its own identity. */
export interface ManagedIdentity {
  /** IMDS, `/msi/token` (App Service), `/ml/token` and `/cloudshell/token`. */
  readonly identityUrl: string
  /** Azure Arc's agent; nothing is there before `arc()`. */
  readonly arcUrl: string
  /** Service Fabric's token service, over TLS. */
  readonly serviceFabricUrl: string
  /** The SHA-1 of its certificate: 40 hexadecimal digits. */
  readonly serviceFabricThumbprint: string
  /** How many connections to Service Fabric there were on which the client said nothing. */
  readonly serviceFabricConnections: number
  /** Makes IMDS answer these statuses first, one a token request that is right. */
  imds(statuses: readonly number[], oddity?: ImdsOddity): void
  /** Tells Azure Arc's agent its key and how to behave. */
  arc(arc: Arc): void
  /** Tells Azure Machine Learning how to write `expires_on`; `linux` until told. */
  machineLearning(date: MachineLearningDate): void
  /** Makes Service Fabric answer what is right with a redirect. */
  serviceFabric(options: { readonly redirect: string }): void
}

/** What the identity endpoints need of the rest of the stand-in. */
export interface ManagedIdentityOptions {
  readonly tokens: Tokens
  readonly authority: Authority
  readonly requests: RecordedRequest[]
  /** More endpoints of the plain server, by their paths. */
  readonly more: readonly (readonly [path: string, handler: Handler])[]
  /** A test's own handler for all of the plain server. */
  readonly override: () => Handler | undefined
}

/** Starts the servers of the identity endpoints. They are all reached without the proxy. */
export async function startManagedIdentity(options: ManagedIdentityOptions): Promise<{
  readonly endpoints: ManagedIdentity
  readonly reset: () => void
  readonly close: () => Promise<void>
}> {
  const { tokens, authority, requests, more, override } = options
  let date: MachineLearningDate = 'linux'
  const imds = createImds(tokens)
  const arc = createArcAgent(tokens)
  const fabric = createServiceFabric(tokens, authority, requests)
  const handlers = new Map<string, Handler>([
    ['/metadata/identity/oauth2/token', imds.handler],
    ['/msi/token', appServiceHandler(tokens)],
    ['/ml/token', machineLearningHandler(tokens, () => date)],
    ['/cloudshell/token', cloudShellHandler(tokens)],
    ...more,
  ])
  const identityHandler = direct((request, response) =>
    (handlers.get(request.url.pathname) ?? nothingHere)(request, response))

  const serve = (handler: () => Handler): ReturnType<typeof createServer> =>
    createServer((message, response) => {
      receive(requests, message.headers.host ?? 'unknown', false, handler())(message, response)
    })
  const identityServer = serve(() => override() ?? identityHandler)
  const arcServer = serve(() => direct(arc.handler))
  const endings = [identityServer, arcServer, fabric.server].map(follow)
  const identityUrl = `http://127.0.0.1:${await listen(identityServer)}`
  const arcUrl = `http://127.0.0.1:${await listen(arcServer)}`
  const fabricPath = `127.0.0.1:${await listen(fabric.server)}/metadata/identity/oauth2/token`

  return {
    endpoints: {
      identityUrl,
      arcUrl,
      serviceFabricUrl: `https://${fabricPath}`,
      serviceFabricThumbprint: fabric.thumbprint,
      get serviceFabricConnections() { return fabric.silentConnections() },
      imds: imds.set,
      arc: arc.set,
      machineLearning: next => {
        date = next
      },
      serviceFabric: ({ redirect }) => fabric.redirect(redirect),
    },
    reset: () => {
      imds.reset()
      arc.reset()
      fabric.reset()
      date = 'linux'
    },
    close: async () => void await Promise.all(endings.map(end => end())),
  }
}

const nothingHere: Handler = ({ errors }, response) => {
  errors.push('no such identity endpoint')
  sendJson(response, 404, { error: 'not_found' })
}
