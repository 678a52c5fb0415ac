import { parseArgs } from 'node:util'
import { attempts, DEVOPS_RESOURCE, providerRows, PROVIDERS } from '../identity/chain.ts'
import { checkClaims, readClaims } from '../identity/claims.ts'
import { findProgram } from '../system/find-program.ts'
import { KeyringError } from '../system/messages.ts'
import { type Secret, setting, withVariables } from '../system/settings.ts'
import type { System } from '../system/system.ts'

/**
 * `keyring mint-token`: prints a token of the job's own identity, or writes it to a file that only its
 * owner can read.
 */
export async function mintTokenCommand(argv: readonly string[], system: System): Promise<number> {
  const options = parseMintOptions(argv, true)
  const text = `${(await mintToken(options, system)).reveal()}\n`
  const path = options.outputFile
  if (path === undefined) return system.writeOut(text) ? 0 : 1
  const done = await system.replaceFile(path, text)
  if (done === 'written') return 0
  const why = done === 'link' ? 'it is a symbolic link' : 'it cannot be written'
  throw new KeyringError('OUTPUT', `no token in ${path}: ${why}`)
}

/**
 * `keyring exec -- COMMAND…`: runs a command that has a token in ARTIFACTS_KEYRING_NOFUSS_TOKEN. It gets
 * our standard streams and signals, and its exit status becomes ours.
 */
export async function execCommand(argv: readonly string[], system: System): Promise<() => Promise<number>> {
  const end = argv.indexOf('--')
  const [program, ...args] = end < 0 ? [] : argv.slice(end + 1)
  const options = parseMintOptions(end < 0 ? argv : argv.slice(0, end), false)
  if (program === undefined || program === '') throw new KeyringError('USAGE', 'exec requires a command after --')
  const token = await mintToken(options, system)
  // The command takes as long as it takes: the time of the call ends here.
  return async () => {
    const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: token.reveal() }
    const path = programPath(program, system)
    const status = path === undefined ? undefined : await system.execute(path, args, env)
    if (status !== undefined) return status
    throw new KeyringError('OUTPUT', `the command ${program} could not be started`)
  }
}

/** Windows would look for a program in the working directory first, and it is to get a token. */
function programPath(program: string, system: System): string | undefined {
  const name = system.platform === 'win32' && !/[\\/:]/.test(program)
  return name ? findProgram(system, program) : program
}

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
async function mintToken(options: MintOptions, world: System): Promise<Secret> {
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
