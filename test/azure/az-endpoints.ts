import type { ServerResponse } from 'node:http'
import { send, sendJson } from './answers.ts'
import type { World } from './behaviours.ts'
import { entraHandler } from './entra.ts'
import { ENTRA_HOST } from './entra-refusals.ts'
import { APP_SERVICE_HEADER, AZURE_DEVOPS, SYSTEM_IDENTITY_CLIENT_ID } from './identities.ts'
import { LIFETIME } from './identity-queries.ts'
import { writeDate } from './msi-endpoints.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import type { Tokens } from './tokens.ts'

/** The host of Azure's own management, which az asks for subscriptions when one signs in. */
export const MANAGEMENT_HOST = 'management.azure.com'

/** `MSI_ENDPOINT` for az, on the identity server: az puts a slash after it for App Service. */
export const AZ_IDENTITY_PATH = '/az/msi/token'

// Where az looks for a newer az when one signs in.
const UPDATE_HOSTS = ['azure.microsoft.com', 'raw.githubusercontent.com']
const noUpdate: Handler = (_request, response) => send(response, 404, '')

// The second slash of the scope is the resource's own.
const MANAGEMENT = 'https://management.core.windows.net/'
const AUDIENCES = new Map([
  [`${AZURE_DEVOPS}/.default`, AZURE_DEVOPS],
  [`${MANAGEMENT}/.default`, MANAGEMENT],
])

/** What the real az needs of the hosts behind the proxy, besides what the product needs. */
export function azHosts(world: World): readonly (readonly [host: string, handler: Handler])[] {
  return [
    [ENTRA_HOST, entraForAz(world)],
    [MANAGEMENT_HOST, managementHandler(world.tokens)],
    ...UPDATE_HOSTS.map(host => [host, noUpdate] as const),
  ]
}

function entraForAz(world: World): Handler {
  const tokenEndpoint = entraHandler(world, AUDIENCES)
  return (request, response) => {
    if (!answerDiscovery(request, response)) return tokenEndpoint(request, response)
  }
}

/** True: the request asked where Entra's endpoints are, and is answered. */
export function answerDiscovery(
  { method, url }: ReceivedRequest, response: ServerResponse,
): boolean {
  if (method !== 'GET') return false
  const base = `https://${ENTRA_HOST}`
  if (url.pathname === '/common/discovery/instance') {
    const aliases = [ENTRA_HOST, 'login.windows.net', 'login.microsoft.com', 'sts.windows.net']
    const names = { preferred_network: ENTRA_HOST, preferred_cache: 'login.windows.net', aliases }
    sendJson(response, 200, {
      tenant_discovery_endpoint: `${base}/common/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1', metadata: [names],
    })
    return true
  }
  const path = /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/
  const [, tenant] = path.exec(url.pathname) ?? []
  if (tenant === undefined) return false
  sendJson(response, 200, {
    issuer: `${base}/${tenant}/v2.0`,
    authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`,
    device_authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/devicecode`,
    jwks_uri: `${base}/${tenant}/discovery/v2.0/keys`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  })
  return true
}

// A service principal of Azure DevOps alone sees no subscription.
function managementHandler(tokens: Tokens): Handler {
  return ({ method, url, headers, errors }, response) => {
    const refuse = (status: number, code: string, message: string): void => {
      errors.push(message)
      sendJson(response, status, { error: { code, message } })
    }
    const [, bearer = ''] = /^Bearer (\S+)$/.exec(headers['authorization'] ?? '') ?? []
    const token = tokens.find(bearer)
    if (token === undefined || token.audience !== MANAGEMENT || token.expiresAt <= Date.now()) {
      return refuse(401, 'InvalidAuthenticationToken', 'The access token is invalid.')
    }
    if (!/^\d{4}-\d\d-\d\d$/.test(url.searchParams.get('api-version') ?? '')) {
      return refuse(400, 'MissingApiVersionParameter', 'The api-version is missing.')
    }
    const { tenant = '' } = token
    const values = new Map<string, readonly object[]>([
      ['/subscriptions', []], ['/tenants', [{ id: `/tenants/${tenant}`, tenantId: tenant }]],
    ])
    const value = values.get(url.pathname)
    if (method !== 'GET' || value === undefined) {
      return refuse(404, 'InvalidResourceType', 'The resource could not be found.')
    }
    return sendJson(response, 200, { value, count: { type: 'Total', value: value.length } })
  }
}

/**
 * The identity endpoints that az asked until 2025: of App Service as it was in 2017 (GET, with a
 * secret and a version) and of the extension of a virtual machine (POST, a form).
 */
export function azIdentityHandler(tokens: Tokens): Handler {
  return ({ method, url, headers, body, errors }, response) => {
    const refuse = (statusCode: number, message: string): void => {
      errors.push(message)
      sendJson(response, statusCode, { statusCode, message })
    }
    const form = method === 'POST'
    if (!form && headers['secret'] !== APP_SERVICE_HEADER) return refuse(401, 'the secret is wrong')
    if (!form && url.searchParams.get('api-version') !== '2017-09-01') {
      return refuse(400, 'api-version is not 2017-09-01')
    }
    if (form && headers['metadata'] !== 'true') return refuse(400, 'Metadata header is not true')
    const resource = (form ? new URLSearchParams(body) : url.searchParams).get('resource') ?? ''
    if (![AZURE_DEVOPS, MANAGEMENT].includes(resource)) return refuse(400, 'resource is unknown')
    const clientId = SYSTEM_IDENTITY_CLIENT_ID
    const end = Math.floor(Date.now() / 1000) + LIFETIME
    return sendJson(response, 200, {
      access_token: tokens.mintApplicationToken({
        clientId, audience: resource, expiresInSeconds: LIFETIME,
      }),
      client_id: clientId,
      expires_on: form ? String(end) : writeDate(end, 'linux'),
      resource,
      token_type: 'Bearer',
    })
  }
}
