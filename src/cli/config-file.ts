import { KeyringError } from '../system/messages.ts'
import { configFile, dataFolder } from '../system/keyringrc.ts'
import type { System } from '../system/system.ts'

const DISABLED = '[backend]\ndefault-keyring=keyring.backends.null.Keyring\n'

/** `diagnose`: where Python keyring, and so this program, looks for its configuration. */
export function diagnose(system: System): number {
  const path = configFile(system)
  const file = path === undefined ? undefined : system.readFile(path, 1)
  const absent = file !== undefined && 'problem' in file && file.problem === 'missing'
  const config = `${path ?? 'unknown: no home folder'}${absent ? ' (absent)' : ''}`
  const data = dataFolder(system) ?? 'unknown: no home folder'
  return system.writeOut(`config path: ${config}\ndata root: ${data}\n`) ? 0 : 1
}

/**
 * `--disable`: writes a keyringrc.cfg that makes every `get` find nothing, in Python keyring too.
 *
 * @throws KeyringError BAD_SETTING when there is one already or it cannot be written
 */
export async function disable(system: System): Promise<number> {
  const path = configFile(system)
  const done = path === undefined ? 'failed' : await system.createFile(path, DISABLED)
  if (done === 'created') return 0
  const message = done === 'exists' ? `refusing to overwrite ${path}` : `cannot write ${path ?? 'keyringrc.cfg'}`
  throw new KeyringError('BAD_SETTING', message)
}
