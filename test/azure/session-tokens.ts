import type { ServerResponse } from 'node:http'
import { accountOf, objectToEntra } from './access.ts'
import { send, sendDevOpsError, sendJson, SIGN_IN_PAGE } from './answers.ts'
import type { World } from './behaviours.ts'
import { ORGANIZATIONS } from './organizations.ts'
import type { Organization } from './organizations.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import type { Tokens } from './tokens.ts'

/** The hosts that exchange a user's token of Entra for a session token. */
export const SESSION_TOKEN_HOSTS: readonly string[] =
  ['vssps.dev.azure.com', 'app.vssps.visualstudio.com']

const DAY = 24 * 60 * 60 * 1000
const SCOPES = ['vso.packaging', 'vso.packaging_write']
const MEMBERS = ['displayName', 'scope', 'validTo']

/** The exchange, as strict as Azure DevOps is. */
export function sessionTokenHandler({ tokens, behaviours }: World): Handler {
  return async (request, response) => {
    const name = organizationName(request)
    if (await behaviours.override(name, 'exchange', request, response)) return
    const organization = ORGANIZATIONS.get(name)
    const refusal = organization === undefined
      ? { status: 404, message: 'The resource cannot be found.' }
      : refuseShape(request) ?? refuseBearer(request, organization, tokens) ??
        refuseBody(request, organization)
    if (organization === undefined || refusal !== undefined) {
      return refuse(request, response, refusal)
    }
    if (await behaviours.fault(name, 'exchange', response)) return
    answer(request, response, organization, tokens)
  }
}

interface Refusal {
  readonly status: number
  readonly message: string
}

function organizationName({ host, url }: ReceivedRequest): string {
  if (host === 'app.vssps.visualstudio.com') {
    return /^\/_apis\/token\/sessiontokens$/i.test(url.pathname) ? 'legacy' : ''
  }
  const [, name = ''] = /^\/([^/]+)\/_apis\/token\/sessiontokens$/i.exec(url.pathname) ?? []
  return name.toLowerCase()
}

function refuseShape({ method, url, headers }: ReceivedRequest): Refusal | undefined {
  if (method !== 'POST') return { status: 405, message: `${method} is not supported` }
  const type = url.searchParams.getAll('tokenType')
  if (type.length !== 1 || !['SelfDescribing', 'Compact'].includes(type[0] ?? '')) {
    return { status: 400, message: 'tokenType is not SelfDescribing' }
  }
  if (url.searchParams.getAll('api-version').join() !== '5.0-preview.1') {
    return { status: 400, message: 'api-version is not 5.0-preview.1' }
  }
  if (!/^application\/json(; *charset=utf-8)?$/i.test(headers['content-type'] ?? '')) {
    return { status: 415, message: 'Content-Type is not application/json' }
  }
  if (headers['accept'] !== 'application/json') {
    return { status: 406, message: 'Accept is not application/json' }
  }
  return undefined
}

function refuseBearer(
  { headers }: ReceivedRequest, organization: Organization, tokens: Tokens,
): Refusal | undefined {
  const [, bearer] = /^Bearer (\S+)$/.exec(headers['authorization'] ?? '') ?? []
  if (bearer === undefined) return { status: 401, message: 'no bearer' }
  const token = tokens.find(bearer)
  if (token === undefined) return { status: 401, message: 'the bearer is unknown' }
  if (token.kind !== 'user') return { status: 401, message: `a token of kind ${token.kind}` }
  const objection = objectToEntra(token, organization)
  return objection === undefined ? undefined : { status: 401, message: objection }
}

function refuseBody({ body }: ReceivedRequest, organization: Organization): Refusal | undefined {
  const bad = (message: string): Refusal => ({ status: 400, message })
  const value = parse(body)
  if (value === undefined) return bad('the body is no JSON object')
  const extra = Object.keys(value).find(member => !MEMBERS.includes(member))
  if (extra !== undefined) return bad(`the body has a member ${extra}`)
  const { displayName, scope, validTo } = value
  if (typeof displayName !== 'string' || displayName === '') return bad('displayName is missing')
  const scopes = typeof scope === 'string' ? scope.split(' ') : []
  if (scopes.length === 0 || !scopes.every(one => SCOPES.includes(one))) {
    return bad(`scope is ${JSON.stringify(scope)}`)
  }
  if (validTo === undefined || validTo === null) return undefined
  if (organization.patPolicy === true) return bad('validTo is against the policy')
  const exact = typeof validTo === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(validTo)
  const ahead = exact ? Date.parse(validTo) - Date.now() : NaN
  return ahead > 0 && ahead <= DAY ? undefined : bad(`validTo is ${JSON.stringify(validTo)}`)
}

function refuse(
  request: ReceivedRequest, response: ServerResponse, refusal: Refusal | undefined,
): void {
  const { status, message } = refusal ?? { status: 500, message: '' }
  request.errors.push(message)
  if (status !== 401) return sendDevOpsError(response, status, `VS403999: ${message}`)
  if (request.headers['x-tfs-fedauthredirect'] !== 'Suppress') {
    const location = 'https://spsprodcus1.vssps.visualstudio.com/_signin?realm=vssps.dev.azure.com'
    return send(response, 302, SIGN_IN_PAGE, { 'content-type': 'text/html', location })
  }
  const text = "TF400813: The user '' is not authorized to access this resource."
  return sendDevOpsError(response, 401, text, 'UnauthorizedRequestException')
}

function answer(
  request: ReceivedRequest, response: ServerResponse, organization: Organization, tokens: Tokens,
): void {
  // A sign-in page is all that a client without this header gets on a bad day.
  if (request.headers['x-tfs-fedauthredirect'] !== 'Suppress') {
    request.errors.push('X-TFS-FedAuthRedirect is not Suppress')
  }
  const body = parse(request.body) ?? {}
  const until = typeof body['validTo'] === 'string'
    ? Date.parse(body['validTo']) : Date.now() + 60 * 60 * 1000
  const account = accountOf(organization)
  const compact = request.url.searchParams.get('tokenType') === 'Compact'
  if (compact) request.errors.push('tokenType is Compact, which makes a personal access token')
  const expiresInSeconds = Math.round((until - Date.now()) / 1000)
  const scope = String(body['scope'])
  sendJson(response, 200, {
    clientId: '00000000-0000-0000-0000-000000000000',
    displayName: body['displayName'],
    scope,
    validTo: new Date(until).toISOString(),
    token: compact
      ? tokens.mintPat(account)
      : tokens.mintSessionToken({ organization: account, scope, expiresInSeconds }),
  })
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    const object = typeof value === 'object' && value !== null && !Array.isArray(value)
    return object ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}
