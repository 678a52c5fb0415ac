import { sendJson } from './answers.ts'
import { invalidClient, missing, refuse } from './entra-refusals.ts'
import type { Refusal } from './entra-refusals.ts'
import {
  AZURE_DEVOPS, CERTIFICATE_CLIENT_ID, CONTOSO_TENANT, FABRIKAM_TENANT, FEDERATED_AUDIENCE,
  REGISTRATIONS,
} from './identities.ts'
import type { Registration } from './identities.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import type { World } from './behaviours.ts'

const TENANTS = [CONTOSO_TENANT, FABRIKAM_TENANT]
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const AZURE_DEVOPS_ONLY = new Map([[`${AZURE_DEVOPS}/.default`, AZURE_DEVOPS]])

/** The token endpoint, for client credentials and for these scopes and their audiences only. */
export function entraHandler(
  world: World, audiences: ReadonlyMap<string, string> = AZURE_DEVOPS_ONLY,
): Handler {
  const { tokens } = world
  return (request, response) => {
    const [, tenant = ''] = /^\/([^/]+)\/oauth2\/v2\.0\/token$/.exec(request.url.pathname) ?? []
    if (tenant === '') {
      request.errors.push('no such endpoint')
      return sendJson(response, 404, { error: 'not_found' })
    }
    const form = new URLSearchParams(request.body)
    const refusal = refuseShape(request, form, audiences) ?? refuseTenant(tenant) ??
      refuseClient(tenant, form, world)
    if (refusal !== undefined) return refuse(request, response, refusal)
    const clientId = form.get('client_id') ?? ''
    const audience = audiences.get(form.get('scope') ?? '') ?? AZURE_DEVOPS
    const lifetime = 3599
    const options = { clientId, tenant, audience, expiresInSeconds: lifetime }
    return sendJson(response, 200, {
      token_type: 'Bearer',
      expires_in: lifetime,
      ext_expires_in: lifetime,
      access_token: tokens.mintApplicationToken(options),
    }, { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' })
  }
}

function refuseShape(
  request: ReceivedRequest, form: URLSearchParams, audiences: ReadonlyMap<string, string>,
): Refusal | undefined {
  if (request.method !== 'POST') {
    const text = `The endpoint only accepts POST requests. Received a ${request.method} request.`
    return { code: 900561, text }
  }
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/x-www-form-urlencoded(; *charset=utf-8)?$/i.test(type)) {
    return missing('grant_type')
  }
  for (const name of new Set(form.keys())) {
    if (form.getAll(name).length > 1) return { code: 9000411, text: `'${name}' is duplicated.` }
  }
  for (const name of ['grant_type', 'client_id', 'scope']) {
    if ((form.get(name) ?? '') === '') return missing(name)
  }
  if (form.get('grant_type') !== 'client_credentials') {
    const text = 'The app requested an unsupported grant type.'
    return { code: 70003, text, error: 'unsupported_grant_type' }
  }
  const scope = form.get('scope') ?? ''
  if (audiences.has(scope)) return undefined
  const text = `The provided value for scope ${scope} is not valid.`
  const error = 'invalid_scope'
  return { code: scope.endsWith('/.default') ? 70011 : 1002012, text, error }
}

function refuseTenant(tenant: string): Refusal | undefined {
  if (!/^[0-9a-z][0-9a-z.-]*$/i.test(tenant)) {
    const text = `Specified tenant identifier '${tenant}' is neither a valid DNS name, nor a ` +
      'valid external domain.'
    return { code: 900023, text }
  }
  if (TENANTS.includes(tenant)) return undefined
  return { code: 90002, text: `Tenant '${tenant}' not found.` }
}

function refuseClient(tenant: string, form: URLSearchParams, world: World): Refusal | undefined {
  const clientId = form.get('client_id') ?? ''
  const client = REGISTRATIONS.find(known => known.clientId === clientId && known.tenant === tenant)
  if (client === undefined) {
    const text = `Application with identifier '${clientId}' was not found in the directory.`
    return { code: 700016, text, error: 'unauthorized_client' }
  }
  const secret = form.get('client_secret')
  const assertion = form.get('client_assertion')
  if (secret !== null && assertion !== null) {
    return { code: 7000218, text: 'Both client_secret and client_assertion are given.' }
  }
  if (secret !== null) return refuseSecret(client, secret)
  if (assertion !== null) return refuseAssertion(client, form, assertion, world)
  const text = missing('client_assertion\' or \'client_secret').text
  return invalidClient(7000218, text)
}

function refuseSecret(client: Registration, secret: string): Refusal | undefined {
  if (client.secret !== undefined && client.secret === secret) return undefined
  return invalidClient(7000215, `Invalid client secret provided for app '${client.clientId}'.`)
}

function refuseAssertion(
  client: Registration, form: URLSearchParams, assertion: string, world: World,
): Refusal | undefined {
  const { clientId, tenant, federated } = client
  if (form.get('client_assertion_type') !== ASSERTION_TYPE) return missing('client_assertion_type')
  const token = world.tokens.find(assertion)
  if (token === undefined || token.kind !== 'federated') {
    const own = clientId === CERTIFICATE_CLIENT_ID || world.certificates.knows(clientId)
    return own
      ? world.certificates.refuse(clientId, tenant, assertion)
      : invalidClient(50027, 'JWT token is invalid or malformed.')
  }
  if (token.expiresAt <= Date.now()) {
    return invalidClient(700024, 'Client assertion is not within its valid time range.')
  }
  if (token.audience !== FEDERATED_AUDIENCE) {
    return invalidClient(700212, noRecord('audience', token.audience))
  }
  if (federated === undefined || federated.issuer !== token.issuer) {
    return invalidClient(700211, noRecord('issuer', token.issuer))
  }
  if (federated.subject === token.subject) return undefined
  return invalidClient(700213, noRecord('subject', token.subject))
}

function noRecord(claim: string, value = ''): string {
  return `No matching federated identity record found for presented assertion ${claim} '${value}'.`
}
