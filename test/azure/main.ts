import { startStandIn } from './stand-in.ts'

// Standalone: one line of JSON says where everything is; runs until told, or until the parent,
// who holds the other end of stdin, is gone.
const standIn = await startStandIn()
const { proxyUrl, identityUrl, caFile } = standIn
process.stdout.write(`${JSON.stringify({ proxyUrl, identityUrl, caFile })}\n`)

let ending: Promise<void> | undefined
const end = (): void => {
  ending ??= standIn.close().then(() => process.exit(0))
}
process.once('SIGINT', end)
process.once('SIGTERM', end)
process.stdin.once('end', end)
process.stdin.once('error', end)
process.stdin.resume()
