import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readRuns } from '../quality/v8-coverage.ts'

/** How much of a program one call loads and runs. Lines of code: neither empty nor comment. */
export interface LinesRun {
  /** Files that were loaded. */
  readonly files: number
  /** Lines of code in them. */
  readonly loaded: number
  /** Of these, the lines in functions that were called at least once; a module's top level is one. */
  readonly ran: number
}

/** A function's place in a script, and whether it was called. */
export interface CalledFunction {
  readonly start: number
  readonly end: number
  readonly called: boolean
}

/**
 * Counts a script's lines of code, and those whose innermost function was called. The whole function
 * counts, whichever branch was taken: it is what one has to read to know what the call did.
 */
export function countLines(code: string, functions: readonly CalledFunction[]): { readonly loaded: number; readonly ran: number } {
  // Blanked rather than removed: the offsets are those of the file.
  const plain = code.replace(/^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)/gm, (comment) => comment.replace(/[^\n]/g, ' '))
  let [loaded, ran, offset] = [0, 0, 0]
  for (const line of plain.split('\n')) {
    const at = offset + line.search(/\S|$/)
    if (line.trim() !== '') {
      loaded += 1
      const around = functions.filter(({ start, end }) => start <= at && at < end)
      const innermost = around.reduce<CalledFunction | undefined>((best, item) =>
        best === undefined || item.end - item.start <= best.end - best.start ? item : best, undefined)
      if (innermost?.called === true) ran += 1
    }
    offset += line.length + 1
  }
  return { loaded, ran }
}

/** What a process whose NODE_V8_COVERAGE was `folder` loaded and ran below some folders of a package. */
export function nodeLines(folder: string, packageRoot: string, parts: readonly string[]): LinesRun {
  const counts = parts.flatMap((part) => {
    const runs = readRuns(folder, join(packageRoot, part))
    return [...runs].map(([path, [run = []]]) => {
      const functions = run.flatMap(([whole]) =>
        whole === undefined ? [] : [{ start: whole.startOffset, end: whole.endOffset, called: whole.count > 0 }])
      return countLines(readFileSync(join(packageRoot, part, path), 'utf8'), functions)
    })
  })
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return { files: counts.length, loaded: sum(counts.map((item) => item.loaded)), ran: sum(counts.map((item) => item.ran)) }
}
