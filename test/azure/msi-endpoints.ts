import { sendJson } from './answers.ts'
import {
  AZURE_DEVOPS, DEFAULT_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_CLIENT_ID, ML_SECRET,
  SYSTEM_IDENTITY_CLIENT_ID,
} from './identities.ts'
import { LIFETIME, objectToQuery } from './identity-queries.ts'
import type { Handler } from './received.ts'
import type { Tokens } from './tokens.ts'

/** How Azure Machine Learning writes `expires_on`: as on Linux, as on Windows, or in seconds. */
export type MachineLearningDate = 'linux' | 'windows' | 'seconds'

const KNOWN = [DEFAULT_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_CLIENT_ID, SYSTEM_IDENTITY_CLIENT_ID]

/** The identity endpoint of Azure Machine Learning. */
export function machineLearningHandler(tokens: Tokens, date: () => MachineLearningDate): Handler {
  return ({ headers, url, errors, method }, response) => {
    const refuse = (status: number, message: string): void => {
      errors.push(message)
      sendJson(response, status, { error: { code: 'invalid_request', message } })
    }
    if (method !== 'GET') return refuse(405, 'only GET is supported')
    if (headers['secret'] !== ML_SECRET) return refuse(401, 'the secret is wrong')
    const objection = objectToQuery(url, '2017-09-01', ['clientid'])
    if (objection !== undefined) return refuse(400, objection)
    const clientId = url.searchParams.get('clientid') ?? SYSTEM_IDENTITY_CLIENT_ID
    if (!KNOWN.includes(clientId)) return refuse(400, 'Identity not found')
    return sendJson(response, 200, {
      access_token: tokens.mintApplicationToken({ clientId, expiresInSeconds: LIFETIME }),
      expires_on: writeDate(Math.floor(Date.now() / 1000) + LIFETIME, date()),
      resource: AZURE_DEVOPS,
      token_type: 'Bearer',
    })
  }
}

/** The identity endpoint of Cloud Shell, which gives the token of its user. */
export function cloudShellHandler(tokens: Tokens): Handler {
  return ({ headers, url, errors, method, body }, response) => {
    const refuse = (status: number, message: string): void => {
      errors.push(message)
      sendJson(response, status, { error: { code: 'invalid_request', message } })
    }
    if (method !== 'POST') return refuse(405, 'only POST is supported')
    if (headers['metadata'] !== 'true') return refuse(400, 'Metadata header is not true')
    if (!/^application\/x-www-form-urlencoded(; *charset=utf-8)?$/i.test(
      headers['content-type'] ?? '')) return refuse(415, 'Content-Type is not that of a form')
    if (url.search !== '') return refuse(400, 'there is a query')
    if (body !== `resource=${AZURE_DEVOPS}`) {
      return refuse(400, 'the form is not the resource of Azure DevOps alone')
    }
    return sendJson(response, 200, {
      access_token: tokens.mintUserToken(),
      expires_in: '3599',
      expires_on: String(Math.floor(Date.now() / 1000) + 3599),
      resource: AZURE_DEVOPS,
      token_type: 'Bearer',
    })
  }
}

/** A time in seconds as the date that one of the two platforms, or neither, makes of it. */
export function writeDate(seconds: number, date: MachineLearningDate): string | number {
  if (date === 'seconds') return seconds
  const [, year, month = '', day = '', hours = '', rest] =
    /^(\d+)-(\d+)-(\d+)T(\d+)(:\d+:\d+)/.exec(new Date(seconds * 1000).toISOString()) ?? []
  if (date === 'linux') return `${month}/${day}/${year} ${hours}${rest} +00:00`
  const clock = `${Number(hours) % 12 || 12}${rest} ${Number(hours) < 12 ? 'AM' : 'PM'}`
  return `${Number(month)}/${Number(day)}/${year} ${clock} +00:00`
}
