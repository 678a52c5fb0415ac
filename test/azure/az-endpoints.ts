import { sendJson } from './answers.ts'
import type { World } from './behaviours.ts'
import { entraHandler } from './entra.ts'
import { ENTRA_HOST } from './entra-refusals.ts'
import { APP_SERVICE_HEADER, AZURE_DEVOPS, SYSTEM_IDENTITY_CLIENT_ID } from './identities.ts'
import { LIFETIME } from './identity-queries.ts'
import { writeDate } from './msi-endpoints.ts'
import type { Handler } from './received.ts'
import type { Tokens } from './tokens.ts'

/** The host of Azure's own management, which az asks for subscriptions when one signs in. */
export const MANAGEMENT_HOST = 'management.azure.com'

/** Where `azAppServiceHandler` is on the identity server: what az makes of a `MSI_ENDPOINT`. */
export const AZ_APP_SERVICE_PATH = '/az/msi/token/'

// The second slash is the resource's own.
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
  ]
}

function entraForAz(world: World): Handler {
  const tokenEndpoint = entraHandler(world, AUDIENCES)
  return (request, response) => {
    if (request.method !== 'GET') return tokenEndpoint(request, response)
    const base = `https://${ENTRA_HOST}`
    if (request.url.pathname === '/common/discovery/instance') {
      const aliases = [ENTRA_HOST, 'login.windows.net', 'login.microsoft.com', 'sts.windows.net']
      const names = { preferred_network: ENTRA_HOST, preferred_cache: 'login.windows.net', aliases }
      return sendJson(response, 200, {
        tenant_discovery_endpoint: `${base}/common/v2.0/.well-known/openid-configuration`,
        'api-version': '1.1', metadata: [names],
      })
    }
    const path = /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/
    const [, tenant] = path.exec(request.url.pathname) ?? []
    if (tenant === undefined) return tokenEndpoint(request, response)
    return sendJson(response, 200, {
      issuer: `${base}/${tenant}/v2.0`,
      authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`,
      device_authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/devicecode`,
      jwks_uri: `${base}/${tenant}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      response_types_supported: ['code'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    })
  }
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

/** The identity endpoint of App Service as it was in 2017, which az asked until 2025. */
export function azAppServiceHandler(tokens: Tokens): Handler {
  return ({ method, url, headers, errors }, response) => {
    const refuse = (statusCode: number, message: string): void => {
      errors.push(message)
      sendJson(response, statusCode, { statusCode, message })
    }
    const resource = url.searchParams.get('resource') ?? ''
    if (method !== 'GET') return refuse(405, 'only GET is supported')
    if (headers['secret'] !== APP_SERVICE_HEADER) return refuse(401, 'the secret is wrong')
    if (url.searchParams.get('api-version') !== '2017-09-01') {
      return refuse(400, 'api-version is not 2017-09-01')
    }
    if (![AZURE_DEVOPS, MANAGEMENT].includes(resource)) return refuse(400, 'resource is unknown')
    const clientId = SYSTEM_IDENTITY_CLIENT_ID
    return sendJson(response, 200, {
      access_token: tokens.mintApplicationToken({
        clientId, audience: resource, expiresInSeconds: LIFETIME,
      }),
      client_id: clientId,
      expires_on: writeDate(Math.floor(Date.now() / 1000) + LIFETIME, 'linux'),
      resource,
      token_type: 'Bearer',
    })
  }
}
