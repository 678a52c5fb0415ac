// Counts what one `keyring get` loads and runs, here and in Python's keyring with
// artifacts-keyring-nofuss (`npm run audit:lines`; that one needs `npm run clients`, or the path of a
// virtual environment as argument). Both ask a fake az for a user's token and exchange it.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { sendJson } from '../azure/answers.ts'
import { writeScript } from '../azure/shell-script.ts'
import { startStandIn } from '../azure/stand-in.ts'
import { clientsDirectory } from '../clients/installed.ts'
import { BIN, newMachine, runProgram } from '../flow/program.ts'
import { nodeLines } from './lines-run.ts'
import type { LinesRun } from './lines-run.ts'
import { SupplyError, root, script } from './run.ts'

const feed = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const tracer = join(root, 'test', 'supply', 'lines_run.py')

interface PythonLines extends LinesRun {
  readonly native: number
  readonly packages: readonly string[]
}

/** A fake az that answers both callers: one asks for the token alone, as a JSON string. */
function writeAz(directory: string, token: string): void {
  writeScript(join(directory, 'az'), [
    'case "$*" in',
    `  *--query\\ accessToken*) echo '"${token}"' ;;`,
    `  *get-access-token*) echo '{"accessToken":"${token}","expires_on":9999999999,"tokenType":"Bearer"}' ;;`,
    '  *) echo somebody@contoso.example ;;',
    'esac',
  ])
}

type Call = (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<void>

async function inWorld(work: (call: Call, directory: string) => Promise<void>): Promise<void> {
  const azure = await startStandIn()
  const machine = newMachine()
  const directory = mkdtempSync(join(tmpdir(), 'audit-lines-'))
  try {
    writeAz(machine.programs, azure.tokens.mintUserToken())
    const PATH = [machine.programs, process.env['PATH']].join(delimiter)
    const call: Call = async (program, args, env = {}) => {
      azure.reset()
      // Python's program leaves out a parameter that the stand-in insists on.
      azure.behave('contoso', { exchange: (_, response) => sendJson(response, 200, { token: azure.tokens.mintPat('contoso') }) })
      const all = { ...machine.env, ...azure.environment(), ...env, PATH }
      const ended = await runProgram(program, args, all, { limitMs: 120_000 })
      const exchanged = azure.requests.filter(({ path }) => path.includes('SessionTokens')).length
      if (ended.status === 0 && exchanged === 1) return
      throw new SupplyError(`${program}: exit ${ended.status}, ${exchanged} exchanges\n${ended.stderr.slice(-2000)}`)
    }
    await work(call, directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
    machine.remove()
    await azure.close()
  }
}

function row(name: string, lines: LinesRun): string {
  const cells = [lines.files, lines.loaded, lines.ran].map((value) => value.toLocaleString('en'))
  return `| ${[name, ...cells].join(' | ')} |`
}

await script('audit:lines', () => inWorld(async (call, directory) => {
  const coverage = join(directory, 'coverage')
  await call(process.execPath, [BIN, 'get', feed, 'me'], { NODE_V8_COVERAGE: coverage })
  const rows = [row('this program', nodeLines(coverage, root, ['bin', 'dist']))]
  const notes = [
    'One `keyring get` with az signed in, and without what Node and Python bring along. A line of code is neither',
    'empty nor comment; it ran if its function was called.',
  ]
  const environment = process.argv[2] ?? join(clientsDirectory, 'python-nofuss')
  const python = join(environment, 'bin', 'python')
  if (existsSync(python)) {
    const result = join(directory, 'python.json')
    await call(python, [tracer, result, 'get', feed, 'me'])
    const lines = JSON.parse(readFileSync(result, 'utf8')) as PythonLines
    const version = lines.packages.find((name) => name.startsWith('artifacts-keyring-nofuss ')) ?? 'artifacts-keyring-nofuss'
    rows.push(row(`Python keyring with ${version} and what they need`, lines))
    notes.push(`There ${lines.packages.length} packages are installed, and ${lines.native} compiled modules are loaded besides.`)
  } else {
    process.stderr.write(`no Python keyring in ${environment}: npm run clients\n`)
  }
  const head = '| | files loaded | lines of code in them | lines in functions that ran |\n| --- | ---: | ---: | ---: |'
  process.stdout.write(`${head}\n${rows.join('\n')}\n\n${notes.join('\n')}\n`)
}))
