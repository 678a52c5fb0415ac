import { homeFolder, readToken, withoutSecrets } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

const TIMEOUT_MS = 30_000
const OUTPUT_LIMIT = 1_048_576

/**
 * The token of the account that is signed in to the editor of a GitHub codespace or dev container:
 * the extension ado-codespaces-auth leaves `ado-auth-helper` in the home folder.
 */
export async function adoAuthHelper(request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  // Codespaces and dev containers run Linux; on Windows the second path would be on any drive.
  if (system.platform === 'win32') return { unavailable: 'Windows has no ado-auth-helper' }
  const home = homeFolder(system)
  const places = [...(home === undefined ? [] : [`${home}/ado-auth-helper`]), '/usr/local/bin/ado-auth-helper']
  const program = places.find((path) => system.isExecutable(path))
  if (program === undefined) return { unavailable: '~/ado-auth-helper is not there' }
  request.prepareExchange?.()
  const result = await system.run(
    { program, args: ['get-access-token'], env: withoutSecrets(), timeoutMs: TIMEOUT_MS, limit: OUTPUT_LIMIT },
    system.signal,
  )
  if (result.ended !== 'exit') return { unavailable: `${program} could not be used (${result.ended})` }
  if (result.status !== 0) return { unavailable: `${program} failed with exit status ${result.status}` }
  const token = readToken(result.stdout, `the answer of ${program}`)
  return token === undefined ? { unavailable: `${program} printed nothing` } : { token, source: program }
}
