import { isTenant } from '../../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../../net/json.ts'
import { KeyringError } from '../../system/messages.ts'
import { findProgram } from '../../system/find-program.ts'
import { readToken, withoutSecrets } from '../../system/settings.ts'
import type { CommandResult, System } from '../../system/system.ts'
import { aadstsAdvice, aadstsCode } from '../aadsts.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

const TIMEOUT_MS = 30_000
const OUTPUT_LIMIT = 1_048_576

/** The token of the account that is signed in to Azure PowerShell (`Get-AzAccessToken`). */
export async function azurePowershell(request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const windows = system.platform === 'win32'
  const program = findProgram(system, 'pwsh') ?? (windows ? findProgram(system, 'powershell') : undefined)
  if (program === undefined) return { unavailable: 'PowerShell is not installed' }
  const tenant = await request.tenant()
  if (!isTenant(tenant) || !/^[\w.:/-]+$/.test(request.resource)) {
    throw new KeyringError('PROVIDER_FAILED', 'the tenant or the resource is not usable')
  }
  request.prepareExchange?.()
  // PowerShell reads an encoded command as UTF-16, and then no quoting is in the way.
  const encoded = Buffer.from(script(request.resource, tenant), 'utf16le').toString('base64')
  const args = ['-NoProfile', '-NonInteractive', '-OutputFormat', 'Text', '-EncodedCommand', encoded]
  const env = { ...withoutSecrets(), NO_COLOR: '1', POWERSHELL_TELEMETRY_OPTOUT: '1' }
  const command = { program, args, env, timeoutMs: TIMEOUT_MS, limit: OUTPUT_LIMIT }
  return parseToken(await system.run(command, system.signal))
}

/** Az.Accounts gives the token as text, from 2.17 on request as a SecureString, from 5.0 on always. */
function script(resource: string, tenant: string): string {
  const inTenant = tenant === 'organizations' ? '' : ` -TenantId '${tenant}'`
  return `
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try { Import-Module Az.Accounts -MinimumVersion 2.2.0 } catch { 'NO_AZ_ACCOUNT_MODULE'; exit }
$ask = @{}
$version = (Get-Module Az.Accounts).Version
if ($version -ge [version]'2.17.0' -and $version -lt [version]'5.0.0') { $ask.AsSecureString = $true }
$found = Get-AzAccessToken -ResourceUrl '${resource}'${inTenant} @ask
$token = $found.Token
if ($token -is [securestring]) { $token = [System.Net.NetworkCredential]::new('', $token).Password }
@{ Token = $token; ExpiresOn = $found.ExpiresOn.ToUnixTimeSeconds() } | ConvertTo-Json -Compress
`
}

function parseToken(result: CommandResult): FoundToken | Unavailable {
  if (result.ended !== 'exit') {
    throw new KeyringError('PROVIDER_FAILED', `PowerShell could not be used (${result.ended})`)
  }
  const { status, stdout, stderr } = result
  if (stdout.includes('NO_AZ_ACCOUNT_MODULE')) return { unavailable: 'the module Az.Accounts is not installed' }
  if (status !== 0) return refusal(status, `${stdout}\n${stderr}`)
  // A profile of the user may print something first.
  const json = stdout.split(/\r?\n/).find((line) => line.startsWith('{') && line.includes('"Token"'))
  const token = readToken(stringMember(parseJsonObject(json ?? ''), 'Token') ?? '', "PowerShell's answer")
  if (token !== undefined) return { token, source: "Azure PowerShell's answer" }
  throw new KeyringError('PROVIDER_FAILED', 'PowerShell ended well but printed no token')
}

function refusal(status: number, output: string): Unavailable {
  const code = aadstsCode(output)
  if (code !== undefined) {
    const hints = [...aadstsAdvice(code), 'Connect-AzAccount']
    throw new KeyringError('PROVIDER_FAILED', `Azure PowerShell could not get a token (${code})`, ...hints)
  }
  if (output.includes('Connect-AzAccount')) return { unavailable: 'Azure PowerShell is not signed in' }
  if (output.includes('AuthorizationManager check failed')) {
    return { unavailable: 'the execution policy of PowerShell forbids the module' }
  }
  throw new KeyringError('PROVIDER_FAILED', `PowerShell failed with exit status ${status}`)
}
