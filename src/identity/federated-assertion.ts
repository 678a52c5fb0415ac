import { authorityHost, trustGithubOidcUrl } from '../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../net/json.ts'
import { requestWithSecret } from '../net/request.ts'
import { KeyringError } from '../system/messages.ts'
import { readToken, type Secret, secretSetting, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'

const FILE_LIMIT = 65_536

/** The audience that Entra expects, by cloud (Microsoft Entra, workload identity federation). */
const PUBLIC_AUDIENCE = 'api://AzureADTokenExchange'

/**
 * The assertion of AZURE_FEDERATED_TOKEN_FILE (Kubernetes), read anew each time because it is rotated
 * on disk.
 *
 * @throws KeyringError PROVIDER_FAILED naming the path when there is none in it
 */
export function assertionFromFile(path: string, system: System): Secret {
  const file = system.readFile(path, FILE_LIMIT)
  const where = `${path} (AZURE_FEDERATED_TOKEN_FILE)`
  if ('problem' in file) throw new KeyringError('PROVIDER_FAILED', `${where}: ${file.problem}`)
  const assertion = readToken(file.text, where)
  if (assertion !== undefined) return assertion
  throw new KeyringError('PROVIDER_FAILED', `${where} is empty`)
}

/**
 * The assertion that GitHub Actions gives to a job with `id-token: write` (GitHub documentation,
 * OpenID Connect reference).
 *
 * @throws KeyringError PROVIDER_FAILED when GitHub gives none, or an error of the network
 */
export async function assertionFromGithub(system: System): Promise<Secret> {
  const variable = 'ACTIONS_ID_TOKEN_REQUEST_URL'
  const url = trustGithubOidcUrl(setting(system, variable) ?? '', audience(system))
  const requestToken = secretSetting(system, 'ACTIONS_ID_TOKEN_REQUEST_TOKEN')
  if (url === undefined || requestToken === undefined) {
    throw new KeyringError('PROVIDER_FAILED', `${variable} is not an https URL`)
  }
  const headers = { accept: 'application/json', authorization: requestToken.prefixed('Bearer ') }
  const answer = await requestWithSecret(system, url, headers, undefined)
  const { host } = new URL(url)
  if (answer.status !== 200) {
    throw new KeyringError('PROVIDER_FAILED', `${host} answered ${answer.status} instead of an OIDC token`)
  }
  const value = stringMember(parseJsonObject(answer.text), 'value') ?? ''
  const assertion = readToken(value, `the answer of ${host}`)
  if (assertion !== undefined) return assertion
  throw new KeyringError('PROVIDER_FAILED', `${host} answered 200 without an OIDC token`)
}

function audience(system: System): string {
  const chosen = setting(system, 'AZURE_FEDERATED_TOKEN_AUDIENCE')
  if (chosen !== undefined) return chosen
  const host = authorityHost(setting(system, 'AZURE_AUTHORITY_HOST'))
  if (host.endsWith('.us')) return `${PUBLIC_AUDIENCE}USGov`
  return host.endsWith('.cn') ? `${PUBLIC_AUDIENCE}China` : PUBLIC_AUDIENCE
}
