import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'

/** How a badly behaved server answers. */
export interface Fault {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Bytes of filler to send after `body`. */
  readonly filler?: number
  /** `reset` answers nothing and drops the connection, `cut` drops it in the middle of the body. */
  readonly end?: 'reset' | 'cut' | 'hang'
  /** How many requests meet the fault before all is well; absent: every one. */
  readonly times?: number
}

/** The sign-in page that Azure DevOps sends to what it takes for a browser. */
export const SIGN_IN_PAGE = '<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In' +
  '</title></head><body><form action="https://login.microsoftonline.com/common"></form></body>' +
  '</html>'

const NAMESPACE = 'Microsoft.VisualStudio.Services.Common'

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse, status: number, value: unknown,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  send(response, status, JSON.stringify(value), {
    'content-type': 'application/json; charset=utf-8', ...headers,
  })
}

/** Answers with a text of any kind. */
export function send(
  response: ServerResponse, status: number, body: string | Uint8Array,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}

/** Azure DevOps's own shape of an error. */
export function sendDevOpsError(
  response: ServerResponse, status: number, message: string, type = 'VssServiceException',
): void {
  sendJson(response, status, {
    $id: '1', innerException: null, message,
    typeName: `${NAMESPACE}.${type}, ${NAMESPACE}`,
    typeKey: type, errorCode: 0, eventId: 3000,
  }, { 'x-vss-e2eid': randomUUID(), activityid: randomUUID() })
}

/** Answers as a fault says, on top of headers that belong to the host. */
export async function misbehave(
  fault: Fault, response: ServerResponse,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<void> {
  const { status = 200, body = '' } = fault
  if (fault.end === 'hang') return
  if (fault.end === 'reset') {
    response.socket?.destroy()
    return
  }
  const all = { ...headers, ...fault.headers }
  if (fault.filler !== undefined) await stream(response, status, body, fault.filler, all)
  else if (fault.end === 'cut') cut(response, status, body, all)
  else send(response, status, body, all)
}

async function stream(
  response: ServerResponse, status: number, start: string, size: number,
  headers: Readonly<Record<string, string | readonly string[]>>,
): Promise<void> {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.write(start)
  const chunk = Buffer.alloc(64 * 1024, 'A')
  for (let sent = 0; sent < size && !response.destroyed; sent += chunk.length) {
    if (!response.write(chunk)) await writable(response)
  }
  response.end()
}

function cut(
  response: ServerResponse, status: number, body: string,
  headers: Readonly<Record<string, string | readonly string[]>>,
): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-length', Buffer.byteLength(body) + 1000)
  response.write(body, () => response.socket?.destroy())
}

// The client may hang up instead of reading on.
function writable(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    if (response.destroyed) return resolve()
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
