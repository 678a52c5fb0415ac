import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { send, sendJson, SIGN_IN_PAGE } from './answers.ts'
import type { World } from './behaviours.ts'
import {
  PIPELINES_ISSUER, PIPELINES_OIDC_URL, PIPELINES_SUBJECT, SERVICE_CONNECTION_ID,
} from './identities.ts'
import type { Handler, ReceivedRequest } from './received.ts'

/** The host of Azure DevOps's own services. */
export const DEVOPS_HOST = 'dev.azure.com'

const LIFETIME = 600
const SIGN_IN = 'https://spsprodcus1.vssps.visualstudio.com/_signin?realm=dev.azure.com'

/** The endpoint that gives a job of Azure Pipelines the token of a service connection. */
export function pipelinesHandler({ tokens }: World): Handler {
  return (request, response) => {
    response.setHeader('x-vss-e2eid', randomUUID())
    response.setHeader('x-msedge-ref', `Ref A: ${randomUUID()} Ref B: STANDIN Ref C: now`)
    const { headers, errors, url } = request
    const refuse = (status: number, message: string, type = 'VssServiceException'): void => {
      errors.push(message)
      answerError(response, status, message, type)
    }
    if (url.pathname !== new URL(PIPELINES_OIDC_URL).pathname) {
      return refuse(404, 'The controller for path was not found or is no controller.')
    }
    // Whoever does not say that a program asks is sent to the page where people sign in.
    if (headers['x-tfs-fedauthredirect'] !== 'Suppress') {
      errors.push('X-TFS-FedAuthRedirect is not Suppress')
      const redirect = { 'content-type': 'text/html; charset=utf-8', location: SIGN_IN }
      return send(response, 302, SIGN_IN_PAGE, redirect)
    }
    const [, bearer = ''] = /^Bearer (\S+)$/.exec(headers['authorization'] ?? '') ?? []
    const token = tokens.find(bearer)
    const mine = token?.kind === 'system' && token.organization === 'contoso'
    if (!mine || token.expiresAt <= Date.now()) {
      const message = "TF400813: The user '' is not authorized to access this resource."
      return refuse(401, message, 'UnauthorizedRequestException')
    }
    const [status, objection] = objectToShape(request)
    if (objection !== undefined) return refuse(status, objection)
    const connection = url.searchParams.get('serviceConnectionId') ?? ''
    if (connection !== SERVICE_CONNECTION_ID) {
      const message = `No service connection found with identifier ${connection}.`
      return refuse(404, message, 'ServiceEndpointNotFoundException')
    }
    const oidcToken = tokens.mintFederatedAssertion({
      issuer: PIPELINES_ISSUER, subject: PIPELINES_SUBJECT, expiresInSeconds: LIFETIME,
    })
    return sendJson(response, 200, { oidcToken })
  }
}

function objectToShape(
  { method, headers, body, url: { searchParams: query } }: ReceivedRequest,
): readonly [status: number, objection?: string] {
  if (method !== 'POST') return [405, `The requested resource does not support ${method}.`]
  if (headers['content-length'] === undefined) return [411, 'Content-Length is missing']
  if (body !== '') return [400, 'the body is not empty']
  if (!/^application\/json(; *charset=utf-8)?$/i.test(headers['content-type'] ?? '')) {
    return [415, 'Content-Type is not application/json']
  }
  if (query.getAll('api-version').join() !== '7.1') return [400, 'api-version is not 7.1']
  if (query.getAll('serviceConnectionId').length !== 1) {
    return [400, 'serviceConnectionId is missing or repeated']
  }
  const odd = [...query.keys()].find(name => !['api-version', 'serviceConnectionId'].includes(name))
  return odd === undefined ? [200] : [400, `the query parameter ${odd} is unknown`]
}

function answerError(
  response: ServerResponse, status: number, message: string, type: string,
): void {
  sendJson(response, status, {
    $id: '1', innerException: null, message,
    typeName: `Microsoft.TeamFoundation.DistributedTask.WebApi.${type}`,
    typeKey: type, errorCode: 0, eventId: 3000,
  })
}
