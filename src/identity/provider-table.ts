import { KeyringError } from '../system/errors.ts'
import type { VariableName } from '../system/settings.ts'
import type { Provider } from './provider.ts'

/** A provider as the chain knows it. It is loaded only when its turn comes. */
export interface ProviderRow {
  readonly name: string
  /** A name under which several providers are forced together. */
  readonly group?: string
  readonly load: () => Promise<Provider>
  /** Finds tokens that somebody else made: these may be used without knowing the organization. */
  readonly readyMade?: true
  /** Variables without all of which the provider does not apply, and is not even loaded. */
  readonly required?: readonly VariableName[]
  /** Variables without any of which it does not apply. */
  readonly anyOf?: readonly VariableName[]
  /** Sets of variables that show, each when complete, that the user means this provider. */
  readonly configured?: readonly (readonly VariableName[])[]
}

/** Every provider, in the order in which they are tried. A new one is one file and one row here. */
export const PROVIDERS: readonly ProviderRow[] = [
  {
    name: 'feed_endpoints',
    load: async () => (await import('./providers/feed-endpoints.ts')).feedEndpoints,
    anyOf: [
      'ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS',
      'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS',
      'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS',
      'ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES',
      'VSS_NUGET_URI_PREFIXES',
    ],
    readyMade: true,
  },
  { name: 'env_var', load: async () => (await import('./providers/env-var.ts')).envVar, readyMade: true },
  {
    name: 'service_connection',
    group: 'azure_pipelines',
    load: async () => (await import('./providers/service-connection.ts')).serviceConnection,
    anyOf: ['SYSTEM_OIDCREQUESTURI', 'servicePrincipalId'],
  },
  {
    name: 'system_access_token',
    group: 'azure_pipelines',
    load: async () => (await import('./providers/system-access-token.ts')).systemAccessToken,
    anyOf: ['TF_BUILD', 'SYSTEM_ACCESSTOKEN'],
    readyMade: true,
  },
  { name: 'azure_cli', load: async () => (await import('./providers/azure-cli.ts')).azureCli },
  { name: 'ado_auth_helper', load: async () => (await import('./providers/ado-auth-helper.ts')).adoAuthHelper },
  {
    name: 'workload_identity',
    load: async () => (await import('./providers/workload-identity.ts')).workloadIdentity,
    anyOf: ['AZURE_CLIENT_ID'],
    configured: [
      ['AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE'],
      ['AZURE_CLIENT_ID', 'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'],
    ],
  },
  {
    name: 'client_secret',
    group: 'azure_identity',
    load: async () => (await import('./providers/client-secret.ts')).clientSecret,
    required: ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_SECRET'],
    configured: [['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_SECRET']],
  },
  {
    name: 'client_certificate',
    group: 'azure_identity',
    load: async () => (await import('./providers/client-certificate.ts')).clientCertificate,
    required: ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH'],
    configured: [['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH']],
  },
  {
    name: 'managed_identity',
    group: 'azure_identity',
    load: async () => (await import('./providers/managed-identity.ts')).managedIdentity,
    configured: [
      ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'],
      ['IDENTITY_ENDPOINT', 'IMDS_ENDPOINT'],
      ['MSI_ENDPOINT', 'MSI_SECRET'],
    ],
  },
  {
    name: 'azure_developer_cli',
    group: 'azure_identity',
    load: async () => (await import('./providers/azure-developer-cli.ts')).azureDeveloperCli,
  },
  {
    name: 'azure_powershell',
    group: 'azure_identity',
    load: async () => (await import('./providers/azure-powershell.ts')).azurePowershell,
  },
]

/** All names that can be forced, groups included, in the chain's order. */
export function providerNames(): readonly string[] {
  return [...new Set(PROVIDERS.flatMap((row) => [row.group ?? row.name, row.name]))]
}

/**
 * The provider of a name, or those of a group.
 *
 * @param where what names it, for the error
 * @throws KeyringError BAD_SETTING naming the valid names
 */
export function providerRows(name: string, where: string): readonly ProviderRow[] {
  const wanted = name.toLowerCase()
  const rows = PROVIDERS.filter((row) => row.name === wanted || row.group === wanted)
  if (rows.length > 0) return rows
  const hint = `valid names: ${providerNames().join(', ')}`
  throw new KeyringError('BAD_SETTING', `${where} names an unknown provider`, hint)
}
