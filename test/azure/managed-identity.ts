import type { ServerResponse } from 'node:http'
import { sendJson } from './answers.ts'
import type { World } from './behaviours.ts'
import {
  APP_SERVICE_HEADER, AZURE_DEVOPS, MANAGED_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_OBJECT_ID,
  MANAGED_IDENTITY_RESOURCE_ID, SYSTEM_IDENTITY_CLIENT_ID,
} from './identities.ts'
import type { Handler, ReceivedRequest } from './received.ts'

const IMDS_PATH = '/metadata/identity/oauth2/token'
const APP_SERVICE_PATH = '/msi/token'
const LIFETIME = 86399

/** The identity endpoints of a virtual machine (IMDS) and of App Service. */
export function identityHandler(world: World): Handler {
  return (request, response) => {
    const { path, headers, errors, url } = request
    if (!path.startsWith('/')) errors.push('the request line is that of a proxy')
    if (Object.keys(headers).some(name => name === 'via' || name.startsWith('proxy-'))) {
      errors.push('the request came through a proxy')
    }
    if (url.pathname === IMDS_PATH) return imds(world, request, response)
    if (url.pathname === APP_SERVICE_PATH) return appService(world, request, response)
    errors.push('no such identity endpoint')
    return sendJson(response, 404, { error: 'not_found' })
  }
}

function imds({ tokens }: World, request: ReceivedRequest, response: ServerResponse): void {
  const { headers, url, errors, method } = request
  const refuse = (error: string, description: string, status = 400): void => {
    // A request with neither the header nor a query only asks whether anything is here.
    if (headers['metadata'] !== undefined || url.search !== '') errors.push(description)
    sendJson(response, status, { error, error_description: description })
  }
  if (method !== 'GET') return refuse('method_not_allowed', 'only GET is supported', 405)
  if (headers['metadata'] !== 'true') {
    return refuse('invalid_request', 'Required metadata header not specified')
  }
  const objection = objectToQuery(url, '2018-02-01', 'msi_res_id')
  if (objection !== undefined) return refuse('invalid_request', objection)
  const clientId = selectIdentity(url, 'msi_res_id')
  if (clientId === undefined) return refuse('invalid_request', 'Identity not found')
  const now = Math.floor(Date.now() / 1000)
  return sendJson(response, 200, {
    access_token: tokens.mintApplicationToken({ clientId, expiresInSeconds: LIFETIME }),
    client_id: clientId,
    expires_in: String(LIFETIME),
    expires_on: String(now + LIFETIME),
    ext_expires_in: String(LIFETIME),
    not_before: String(now),
    resource: AZURE_DEVOPS,
    token_type: 'Bearer',
  })
}

function appService({ tokens }: World, request: ReceivedRequest, response: ServerResponse): void {
  const { headers, url, errors, method } = request
  const refuse = (statusCode: number, message: string): void => {
    errors.push(message)
    sendJson(response, statusCode, { statusCode, message })
  }
  if (method !== 'GET') return refuse(405, 'only GET is supported')
  if (headers['x-identity-header'] !== APP_SERVICE_HEADER) {
    return refuse(401, 'X-IDENTITY-HEADER is wrong')
  }
  const objection = objectToQuery(url, '2019-08-01', 'mi_res_id')
  if (objection !== undefined) return refuse(400, objection)
  const clientId = selectIdentity(url, 'mi_res_id')
  if (clientId === undefined) return refuse(400, 'No User Assigned Managed Identity found')
  return sendJson(response, 200, {
    access_token: tokens.mintApplicationToken({ clientId, expiresInSeconds: LIFETIME }),
    client_id: clientId,
    expires_on: String(Math.floor(Date.now() / 1000) + LIFETIME),
    resource: AZURE_DEVOPS,
    token_type: 'Bearer',
  })
}

function objectToQuery(url: URL, version: string, resourceId: string): string | undefined {
  const query = url.searchParams
  const selectors = ['client_id', 'object_id', resourceId]
  const odd = [...query.keys()].find(name =>
    !['api-version', 'resource', ...selectors].includes(name) || query.getAll(name).length > 1)
  if (odd !== undefined) return `the query parameter ${odd} is unknown or repeated`
  if (query.get('api-version') !== version) return `api-version is not ${version}`
  if (query.get('resource') !== AZURE_DEVOPS) return 'resource is not the id of Azure DevOps'
  const chosen = selectors.filter(name => query.has(name))
  return chosen.length > 1 ? `${chosen.join(' and ')} exclude each other` : undefined
}

function selectIdentity({ searchParams: query }: URL, resourceId: string): string | undefined {
  const asked = ['client_id', 'object_id', resourceId].find(name => query.has(name))
  if (asked === undefined) return SYSTEM_IDENTITY_CLIENT_ID
  const value = query.get(asked)
  if (asked === 'client_id' && value === SYSTEM_IDENTITY_CLIENT_ID) return value
  const known: Readonly<Record<string, string>> = {
    client_id: MANAGED_IDENTITY_CLIENT_ID,
    object_id: MANAGED_IDENTITY_OBJECT_ID,
    [resourceId]: MANAGED_IDENTITY_RESOURCE_ID,
  }
  return known[asked] === value ? MANAGED_IDENTITY_CLIENT_ID : undefined
}
