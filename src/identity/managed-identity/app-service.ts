import { requestWithSecret } from '../../net/request.ts'
import { secretSetting, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, selectorQuery } from './source.ts'
import { parseTokenAnswer } from './token-answer.ts'

const PARAMETERS = { 'client ID': 'client_id', 'object ID': 'object_id', 'resource ID': 'mi_res_id' } as const

/** App Service, Functions and Container Apps (their REST endpoint reference, version 2019-08-01). */
export async function appService(
  { resource, selector }: IdentityRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  const url = endpointUrl('IDENTITY_ENDPOINT', setting(system, 'IDENTITY_ENDPOINT') ?? '', {
    'api-version': '2019-08-01',
    resource,
    ...selectorQuery('App Service', selector, PARAMETERS),
  })
  const header = secretSetting(system, 'IDENTITY_HEADER') ?? ''
  const answer = await requestWithSecret(system, url, { 'x-identity-header': header }, undefined, {
    direct: true,
  })
  return parseTokenAnswer(answer, 'App Service', system)
}
