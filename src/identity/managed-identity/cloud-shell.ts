import { formBody, requestWithSecret } from '../../net/request.ts'
import { setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, refuseSelector } from './source.ts'
import { parseTokenAnswer } from './token-answer.ts'

/** Cloud Shell: the token of the user who opened the shell. */
export async function cloudShell(request: IdentityRequest, system: System): Promise<FoundToken | Unavailable> {
  refuseSelector('Cloud Shell', request, system)
  const url = endpointUrl('MSI_ENDPOINT', setting(system, 'MSI_ENDPOINT') ?? '', {})
  const headers = { metadata: 'true', 'content-type': 'application/x-www-form-urlencoded' }
  const body = formBody({ resource: request.resource })
  const answer = await requestWithSecret(system, url, headers, body, { direct: true })
  return parseTokenAnswer(answer, 'Cloud Shell', system)
}
