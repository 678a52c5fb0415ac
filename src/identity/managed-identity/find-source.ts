import { debug } from '../../system/messages.ts'
import { isSet } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { type IdentitySource, readSelector } from './source.ts'

/**
 * A token of the identity of the machine. Which platform it is on is read from the environment, in
 * the order of Microsoft's libraries.
 *
 * @throws KeyringError BAD_SETTING, PROVIDER_FAILED or an error of the network
 */
export async function machineToken(resource: string, system: System): Promise<FoundToken | Unavailable> {
  const found = await findSource(system)
  if ('unavailable' in found) return found
  debug(system, `the managed identity is that of ${found.name}`)
  return found.source({ resource, selector: readSelector(system) }, system)
}

interface NamedSource {
  readonly name: string
  readonly source: IdentitySource
}

async function findSource(system: System): Promise<NamedSource | Unavailable> {
  if (isSet(system, 'IDENTITY_ENDPOINT')) return byIdentityEndpoint(system)
  if (isSet(system, 'MSI_ENDPOINT') && isSet(system, 'MSI_SECRET')) {
    return { name: 'Azure ML', source: (await import('./platforms.ts')).azureMl }
  }
  if (isSet(system, 'MSI_ENDPOINT')) return { name: 'Cloud Shell', source: (await import('./platforms.ts')).cloudShell }
  const podIdentity = isSet(system, 'AZURE_POD_IDENTITY_AUTHORITY_HOST')
  const arc = await import('./azure-arc.ts')
  if (!podIdentity && arc.isArcAgentInstalled(system)) return { name: 'Azure Arc', source: arc.azureArc }
  return { name: 'the metadata service', source: (await import('./metadata-service.ts')).metadataService }
}

async function byIdentityEndpoint(system: System): Promise<NamedSource | Unavailable> {
  if (isSet(system, 'IDENTITY_HEADER')) {
    const { appService, serviceFabric } = await import('./platforms.ts')
    const pinned = isSet(system, 'IDENTITY_SERVER_THUMBPRINT')
    return pinned ? { name: 'Service Fabric', source: serviceFabric } : { name: 'App Service', source: appService }
  }
  if (isSet(system, 'IMDS_ENDPOINT')) return { name: 'Azure Arc', source: (await import('./azure-arc.ts')).azureArc }
  return { unavailable: 'IDENTITY_ENDPOINT is set, and neither IDENTITY_HEADER nor IMDS_ENDPOINT' }
}
