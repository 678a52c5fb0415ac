import type { ServerResponse } from 'node:http'
import { send, sendJson } from './answers.ts'
import { AZURE_DEVOPS } from './identities.ts'
import { LIFETIME, objectToQuery, selectIdentity } from './identity-queries.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import type { Tokens } from './tokens.ts'

/**
 * How the metadata service's answers differ from what they should be: `expires_on` is a number,
 * or no number at all; neither `expires_on` nor `expires_in` is there; the JSON ends too early;
 * every answer is the 403 of a container whose network does not reach the service.
 */
export type ImdsOddity =
  'expires-on-number' | 'expires-on-odd' | 'no-expiry' | 'truncated' | 'unreachable'

/** The metadata service of a virtual machine. */
export interface Imds {
  readonly handler: Handler
  /** Answers these statuses, one a token request that is right, and then as it should. */
  set(statuses: readonly number[], oddity?: ImdsOddity): void
  reset(): void
}

const SELECTORS = ['client_id', 'object_id', 'msi_res_id']
const UNREACHABLE = 'connecting to 169.254.169.254:80: connecting to 169.254.169.254:80: ' +
  'dial tcp 169.254.169.254:80: connectex: A socket operation was attempted to an unreachable ' +
  'network.'

/** A metadata service that does as it should. */
export function createImds(tokens: Tokens): Imds {
  const statuses: number[] = []
  let oddity: ImdsOddity | undefined
  return {
    set: (script, odd) => {
      statuses.splice(0, Infinity, ...script)
      oddity = odd
    },
    reset: () => {
      statuses.length = 0
      oddity = undefined
    },
    handler: (request, response) => {
      if (oddity === 'unreachable') return send(response, 403, UNREACHABLE)
      const clientId = judge(request, response)
      if (clientId === undefined) return
      const status = statuses.shift() ?? 200
      if (status !== 200) return sendJson(response, status, { error: 'scripted', status })
      const token = tokens.mintApplicationToken({ clientId, expiresInSeconds: LIFETIME })
      const text = JSON.stringify(answer(token, clientId, oddity))
      const type = { 'content-type': 'application/json; charset=utf-8' }
      send(response, 200, oddity === 'truncated' ? text.slice(0, -20) : text, type)
    },
  }
}

/** The client id asked for; undefined: the request has been refused. */
function judge(
  { headers, url, errors, method }: ReceivedRequest, response: ServerResponse,
): string | undefined {
  const refuse = (error: string, description: string, status = 400): undefined => {
    // A request with neither the header nor a query only asks whether anything is here.
    if (headers['metadata'] !== undefined || url.search !== '') errors.push(description)
    sendJson(response, status, { error, error_description: description })
  }
  if (method !== 'GET') return refuse('method_not_allowed', 'only GET is supported', 405)
  if (headers['metadata'] !== 'true') {
    return refuse('invalid_request', 'Required metadata header not specified')
  }
  const objection = objectToQuery(url, '2018-02-01', SELECTORS)
  if (objection !== undefined) return refuse('invalid_request', objection)
  return selectIdentity(url, 'msi_res_id') ?? refuse('invalid_request', 'Identity not found')
}

function answer(token: string, clientId: string, oddity: ImdsOddity | undefined): object {
  const now = Math.floor(Date.now() / 1000)
  const end = now + LIFETIME
  const whole = {
    access_token: token,
    client_id: clientId,
    expires_in: String(LIFETIME),
    expires_on: String(end),
    ext_expires_in: String(LIFETIME),
    not_before: String(now),
    resource: AZURE_DEVOPS,
    token_type: 'Bearer',
  }
  const { expires_in: _in, expires_on: _on, ...bare } = whole
  if (oddity === 'expires-on-number') return { ...whole, expires_on: end }
  if (oddity === 'expires-on-odd') return { ...bare, expires_on: '15609740s28' }
  return oddity === 'no-expiry' ? bare : whole
}
