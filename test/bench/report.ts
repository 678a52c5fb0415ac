import { medianOf, NAMES } from './record.ts'
import type { Figure, Row, Run } from './record.ts'
import { quantile } from './statistics.ts'
import type { Outcome, Target } from './targets.ts'

/** A Markdown table whose columns line up; the first is text, the others are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)))
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 ? text.padEnd(width) : text.padStart(width)
  }
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |\n`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [head, rule, ...body].map(line).join('')
}

/** The whole run as a table: medians, and in what range four of five calls were. */
export function runTable(run: Run): string {
  const base = medianOf(run, 'node', 'wallMs')
  const head = ['', 'ms', '10–90 %', '× node -e 0', 'CPU ms', 'peak MiB', 'requests', 'programs']
  const cells = (row: Row): readonly string[] => {
    const wall = row.samples.map(({ wallMs }) => wallMs)
    const middle = (figure: Figure): number => medianOf(run, row.id, figure) ?? Number.NaN
    return [
      NAMES[row.id],
      middle('wallMs').toFixed(0),
      [0.1, 0.9].map((part) => quantile(wall, part).toFixed(0)).join('–'),
      base === undefined ? '' : (middle('wallMs') / base).toFixed(2),
      middle('cpuMs').toFixed(0),
      middle('peakMiB').toFixed(0),
      middle('requests').toFixed(0),
      middle('programs').toFixed(0),
    ]
  }
  return table([head, ...run.rows.map(cells)])
}

/** What came out for every target. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ target, ratio }) => [
    describe(target),
    ratio?.toFixed(2) ?? '–',
    target.most.toFixed(2),
    ratio === undefined ? 'not measured' : ratio <= target.most ? 'reached' : 'MISSED',
  ])
  return table([['ratio of medians', 'measured', 'at most', ''], ...rows])
}

/** A target in words. */
export function describe({ variant, base, figure }: Target): string {
  return `${figure === 'peakMiB' ? 'peak memory' : 'time'}: ${NAMES[variant]} ÷ ${shortName(base)}`
}

/** The case is that of the variant beside it. */
function shortName(base: Target['base']): string {
  return NAMES[base].replace(/^.*, /, '')
}
