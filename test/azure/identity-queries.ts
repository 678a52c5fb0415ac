import {
  AZURE_DEVOPS, MANAGED_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_OBJECT_ID,
  MANAGED_IDENTITY_RESOURCE_ID, SYSTEM_IDENTITY_CLIENT_ID,
} from './identities.ts'
import type { Handler } from './received.ts'

/** How many seconds the token of a managed identity lives. */
export const LIFETIME = 86399

/** A handler that notes what shows that a request did not come straight from the client. */
export function direct(handler: Handler): Handler {
  return (request, response) => {
    const { path, headers, errors } = request
    if (!path.startsWith('/')) errors.push('the request line is that of a proxy')
    if (Object.keys(headers).some(name => name === 'via' || name.startsWith('proxy-'))) {
      errors.push('the request came through a proxy')
    }
    return handler(request, response)
  }
}

/** What is wrong with the query of an endpoint with these names of an identity, of which one. */
export function objectToQuery(
  { searchParams: query }: URL, version: string, selectors: readonly string[],
): string | undefined {
  const odd = [...query.keys()].find(name =>
    !['api-version', 'resource', ...selectors].includes(name) || query.getAll(name).length > 1)
  if (odd !== undefined) return `the query parameter ${odd} is unknown or repeated`
  if (query.get('api-version') !== version) return `api-version is not ${version}`
  if (query.get('resource') !== AZURE_DEVOPS) return 'resource is not the id of Azure DevOps'
  const chosen = selectors.filter(name => query.has(name))
  return chosen.length > 1 ? `${chosen.join(' and ')} exclude each other` : undefined
}

/** The client id of the identity that the query asks for; undefined: there is none such. */
export function selectIdentity(
  { searchParams: query }: URL, resourceId: string,
): string | undefined {
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
