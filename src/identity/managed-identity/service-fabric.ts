import { requestWithSecret } from '../../net/request.ts'
import { KeyringError } from '../../system/messages.ts'
import { secretSetting, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, refuseSelector } from './source.ts'
import { parseTokenAnswer } from './token-answer.ts'

/**
 * Service Fabric: https with a self-signed certificate, which is compared with the thumbprint of the
 * environment before the secret is sent.
 */
export async function serviceFabric(
  request: IdentityRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  refuseSelector('Service Fabric', request, system)
  const thumbprint = (setting(system, 'IDENTITY_SERVER_THUMBPRINT') ?? '').replace(/[\s:]/g, '')
  const endpoint = setting(system, 'IDENTITY_ENDPOINT') ?? ''
  if (!/^[0-9a-f]{40}$/i.test(thumbprint) || !/^https:/i.test(endpoint)) {
    const what = 'IDENTITY_SERVER_THUMBPRINT is not 40 hexadecimal digits, or IDENTITY_ENDPOINT not https'
    throw new KeyringError('BAD_SETTING', what)
  }
  const url = endpointUrl('IDENTITY_ENDPOINT', endpoint, {
    'api-version': '2019-07-01-preview',
    resource: request.resource,
  })
  const headers = { secret: secretSetting(system, 'IDENTITY_HEADER') ?? '' }
  const options = { direct: true, pinnedSha1: thumbprint.toLowerCase() }
  const answer = await requestWithSecret(system, url, headers, undefined, options)
  return parseTokenAnswer(answer, 'Service Fabric', system)
}
