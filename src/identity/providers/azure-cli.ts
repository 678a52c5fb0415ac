import { isTenant } from '../../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../../net/json.ts'
import { debug, KeyringError, notice } from '../../system/messages.ts'
import { findProgram } from '../../system/find-program.ts'
import { homeFolder, readToken, setting, withoutSecrets } from '../../system/settings.ts'
import type { CommandResult, System } from '../../system/system.ts'
import { entraScope } from '../chain.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

const TIMEOUT_MS = 45_000
/** A person who sees nothing for longer wonders what is wrong. */
const SLOW_MS = 3_000
const OUTPUT_LIMIT = 1_048_576
const PROFILE_LIMIT = 16 * 1_048_576

/** The token of the account that is signed in to the Azure CLI. */
export async function azureCli(request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const az = findAz(system)
  if (az === undefined) return { unavailable: 'az is not installed' }
  if (request.laterConfigured && !hasAccount(system)) {
    return { unavailable: 'az has no account, and another provider is configured' }
  }
  const tenant = await request.tenant()
  if (!isTenant(tenant)) throw new KeyringError('PROVIDER_FAILED', 'the tenant is not usable')
  request.prepareExchange?.()
  // Personal accounts have no tenant: az uses the one it is signed in to.
  const inTenant = tenant === 'organizations' ? [] : ['--tenant', tenant]
  const ask = (more: readonly string[]): Promise<CommandResult> =>
    accessToken(az, ['--resource', request.resource, ...more], system)
  const answered = system.limit(SLOW_MS, () => void notice(system, 'waiting for az'))
  const first = await ask(inTenant)
  // az refuses any tenant for managed identities and Cloud Shell (azure-cli-core, `_profile.py`).
  const refused = first.ended === 'exit' && first.status !== 0 && REFUSES_TENANT.test(first.stderr)
  if (refused) debug(system, 'azure_cli: asking az again without --tenant')
  const last = refused ? await ask([]) : first
  answered()
  return parseAccessToken(last, request.resource)
}

const REFUSES_TENANT = /Tenant shouldn't be specified|non-current tenants is not supported/

/** What starts az: a program and the arguments that come before az's own. */
type Az = readonly [program: string, ...args: string[]]

/**
 * On Windows az is a command file, which only cmd.exe could start, and that reads arguments in a way of
 * its own. All that the file does is start the python.exe one folder up, so that is started here
 * (Azure CLI, `build_scripts/windows/scripts/az.cmd`, which the MSI and the ZIP install).
 */
function findAz(system: System): Az | undefined {
  const windows = system.platform === 'win32'
  const path = findProgram(system, windows ? 'az.cmd' : 'az')
  if (path === undefined || !windows) return path === undefined ? undefined : [path]
  const python = path.replace(/az\.cmd$/, '..\\python.exe')
  if (system.isExecutable(python)) return [python, '-IBm', 'azure.cli']
  const hint = "install the Azure CLI with Microsoft's installer or ZIP"
  throw new KeyringError('PROVIDER_FAILED', `there is no python.exe in the folder above ${path}`, hint)
}

function accessToken([program, ...before]: Az, more: readonly string[], system: System): Promise<CommandResult> {
  const args = [...before, 'account', 'get-access-token', '--output', 'json', ...more]
  const env = {
    ...withoutSecrets(),
    AZURE_CORE_NO_COLOR: 'true',
    // Telemetry leaves a process behind that outlives the call.
    AZURE_CORE_COLLECT_TELEMETRY: 'false',
  }
  const command = { program, args, env, timeoutMs: TIMEOUT_MS, limit: OUTPUT_LIMIT }
  return system.run(command, system.signal)
}

/** Reads what az printed; its text is never repeated, since it can hold the token. */
async function parseAccessToken(result: CommandResult, resource: string): Promise<FoundToken | Unavailable> {
  if (result.ended === 'timeout') {
    throw new KeyringError('PROVIDER_FAILED', `az did not answer within ${TIMEOUT_MS / 1000} s`)
  }
  if (result.ended !== 'exit') throw new KeyringError('PROVIDER_FAILED', `az could not be used (${result.ended})`)
  if (result.status !== 0) return refusal(result, resource)
  const { stdout } = result
  const json = stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1)
  const token = readToken(stringMember(parseJsonObject(json), 'accessToken') ?? '', "az's answer")
  if (token !== undefined) return { token, source: "az's answer" }
  throw new KeyringError('PROVIDER_FAILED', 'az ended well but printed no access token')
}

async function refusal(
  { status, stderr }: { readonly status: number; readonly stderr: string },
  resource: string,
): Promise<Unavailable> {
  const { aadstsAdvice, aadstsCode } = await import('../aadsts.ts')
  const code = aadstsCode(stderr)
  if (code !== undefined) {
    const hints = [...aadstsAdvice(code), `az login --scope ${entraScope(resource)}`]
    throw new KeyringError('PROVIDER_FAILED', `az could not get a token (${code})`, ...hints)
  }
  if (/az login|az account set/.test(stderr)) return { unavailable: 'az is not signed in' }
  if (status === 127) return { unavailable: 'az is not installed' }
  throw new KeyringError('PROVIDER_FAILED', `az failed with exit status ${status}`)
}

/** Whether az's list of accounts has one. Reading it is a thousand times faster than asking az. */
function hasAccount(system: System): boolean {
  const home = homeFolder(system)
  const folder = setting(system, 'AZURE_CONFIG_DIR') ?? (home === undefined ? undefined : `${home}/.azure`)
  if (folder === undefined) return false
  const file = system.readFile(`${folder}/azureProfile.json`, PROFILE_LIMIT)
  const subscriptions = 'text' in file ? parseJsonObject(file.text)?.['subscriptions'] : undefined
  return Array.isArray(subscriptions) && subscriptions.length > 0
}
