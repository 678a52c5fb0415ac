import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AZ_IDENTITY_PATH, azIdentityHandler } from './az-endpoints.ts'
import { createBehaviours } from './behaviours.ts'
import type { Behaviour, World } from './behaviours.ts'
import { createCertificateAssertions } from './certificate-assertions.ts'
import type { CertificateOptions } from './certificate-assertions.ts'
import { createAuthority } from './certificates.ts'
import type { CertificateFault } from './certificates.ts'
import { startManagedIdentity } from './managed-identity.ts'
import type { ManagedIdentity } from './managed-identity.ts'
import { createProxies } from './proxy.ts'
import type { Handler, RecordedRequest } from './received.ts'
import { createRoutes } from './routes.ts'
import { follow, listen } from './servers.ts'
import { createTokens } from './tokens.ts'
import type { Tokens } from './tokens.ts'
import type { Upload } from './upload.ts'

/** The outside world of one test file. */
export interface StandIn extends ManagedIdentity {
  readonly proxyUrl: string
  /** The same proxy, itself reached over TLS. */
  readonly secureProxyUrl: string
  /** The authority's certificate, PEM. */
  readonly caFile: string
  /** Holds `caFile`; goes away with `close()`. Tests may put files here too. */
  readonly directory: string
  /** Every request, of all hosts and of the identity servers, in order of arrival. */
  readonly requests: RecordedRequest[]
  /** Every CONNECT target, as `host:443`, in order. */
  readonly connects: string[]
  readonly tokens: Tokens
  /** Every file that a feed took, in order. */
  readonly uploads: readonly Upload[]
  /** The variables that lead a program here, and nothing else. */
  environment(): Record<string, string>
  /** Makes Entra accept what is signed with a certificate's key. */
  registerCertificate(certificate: string, options?: CertificateOptions): void
  /** Puts a test's own handlers in the place of an organization's. */
  behave(organization: string, behaviour: Behaviour): void
  /** Puts a test's own handler in the place of a whole host; `identity` is the identity server. */
  answer(host: string, handler: Handler): void
  /** Makes a host show a bad certificate. */
  spoilCertificate(host: string, fault: CertificateFault): void
  /** Makes the proxies answer 407 to a client that does not show this `user:password`. */
  guardProxy(credential: string): void
  /** Forgets requests, connects, all that a test has changed and what was met once. */
  reset(): void
  close(): Promise<void>
}

/** Starts the stand-in on free ports of 127.0.0.1; `az`: with what only the real az asks for. */
export async function startStandIn(
  { az = false }: { readonly az?: boolean } = {},
): Promise<StandIn> {
  const authority = createAuthority()
  const tokens = createTokens()
  const certificates = createCertificateAssertions()
  const world: World = { tokens, behaviours: createBehaviours(), certificates, uploads: [] }
  const requests: RecordedRequest[] = []
  const connects: string[] = []
  const handlers = new Map<string, Handler>()
  const spoiled = new Map<string, CertificateFault>()
  const routes = createRoutes(world, az)
  let proxyCredential: string | undefined

  const proxies = createProxies({
    authority,
    requests,
    connects,
    route: host => handlers.get(host) ?? routes(host),
    certificateFault: host => spoiled.get(host),
    credential: () => proxyCredential,
  })
  const endings = [proxies.plain, proxies.secure].map(follow)
  const proxyUrl = `http://127.0.0.1:${await listen(proxies.plain)}`
  const secureProxyUrl = `https://127.0.0.1:${await listen(proxies.secure)}`
  const override = (): Handler | undefined => handlers.get('identity')
  const paths = az ? [AZ_IDENTITY_PATH, `${AZ_IDENTITY_PATH}/`] : []
  const more = paths.map(path => [path, azIdentityHandler(tokens)] as const)
  const identity = await startManagedIdentity({ tokens, authority, requests, more, override })

  const directory = mkdtempSync(join(tmpdir(), 'azure-stand-in-'))
  const caFile = join(directory, 'ca.pem')
  writeFileSync(caFile, authority.certificate)

  return {
    ...identity.endpoints,
    get serviceFabricConnections() { return identity.endpoints.serviceFabricConnections },
    proxyUrl,
    secureProxyUrl,
    caFile,
    directory,
    requests,
    connects,
    tokens,
    uploads: world.uploads,
    environment: () => ({
      HTTPS_PROXY: proxyUrl,
      SSL_CERT_FILE: caFile,
      REQUESTS_CA_BUNDLE: caFile,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: identity.endpoints.identityUrl,
    }),
    registerCertificate: certificates.register,
    behave: (organization, behaviour) => world.behaviours.set(organization, behaviour),
    answer: (host, handler) => void handlers.set(host, handler),
    spoilCertificate: (host, fault) => void spoiled.set(host, fault),
    guardProxy: credential => {
      proxyCredential = credential
    },
    reset: () => {
      requests.length = 0
      connects.length = 0
      world.uploads.length = 0
      handlers.clear()
      spoiled.clear()
      proxyCredential = undefined
      world.behaviours.reset()
      certificates.reset()
      identity.reset()
    },
    close: async () => {
      await Promise.all([...endings.map(end => end()), identity.close()])
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
