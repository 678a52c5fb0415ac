// `npm run mutate`: changes the built program in one place after the other and looks whether a test
// notices. With paths, such as `-- src/net/retry.ts`, only those files are changed.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changesOf } from './mutants.ts'
import type { Change } from './mutants.ts'
import { pieceAt, readPieces } from './source-map.ts'
import { SURVIVORS } from './survivors.ts'
import { builtText, jobsFor, learnJobs, mapInPairs, pass } from './test-jobs.ts'
import { builtFiles, copyWorkspace, makeWorkspace, removeWorkspace } from './workspace.ts'
import type { Workspace } from './workspace.ts'

const LEAST_PERCENT = 90
const FOLDERS = /^(feed|net|identity)\//

interface Mutant extends Change {
  /** Below `dist/`. */
  readonly path: string
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly text: string
  readonly sourceLine: string
}

function mutantsOf(workspace: Workspace, path: string): readonly Mutant[] {
  const code = builtText(workspace, path)
  const name = path.replace(/\.js$/, '.ts')
  const source = readFileSync(join(workspace.root, 'src', name), 'utf8').split('\n')
  const pieces = readPieces(readFileSync(join(workspace.maps, `${path}.map`), 'utf8'), code)
  return changesOf(code, path === 'net/allowlist.js').flatMap((change) => {
    const piece = pieceAt(pieces, code, change.start)
    const sourceLine = source[piece?.line ?? -1]?.trim()
    // What the compiler adds of its own is no part of the program.
    if (piece === undefined || sourceLine === undefined || /^import .* from '/.test(sourceLine)) return []
    return [{ ...change, path, file: `src/${name}`, line: piece.line + 1, sourceLine }]
  })
}

function isKnown(mutant: Mutant): boolean {
  return SURVIVORS.some(({ file, line, change }) => file === mutant.file && change === mutant.name && mutant.sourceLine.includes(line))
}

function told({ file, line, name, sourceLine }: Mutant): string {
  return `${file}:${line}  ${name}\n    ${sourceLine}`
}

async function mutate(workspace: Workspace, wanted: readonly string[]): Promise<boolean> {
  const started = performance.now()
  const minutes = (): string => `${((performance.now() - started) / 60_000).toFixed(1)} min`
  const jobs = await learnJobs(workspace)
  process.stdout.write(`${jobs.length} parts of the suite run the program (${minutes()})\n`)
  if (!(await pass(jobs, workspace.root))) throw new Error('the suite fails without any change')
  const paths = builtFiles(workspace.root).filter((path) => FOLDERS.test(path))
  const chosen = paths.filter((path) => wanted.length === 0 || wanted.includes(`src/${path.replace(/\.js$/, '.ts')}`))
  const mutants = chosen.flatMap((path) => mutantsOf(workspace, path))
  const copies = [workspace, copyWorkspace(workspace, 'second')]
  let done = 0
  const survived = await mapInPairs(mutants, async (mutant, _, worker) => {
    const { root } = copies[worker] ?? workspace
    const place = join(root, 'dist', mutant.path)
    const code = readFileSync(place, 'utf8')
    writeFileSync(place, code.slice(0, mutant.start) + mutant.text + code.slice(mutant.end))
    const unnoticed = await pass(jobsFor(jobs, mutant.path, mutant.start, mutant.end), root)
    writeFileSync(place, code)
    done += 1
    if (done % 100 === 0) process.stdout.write(`${done} of ${mutants.length} (${minutes()})\n`)
    if (unnoticed && !isKnown(mutant)) process.stdout.write(`survived: ${told(mutant)}\n`)
    return unnoticed
  })
  const survivors = mutants.filter((_, index) => survived[index] === true)
  const unknown = survivors.filter((mutant) => !isKnown(mutant))
  const stale = SURVIVORS.filter(({ file, line, change }) => !survivors.some((mutant) => mutant.file === file && mutant.name === change && mutant.sourceLine.includes(line)))
  const caught = mutants.length - survivors.length
  const percent = (caught / mutants.length) * 100
  process.stdout.write(`\n${mutants.length} changes: ${caught} caught (${percent.toFixed(1)} %), ${survivors.length} survived, ${survivors.length - unknown.length} of them listed (${minutes()})\n`)
  for (const mutant of unknown) process.stdout.write(`not listed: ${told(mutant)}\n`)
  if (wanted.length === 0) for (const { file, line, change } of stale) process.stdout.write(`listed, but caught or gone: ${file} ${change} ${line}\n`)
  return unknown.length === 0 && percent >= LEAST_PERCENT
}

const workspace = makeWorkspace()
try {
  process.exitCode = (await mutate(workspace, process.argv.slice(2))) ? 0 : 1
} finally {
  removeWorkspace(workspace)
}
