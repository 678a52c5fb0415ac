// The platforms that name their identity endpoint in the environment of a program.
import { formBody, requestWithSecret } from '../../net/request.ts'
import { KeyringError } from '../../system/messages.ts'
import { secretSetting, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, refuseSelector, selectorQuery } from './source.ts'
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
  const answer = await requestWithSecret(system, url, { 'x-identity-header': header }, undefined, { direct: true })
  return parseTokenAnswer(answer, 'App Service', system)
}

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

/**
 * Service Fabric: https with a self-signed certificate, which is compared with the thumbprint of the
 * environment before the secret is sent.
 */
export async function serviceFabric(request: IdentityRequest, system: System): Promise<FoundToken | Unavailable> {
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

/** Cloud Shell: the token of the user who opened the shell. */
export async function cloudShell(request: IdentityRequest, system: System): Promise<FoundToken | Unavailable> {
  refuseSelector('Cloud Shell', request, system)
  const url = endpointUrl('MSI_ENDPOINT', setting(system, 'MSI_ENDPOINT') ?? '', {})
  const headers = { metadata: 'true', 'content-type': 'application/x-www-form-urlencoded' }
  const body = formBody({ resource: request.resource })
  const answer = await requestWithSecret(system, url, headers, body, { direct: true })
  return parseTokenAnswer(answer, 'Cloud Shell', system)
}
