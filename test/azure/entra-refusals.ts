import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { sendJson } from './answers.ts'
import type { ReceivedRequest } from './received.ts'

/** The host that gives tokens to applications. */
export const ENTRA_HOST = 'login.microsoftonline.com'

/** Why Entra gives no token. */
export interface Refusal {
  /** What follows `AADSTS`. */
  readonly code: number
  readonly text: string
  /** Absent: `invalid_request`. */
  readonly error?: string
  /** Absent: 400. */
  readonly status?: number
}

/** The refusal of a proof of identity that does not convince. */
export function invalidClient(code: number, text: string): Refusal {
  return { code, text, error: 'invalid_client', status: 401 }
}

/** The refusal of a form without one of its fields. */
export function missing(name: string): Refusal {
  const text = `The request body must contain the following parameter: '${name}'.`
  return { code: 900144, text }
}

/** Answers as Entra does when it gives no token, and notes the code. */
export function refuse(
  request: ReceivedRequest, response: ServerResponse, refusal: Refusal,
): void {
  const { code, text, error = 'invalid_request', status = 400 } = refusal
  request.errors.push(`AADSTS${code}`)
  const [trace, correlation] = [randomUUID(), randomUUID()]
  const timestamp = new Date().toISOString().replace(/\.\d+Z$/, 'Z').replace('T', ' ')
  sendJson(response, status, {
    error,
    error_description: `AADSTS${code}: ${text}\r\nTrace ID: ${trace}\r\n` +
      `Correlation ID: ${correlation}\r\nTimestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: `https://${ENTRA_HOST}/error?code=${code}`,
  })
}
