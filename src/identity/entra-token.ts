import { trustTokenEndpoint } from '../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../net/json.ts'
import type { JsonObject } from '../net/json.ts'
import { formBody, requestWithSecret } from '../net/request.ts'
import { KeyringError } from '../system/errors.ts'
import { readToken } from '../system/secret.ts'
import type { Secret } from '../system/secret.ts'
import { setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { ENTRA_SCOPE } from './provider.ts'

/** How an application proves who it is: form fields of the token request. */
export type ClientProof =
  | { readonly client_secret: Secret }
  | { readonly client_assertion: Secret; readonly client_assertion_type: typeof JWT_BEARER }

/** RFC 7523 §2.2. */
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What to do about the error codes that users meet (Microsoft Entra error code reference). */
const ADVICE: Readonly<Record<string, string>> = {
  AADSTS7000215: 'AZURE_CLIENT_SECRET is wrong; it must be the value of the secret, not its ID',
  AADSTS7000222: 'the client secret has expired; make a new one',
  AADSTS700016: 'there is no application AZURE_CLIENT_ID in the tenant; check both',
  AADSTS700024: 'the assertion has expired or is not valid yet; check the clock, make a new one',
  AADSTS700211: "the federated credential names another issuer than the assertion's",
  AADSTS700212: "the federated credential names another audience than the assertion's",
  AADSTS700213: "the federated credential names another subject than the assertion's",
  AADSTS70021: 'the application has no federated credential for this assertion',
  AADSTS90002: 'there is no such tenant; check AZURE_TENANT_ID',
  AADSTS900023: 'AZURE_TENANT_ID is neither a GUID nor a domain name',
}

/**
 * Asks Entra for an application's token for Azure DevOps (RFC 6749 §4.4, Microsoft identity platform
 * client credentials flow).
 *
 * @throws KeyringError PROVIDER_FAILED with the AADSTS code when Entra refuses, BAD_SETTING when
 *   tenant or authority cannot be used, or an error of the network
 */
export async function applicationToken(
  tenant: string,
  clientId: string,
  proof: ClientProof,
  system: System,
): Promise<Secret> {
  const url = trustTokenEndpoint(setting(system, 'AZURE_AUTHORITY_HOST'), tenant)
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  }
  const body = formBody({
    client_id: clientId,
    scope: ENTRA_SCOPE,
    grant_type: 'client_credentials',
    ...proof,
  })
  const answer = await requestWithSecret(system, url, headers, body)
  const { host } = new URL(url)
  const fields = parseJsonObject(answer.text)
  if (answer.status !== 200) throw refusal(answer.status, fields, host)
  const token = readToken(stringMember(fields, 'access_token') ?? '', `the answer of ${host}`)
  if (token !== undefined) return token
  throw new KeyringError('PROVIDER_FAILED', `${host} answered 200 without an access token`)
}

/** Only the codes of an answer are repeated: its text is the server's and could hold anything. */
function refusal(status: number, fields: JsonObject | undefined, host: string): KeyringError {
  const description = stringMember(fields, 'error_description') ?? ''
  const code = /^AADSTS\d{4,10}/.exec(description)?.[0]
  const oauth = /^[a-z_]{1,40}$/.exec(stringMember(fields, 'error') ?? '')?.[0]
  const reason = code ?? oauth
  const why = reason === undefined ? '' : `: ${reason}`
  const advice = ADVICE[code ?? '']
  const message = `${host} refused to give a token (${status}${why})`
  return new KeyringError('PROVIDER_FAILED', message, ...(advice === undefined ? [] : [advice]))
}
