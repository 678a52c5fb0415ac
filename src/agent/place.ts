import { homeFolder } from '../system/folders.ts'
import { setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** Where the agent of a user is reached. The number is that of its protocol. */
export interface Place {
  readonly folder: string
  readonly socket: string
  /** Listened on by whoever is starting an agent. */
  readonly starting: string
}

/** Longest path of a Unix socket, in bytes: macOS has 104, Linux 108, both with the final zero. */
const PATH_LIMIT = 103

/**
 * A folder in XDG_RUNTIME_DIR (XDG Base Directory Specification), where that is the user's own, else
 * in `~/.cache`. Undefined on Windows and without a home.
 */
export function agentPlace(system: System): Place | undefined {
  if (system.platform === 'win32') return undefined
  const runtime = usable(setting(system, 'XDG_RUNTIME_DIR'), system)
  const home = usable(homeFolder(system), system)
  const base = runtime ?? (home === undefined ? undefined : `${home}/.cache`)
  if (base === undefined) return undefined
  const folder = `${base}/artifacts-keyring-nofuss`
  return { folder, socket: `${folder}/agent.1`, starting: `${folder}/starting` }
}

function usable(path: string | undefined, system: System): string | undefined {
  const real = path?.startsWith('/') === true ? system.realPath(path) : undefined
  return real !== undefined && system.inspect(real)?.owner === system.uid ? real : undefined
}

/**
 * Why the folder is not one that only the user and root can change, or undefined. A folder above it
 * that others can write to, unless sticky as /tmp is, would let them put another one in its place.
 */
export function folderFlaw({ folder, starting: longest }: Place, system: System): string | undefined {
  if (Buffer.byteLength(longest) > PATH_LIMIT) return `the path ${longest} is too long for a socket`
  const names = folder.split('/')
  for (const [index] of names.entries()) {
    const path = names.slice(0, index + 1).join('/') || '/'
    const last = index === names.length - 1
    const found = system.inspect(path)
    if (found === undefined) return `${path} is not there`
    if (found.kind !== 'folder') return `${path} is not a folder`
    const trusted = found.owner === system.uid || (!last && found.owner === 0)
    if (!trusted) return `${path} belongs to another user`
    const sticky = !last && (found.mode & 0o1000) !== 0
    if ((found.mode & (last ? 0o077 : 0o022)) !== 0 && !sticky) return `${path} is open to other users`
  }
  return undefined
}

/** Why what is at the socket's path is not a socket that only the user can have made, or undefined. */
export function socketFlaw({ socket }: Place, system: System): string | undefined {
  const found = system.inspect(socket)
  if (found?.kind !== 'socket') return `${socket} is not a socket`
  if (found.owner !== system.uid) return `${socket} belongs to another user`
  return (found.mode & 0o077) === 0 ? undefined : `${socket} is open to other users`
}
