import { configFile } from './folders.ts'
import { log } from './log.ts'
import type { System } from './system.ts'

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

/**
 * Reads `keyringrc.cfg` from the user's configuration folder, never from the working directory. A
 * missing file is an empty one; one that cannot be read is a warning.
 */
export function readKeyringrc(system: System): Keyringrc {
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
