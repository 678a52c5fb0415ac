import { requestWithSecret } from '../../net/request.ts'
import { secretSetting, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, selectorQuery } from './source.ts'
import { parseTokenAnswer } from './token-answer.ts'

/** Azure Machine Learning: selects by client ID only, and has a default of its own (MSAL). */
export async function azureMl(
  { resource, selector }: IdentityRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  const fallback = setting(system, 'DEFAULT_IDENTITY_CLIENT_ID')
  const chosen = selectorQuery('Azure ML', selector, { 'client ID': 'clientid' })
  const url = endpointUrl('MSI_ENDPOINT', setting(system, 'MSI_ENDPOINT') ?? '', {
    'api-version': '2017-09-01',
    resource,
    ...(selector === undefined && fallback !== undefined ? { clientid: fallback } : chosen),
  })
  const headers = { secret: secretSetting(system, 'MSI_SECRET') ?? '' }
  const answer = await requestWithSecret(system, url, headers, undefined, { direct: true })
  return parseTokenAnswer(answer, 'Azure ML', system)
}
