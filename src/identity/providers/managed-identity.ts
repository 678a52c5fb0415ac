import type { System } from '../../system/system.ts'
import { machineToken } from '../managed-identity/find-source.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/** The identity of the machine. AZURE_CLIENT_ID selects a user-assigned one. Never through a proxy. */
export function managedIdentity({ resource }: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  return machineToken(resource, system)
}
