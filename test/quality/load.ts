// `npm run load`: many calls at once against a stand-in that throttles every fifth request. Each call must
// succeed or say in one line why not, wait as it is told to, and not ask more often than it has to.
import { send } from '../azure/answers.ts'
import { createBehaviours } from '../azure/behaviours.ts'
import { createCertificateAssertions } from '../azure/certificate-assertions.ts'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { createRoutes } from '../azure/routes.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { newMachine, NOWHERE, runKeyring } from '../flow/program.ts'
import type { Ended } from '../flow/program.ts'

const CALLS = 200
const THROTTLED_EVERY = 5
const RETRY_AFTER_S = 1
/** Requests that were not throttled, beside the fewest that the calls need. */
const MOST_RATIO = 1.2
const LEAST_SUCCESSES = 0.95
const LIMIT_MS = 90_000

interface Flow {
  readonly name: string
  readonly hosts: readonly string[]
  readonly requestsPerCall: number
  readonly env: Readonly<Record<string, string>>
}

interface Throttle {
  readonly throttled: number
  /** The shortest time between a throttled request and the next one of the same call, where calls can be told apart. */
  readonly shortestWaitMs: number
}

/** Puts the throttle before the hosts' own answers. */
function throttle(azure: StandIn, hosts: readonly string[]): () => Throttle {
  const world = { tokens: azure.tokens, behaviours: createBehaviours(), certificates: createCertificateAssertions(), uploads: [] }
  const routes = createRoutes(world, false)
  const refusedAt = new Map<string, number>()
  let throttled = 0
  let shortestWaitMs = Infinity
  for (const host of hosts) {
    let seen = 0
    azure.answer(host, (request, response) => {
      const key = request.method === 'GET' ? request.path : undefined
      const before = key === undefined ? undefined : refusedAt.get(key)
      if (before !== undefined) shortestWaitMs = Math.min(shortestWaitMs, performance.now() - before)
      seen += 1
      if (seen % THROTTLED_EVERY !== 0) return routes(host)(request, response)
      throttled += 1
      if (key !== undefined) refusedAt.set(key, performance.now())
      return send(response, 429, '', { 'retry-after': String(RETRY_AFTER_S) })
    })
  }
  return () => ({ throttled, shortestWaitMs })
}

function saysWhy({ status, signal, stdout, stderr }: Ended): boolean {
  return status === 1 && signal === undefined && stdout === '' && (stderr.match(/^keyring: error: /gm) ?? []).length === 1
}

async function run(azure: StandIn, flow: Flow): Promise<boolean> {
  azure.reset()
  const throttled = throttle(azure, flow.hosts)
  const machine = newMachine()
  const started = performance.now()
  try {
    // No managed identity: a call that gives up would ask for one, which is not what is measured.
    const env = { ...machine.env, ...azure.environment(), AZURE_POD_IDENTITY_AUTHORITY_HOST: NOWHERE.AZURE_POD_IDENTITY_AUTHORITY_HOST, ...flow.env }
    const calls = Array.from({ length: CALLS }, (_, number) => {
      // A feed of its own, so that the requests of one call can be told from another's.
      const feed = `https://pkgs.dev.azure.com/contoso/_packaging/feed-${number}/pypi/simple/`
      return runKeyring(['get', feed, 'me'], env, { limitMs: LIMIT_MS })
    })
    return print(flow, await Promise.all(calls), azure, throttled(), performance.now() - started)
  } finally {
    machine.remove()
  }
}

function print(flow: Flow, ended: readonly Ended[], azure: StandIn, { throttled, shortestWaitMs }: Throttle, ms: number): boolean {
  const good = ended.filter(({ status, stdout, stderr }) => status === 0 && /^\S+\n$/.test(stdout) && stderr === '')
  const failures = ended.filter((one) => !good.includes(one))
  const silent = failures.filter((one) => !saysWhy(one))
  const fewest = CALLS * flow.requestsPerCall
  const ratio = (azure.requests.length - throttled) / fewest
  const objections = azure.requests.flatMap(({ errors }) => errors)
  const slowest = Math.max(...ended.map((one) => one.ms))
  process.stdout.write(`${flow.name}: ${CALLS} calls at once in ${(ms / 1000).toFixed(1)} s, the slowest ${(slowest / 1000).toFixed(1)} s\n`)
  process.stdout.write(`  ${good.length} succeeded, ${failures.length - silent.length} said why not, ${silent.length} did neither\n`)
  process.stdout.write(`  ${azure.requests.length} requests: ${throttled} throttled, ${azure.requests.length - throttled} answered, ${ratio.toFixed(2)} × the fewest possible (${fewest})\n`)
  if (Number.isFinite(shortestWaitMs)) process.stdout.write(`  the shortest wait after Retry-After: ${RETRY_AFTER_S} was ${(shortestWaitMs / 1000).toFixed(2)} s\n`)
  for (const text of new Set(failures.map(({ stderr }) => stderr.replace(/feed-\d+/g, 'feed-N').trimEnd()))) process.stdout.write(`  ${text.replaceAll('\n', '\n  ')}\n`)
  for (const text of new Set(objections)) process.stdout.write(`  the stand-in objects: ${text}\n`)
  const waited = shortestWaitMs >= RETRY_AFTER_S * 1000 - 5
  return silent.length === 0 && objections.length === 0 && waited && ratio <= MOST_RATIO && good.length >= CALLS * LEAST_SUCCESSES
}

const azure = await startStandIn()
try {
  const flows: readonly Flow[] = [
    {
      name: 'user, by a token in a variable',
      hosts: ['pkgs.dev.azure.com', 'vssps.dev.azure.com'],
      requestsPerCall: 2,
      env: { ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintUserToken() },
    },
    {
      name: 'service principal',
      hosts: ['login.microsoftonline.com'],
      requestsPerCall: 1,
      env: { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET },
    },
  ]
  for (const flow of flows) if (!(await run(azure, flow))) process.exitCode = 1
} finally {
  await azure.close()
}
