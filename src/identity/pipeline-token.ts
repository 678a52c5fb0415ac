import { KeyringError } from '../system/messages.ts'
import { isMacro, type Secret, tokenSetting } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** What a step of a pipeline needs so that its script gets the job's token. */
export const MAP_ACCESS_TOKEN = [
  'add to the step, so that it gets the token of the job:',
  '  env:',
  '    SYSTEM_ACCESSTOKEN: $(System.AccessToken)',
] as const

/**
 * The token of an Azure Pipelines job, from SYSTEM_ACCESSTOKEN.
 *
 * @throws KeyringError PROVIDER_FAILED when the variable holds the name of the token instead, BAD_TOKEN
 *   when it holds something else
 */
export function pipelineToken(system: System): Secret {
  if (isMacro(system, 'SYSTEM_ACCESSTOKEN')) {
    const message = 'SYSTEM_ACCESSTOKEN holds a macro that Azure Pipelines did not replace'
    throw new KeyringError('PROVIDER_FAILED', message, ...MAP_ACCESS_TOKEN)
  }
  const token = tokenSetting(system, 'SYSTEM_ACCESSTOKEN')
  if (token !== undefined) return token
  throw new KeyringError('PROVIDER_FAILED', 'SYSTEM_ACCESSTOKEN is not set', ...MAP_ACCESS_TOKEN)
}
