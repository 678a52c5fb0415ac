import { isForeign } from '../feed/service.ts'
import { debug, KeyringError } from '../system/messages.ts'
import { findProgram } from '../system/find-program.ts'
import { setting, withoutSecrets, withVariables } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** Names the programs that were handed the call already: one of them may be a script that starts us again. */
const GUARD = 'ARTIFACTS_KEYRING_NOFUSS_DELEGATED'

/**
 * Hands a call for a service that has nothing to do with Azure Artifacts to the next `keyring` on PATH.
 * It gets our arguments, our standard streams and our environment, in which nothing is new but the guard
 * and the secret variables of this program are missing.
 *
 * @returns what remains to be done, which takes as long as it takes; undefined when the call is ours
 * @throws KeyringError SERVICE_REFUSED for an Azure host in a form that is not safe to use
 */
export function delegate(
  argv: readonly string[],
  service: string,
  system: System,
): (() => Promise<number>) | undefined {
  if (!isForeign(service, system)) return undefined
  const separator = system.platform === 'win32' ? ';' : ':'
  const tried = (setting(system, GUARD) ?? '').split(separator)
  const other = (setting(system, 'PATH') ?? '').split(separator)
    .map((folder) => findProgram(withVariables(system, { PATH: folder }), 'keyring'))
    .find((path) => path !== undefined && !tried.includes(path) && !system.isThisProgram(path))
  debug(system, `the service is left to ${other ?? 'nobody: there is no other keyring on PATH'}`)
  if (other === undefined) return undefined
  const env = { ...withoutSecrets(), [GUARD]: [...tried, other].filter((path) => path !== '').join(separator) }
  return async () => {
    const status = await system.execute(other, argv, env)
    if (status !== undefined) return status
    throw new KeyringError('OUTPUT', `${other} could not be started`)
  }
}
