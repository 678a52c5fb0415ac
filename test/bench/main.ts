// `npm run bench`: how long a whole call takes, beside `node -e 0`. All variants take turns in one run,
// so that a busy machine slows them alike; only the ratios mean anything elsewhere.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import { BIN, newMachine } from '../flow/program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

interface Variant {
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The exit status that shows that the call did what it is measured for. */
  readonly status: number
}

/** Wall time of one process from start to end, in milliseconds. */
function measure({ name, args, env, status }: Variant): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === status) resolve(performance.now() - started)
      else reject(new Error(`${name} ended with ${code}, not ${status}`))
    })
  })
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN
}

async function bench(runs: number): Promise<void> {
  const azure = await startStandIn()
  const machine = newMachine()
  try {
    const world = { ...machine.env, ...azure.environment() }
    writeFakeAz(machine.programs, { log: join(machine.home, 'log'), token: azure.tokens.mintUserToken() })
    const secret = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET }
    const token = (text: string): Record<string, string> => ({ ...world, ARTIFACTS_KEYRING_NOFUSS_TOKEN: text })
    const keyring = (service: string): readonly string[] => [BIN, 'get', service, 'me']
    const variants: readonly Variant[] = [
      { name: 'node -e 0', args: ['-e', '0'], env: world, status: 0 },
      { name: 'a service that is not ours', args: keyring('https://index.example/'), env: world, status: 1 },
      { name: 'a PAT in a variable', args: keyring(FEED), env: token('pat'), status: 0 },
      { name: "an application's token in a variable", args: keyring(FEED), env: token(azure.tokens.mintApplicationToken()), status: 0 },
      { name: 'a service principal (1 request)', args: keyring(FEED), env: { ...world, ...secret }, status: 0 },
      { name: 'a user through az (2 requests)', args: keyring(FEED), env: world, status: 0 },
    ]
    const times = variants.map((): number[] => [])
    for (let run = 0; run < runs; run += 1) {
      for (const [index, variant] of variants.entries()) times[index]?.push(await measure(variant))
    }
    print(variants, times)
  } finally {
    await azure.close()
    machine.remove()
  }
}

function print(variants: readonly Variant[], times: readonly (readonly number[])[]): void {
  const sorted = times.map((list) => [...list].sort((a, b) => a - b))
  const base = quantile(sorted[0] ?? [], 0.5)
  process.stdout.write(`Node ${process.version}, ${sorted[0]?.length} runs of each, wall time in ms\n\n`)
  const row = (...cells: readonly string[]): string => `${cells.map((cell, index) => (index === 0 ? cell.padEnd(38) : cell.padStart(8))).join('')}\n`
  process.stdout.write(row('', 'median', '10 %', '90 %', 'ratio'))
  for (const [index, { name }] of variants.entries()) {
    const list = sorted[index] ?? []
    const [median, low, high] = [0.5, 0.1, 0.9].map((part) => quantile(list, part)) as [number, number, number]
    process.stdout.write(row(name, median.toFixed(1), low.toFixed(1), high.toFixed(1), (median / base).toFixed(2)))
  }
}

const asked = /^--runs=(\d+)$/.exec(process.argv.slice(2).join('=').replace('==', '='))?.[1]
await bench(Number(asked ?? 20))
