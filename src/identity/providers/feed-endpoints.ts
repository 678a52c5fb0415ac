import { KeyringError, log } from '../../system/messages.ts'
import { firstSecret, firstSet, isSet, setting, tokenSetting, withVariables } from '../../system/settings.ts'
import type { SecretVariableName } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { certificateToken } from '../certificate-token.ts'
import { comparable, endpointFor, type FeedEndpoint, isAtOrBelow, parseFeedEndpoints } from '../feed-endpoints.ts'
import { machineToken } from '../managed-identity/find-source.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/** The preferred name first, then the older one (artifacts-credprovider, `EnvUtil`). */
const EXTERNAL: readonly SecretVariableName[] = [
  'ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS',
  'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS',
]
const IDENTITIES: readonly SecretVariableName[] = ['ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS']
const PREFIXES = ['ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES', 'VSS_NUGET_URI_PREFIXES'] as const
const TOKENS = ['ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN', 'VSS_NUGET_ACCESSTOKEN'] as const

/**
 * The variables of artifacts-credprovider that name a credential for certain feeds: passwords, then
 * applications and managed identities, then one token for a list of prefixes.
 */
export async function feedEndpoints(request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const feedUrl = request.feedUrl ?? ''
  const external = endpointIn(EXTERNAL, feedUrl, true, system)
  if (external?.password !== undefined) {
    const { password, username = 'VssSessionToken' } = external
    return { token: password, source: 'the external feed endpoints', username }
  }
  const identity = endpointIn(IDENTITIES, feedUrl, false, system)
  if (identity?.clientId !== undefined) return withIdentity(identity, identity.clientId, request, system)
  return withPrefix(feedUrl, system) ?? { unavailable: notFound(system) }
}

function endpointIn(
  names: readonly SecretVariableName[],
  feedUrl: string,
  lenient: boolean,
  system: System,
): FeedEndpoint | undefined {
  const found = firstSecret(system, names)
  if (found === undefined) return undefined
  const { endpoints, flaws } = parseFeedEndpoints(found.value, found.name, lenient)
  for (const flaw of flaws) log(system, 'warning', `${found.name} ${flaw}`)
  return endpointFor(feedUrl, endpoints)
}

async function withIdentity(
  endpoint: FeedEndpoint,
  clientId: string,
  request: TokenRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  const name = 'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS'
  const { certificatePath: path, certificateSubject } = endpoint
  if (certificateSubject !== undefined) {
    const hint = 'use clientCertificateFilePath with a PEM file'
    throw new KeyringError('BAD_SETTING', `${name} names a certificate by its subject`, hint)
  }
  if (path === undefined) return withMachine(clientId, request, system)
  const tenant = setting(system, 'AZURE_TENANT_ID') ?? (await request.tenant())
  const application = { tenant, clientId, resource: request.resource }
  const token = await certificateToken(application, path, true, system)
  return { token, source: `Entra for application ${clientId}`, username: clientId }
}

/** `system`, like anything that is no GUID, is the machine's own identity. */
async function withMachine(clientId: string, request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const assigned = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(clientId)
  const chosen = {
    AZURE_CLIENT_ID: assigned ? clientId : undefined,
    ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: undefined,
    ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: undefined,
  }
  const found = await machineToken(request.resource, withVariables(system, chosen))
  return 'token' in found ? { ...found, username: clientId } : found
}

function withPrefix(feedUrl: string, system: System): FoundToken | undefined {
  const prefixes = firstSet(system, PREFIXES)
  const variable = TOKENS.find((name) => isSet(system, name))
  const token = variable === undefined ? undefined : tokenSetting(system, variable)
  if (prefixes === undefined || variable === undefined || token === undefined) return undefined
  const places = prefixes.split(';').map((prefix) => comparable(prefix.trim()))
  const matches = places.some((place) => place !== undefined && isAtOrBelow(feedUrl, place))
  return matches ? { token, source: variable, username: 'VssSessionToken' } : undefined
}

function notFound(system: System): string {
  const all = [...EXTERNAL, ...IDENTITIES]
  const configured = firstSecret(system, all) !== undefined || firstSet(system, PREFIXES) !== undefined
  return configured ? 'no endpoint or prefix is that of this feed' : 'no feed endpoints in the environment'
}
