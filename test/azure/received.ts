import type { IncomingMessage, ServerResponse } from 'node:http'

/** One request as a test sees it. */
export interface RecordedRequest {
  /** The name the client asked for, with the port unless it is 443. */
  readonly host: string
  readonly method: string
  /** Path and query as they came. */
  readonly path: string
  /** Lower-case names; a repeated header's values are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The status answered, once the head of the answer has left. */
  readonly status: () => number | undefined
  readonly viaProxy: boolean
  /** What the stand-in objected to. Empty for a request that is as it should be. */
  readonly errors: readonly string[]
}

/** One request as a handler sees it. */
export interface ReceivedRequest extends RecordedRequest {
  readonly url: URL
  /** The body as it came. */
  readonly bytes: Buffer
  readonly errors: string[]
}

/** Answers a request; never answering is fine too. */
export type Handler =
  (request: ReceivedRequest, response: ServerResponse) => void | Promise<void>

const BODY_LIMIT = 32 * 1024 * 1024

/** Records a request the moment its head is here, then has it answered when its body is. */
export function receive(
  requests: RecordedRequest[], host: string, viaProxy: boolean, handler: Handler,
): (message: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    const chunks: Buffer[] = []
    const record = describe(message, response, host, viaProxy, chunks)
    requests.push(record)
    let size = 0
    message.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > BODY_LIMIT) message.destroy()
      else chunks.push(chunk)
    })
    message.on('error', () => response.destroy())
    response.on('error', () => undefined)
    message.on('end', () => {
      // A handler that throws is a fault of the test or of the stand-in: say so in the record.
      Promise.resolve().then(() => handler(record, response)).catch((error: unknown) => {
        record.errors.push(`the handler threw: ${String(error)}`)
        response.destroy()
      })
    })
  }
}

function describe(
  message: IncomingMessage, response: ServerResponse, host: string, viaProxy: boolean,
  chunks: readonly Buffer[],
): ReceivedRequest {
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    headers[name] = (values ?? []).join(', ')
  }
  const path = message.url ?? '/'
  const errors: string[] = []
  if (viaProxy && headers['host'] !== host && headers['host'] !== `${host}:443`) {
    errors.push(`the Host header is ${headers['host'] ?? 'missing'}`)
  }
  const base = `https://${host}`
  const url = URL.canParse(base + path) ? new URL(base + path) : new URL(base)
  return {
    host,
    method: message.method ?? '',
    path,
    headers,
    get bytes() { return Buffer.concat(chunks) },
    get body() { return Buffer.concat(chunks).toString() },
    status: () => response.headersSent ? response.statusCode : undefined,
    viaProxy,
    errors,
    url,
  }
}
