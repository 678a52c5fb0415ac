import { AZURE_DEVOPS } from './identities.ts'
import { ORGANIZATIONS } from './organizations.ts'
import type { Organization } from './organizations.ts'
import type { ReceivedRequest } from './received.ts'
import type { KnownToken, Tokens } from './tokens.ts'

/** What a request may do at a feed. */
export type Access = 'anonymous' | 'refused' | 'read' | 'write'

/** Judges the credential of a request to a feed, noting what is wrong with it. */
export function judgeAccess(
  request: ReceivedRequest, organization: Organization, tokens: Tokens,
): Access {
  const header = request.headers['authorization']
  if (header === undefined) return 'anonymous'
  const refuse = (reason: string): Access => {
    request.errors.push(reason)
    return 'refused'
  }
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(header) ?? []
  // No client of a feed has reason to show it a bearer; only a password is asked for.
  if (scheme.toLowerCase() === 'bearer') return refuse('a bearer was sent to a feed')
  if (scheme.toLowerCase() !== 'basic') return refuse('the Authorization header is malformed')
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 1) return refuse('the username is empty')
  const token = tokens.find(text.slice(colon + 1))
  if (token === undefined) return refuse('the password is unknown')
  const objection = object(token, organization)
  if (objection !== undefined) return refuse(objection)
  // The scope of a token of Entra is all that its owner may do.
  const scopes = token.scope?.split(' ')
  return scopes === undefined || scopes.includes('vso.packaging_write') ? 'write' : 'read'
}

/** The name under which tokens know an organization. */
export function accountOf(organization: Organization): string {
  return organization.account ?? organization.name
}

/** What is wrong with a bearer token of Entra for an organization, whoever it is for. */
export function objectToEntra(token: KnownToken, organization: Organization): string | undefined {
  if (token.expiresAt <= Date.now()) return 'the token has expired'
  if (token.audience !== AZURE_DEVOPS) return `the token is for ${token.audience}`
  if (organization.tenant !== undefined && token.tenant !== organization.tenant) {
    return 'the token is of another tenant'
  }
  return undefined
}

function object(token: KnownToken, organization: Organization): string | undefined {
  if (token.kind === 'federated') return 'an assertion is no password'
  if (token.kind === 'user' || token.kind === 'application') {
    return objectToEntra(token, organization)
  }
  if (token.expiresAt <= Date.now()) return 'the token has expired'
  const home = ORGANIZATIONS.get(token.organization ?? '')
  const account = home === undefined ? token.organization : accountOf(home)
  return account === accountOf(organization) ? undefined : 'the token is of another organization'
}
