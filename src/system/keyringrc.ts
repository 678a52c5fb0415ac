import { log } from './messages.ts'
import { homeFolder, type PlainVariableName, setting } from './settings.ts'
import type { World } from './system.ts'

/** The backend of Python keyring that finds nothing; `keyring --disable` chooses it. */
export const NULL_BACKEND = 'keyring.backends.null.Keyring'

const SIZE_LIMIT = 1_048_576

/** The values of `keyringrc.cfg` that this program reads. */
export interface Keyringrc {
  /** `provider` in `[artifacts_keyring_nofuss]`. */
  readonly provider: string | undefined
  /** `default-keyring` in `[backend]`. */
  readonly defaultKeyring: string | undefined
}

/** Python keyring's configuration file, which this program shares. Undefined without a home. */
export function configFile(system: World): string | undefined {
  const folder = pythonKeyringFolder(system, 'XDG_CONFIG_HOME', '.config')
  if (folder === undefined) return undefined
  return system.platform === 'win32' ? `${folder}\\keyringrc.cfg` : `${folder}/keyringrc.cfg`
}

/** Python keyring's data folder. Only `diagnose` names it; nothing is kept there. */
export function dataFolder(system: World): string | undefined {
  return pythonKeyringFolder(system, 'XDG_DATA_HOME', '.local/share')
}

/**
 * Reads `keyringrc.cfg` from the user's configuration folder, never from the working directory. A
 * missing file is an empty one; one that cannot be read is a warning.
 */
export function readKeyringrc(system: World): Keyringrc {
  const path = configFile(system)
  const file = path === undefined ? undefined : system.readFile(path, SIZE_LIMIT)
  if (file === undefined || 'text' in file) return parseKeyringrc(file?.text ?? '')
  if (file.problem !== 'missing') log(system, 'warning', `ignoring ${path}: ${file.problem}`)
  return parseKeyringrc('')
}

/**
 * Parses the INI dialect of Python's `configparser`: `key = value` or `key: value`, `#` and `;`
 * start a comment line, keys have no case, a later value wins, `[DEFAULT]` speaks for every section
 * that is there. Lines that fit nothing are ignored.
 */
export function parseKeyringrc(text: string): Keyringrc {
  const sections = new Map<string, Map<string, string>>()
  let section = new Map<string, string>()
  let key: string | undefined
  let indent = 0
  for (const line of text.split(/\r\n|\r|\n/)) {
    const content = line.trim()
    if (content === '' || /^[#;]/.test(content)) continue
    const depth = line.search(/\S/)
    // What is indented more than the last key belongs to its value.
    if (key !== undefined && depth > indent) {
      section.set(key, `${section.get(key) ?? ''}\n${content}`)
      continue
    }
    indent = depth
    const header = /^\[(.+)\]/.exec(content)?.[1]
    const separator = content.search(/[=:]/)
    if (header !== undefined) {
      key = undefined
      section = sections.get(header) ?? new Map<string, string>()
      sections.set(header, section)
    } else if (separator > 0) {
      key = content.slice(0, separator).trim().toLowerCase()
      section.set(key, content.slice(separator + 1).trim())
    }
  }
  const value = (name: string, member: string): string | undefined => {
    const own = sections.get(name)
    const inherited = own && sections.get('DEFAULT')
    return (own?.get(member) ?? inherited?.get(member))?.trim() || undefined
  }
  return {
    provider: value('artifacts_keyring_nofuss', 'provider'),
    defaultKeyring: value('backend', 'default-keyring'),
  }
}

/** Where Python keyring 25.7 keeps its files (`keyring/util/platform_.py`), macOS as Linux. */
function pythonKeyringFolder(system: World, variable: PlainVariableName, belowHome: string): string | undefined {
  if (system.platform === 'win32') {
    const local = setting(system, 'LOCALAPPDATA')
    return local === undefined ? undefined : `${local}\\Python Keyring`
  }
  const base = setting(system, variable)
  if (base !== undefined) return `${base}/python_keyring`
  const home = homeFolder(system)
  return home === undefined ? undefined : `${home}/${belowHome}/python_keyring`
}
