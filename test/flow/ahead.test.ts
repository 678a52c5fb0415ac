import assert from 'node:assert/strict'
import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { createAuthority } from '../azure/certificates.ts'
import { writeFakeAdoAuthHelper, writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { httpsFetch } from '../../src/net/https-fetch.ts'
import type { FetchInit } from '../../src/system/system.ts'
import { fakeSystem } from '../unit/fake-system.ts'
import { newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/project/_packaging/feed/pypi/simple/'
const EXCHANGE = 'vssps.dev.azure.com:443'

let azure: StandIn
let machine: Machine
let log: string

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  machine = newMachine()
  log = join(machine.home, 'programs.log')
  if ('after' in context) context.after(() => machine.remove())
})

function get(env: Readonly<Record<string, string>>, feed = FEED): Promise<Ended> {
  return runKeyring(['get', feed, 'me'], { ...machine.env, ...azure.environment(), ...NOWHERE, ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1', ...env })
}

/** Makes a program wait, for ten seconds at most, until a file is there. */
function holdBack(program: string, until: string): void {
  renameSync(program, `${program}.real`)
  const wait = `n=0; while [ ! -e '${until}' ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; [ -e '${until}' ] || exit 9`
  writeFileSync(program, `#!/bin/sh\nPATH=/usr/bin:/bin\n${wait}\nexec '${program}.real' "$@"\n`)
  chmodSync(program, 0o755)
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.ok(condition())
}

test('the connection for the exchange is open before az has answered, and nothing is sent over it', async () => {
  const ready = join(machine.home, 'ready')
  holdBack(writeFakeAz(machine.programs, { token: azure.tokens.mintUserToken(), log }), ready)
  const call = get({ ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli' })
  await eventually(() => azure.connects.includes(EXCHANGE))
  assert.deepEqual(azure.requests.map(({ host }) => host), ['pkgs.dev.azure.com'])
  writeFileSync(ready, '')
  const { status, stderr } = await call
  assert.equal(status, 0, stderr)
  assert.deepEqual(azure.requests.map(({ host }) => host), ['pkgs.dev.azure.com', 'vssps.dev.azure.com'])
  assert.equal(azure.connects.filter((target) => target === EXCHANGE).length, 1, 'the exchange uses that connection')
})

test('a helper that needs no tenant runs while the feed is being asked', async () => {
  const ready = join(machine.home, 'ready')
  holdBack(writeFakeAdoAuthHelper(join(machine.home, 'ado-auth-helper'), { token: azure.tokens.mintUserToken(), log }), ready)
  const call = get({ ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'ado_auth_helper' })
  await eventually(() => azure.connects.includes(EXCHANGE))
  writeFileSync(ready, '')
  const { status, stderr } = await call
  assert.equal(status, 0, stderr)
  assert.equal(azure.requests.length, 2, 'nothing is asked twice')
})

test('no connection is opened to an endpoint that is not trusted', async () => {
  writeFakeAdoAuthHelper(join(machine.home, 'ado-auth-helper'), { token: azure.tokens.mintUserToken(), log })
  const { status, stderr } = await get({ ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'ado_auth_helper' }, FEED.replace('contoso', 'evil-endpoint'))
  assert.equal(status, 1)
  assert.match(stderr, /names an authorization endpoint that is not trusted/)
  assert.deepEqual(azure.connects, ['pkgs.dev.azure.com:443'])
})

test('debug tells when everything happened', async () => {
  writeFakeAz(machine.programs, { token: azure.tokens.mintUserToken(), log, delaySeconds: 0.3 })
  const { stderr } = await get({ ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'azure_cli', PATH: `${machine.programs}:/usr/bin:/bin` })
  const times = stderr.trim().split('\n').map((line) => Number(/^keyring: debug: .*, at (\d+) ms$/.exec(line)?.[1]))
  assert.ok(times.length > 4, stderr)
  assert.deepEqual(times, times.toSorted((one, other) => one - other), stderr)
  const at = (text: RegExp): number => times[stderr.trim().split('\n').findIndex((line) => text.test(line))] ?? Number.NaN
  assert.ok(at(/connecting to vssps\.dev\.azure\.com ahead/) < at(/azure_cli: found a token/) - 200, stderr)
})

test('a connection that the server has closed meanwhile is not used', async (context) => {
  const authority = createAuthority()
  const { certificate, key } = authority.leaf('127.0.0.1')
  const sockets: Socket[] = []
  const server: Server = createServer({ cert: certificate, key }, (_, response) => response.end('answer'))
  server.on('secureConnection', (socket: Socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.close())
  const system = fakeSystem({ env: { SSL_CERT_FILE: '/ca.pem' }, files: { '/ca.pem': authority.certificate } })
  const fetch = httpsFetch(system)
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const init: FetchInit = { method: 'GET', headers: {}, redirect: 'manual', signal: new AbortController().signal }
  const ask = async (): Promise<number> => {
    const { status, body } = await fetch(url, init)
    for await (const _ of body ?? []) continue
    return status
  }
  fetch.connect?.(url)
  await eventually(() => sockets.length === 1)
  assert.equal(await ask(), 200)
  assert.equal(sockets.length, 1)
  fetch.connect?.(url)
  await eventually(() => sockets.length === 2)
  sockets[1]?.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(await ask(), 200)
  assert.equal(sockets.length, 3)
})
