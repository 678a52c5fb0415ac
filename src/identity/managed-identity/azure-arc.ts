import type { TrustedUrl } from '../../net/allowlist.ts'
import { parseChallenges } from '../../net/challenge.ts'
import { parseJsonObject, stringMember } from '../../net/json.ts'
import { request, requestWithSecret } from '../../net/request.ts'
import { KeyringError } from '../../system/messages.ts'
import { Secret, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import type { FoundToken, Unavailable } from '../provider.ts'
import { endpointUrl, type IdentityRequest, type IdentitySelector, selectorQuery } from './source.ts'
import { parseTokenAnswer } from './token-answer.ts'

const DEFAULT_ENDPOINT = 'http://127.0.0.1:40342/metadata/identity/oauth2/token'
const KEY_LIMIT = 4096

const PARAMETERS = { 'client ID': 'client_id', 'object ID': 'object_id', 'resource ID': 'msi_res_id' } as const

/**
 * A server that Azure Arc manages. Its agent names a file that only administrators and the agent's
 * group can read; who can send its content back may have the token (MSAL, `managed_identity.py`).
 */
export async function azureArc(
  { resource, selector }: IdentityRequest,
  system: System,
): Promise<FoundToken | Unavailable> {
  const named = setting(system, 'IMDS_ENDPOINT') === undefined ? undefined : setting(system, 'IDENTITY_ENDPOINT')
  const url = endpointUrl('IDENTITY_ENDPOINT', named ?? DEFAULT_ENDPOINT, {
    'api-version': '2020-06-01',
    resource,
    ...selectorQuery('Azure Arc', selector, PARAMETERS),
  })
  const key = readKey(await keyFile(url, system), system)
  const headers = { metadata: 'true', authorization: key.prefixed('Basic ') }
  const answer = await requestWithSecret(system, url, headers, undefined, { direct: true })
  if (answer.status === 200 && selector !== undefined) checkEcho(answer.text, selector)
  return parseTokenAnswer(answer, 'Azure Arc', system)
}

/** Whether the agent is installed where nothing in the environment names it. */
export function isArcAgentInstalled(system: System): boolean {
  if (system.platform === 'linux') return system.isExecutable('/opt/azcmagent/bin/himds')
  if (system.platform !== 'win32') return false
  const folder = setting(system, 'ProgramFiles') ?? 'C:\\Program Files'
  return system.isExecutable(`${folder}\\AzureConnectedMachineAgent\\himds.exe`)
}

async function keyFile(url: TrustedUrl, system: System): Promise<string> {
  const answer = await request(system, url, { metadata: 'true' }, { direct: true })
  const challenges = parseChallenges(answer.header('www-authenticate') ?? '')
  const basic = challenges.find((challenge) => challenge.scheme === 'basic')
  const path = basic?.parameters.get('realm')
  if (answer.status === 401 && path !== undefined) return path
  throw failed(`the agent answered ${answer.status} without naming its key file`)
}

/** The path comes from whoever answers: only a key file in the agent's own folder is read. */
function readKey(path: string, system: System): Secret {
  const folder = tokenFolder(system)
  const name = /^[\w-]+\.key$/.exec(path.slice(folder.length))?.[0]
  const inFolder = sameText(path.slice(0, folder.length), folder, system)
  if (name === undefined || !inFolder) throw failed(`the agent names a key file outside ${folder}`)
  const file = system.readFile(folder + name, KEY_LIMIT)
  if ('text' in file) return new Secret(file.text.trim())
  const hint = 'add the user to the group of the agent: usermod -aG himds USER'
  const hints = file.problem === 'unreadable' ? [hint] : []
  throw failed(`its key file ${folder}${name} is ${file.problem}`, ...hints)
}

function tokenFolder(system: System): string {
  if (system.platform === 'linux') return '/var/opt/azcmagent/tokens/'
  const data = setting(system, 'ProgramData')
  if (system.platform === 'win32' && data !== undefined) return `${data}\\AzureConnectedMachineAgent\\Tokens\\`
  throw failed('it is not supported on this system')
}

/** Windows does not tell upper from lower case. */
function sameText(a: string, b: string, system: System): boolean {
  return system.platform === 'win32' ? a.toLowerCase() === b.toLowerCase() : a === b
}

/** Older agents pass over the selector and give the token of the system-assigned identity. */
function checkEcho(text: string, selector: IdentitySelector): void {
  const fields = parseJsonObject(text)
  const names = selector.by === 'resource ID' ? ['msi_res_id', 'mi_res_id'] : [PARAMETERS[selector.by]]
  const echoed = names.map((name) => stringMember(fields, name)).find((value) => value !== undefined)
  if (echoed?.toLowerCase() === selector.value.toLowerCase()) return
  const hint = `update the agent, or unset ${selector.variable} for the system-assigned identity`
  throw failed('the agent does not give the selected identity', hint)
}

function failed(why: string, ...hints: readonly string[]): KeyringError {
  return new KeyringError('PROVIDER_FAILED', `Azure Arc: ${why}`, ...hints)
}
