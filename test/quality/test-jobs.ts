import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { countOf, readRuns } from './v8-coverage.ts'
import type { Run } from './v8-coverage.ts'
import { PRELOAD, testFiles } from './workspace.ts'
import type { Workspace } from './workspace.ts'

interface Part {
  readonly file: string
  /** The test of that file; undefined for all of them. */
  readonly test: string | undefined
}

/** A part of the suite that is run by itself: a file of unit tests, or one test of another file. */
export interface TestJob extends Part {
  readonly ms: number
  /** What it runs of the built program, by path below `dist/`. */
  readonly runs: ReadonlyMap<string, readonly Run[]>
}

const LIMIT_MS = 60_000
const BAIL = '--test-reporter=./test/quality/bail.js'

/** Left out: minutes for each change, and about the agent, doctor and the command line, not about what is changed. */
const SLOW = /^test\/(flow\/(agent|doctor)|cli\/(completion|delegate|doctor|terminal))/

/** Runs every part of the suite once; parts that fail are named and left out. */
export async function learnJobs(workspace: Workspace): Promise<readonly TestJob[]> {
  const { root } = workspace
  const whole = testFiles(root, 'unit').map((file): Part => ({ file, test: undefined }))
  const others = ['cli', 'flow'].flatMap((folder) => testFiles(root, folder)).filter((file) => !SLOW.test(file))
  const single = await mapInPairs(others, async (file): Promise<readonly Part[]> => {
    const names = (await runNode(root, [BAIL, file, 'names'], LIMIT_MS)).stdout.split('\n').filter((line) => line !== '')
    if (names.length === 0) process.stdout.write(`${file} fails as it is and is not used\n`)
    return [...new Set(names)].map((name) => ({ file, test: JSON.parse(name) as string }))
  })
  const parts = [...whole, ...single.flat()]
  const learn = async ({ file, test }: Part, index: number): Promise<readonly TestJob[]> => {
    const folder = join(root, 'coverage', String(index))
    const started = performance.now()
    const ended = await runNode(root, argumentsOf(file, test === undefined ? undefined : [test]), LIMIT_MS, { NODE_V8_COVERAGE: folder })
    const ms = performance.now() - started
    if (!ended.passed) process.stdout.write(`${file} ${test ?? ''} fails as it is and is not used\n`)
    return ended.passed ? [{ file, test, ms, runs: readRuns(folder, join(root, 'dist')) }] : []
  }
  const jobs = await mapInPairs(parts, learn)
  return jobs.flat().filter(({ runs }) => runs.size > 0)
}

/** The parts that run a piece of the built program. */
export function jobsFor(jobs: readonly TestJob[], path: string, start: number, end: number): readonly TestJob[] {
  return jobs.filter(({ runs }) => runs.get(path)?.some((run) => countOf(run, start, end) > 0))
}

/**
 * Whether all of these parts still pass: the unit tests in one process, then the others file by file, the
 * fastest first. One that takes too long has failed.
 */
export async function pass(jobs: readonly TestJob[], root: string): Promise<boolean> {
  const unit = jobs.filter(({ test }) => test === undefined)
  const files = unit.map(({ file }) => file)
  const time = (some: readonly TestJob[]): number => some.reduce((sum, { ms }) => sum + ms, 0)
  if (files.length > 0 && !(await runNode(root, [BAIL, 'test/quality/import-all.js', ...files], 4000 + 2 * time(unit))).passed) return false
  const groups = [...new Set(jobs.map(({ file }) => file))]
    .map((file) => jobs.filter((job) => job.file === file && job.test !== undefined))
    .filter((group) => group.length > 0)
    .sort((a, b) => time(a) - time(b))
  for (const group of groups) {
    const names = group.map(({ test }) => test ?? '')
    if (!(await runNode(root, argumentsOf(group[0]?.file ?? '', names), 10_000 + 3 * time(group))).passed) return false
  }
  return true
}

/** Like `Promise.all` on a `map`, but two at a time. */
export async function mapInPairs<T, R>(list: readonly T[], each: (one: T, index: number, worker: number) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  const left = list.entries()
  const work = async (worker: number): Promise<void> => {
    for (const [index, one] of left) results[index] = await each(one, index, worker)
  }
  await Promise.all([work(0), work(1)])
  return results
}

function argumentsOf(file: string, tests: readonly string[] | undefined): readonly string[] {
  const pattern = tests?.map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|')
  return [BAIL, ...(pattern === undefined ? [] : [`--test-name-pattern=/^(${pattern})$/`]), file]
}

function runNode(
  root: string,
  args: readonly string[],
  limitMs: number,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly passed: boolean; readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'ignore'] as const
    // A group of its own, so that what a test leaves behind ends with it.
    const child = spawn(process.execPath, [...PRELOAD, ...args], { cwd: root, env: { ...process.env, ...more }, stdio: [...stdio], detached: true })
    const timer = setTimeout(() => end(child.pid), limitMs)
    const out: Buffer[] = []
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
    child.on('error', reject)
    child.on('exit', (status) => {
      clearTimeout(timer)
      end(child.pid)
      child.stdout?.destroy()
      resolve({ passed: status === 0, stdout: Buffer.concat(out).toString() })
    })
  })
}

function end(group: number | undefined): void {
  try {
    if (group !== undefined) process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

/** The text of a file of the built program. */
export function builtText({ root }: Workspace, path: string): string {
  return readFileSync(join(root, 'dist', path), 'utf8')
}
