import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { sendJson } from './answers.ts'
import { CONTOSO_TENANT } from './identities.ts'
import { authenticateHeaders } from './organizations.ts'
import type { Organization } from './organizations.ts'

/** The headers with which a feed says that it wants a credential, and from where. */
export function challengeHeaders(organization: Organization): Record<string, string | string[]> {
  const { name, tenant = CONTOSO_TENANT } = organization
  const {
    authenticate = authenticateHeaders(`https://login.windows.net/${tenant}`),
    resourceTenant = tenant,
    endpoint = `https://vssps.dev.azure.com/${name}/`
  } = organization
  const headers: Record<string, string | string[]> = {}
  if (authenticate.length > 0) headers['WWW-Authenticate'] = [...authenticate]
  if (resourceTenant !== false) headers['X-VSS-ResourceTenant'] = resourceTenant
  if (endpoint !== false) headers['X-VSS-AuthorizationEndpoint'] = endpoint
  // An answer with none of these headers comes from something in front of Azure DevOps.
  if (authenticate.length === 0) return headers
  return {
    ...headers,
    'X-TFS-FedAuthRealm': 'https://pkgsprodcus1.pkgs.visualstudio.com/',
    'X-TFS-FedAuthIssuer': `https://pkgs.dev.azure.com/${name}/`,
    'X-VSS-E2EID': randomUUID(),
    ActivityId: randomUUID(),
  }
}

/** Answers 401 as a feed does to a client without a (good) credential, or without one that will do. */
export function sendChallenge(
  response: ServerResponse, organization: Organization,
  message = "TF400813: The user '' is not authorized to access this resource.",
): void {
  sendJson(response, 401, { message }, challengeHeaders(organization))
}
