import { secretSetting, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { applicationToken } from '../entra-token.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/** An application that proves itself with its secret. The chain checks the variables. */
export async function clientSecret({ resource }: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const clientId = setting(system, 'AZURE_CLIENT_ID') ?? ''
  const tenant = setting(system, 'AZURE_TENANT_ID') ?? ''
  const secret = secretSetting(system, 'AZURE_CLIENT_SECRET')
  if (secret === undefined) return { unavailable: 'AZURE_CLIENT_SECRET not set' }
  const application = { tenant, clientId, resource }
  const token = await applicationToken(application, { client_secret: secret }, system)
  return { token, source: `Entra for application ${clientId}` }
}
