import { trustTokenEndpoint } from '../net/allowlist.ts'
import { type JsonObject, parseJsonObject, stringMember } from '../net/json.ts'
import { formBody, requestWithSecret } from '../net/request.ts'
import { KeyringError } from '../system/messages.ts'
import { readToken, type Secret, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { entraScope } from './chain.ts'

/** How an application proves who it is: form fields of the token request. */
export type ClientProof =
  | { readonly client_secret: Secret }
  | { readonly client_assertion: Secret; readonly client_assertion_type: typeof JWT_BEARER }

/** Which application asks for a token, where, and for what. */
export interface Application {
  readonly tenant: string
  readonly clientId: string
  readonly resource: string
}

/** RFC 7523 §2.2. */
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Asks Entra for an application's token for Azure DevOps (RFC 6749 §4.4, Microsoft identity platform
 * client credentials flow).
 *
 * @param proof the proof, or how to make one for the URL that it is posted to
 * @throws KeyringError PROVIDER_FAILED with the AADSTS code when Entra refuses, BAD_SETTING when
 *   tenant or authority cannot be used, or an error of the network
 */
export async function applicationToken(
  application: Application,
  proof: ClientProof | ((audience: string) => ClientProof),
  system: System,
): Promise<Secret> {
  const { tenant, clientId, resource } = application
  const url = trustTokenEndpoint(setting(system, 'AZURE_AUTHORITY_HOST'), tenant)
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const body = formBody({
    client_id: clientId,
    scope: entraScope(resource),
    grant_type: 'client_credentials',
    ...(typeof proof === 'function' ? proof(url) : proof),
  })
  const answer = await requestWithSecret(system, url, headers, body)
  const { host } = new URL(url)
  const fields = parseJsonObject(answer.text)
  if (answer.status !== 200) throw await refusal(answer.status, fields, host)
  const token = readToken(stringMember(fields, 'access_token') ?? '', `the answer of ${host}`)
  if (token !== undefined) return token
  throw new KeyringError('PROVIDER_FAILED', `${host} answered 200 without an access token`)
}

/** Only the codes of an answer are repeated: its text is the server's and could hold anything. */
async function refusal(status: number, fields: JsonObject | undefined, host: string): Promise<KeyringError> {
  const { aadstsAdvice, aadstsCode } = await import('./aadsts.ts')
  const description = stringMember(fields, 'error_description') ?? ''
  const code = description.startsWith('AADSTS') ? aadstsCode(description) : undefined
  const oauth = /^[a-z_]{1,40}$/.exec(stringMember(fields, 'error') ?? '')?.[0]
  const reason = code ?? oauth
  const why = reason === undefined ? '' : `: ${reason}`
  const message = `${host} refused to give a token (${status}${why})`
  const busy = status === 429 || status >= 500
  const hints = busy ? ['Microsoft Entra is busy or down, try again later'] : aadstsAdvice(code)
  return new KeyringError('PROVIDER_FAILED', message, ...hints)
}
