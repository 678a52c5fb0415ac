import { sendJson } from './answers.ts'
import type { World } from './behaviours.ts'
import {
  GITHUB_ISSUER, GITHUB_REQUEST_TOKEN, GITHUB_SUBJECT, GITHUB_TOKEN_URL,
} from './identities.ts'
import type { Handler } from './received.ts'

/** The endpoint that gives a GitHub job the token that says which job it is. */
export function githubHandler({ tokens }: World): Handler {
  return (request, response) => {
    const { method, url, headers, errors } = request
    const refuse = (status: number, message: string): void => {
      errors.push(message)
      sendJson(response, status, { message })
    }
    if (method !== 'GET') return refuse(405, 'only GET is supported')
    if (url.pathname !== new URL(GITHUB_TOKEN_URL).pathname) return refuse(404, 'no such token')
    if (headers['authorization'] !== `Bearer ${GITHUB_REQUEST_TOKEN}`) {
      return refuse(401, 'the request token is wrong')
    }
    if (url.searchParams.getAll('api-version').join() !== '2.0') {
      return refuse(400, 'api-version is not 2.0')
    }
    // Without an audience the token is for the repository's owner, which Entra refuses later.
    const audience = url.searchParams.get('audience') ?? 'https://github.com/contoso'
    const value = tokens.mintFederatedAssertion({
      subject: GITHUB_SUBJECT, issuer: GITHUB_ISSUER, audience, expiresInSeconds: 300,
    })
    return sendJson(response, 200, { count: value.length, value })
  }
}
