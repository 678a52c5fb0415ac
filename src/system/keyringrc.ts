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
 * start a comment line, keys have no case, a later value wins. Lines that fit nothing are ignored.
 */
export function parseKeyringrc(text: string): Keyringrc {
  const values = new Map<string, string>()
  let section = ''
  let indent = Number.POSITIVE_INFINITY
  for (const line of text.split(/\r\n|\r|\n/)) {
    const header = /^\[([^\]]*)\]/.exec(line)
    const separator = line.search(/[=:]/)
    const depth = line.length - line.trimStart().length
    // What is indented more than the last key belongs to its value.
    if (header) {
      section = header[1] ?? ''
      indent = Number.POSITIVE_INFINITY
    } else if (depth <= indent && /^[^#;=:]/.test(line.trimStart()) && separator > 0) {
      indent = depth
      const key = line.slice(0, separator).trim().toLowerCase()
      values.set(`${section}\n${key}`, line.slice(separator + 1).trim())
    }
  }
  return {
    provider: values.get('artifacts_keyring_nofuss\nprovider') || undefined,
    defaultKeyring: values.get('backend\ndefault-keyring') || undefined,
  }
}
