import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StandIn } from '../azure/stand-in.ts'
import { clientPath } from '../clients/installed.ts'
import { logLines } from '../flow/program.ts'
import type { Bench } from './bench.ts'
import type { Job } from './measure.ts'
import { table } from './report.ts'
import { installKeyring } from './stacks.ts'
import type { Stack } from './stacks.ts'
import { median } from './statistics.ts'

const FEEDS = [1, 5, 20] as const

/** What one install has cost. */
interface Cost {
  readonly wallMs: number
  /** Starts of `keyring`. */
  readonly calls: number
  /** Requests of `keyring`, without those of the client itself. */
  readonly requests: number
  readonly az: number
}

interface Client {
  readonly name: string
  /** Prepares a folder that exists, and says how to install from so many feeds into it. */
  readonly job: (folder: string, feeds: readonly string[]) => Pick<Job, 'argv' | 'cwd'>
}

/** The clients that are installed; each looks at every feed for the package. */
function clients(): readonly Client[] {
  const uv = clientPath('uv')
  const pip = clientPath('pip-latest')
  return [
    ...(uv === undefined ? [] : [{ name: 'uv sync', job: uvSync(uv) }]),
    ...(pip === undefined ? [] : [{ name: 'pip install', job: pipInstall(pip) }]),
  ]
}

function uvSync(uv: string): Client['job'] {
  return (folder, feeds) => {
    const indexes = feeds.map((url, index) => `
[[tool.uv.index]]
name = "feed-${index}"
url = "${url}"
authenticate = "always"${index === 0 ? '\ndefault = true' : ''}
`)
    writeFileSync(join(folder, 'pyproject.toml'), `[project]
name = "app"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["private-package"]

[tool.uv]
package = false
keyring-provider = "subprocess"
index-strategy = "unsafe-best-match"
${indexes.join('')}`)
    return { argv: [uv, 'sync'], cwd: folder }
  }
}

function pipInstall(pip: string): Client['job'] {
  return (folder, [first = '', ...more]) => {
    const indexes = ['--index-url', first, ...more.flatMap((url) => ['--extra-index-url', url])]
    return { argv: [pip, 'install', '--no-deps', '--target', folder, ...indexes, 'private-package'] }
  }
}

/**
 * A table of installs of one package from one, five and twenty feeds, each from a cold start, beside the
 * same install with a `keyring` that only prints. All take turns. Undefined when no client is installed.
 *
 * @throws Error when an install failed
 */
export async function growthOfFeeds(
  bench: Bench,
  base: Stack,
  stacks: readonly Stack[],
  turns: number,
): Promise<string | undefined> {
  const all = [base, ...stacks]
  for (const stack of all) installKeyring(stack)
  const rows: (readonly string[])[] = []
  for (const client of clients()) {
    for (const feeds of FEEDS) {
      const costs = all.map((stack) => ({ stack, costs: [] as Cost[] }))
      for (let turn = 0; turn < turns; turn += 1) {
        for (const row of costs) row.costs.push(await install(bench, row.stack, client, feeds))
      }
      const [unit, ...others] = costs.map(({ stack, costs: each }) => ({ stack, ...middle(each) }))
      for (const { stack, wallMs, calls, requests, az } of others) {
        rows.push([
          `${client.name}, ${feeds} ${feeds === 1 ? 'feed' : 'feeds'}, ${stack.name}`,
          ...[calls, requests, az].map(String),
          (wallMs / (unit?.wallMs ?? Number.NaN)).toFixed(1),
          (wallMs / 1000).toFixed(1),
        ])
      }
    }
  }
  const head = ['', 'keyring', 'its requests', 'az', `time, × with ${base.name}`, 's']
  return rows.length === 0 ? undefined : table([head, ...rows])
}

function middle(costs: readonly Cost[]): Cost {
  const of = (figure: keyof Cost): number => median(costs.map((cost) => cost[figure]))
  return { wallMs: of('wallMs'), calls: of('calls'), requests: of('requests'), az: of('az') }
}

async function install({ azure, measurer }: Bench, stack: Stack, client: Client, count: number): Promise<Cost> {
  const { machine } = stack
  await stack.forget()
  const folder = join(machine.home, 'project')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const feeds = Array.from({ length: count }, (_, index) =>
    `https://pkgs.dev.azure.com/contoso/_packaging/feed-${index}/pypi/simple/`)
  const job = client.job(folder, feeds)
  azure.requests.length = 0
  const before = logLines(machine.log).length
  const { status, stderr, wallMs } = await measurer.measure({ ...job, env: environment(azure, stack) })
  if (status !== 0) throw new Error(`${client.name} with ${stack.name}: ended with ${status}\n${stderr}`)
  const started = logLines(machine.log).slice(before).map((line) => line.split('\t')[0])
  const own = azure.requests.filter(({ headers }) => !/^(pip|uv)\//.test(headers['user-agent'] ?? ''))
  return {
    wallMs,
    calls: started.filter((name) => name === 'keyring').length,
    requests: own.length,
    az: started.filter((name) => name === 'az').length,
  }
}

function environment(azure: StandIn, { machine, env }: Stack): Readonly<Record<string, string>> {
  return {
    ...machine.env,
    ...azure.environment(),
    PATH: `${machine.programs}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_CACHE_DIR: '1',
    PIP_KEYRING_PROVIDER: 'subprocess',
    UV_NO_CACHE: '1',
    UV_PYTHON_DOWNLOADS: 'never',
    NO_COLOR: '1',
    ...env,
  }
}
