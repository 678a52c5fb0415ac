import { isOn, isSet } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { MAP_ACCESS_TOKEN, pipelineToken } from '../pipeline-token.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/**
 * The token of an Azure Pipelines job, which is a password for feeds as it is. Outside a pipeline the
 * variable means nothing; inside one, whoever configures an application means that instead.
 */
export function systemAccessToken({ laterConfigured }: TokenRequest, system: System): FoundToken | Unavailable {
  const given = isSet(system, 'SYSTEM_ACCESSTOKEN')
  if (!isOn(system, 'TF_BUILD')) {
    const ignored = given ? ', so SYSTEM_ACCESSTOKEN is ignored' : ''
    return { unavailable: `TF_BUILD is not true${ignored}` }
  }
  if (!given) return { unavailable: 'SYSTEM_ACCESSTOKEN not set', hints: MAP_ACCESS_TOKEN }
  if (laterConfigured) return { unavailable: 'another provider is configured' }
  const username = 'VssSessionToken'
  return { token: pipelineToken(system), source: 'SYSTEM_ACCESSTOKEN', username }
}
