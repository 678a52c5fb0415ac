import { parseArgs } from 'node:util'
import { attempts, DEVOPS_RESOURCE, providerRows, PROVIDERS } from '../identity/chain.ts'
import { checkClaims, readClaims } from '../identity/claims.ts'
import { KeyringError } from '../system/messages.ts'
import { type Secret, setting, withVariables } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/** What `mint-token` and `exec` take. */
export interface MintOptions {
  readonly tenant: string | undefined
  readonly clientId: string | undefined
  readonly resource: string | undefined
  readonly provider: string | undefined
  readonly outputFile: string | undefined
}

/** A job's own identities. A person's session is only used when it is asked for by name. */
const APPLICATIONS = ['workload_identity', 'client_secret', 'client_certificate', 'managed_identity']
const PEOPLE = ['azure_cli', 'ado_auth_helper', 'azure_developer_cli', 'azure_powershell']

/**
 * Reads the options of `mint-token` and `exec`.
 *
 * @throws KeyringError USAGE
 */
export function parseMintOptions(argv: readonly string[], outputFile: boolean): MintOptions {
  const names = ['tenant', 'client-id', 'resource', 'provider', ...(outputFile ? ['output-file'] : [])]
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    const { values: all } = parseArgs({ args: [...argv], options, strict: true })
    if (Object.values(all).includes('')) throw new KeyringError('USAGE', 'an option has an empty value')
    return {
      tenant: all['tenant'],
      clientId: all['client-id'],
      resource: all['resource'],
      provider: all['provider'],
      outputFile: all['output-file'],
    }
  } catch (error) {
    if (error instanceof KeyringError) throw error
    // The message of parseArgs quotes the arguments, which may hold anything.
    const list = names.map((name) => `--${name}`).join(', ')
    throw new KeyringError('USAGE', `the options are: ${list}, each with a value`)
  }
}

/**
 * Gets a token for Azure DevOps, or for another resource, without a feed.
 *
 * @throws KeyringError NO_CREDENTIAL naming every provider and its reason
 */
export async function mintToken(options: MintOptions, world: System): Promise<Secret> {
  const { resource = DEVOPS_RESOURCE, provider } = options
  if (!/^[0-9a-z][\w.:/-]*$/i.test(resource)) {
    throw new KeyringError('BAD_SETTING', '--resource is neither an application ID nor a URL')
  }
  const system = withVariables(world, {
    ...(options.tenant !== undefined && { AZURE_TENANT_ID: options.tenant }),
    ...(options.clientId !== undefined && { AZURE_CLIENT_ID: options.clientId }),
  })
  const rows = provider === undefined
    ? PROVIDERS.filter(({ name }) => APPLICATIONS.includes(name))
    : providerRows(provider, '--provider')
  const tenant = (): Promise<string> => Promise.resolve(tenantFor(rows.map(({ name }) => name), system))
  const call = { resource, feedUrl: undefined, tenant }
  const refusals: string[] = []
  const hints: string[] = []
  for await (const attempt of attempts({ rows, forced: provider !== undefined }, call, system)) {
    if (!('reason' in attempt)) {
      if (resource === DEVOPS_RESOURCE) checkClaims(readClaims(attempt.token), attempt.source, system)
      return attempt.token
    }
    refusals.push(`${attempt.provider}: ${attempt.reason}`)
    hints.push(...attempt.hints)
  }
  throw new KeyringError('NO_CREDENTIAL', `no token (${refusals.join('; ')})`, ...hints)
}

/** There is no feed to name a tenant: an application needs its own, a person has one already. */
function tenantFor(names: readonly string[], system: System): string {
  const tenant = setting(system, 'AZURE_TENANT_ID')
  if (tenant !== undefined) return tenant
  if (names.every((name) => PEOPLE.includes(name))) return 'organizations'
  throw new KeyringError('PROVIDER_FAILED', 'AZURE_TENANT_ID not set')
}
