import { sendJson } from './answers.ts'
import { APP_SERVICE_HEADER, AZURE_DEVOPS } from './identities.ts'
import { LIFETIME, objectToQuery, selectIdentity } from './identity-queries.ts'
import type { Handler } from './received.ts'
import type { Tokens } from './tokens.ts'

/** The identity endpoint of App Service, Functions and Container Apps. */
export function appServiceHandler(tokens: Tokens): Handler {
  return ({ headers, url, errors, method }, response) => {
    const refuse = (statusCode: number, message: string): void => {
      errors.push(message)
      sendJson(response, statusCode, { statusCode, message })
    }
    if (method !== 'GET') return refuse(405, 'only GET is supported')
    if (headers['x-identity-header'] !== APP_SERVICE_HEADER) {
      return refuse(401, 'X-IDENTITY-HEADER is wrong')
    }
    const objection = objectToQuery(url, '2019-08-01', ['client_id', 'object_id', 'mi_res_id'])
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
}
