import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A range of a script and how often it ran; see V8's `Profiler.CoverageRange`. */
export interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface FunctionCoverage {
  readonly ranges: readonly Range[]
  readonly isBlockCoverage: boolean
}

interface Report {
  readonly result: readonly { readonly url: string; readonly functions: readonly FunctionCoverage[] }[]
}

/** What one process ran of one script: every function's ranges, the whole function first. */
export type Run = readonly (readonly Range[])[]

/** Reads the reports that processes left in a folder, as runs by the path of the script below `dist`. */
export function readRuns(folder: string, dist: string): ReadonlyMap<string, readonly Run[]> {
  const prefix = `${pathToFileURL(dist).href}/`
  const runs = new Map<string, Run[]>()
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    for (const { url, functions } of reportIn(join(folder, name))) {
      if (!url.startsWith(prefix)) continue
      const path = decodeURIComponent(url.slice(prefix.length))
      runs.set(path, [...(runs.get(path) ?? []), functions.map(({ ranges }) => ranges)])
    }
  }
  return runs
}

/** How often a process ran the code from one offset to another: the smallest range around it says. */
export function countOf(run: Run, start: number, end: number): number {
  let best: Range | undefined
  for (const ranges of run) {
    for (const range of ranges) {
      const around = range.startOffset <= start && end <= range.endOffset
      const smaller = best === undefined || range.endOffset - range.startOffset <= best.endOffset - best.startOffset
      if (around && smaller) best = range
    }
  }
  return best?.count ?? 0
}

/** A process that was killed while it wrote leaves half a report, which says nothing. */
function reportIn(path: string): Report['result'] {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as Report).result
  } catch {
    return []
  }
}
