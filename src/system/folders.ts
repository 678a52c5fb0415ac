import { setting } from './settings.ts'
import type { PlainVariableName } from './settings.ts'
import type { System } from './system.ts'

/**
 * The user's home folder: HOME, else what the operating system says. On Windows HOME means nothing to
 * az and Python, only to shells that come from elsewhere.
 */
export function homeFolder(system: System): string | undefined {
  return (system.platform === 'win32' ? undefined : setting(system, 'HOME')) ?? system.home()
}

/** Python keyring's configuration file, which this program shares. Undefined without a home. */
export function configFile(system: System): string | undefined {
  const folder = pythonKeyringFolder(system, 'XDG_CONFIG_HOME', '.config')
  if (folder === undefined) return undefined
  return system.platform === 'win32' ? `${folder}\\keyringrc.cfg` : `${folder}/keyringrc.cfg`
}

/** Python keyring's data folder. Only `diagnose` names it; nothing is kept there. */
export function dataFolder(system: System): string | undefined {
  return pythonKeyringFolder(system, 'XDG_DATA_HOME', '.local/share')
}

/** Where Python keyring 25.7 keeps its files (`keyring/util/platform_.py`), macOS as Linux. */
function pythonKeyringFolder(
  system: System,
  variable: PlainVariableName,
  belowHome: string,
): string | undefined {
  if (system.platform === 'win32') {
    const local = setting(system, 'LOCALAPPDATA')
    return local === undefined ? undefined : `${local}\\Python Keyring`
  }
  const base = setting(system, variable)
  if (base !== undefined) return `${base}/python_keyring`
  const home = homeFolder(system)
  return home === undefined ? undefined : `${home}/${belowHome}/python_keyring`
}
