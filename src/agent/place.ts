import { homeFolder, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'

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
