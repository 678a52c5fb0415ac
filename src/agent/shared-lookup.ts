import { parseService } from '../feed/service.ts'
import type { Credential } from '../get-credential.ts'
import { isOn, isSet, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** What holds a token that somebody else made, or leads to one: `env_var` and `feed_endpoints`. */
const READY_MADE = [
  'ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE',
  'ARTIFACTS_KEYRING_NOFUSS_TOKEN',
  'ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN',
  'VSS_NUGET_ACCESSTOKEN',
  'ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS',
  'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS',
  'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS',
] as const
const BUILD_SECRETS = ['/run/secrets/ARTIFACTS_KEYRING_NOFUSS_TOKEN', '/run/secrets/ado_token']

/**
 * `getCredential`, through the agent where there is one and it can save something: not for a foreign
 * service, and not beside a ready-made token, which costs nothing and is nobody else's business.
 */
export async function sharedLookup(service: string, system: System): Promise<Credential | undefined> {
  const feed = parseService(service, system)
  if (feed === undefined) return undefined
  const lookUp = async (): Promise<Credential | undefined> =>
    (await import('../get-credential.ts')).getCredential(service, system)
  const wish = setting(system, 'ARTIFACTS_KEYRING_NOFUSS_AGENT') ?? ''
  if (feed.organization === undefined || /^(0|false|no|off)$/i.test(wish) || hasReadyMadeToken(system)) return lookUp()
  const { agentFolder } = await import('./place.ts')
  const folder = agentFolder(system)
  const exists = folder !== undefined && system.inspect(`${folder}/agent.1`) !== undefined
  if (!exists && !isOn(system, 'ARTIFACTS_KEYRING_NOFUSS_AGENT')) return lookUp()
  return (await import('./client.ts')).throughAgent(feed, lookUp, system)
}

function hasReadyMadeToken(system: System): boolean {
  const ofJob = isOn(system, 'TF_BUILD') && isSet(system, 'SYSTEM_ACCESSTOKEN')
  const set = ofJob || READY_MADE.some((name) => isSet(system, name))
  return set || BUILD_SECRETS.some((path) => system.inspect(path) !== undefined)
}
