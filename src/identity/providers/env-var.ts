import { KeyringError, log } from '../../system/messages.ts'
import { firstSet, readToken, setting, tokenSetting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

const FILE_VARIABLE = 'ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE'
const FILE_LIMIT = 65_536

/** Tokens in variables, the program's own first, then those of artifacts-credprovider. */
const TOKEN_VARIABLES = [
  'ARTIFACTS_KEYRING_NOFUSS_TOKEN',
  'ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN',
  'VSS_NUGET_ACCESSTOKEN',
] as const

/** Beside these, the official token is for certain feeds only, which `feed_endpoints` looks after. */
const PREFIXES = ['ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES', 'VSS_NUGET_URI_PREFIXES'] as const

/** Where Docker BuildKit mounts a secret of that id. */
const BUILD_SECRETS = ['/run/secrets/ARTIFACTS_KEYRING_NOFUSS_TOKEN', '/run/secrets/ado_token']

/**
 * A token that somebody else made: a file that a variable names, a variable, a build secret.
 * A file that is named and is missing or empty is passed over with a warning.
 */
export function envVar(_request: TokenRequest, system: System): FoundToken | Unavailable {
  const named = setting(system, FILE_VARIABLE)
  if (named !== undefined) {
    // Who puts the token itself there by mistake must not find it in a log.
    const shown = /[\\/]/.test(named) ? named : 'the file'
    const token = tokenInFile(named, `${shown} (${FILE_VARIABLE})`, system)
    if (token !== undefined) return token
  }
  const bound = firstSet(system, PREFIXES) !== undefined
  for (const variable of TOKEN_VARIABLES.slice(0, bound ? 1 : undefined)) {
    const token = tokenSetting(system, variable)
    if (token !== undefined) return { token, source: variable }
  }
  // On Windows these would be paths of the current drive, where anyone can make folders.
  for (const path of system.platform === 'win32' ? [] : BUILD_SECRETS) {
    const token = tokenInFile(path, path, system)
    if (token !== undefined) return token
  }
  return { unavailable: 'no token in a variable or in /run/secrets' }
}

/**
 * @throws KeyringError BAD_SETTING when the file is there and cannot be read as text, BAD_TOKEN when
 *   what it holds cannot be a token
 */
function tokenInFile(path: string, source: string, system: System): FoundToken | undefined {
  const file = system.readFile(path, FILE_LIMIT)
  if ('text' in file) {
    const token = readToken(file.text, source)
    if (token !== undefined) return { token, source }
    log(system, 'warning', `${source} is empty`)
  } else if (file.problem !== 'missing') {
    throw new KeyringError('BAD_SETTING', `cannot use ${source}: ${file.problem}`)
  } else if (source !== path) {
    log(system, 'warning', `${source} is missing`)
  }
  return undefined
}
