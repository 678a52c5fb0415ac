import type { ServerResponse } from 'node:http'
import { sendJson } from './answers.ts'
import { AZURE_DEVOPS, SYSTEM_IDENTITY_CLIENT_ID } from './identities.ts'
import { LIFETIME, objectToQuery, selectIdentity } from './identity-queries.ts'
import type { Handler } from './received.ts'
import type { Tokens } from './tokens.ts'

/** How the agent of Azure Arc behaves. */
export interface Arc {
  /** The path that the challenge names. */
  readonly realm: string
  /** What is in that file. */
  readonly key: string
  /**
   * What it does wrong. The first three spoil the challenge, `ok-at-once` leaves it out. The
   * others spoil the echo of the name by which an identity was asked for; an agent that echoes
   * none, or another, gives the machine's own identity.
   */
  readonly misbehave?: 'no-challenge' | 'basic-only' | 'basic-realm-without-value' |
    'ok-at-once' | 'no-echo' | 'wrong-echo' | 'echo-in-upper-case' | 'echo-mi-res-id'
}

/** The agent on a server of Azure Arc. */
export interface ArcAgent {
  readonly handler: Handler
  set(arc: Arc): void
  reset(): void
}

const PATH = '/metadata/identity/oauth2/token'
const SELECTORS = ['client_id', 'object_id', 'msi_res_id']

/** An agent that knows no key yet, which refuses everything. */
export function createArcAgent(tokens: Tokens): ArcAgent {
  let arc: Arc | undefined
  // Every challenge has a new key in the real world: one key opens once.
  let challenges = 0
  return {
    set: next => {
      arc = next
      challenges = 0
    },
    reset: () => {
      arc = undefined
      challenges = 0
    },
    handler: ({ headers, url, errors, method }, response) => {
      const refuse = (status: number, description: string, error = 'invalid_request'): void => {
        errors.push(description)
        sendJson(response, status, { error, error_description: description })
      }
      if (arc === undefined || url.pathname !== PATH) {
        return refuse(404, 'no such identity endpoint', 'not_found')
      }
      if (method !== 'GET') return refuse(405, 'only GET is supported')
      if (headers['metadata'] !== 'true') return refuse(400, 'Metadata header is not true')
      const objection = objectToQuery(url, '2020-06-01', SELECTORS)
      if (objection !== undefined) return refuse(400, objection)
      const { authorization } = headers
      if (authorization === undefined && arc.misbehave !== 'ok-at-once') {
        challenges++
        return challenge(arc, response)
      }
      if (authorization !== undefined) {
        if (challenges === 0) return refuse(401, 'a key came before its challenge')
        if (authorization !== `Basic ${arc.key}`) return refuse(401, 'the key is wrong')
        challenges--
      }
      const clientId = selectIdentity(url, 'msi_res_id')
      if (clientId === undefined) return refuse(400, 'Identity not found')
      const silent = arc.misbehave === 'no-echo' || arc.misbehave === 'wrong-echo'
      sendJson(response, 200, {
        access_token: tokens.mintApplicationToken({
          clientId: silent ? SYSTEM_IDENTITY_CLIENT_ID : clientId, expiresInSeconds: LIFETIME,
        }),
        expires_in: String(LIFETIME),
        expires_on: String(Math.floor(Date.now() / 1000) + LIFETIME),
        resource: AZURE_DEVOPS,
        token_type: 'Bearer',
        ...echo(arc, url),
      })
    },
  }
}

function challenge({ realm, misbehave }: Arc, response: ServerResponse): void {
  const header = misbehave === 'basic-only'
    ? 'Basic ' : misbehave === 'basic-realm-without-value' ? 'Basic realm' : `Basic realm=${realm}`
  const headers = misbehave === 'no-challenge' ? {} : { 'www-authenticate': header }
  const description = 'The Authorization header is missing.'
  sendJson(response, 401, { error: 'unauthorized_client', error_description: description }, headers)
}

function echo({ misbehave }: Arc, { searchParams: query }: URL): Record<string, string> {
  const name = SELECTORS.find(selector => query.has(selector))
  if (name === undefined || misbehave === 'no-echo') return {}
  const value = query.get(name) ?? ''
  if (misbehave === 'wrong-echo') return { [name]: SYSTEM_IDENTITY_CLIENT_ID }
  if (misbehave === 'echo-in-upper-case') return { [name]: value.toUpperCase() }
  const short = misbehave === 'echo-mi-res-id' && name === 'msi_res_id'
  return { [short ? 'mi_res_id' : name]: value }
}
