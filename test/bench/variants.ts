import { fileURLToPath } from 'node:url'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { clientPath } from '../clients/installed.ts'
import { BIN, runProgram } from '../flow/program.ts'
import type { Bench } from './bench.ts'
import type { Job } from './measure.ts'
import type { VariantId } from './record.ts'
import { startRelay } from './relay.ts'
import { FEED, knowsAgent, machineWithAz, machineWithAzForPython, machineWithoutAz } from './world.ts'
import type { LoggedMachine } from './world.ts'

/** One thing to measure, and what shows that it did what it is measured for. */
export interface Variant extends Job {
  readonly id: VariantId
  /** Its log tells how many programs it started. */
  readonly machine: LoggedMachine
  readonly status: number
  readonly requests: number
  readonly programs: number
}

/** All that can be measured here, and how to put it away. */
export interface Variants {
  readonly list: readonly Variant[]
  readonly close: () => Promise<void>
}

const BARE = fileURLToPath(new URL('bare.cjs', import.meta.url))
const WITH_FETCH = fileURLToPath(new URL('with-fetch.cjs', import.meta.url))
const ELSEWHERE = 'https://index.example/'
const AGENT = { ARTIFACTS_KEYRING_NOFUSS_AGENT: '1' }

/** Prepares every variant; those of Python's program where it is installed. */
export async function prepareVariants({ azure, node }: Bench): Promise<Variants> {
  const empty = machineWithoutAz()
  const user = machineWithAz(azure)
  const repeated = machineWithAz(azure)
  const python = machineWithAzForPython(azure)
  const hosts = ['pkgs.dev.azure.com', 'vssps.dev.azure.com']
  const relays = await Promise.all(hosts.map((host) => startRelay(azure.proxyUrl, host)))
  const ports = Object.fromEntries(hosts.map((host, index) => [host, relays[index]?.port]))
  const world = azure.environment()

  const secret = {
    AZURE_CLIENT_ID: SECRET_CLIENT_ID,
    AZURE_TENANT_ID: CONTOSO_TENANT,
    AZURE_CLIENT_SECRET: CLIENT_SECRET,
  }
  const token = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintApplicationToken() }
  const pat = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintPat('contoso') }
  const keyring = (service: string): readonly string[] => [node, BIN, 'get', service, 'me']
  const on = (machine: LoggedMachine, more: Readonly<Record<string, string>> = {}) => ({
    machine, env: { ...machine.env, ...world, ...more }, status: 0, requests: 0, programs: 0,
  })
  const list: Variant[] = [
    { id: 'node', argv: [node, '-e', '0'], ...on(empty) },
    { id: 'foreign', argv: keyring(ELSEWHERE), ...on(empty), status: 1 },
    { id: 'pat', argv: keyring(FEED), ...on(empty, pat) },
    { id: 'app-token', argv: keyring(FEED), ...on(empty, token) },
    { id: 'sp', argv: keyring(FEED), ...on(empty, secret), requests: 1 },
    { id: 'sp-bare', argv: [node, BARE, 'service-principal'], ...on(empty, secret), requests: 1 },
    { id: 'user', argv: keyring(FEED), ...on(user), requests: 2, programs: 1 },
    { id: 'user-bare', argv: [node, BARE, 'user', FEED], ...on(user), requests: 2, programs: 1 },
    {
      id: 'user-fetch',
      // fetch takes no certificates of ours, but Node started so trusts exactly those of SSL_CERT_FILE.
      argv: [node, '--use-openssl-ca', WITH_FETCH, JSON.stringify(ports), 'get', FEED, 'me'],
      ...on(user),
      requests: 2,
      programs: 1,
    },
  ]
  const hasAgent = await knowsAgent(node, empty)
  if (hasAgent) list.push({ id: 'agent', argv: keyring(FEED), ...on(repeated, AGENT) })
  const installed = clientPath('python-nofuss')
  if (installed !== undefined) {
    const theirs = (service: string): readonly string[] => [installed, 'get', service, 'me']
    list.push(
      { id: 'foreign-python', argv: theirs(ELSEWHERE), ...on(empty), status: 1 },
      { id: 'app-token-python', argv: theirs(FEED), ...on(empty, token), requests: 1 },
      { id: 'sp-python', argv: theirs(FEED), ...on(empty, secret), requests: 3 },
      { id: 'user-python', argv: theirs(FEED), ...on(python), requests: 2, programs: 1 },
    )
  }
  const close = async (): Promise<void> => {
    if (hasAgent) await runProgram(node, [BIN, 'agent', 'stop'], { ...repeated.env, ...AGENT })
    await Promise.all(relays.map((relay) => relay.close()))
    for (const machine of [empty, user, repeated, python]) machine.remove()
  }
  return { list, close }
}
