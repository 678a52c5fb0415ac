import type { TrustedUrl } from '../../net/allowlist.ts'
import { type Answer, request } from '../../net/request.ts'
import { KeyringError } from '../../system/messages.ts'
import { isSet, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, selectorQuery } from './source.ts'
import { parseTokenAnswer } from './token-answer.ts'

/** Azure's instance metadata service, reachable from every virtual machine. */
const IMDS = 'http://169.254.169.254'
const PATH = '/metadata/identity/oauth2/token'
const PROBE_MS = 1000
const ATTEMPTS = 5

const PARAMETERS = { 'client ID': 'client_id', 'object ID': 'object_id', 'resource ID': 'msi_res_id' } as const

/**
 * The metadata service of virtual machines, scale sets, container instances and AKS nodes. Where no
 * variable says that it is there, it is looked for first, for one second.
 */
export async function metadataService(
  { resource, selector }: IdentityRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  const variable = 'AZURE_POD_IDENTITY_AUTHORITY_HOST'
  const podIdentity = setting(system, variable)
  const base = `${(podIdentity ?? IMDS).replace(/\/+$/, '')}${PATH}`
  const url = endpointUrl(variable, base, {
    'api-version': '2018-02-01',
    resource,
    ...selectorQuery('the metadata service', selector, PARAMETERS),
  })
  if (podIdentity === undefined && !(await isThere(base, system))) {
    return { unavailable: 'there is no managed identity endpoint' }
  }
  try {
    return explained(await ask(url, system), system)
  } catch (error) {
    // Where there is no such service, the address belongs to nobody.
    if (!(error instanceof KeyringError) || error.code !== 'NETWORK') throw error
    return { unavailable: error.message }
  }
}

/**
 * Any answer means that the service is there, but one that says it cannot be reached (Docker). The
 * query stays away: pod identity would act upon it.
 */
async function isThere(url: string, system: System): Promise<boolean> {
  try {
    const options = { direct: true, attempts: 1, timeoutMs: PROBE_MS }
    const answer = await request(system, url, {}, options)
    return answer.status !== 403 || !answer.text.includes('unreachable')
  } catch (error) {
    if (error instanceof KeyringError && error.code === 'TIMEOUT') throw error
    return false
  }
}

/**
 * 404, 410, 429 and 5xx pass (Microsoft documentation, retry guidance for managed identities): 410
 * says that the service is being updated, which takes up to 70 seconds.
 */
function ask(url: TrustedUrl, system: System): Promise<Answer> {
  const attempts = isSet(system, 'ARTIFACTS_KEYRING_NOFUSS_RETRIES') ? {} : { attempts: ATTEMPTS }
  return request(system, url, { metadata: 'true' }, {
    direct: true,
    ...attempts,
    transient: (status) => [404, 410, 429].includes(status) || (status >= 500 && status < 600),
    waitMs: (attempt, status) => (status === 410 ? 5000 : 800) * 2 ** (attempt - 1),
  })
}

function explained(answer: Answer, system: System): FoundToken | Unavailable {
  if (answer.status === 410) {
    const hint = 'give it time: ARTIFACTS_KEYRING_NOFUSS_TIMEOUT=120'
    const message = 'the metadata service is being updated (410), longer than this call may take'
    throw new KeyringError('PROVIDER_FAILED', message, hint)
  }
  return parseTokenAnswer(answer, 'the metadata service', system)
}
