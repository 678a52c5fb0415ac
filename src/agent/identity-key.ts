import { createHash } from 'node:crypto'
import type { Feed } from '../feed/service.ts'
import { findProgram } from '../system/find-program.ts'
import { configFile } from '../system/keyringrc.ts'
import { homeFolder, setting, VARIABLES } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/**
 * Variables that say how a call is made, not for whom. PATH counts by the programs found on it: pip
 * puts a folder in front of it for every build.
 */
const INDIFFERENT = /^(PATH|ARTIFACTS_KEYRING_NOFUSS_(AGENT|DEBUG|LOG|RETRIES|TIMEOUT))$/

const FILE_LIMIT = 1_048_576

/**
 * A SHA-256 of all that decides whose credential this is and what it may do: two calls share an answer
 * only where it is the same. Covers every other variable that this program knows, every one of az and
 * azd, keyringrc.cfg, the files that variables name, az's list of accounts, and who the user is.
 */
export function identityKey(feed: Feed, system: System): string {
  const decides = (name: string): boolean => Object.hasOwn(VARIABLES, name) || /^AZ/.test(name)
  const variables = Object.entries(system.env).filter(([name]) => decides(name) && !INDIFFERENT.test(name))
  const accounts = setting(system, 'AZURE_CONFIG_DIR') ?? `${homeFolder(system)}/.azure`
  const certificate = setting(system, 'AZURE_CLIENT_CERTIFICATE_PATH')
  const assertion = setting(system, 'AZURE_FEDERATED_TOKEN_FILE')
  const paths = [configFile(system), `${accounts}/azureProfile.json`, certificate, assertion]
  const everything = [
    [system.uid, system.home(), new URL(feed.url).host, feed.organization, feed.upload],
    variables.sort(([a], [b]) => (a < b ? -1 : 1)),
    paths.map((path) => path !== undefined && system.readFile(path, FILE_LIMIT, 'lenient')),
    ['az', 'azd', 'pwsh'].map((name) => findProgram(system, name)),
  ]
  return createHash('sha256').update(JSON.stringify(everything)).digest('hex')
}
