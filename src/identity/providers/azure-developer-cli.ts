import { isTenant } from '../../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../../net/json.ts'
import { KeyringError } from '../../system/messages.ts'
import { findProgram } from '../../system/find-program.ts'
import { readToken, withoutSecrets } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { aadstsAdvice, aadstsCode } from '../aadsts.ts'
import { entraScope } from '../chain.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

const TIMEOUT_MS = 30_000
const OUTPUT_LIMIT = 1_048_576

/** The token of the account that is signed in to the Azure Developer CLI (`azd auth token`). */
export async function azureDeveloperCli(request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const azd = findProgram(system, 'azd')
  if (azd === undefined) return { unavailable: 'azd is not installed' }
  const tenant = await request.tenant()
  if (!isTenant(tenant)) throw new KeyringError('PROVIDER_FAILED', 'the tenant is not usable')
  request.prepareExchange?.()
  const inTenant = tenant === 'organizations' ? [] : ['--tenant-id', tenant]
  const scope = ['--scope', entraScope(request.resource)]
  const args = ['auth', 'token', '--output', 'json', '--no-prompt', ...scope, ...inTenant]
  const env = { ...withoutSecrets(), NO_COLOR: 'true' }
  const command = { program: azd, args, env, timeoutMs: TIMEOUT_MS, limit: OUTPUT_LIMIT }
  const result = await system.run(command, system.signal)
  if (result.ended !== 'exit') throw new KeyringError('PROVIDER_FAILED', `azd could not be used (${result.ended})`)
  if (result.status !== 0) return refusal(result.status, result.stderr)
  const token = readToken(stringMember(parseJsonObject(result.stdout), 'token') ?? '', "azd's answer")
  if (token !== undefined) return { token, source: "azd's answer" }
  throw new KeyringError('PROVIDER_FAILED', 'azd ended well but printed no token')
}

/** azd says what is wrong in one of three dialects of JSON; only known words of it are understood. */
function refusal(status: number, stderr: string): Unavailable {
  const code = aadstsCode(stderr)
  if (code !== undefined) {
    const hints = [...aadstsAdvice(code), 'azd auth login']
    throw new KeyringError('PROVIDER_FAILED', `azd could not get a token (${code})`, ...hints)
  }
  if (/not logged in|azd (auth )?login/.test(stderr)) return { unavailable: 'azd is not signed in' }
  if (status === 127) return { unavailable: 'azd is not installed' }
  throw new KeyringError('PROVIDER_FAILED', `azd failed with exit status ${status}`)
}
