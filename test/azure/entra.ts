import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { sendJson } from './answers.ts'
import {
  AZURE_DEVOPS, CONTOSO_TENANT, FABRIKAM_TENANT, FEDERATED_AUDIENCE, REGISTRATIONS,
} from './identities.ts'
import type { Registration } from './identities.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import type { World } from './behaviours.ts'
import type { Tokens } from './tokens.ts'

/** The host that gives tokens to applications. */
export const ENTRA_HOST = 'login.microsoftonline.com'

const TENANTS = [CONTOSO_TENANT, FABRIKAM_TENANT]
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The token endpoint, for client credentials only. */
export function entraHandler({ tokens }: World): Handler {
  return (request, response) => {
    const [, tenant = ''] = /^\/([^/]+)\/oauth2\/v2\.0\/token$/.exec(request.url.pathname) ?? []
    if (tenant === '') {
      request.errors.push('no such endpoint')
      return sendJson(response, 404, { error: 'not_found' })
    }
    const form = new URLSearchParams(request.body)
    const refusal = refuseShape(request, form) ?? refuseTenant(tenant) ??
      refuseClient(tenant, form, tokens)
    if (refusal !== undefined) return refuse(request, response, refusal)
    const clientId = form.get('client_id') ?? ''
    const lifetime = 3599
    return sendJson(response, 200, {
      token_type: 'Bearer',
      expires_in: lifetime,
      ext_expires_in: lifetime,
      access_token: tokens.mintApplicationToken({ clientId, tenant, expiresInSeconds: lifetime }),
    }, { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' })
  }
}

interface Refusal {
  readonly code: number
  readonly text: string
  readonly error?: string
  readonly status?: number
}

function refuseShape(request: ReceivedRequest, form: URLSearchParams): Refusal | undefined {
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
  if (scope === `${AZURE_DEVOPS}/.default`) return undefined
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

function refuseClient(tenant: string, form: URLSearchParams, tokens: Tokens): Refusal | undefined {
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
  if (assertion !== null) return refuseAssertion(client, form, assertion, tokens)
  return missing('client_assertion\' or \'client_secret', 7000218, 401)
}

function refuseSecret(client: Registration, secret: string): Refusal | undefined {
  if (client.secret !== undefined && client.secret === secret) return undefined
  const text = `Invalid client secret provided for app '${client.clientId}'.`
  return { code: 7000215, text, error: 'invalid_client', status: 401 }
}

function refuseAssertion(
  client: Registration, form: URLSearchParams, assertion: string, tokens: Tokens,
): Refusal | undefined {
  const invalid = (code: number, text: string): Refusal =>
    ({ code, text, error: 'invalid_client', status: 401 })
  if (form.get('client_assertion_type') !== ASSERTION_TYPE) return missing('client_assertion_type')
  const token = tokens.find(assertion)
  if (token === undefined || token.kind !== 'federated') {
    return invalid(50027, 'JWT token is invalid or malformed.')
  }
  if (token.expiresAt <= Date.now()) {
    return invalid(700024, 'Client assertion is not within its valid time range.')
  }
  if (token.audience !== FEDERATED_AUDIENCE) {
    return invalid(700212, noRecord('audience', token.audience))
  }
  const { federated } = client
  if (federated === undefined || federated.issuer !== token.issuer) {
    return invalid(700211, noRecord('issuer', token.issuer))
  }
  if (federated.subject === token.subject) return undefined
  return invalid(700213, noRecord('subject', token.subject))
}

function noRecord(claim: string, value = ''): string {
  return `No matching federated identity record found for presented assertion ${claim} '${value}'.`
}

function missing(name: string, code = 900144, status = 400): Refusal {
  const text = `The request body must contain the following parameter: '${name}'.`
  return { code, text, status, ...(status === 401 ? { error: 'invalid_client' } : {}) }
}

function refuse(request: ReceivedRequest, response: ServerResponse, refusal: Refusal): void {
  const { code, text, error = 'invalid_request', status = 400 } = refusal
  request.errors.push(`AADSTS${code}`)
  const [trace, correlation] = [randomUUID(), randomUUID()]
  const timestamp = new Date().toISOString().replace(/\.\d+Z$/, 'Z').replace('T', ' ')
  sendJson(response, status, {
    error,
    error_description: `AADSTS${code}: ${text}\r\nTrace ID: ${trace}\r\n` +
      `Correlation ID: ${correlation}\r\nTimestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: `https://${ENTRA_HOST}/error?code=${code}`,
  })
}
