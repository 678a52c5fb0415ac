import { parseService } from '../feed/service.ts'
import type { Credential } from '../get-credential.ts'
import { homeFolder, isOn, isSet, setting } from '../system/settings.ts'
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

/** Longest path of a folder for sockets, in bytes: Node 20 cuts a longer path off and uses what is left. */
const PATH_LIMIT = 94

/**
 * The folder of the agent's socket: in XDG_RUNTIME_DIR (XDG Base Directory Specification) where that is
 * the user's own, else in `~/.cache` where the home is. Undefined on Windows and where neither is.
 */
export function agentFolder(system: System): string | undefined {
  const [runtime, home] = [setting(system, 'XDG_RUNTIME_DIR'), homeFolder(system)].map((path) => {
    const own = path?.startsWith('/') === true && system.uid !== undefined && system.inspect(path)?.owner === system.uid
    return own ? path : undefined
  })
  const base = runtime ?? (home && `${home}/.cache`)
  return base && `${base}/artifacts-keyring-nofuss`
}

/**
 * Why somebody other than the user and root could have a hand in the folder or in the socket in it;
 * undefined where nobody has. No part of the path may be a link, and none above the folder may be open
 * for writing, unless sticky as /tmp is: others could put a folder of theirs in its place.
 */
export function flaw(folder: string, socket: string | undefined, system: System): string | undefined {
  const usable = folder.startsWith('/') && Buffer.byteLength(folder) <= PATH_LIMIT
  if (!usable) return "there is no folder of the user's own for it, or its path is too long"
  const above = folder.split('/').map((_, index, names) => names.slice(0, index).join('/') || '/')
  for (const path of [...above, folder, ...(socket === undefined ? [] : [socket])]) {
    const { kind, owner, mode } = system.inspect(path) ?? { kind: 'missing', owner: 0, mode: 0 }
    const own = path === folder || path === socket
    const expected = path === socket ? 'socket' : 'folder'
    if (kind !== expected) return `${path} is no ${expected}`
    if (owner !== system.uid && (own || owner !== 0)) return `${path} belongs to another user`
    const open = own ? mode & 0o077 : (mode & 0o1000) === 0 && mode & 0o022
    if (open) return `${path} is open to other users`
  }
  return undefined
}
