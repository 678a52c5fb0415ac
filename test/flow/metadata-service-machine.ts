// Runs inside a network namespace of its own: gives it the metadata service's address, serves that and
// runs keyring there. Prints what was asked and what came of it, as JSON.
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { runKeyring } from './program.ts'

const ADDRESS = '169.254.169.254'
const asked: string[] = []
const token = process.env['IMDS_TOKEN'] ?? ''

for (const args of [['link', 'set', 'lo', 'up'], ['addr', 'add', `${ADDRESS}/32`, 'dev', 'lo']]) {
  const { status, stderr } = spawnSync('ip', args)
  if (status !== 0) throw new Error(stderr.toString())
}
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers['metadata'] ?? '-'}`)
  const good = request.headers['metadata'] === 'true' && request.url?.includes('?') === true
  response.writeHead(good ? 200 : 400, { 'content-type': 'application/json' })
  response.end(JSON.stringify(good ? { access_token: token, expires_in: '3599' } : { error: 'invalid_request' }))
})
await new Promise<void>((resolve) => server.listen(80, ADDRESS, resolve))
const service = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
// A proxy that nobody listens on: who asks through it gets nothing.
const ended = await runKeyring(['get', service, 'me'], { HTTPS_PROXY: 'http://127.0.0.1:1', ALL_PROXY: 'http://127.0.0.1:1' })
server.close()
process.stdout.write(JSON.stringify({ asked, ...ended }))
