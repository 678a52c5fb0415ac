import { connect, createServer } from 'node:net'
import { follow, listen } from '../azure/servers.ts'

/** A port of this machine behind which one far host is. */
export interface Relay {
  readonly port: number
  readonly close: () => Promise<void>
}

/** Starts a relay to a host: it asks a proxy for the connection, for a client that cannot. */
export async function startRelay(proxyUrl: string, host: string): Promise<Relay> {
  const proxy = new URL(proxyUrl)
  const server = createServer((client) => {
    const upstream = connect({ host: proxy.hostname, port: Number(proxy.port) })
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).on('close', end)
    upstream.on('error', end).on('close', end)
    upstream.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`)
    // Nothing but the proxy's consent: in TLS the far host speaks second.
    upstream.once('data', (consent: Buffer) => {
      if (!consent.toString().startsWith('HTTP/1.1 200 ')) return end()
      client.pipe(upstream)
      upstream.pipe(client)
    })
  })
  const close = follow(server)
  return { port: await listen(server), close }
}
