import { isOn, isSet, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { certificateToken } from '../certificate-token.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/** An application that proves itself with its certificate's key. The chain checks the variables. */
export async function clientCertificate({ resource }: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  // As in Azure's SDKs: who sets both means the secret.
  if (isSet(system, 'AZURE_CLIENT_SECRET')) return { unavailable: 'AZURE_CLIENT_SECRET is set and wins' }
  const clientId = setting(system, 'AZURE_CLIENT_ID') ?? ''
  const tenant = setting(system, 'AZURE_TENANT_ID') ?? ''
  const path = setting(system, 'AZURE_CLIENT_CERTIFICATE_PATH') ?? ''
  const sendChain = isOn(system, 'AZURE_CLIENT_SEND_CERTIFICATE_CHAIN')
  const token = await certificateToken({ tenant, clientId, resource }, path, sendChain, system)
  return { token, source: `Entra for application ${clientId}` }
}
