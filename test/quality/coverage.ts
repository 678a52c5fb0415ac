// `npm run coverage`: lines and branches of `src/` that the whole suite runs, as V8 counts them in every
// process, the built program's included. `-- --check` fails when that is too little.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pieceAt, readPieces } from './source-map.ts'
import type { Piece } from './source-map.ts'
import { countOf, readRuns } from './v8-coverage.ts'
import type { Run } from './v8-coverage.ts'
import { builtFiles, makeWorkspace, PRELOAD, removeWorkspace, TEST_FOLDERS, testFiles } from './workspace.ts'
import type { Workspace } from './workspace.ts'

const LEAST = { lines: 95, branches: 90 } as const

interface Share {
  readonly all: number
  readonly covered: number
  /** Lines of the source, from 1. */
  readonly missing: readonly number[]
}

interface FileCoverage {
  readonly path: string
  readonly lines: Share
  readonly branches: Share
}

/** Runs the suite; Node hands NODE_V8_COVERAGE on to every process that is started, whatever its environment. */
function runSuite({ root }: Workspace, folder: string): Promise<boolean> {
  const files = TEST_FOLDERS.flatMap((name) => testFiles(root, name))
  const args = [...PRELOAD, '--test', '--test-concurrency=2', '--test-timeout=240000', '--test-reporter=dot', ...files]
  const env = { ...process.env, NODE_V8_COVERAGE: folder }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (status) => resolve(status === 0))
  })
}

function measure({ root, maps }: Workspace, path: string, runs: readonly Run[]): FileCoverage {
  const code = readFileSync(join(root, 'dist', path), 'utf8')
  const name = path.replace(/\.js$/, '.ts')
  const source = readFileSync(join(root, 'src', name), 'utf8').split('\n')
  const pieces = readPieces(readFileSync(join(maps, `${path}.map`), 'utf8'), code)
  // Else the offsets would be those of some other text.
  for (const run of runs) {
    if (run[0]?.[0]?.endOffset !== code.length) throw new Error(`${path} was changed while it was loaded`)
  }
  return { path: `src/${name}`, lines: lineShare(source, pieces, runs), branches: branchShare(code, pieces, runs) }
}

/** A line counts when code was made of it, and is covered when any of that ran. */
function lineShare(source: readonly string[], pieces: readonly Piece[], runs: readonly Run[]): Share {
  const ran = new Map<number, boolean>()
  for (const { line, offset } of pieces) {
    const text = source[line]?.trim() ?? ''
    if (/^(\/\/|\/\*|\*)/.test(text) || !/\w/.test(text)) continue
    ran.set(line + 1, ran.get(line + 1) === true || runs.some((run) => countOf(run, offset, offset + 1) > 0))
  }
  return share([...ran].map(([line, covered]) => ({ line, covered })))
}

/**
 * A branch is a block that V8 counts by itself in any process. A function that never ran has no blocks
 * yet and is one branch that is not covered.
 */
function branchShare(code: string, pieces: readonly Piece[], runs: readonly Run[]): Share {
  const branches = new Map<string, { readonly line: number; readonly covered: boolean }>()
  for (const [whole, ...blocks] of runs.flat()) {
    for (const { startOffset: start, endOffset: end } of whole?.count === 0 ? [whole] : blocks) {
      const key = `${start} ${end}`
      const text = code.slice(start, end)
      const piece = pieceAt(pieces, code, start + text.search(/\w/))
      // V8 also counts the brace after a `return`, and the compiler's own lines are no part of the source.
      if (branches.has(key) || !/\w/.test(text) || piece === undefined) continue
      branches.set(key, { line: piece.line + 1, covered: runs.some((run) => countOf(run, start, end) > 0) })
    }
  }
  const isFunction = new Set(runs.flat().map(([whole]) => `${whole?.startOffset} ${whole?.endOffset}`))
  const counted = [...branches].filter(([key, { covered }]) => !covered || !isFunction.has(key))
  return share(counted.map(([, branch]) => branch))
}

function share(places: readonly { readonly line: number; readonly covered: boolean }[]): Share {
  const missing = [...new Set(places.filter(({ covered }) => !covered).map(({ line }) => line))].sort((a, b) => a - b)
  return { all: places.length, covered: places.filter(({ covered }) => covered).length, missing }
}

function percent({ all, covered }: Share): number {
  return all === 0 ? 100 : (covered / all) * 100
}

function total(shares: readonly Share[]): Share {
  const sum = (of: (one: Share) => number): number => shares.reduce((so, one) => so + of(one), 0)
  return { all: sum(({ all }) => all), covered: sum(({ covered }) => covered), missing: [] }
}

function print(files: readonly FileCoverage[], lines: Share, branches: Share): void {
  const row = (name: string, a: string, b: string, rest: string): string => `${name.padEnd(52)}${a.padStart(8)}${b.padStart(10)}  ${rest}`.trimEnd()
  const figures = (one: Share): string => percent(one).toFixed(1)
  const where = ({ lines: { missing }, branches: { missing: others } }: FileCoverage): string =>
    [missing.length > 0 && `lines ${missing.join(' ')}`, others.length > 0 && `branches at ${others.join(' ')}`].filter(Boolean).join('; ')
  const body = files.map((file) => row(file.path, figures(file.lines), figures(file.branches), where(file)))
  const end = row('in total', figures(lines), figures(branches), `${lines.covered} of ${lines.all} lines, ${branches.covered} of ${branches.all} branches`)
  process.stdout.write(`\n${[row('', 'lines %', 'branches %', 'not covered'), ...body, end].join('\n')}\n`)
  process.stdout.write('A process that SIGKILL ends reports nothing, so what only such a process ran counts as not covered.\n')
}

const workspace = makeWorkspace()
try {
  const folder = join(workspace.root, 'coverage')
  const passed = await runSuite(workspace, folder)
  const runs = readRuns(folder, join(workspace.root, 'dist'))
  const files = builtFiles(workspace.root).map((path) => measure(workspace, path, runs.get(path) ?? []))
  const lines = total(files.map((file) => file.lines))
  const branches = total(files.map((file) => file.branches))
  print(files, lines, branches)
  const enough = percent(lines) >= LEAST.lines && percent(branches) >= LEAST.branches
  if (!passed) process.stdout.write('Tests failed.\n')
  if (!enough) process.stdout.write(`Wanted: ${LEAST.lines} % of lines, ${LEAST.branches} % of branches.\n`)
  process.exitCode = passed && (enough || !process.argv.includes('--check')) ? 0 : 1
} finally {
  removeWorkspace(workspace)
}
