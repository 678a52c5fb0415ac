import { trustIdentityEndpoint } from '../../net/allowlist.ts'
import type { TrustedUrl } from '../../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../../net/json.ts'
import { request, requestWithSecret } from '../../net/request.ts'
import type { Answer } from '../../net/request.ts'
import { KeyringError } from '../../system/errors.ts'
import { readToken } from '../../system/secret.ts'
import type { Secret } from '../../system/secret.ts'
import { secretSetting, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { RESOURCE } from '../provider.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/** The instance metadata service of Azure's virtual machines. */
const IMDS = 'http://169.254.169.254'
const IMDS_PATH = '/metadata/identity/oauth2/token'
const PROBE_MS = 1000

/**
 * The identity of the machine: App Service's endpoint when the platform names one, else the
 * metadata service. AZURE_CLIENT_ID selects a user-assigned identity. Never through a proxy.
 */
export async function managedIdentity(
  _request: TokenRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  const endpoint = setting(system, 'IDENTITY_ENDPOINT')
  const header = secretSetting(system, 'IDENTITY_HEADER')
  if (endpoint !== undefined && header !== undefined) return appService(endpoint, header, system)
  return metadataService(system)
}

/** App Service, Functions, Container Apps (Microsoft documentation, REST endpoint reference). */
async function appService(
  endpoint: string,
  header: Secret,
  system: System,
): Promise<FoundToken | Unavailable> {
  const url = trustIdentityEndpoint(endpoint, query('2019-08-01', system))
  if (url === undefined) {
    throw new KeyringError('BAD_SETTING', 'IDENTITY_ENDPOINT is neither https nor on this machine')
  }
  const headers = { 'x-identity-header': header }
  const answer = await requestWithSecret(system, url, headers, undefined, { direct: true })
  return parseToken(answer, 'the identity endpoint')
}

async function metadataService(system: System): Promise<FoundToken | Unavailable> {
  const podIdentity = setting(system, 'AZURE_POD_IDENTITY_AUTHORITY_HOST')
  const base = `${(podIdentity ?? IMDS).replace(/\/+$/, '')}${IMDS_PATH}`
  const url = trustIdentityEndpoint(base, query('2018-02-01', system))
  if (url === undefined) {
    throw new KeyringError('BAD_SETTING', 'AZURE_POD_IDENTITY_AUTHORITY_HOST is not on this machine')
  }
  if (podIdentity === undefined && !(await isMetadataServiceThere(base, system))) {
    return { unavailable: 'there is no managed identity endpoint' }
  }
  try {
    return parseToken(await askMetadataService(url, system), 'the metadata service')
  } catch (error) {
    // Where there is no such service, the address belongs to nobody.
    if (!(error instanceof KeyringError) || error.code !== 'NETWORK') throw error
    return { unavailable: error.message }
  }
}

/** Any answer means that the service is there, but one that says it cannot be reached (Docker). */
async function isMetadataServiceThere(url: string, system: System): Promise<boolean> {
  try {
    const options = { direct: true, attempts: 1, timeoutMs: PROBE_MS }
    const answer = await request(system, url, {}, options)
    return answer.status !== 403 || !answer.text.includes('unreachable')
  } catch (error) {
    if (error instanceof KeyringError && error.code === 'TIMEOUT') throw error
    return false
  }
}

/** 404 and 410 mean that the service is being updated (Microsoft documentation, retry guidance). */
function askMetadataService(url: TrustedUrl, system: System): Promise<Answer> {
  const transient = (status: number): boolean =>
    [404, 410, 429].includes(status) || (status >= 500 && status < 600)
  return request(system, url, { metadata: 'true' }, { direct: true, transient })
}

function query(version: string, system: System): Readonly<Record<string, string>> {
  const clientId = setting(system, 'AZURE_CLIENT_ID')
  const selector = clientId === undefined ? {} : { client_id: clientId }
  return { 'api-version': version, resource: RESOURCE, ...selector }
}

function parseToken(answer: Answer, source: string): FoundToken | Unavailable {
  if (answer.status === 400) return { unavailable: `${source} knows no such identity` }
  if (answer.status === 403 && answer.text.includes('unreachable')) {
    return { unavailable: `${source} cannot be reached` }
  }
  if (answer.status !== 200) {
    throw new KeyringError('PROVIDER_FAILED', `${source} answered ${answer.status}`)
  }
  const value = stringMember(parseJsonObject(answer.text), 'access_token') ?? ''
  const token = readToken(value, `the answer of ${source}`)
  if (token !== undefined) return { token, source }
  throw new KeyringError('PROVIDER_FAILED', `${source} answered 200 without an access token`)
}
