import { medianOf } from './record.ts'
import type { Run, VariantId } from './record.ts'
import { quantile } from './statistics.ts'

interface Bar {
  readonly id: VariantId
  readonly label: string
  readonly style: 'own' | 'other'
}

const OWN = { label: 'this program', style: 'own' } as const
const BARE = { label: 'bare script', style: 'other' } as const
const PYTHON = { label: 'Python', style: 'other' } as const

const CASES: readonly { readonly title: string; readonly bars: readonly Bar[] }[] = [
  {
    title: 'a service that is not ours',
    bars: [{ id: 'foreign', ...OWN }, { id: 'foreign-python', ...PYTHON }],
  },
  {
    title: 'a token in a variable',
    bars: [{ id: 'app-token', ...OWN }, { id: 'app-token-python', ...PYTHON }],
  },
  {
    title: 'a service principal',
    bars: [{ id: 'sp', ...OWN }, { id: 'sp-bare', ...BARE }, { id: 'sp-python', ...PYTHON }],
  },
  {
    title: 'a user through az',
    bars: [
      { id: 'user', ...OWN },
      { id: 'agent', label: 'again, with the agent', style: 'own' },
      { id: 'user-bare', ...BARE },
      { id: 'user-fetch', label: 'this program, on fetch', style: 'other' },
      { id: 'user-python', ...PYTHON },
    ],
  },
]

const WIDTH = 760
const LEFT = 190
const RIGHT = 130
const TOP = 64
const BAR = 20
const HEADING = 30

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .case { font-weight: 600 }
  .muted { fill: #59636e }
  .ground { fill: #ffffff; stroke: #d1d9e0 }
  .grid { stroke: #d1d9e0 }
  .base { stroke: #cf222e; stroke-dasharray: 4 3 }
  .spread { stroke: #1f2328 }
  .own { fill: #0969da }
  .other { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .muted { fill: #9198a1 }
    .ground { fill: #0d1117; stroke: #3d444d }
    .grid { stroke: #3d444d }
    .base { stroke: #f85149 }
    .spread { stroke: #f0f6fc }
    .own { fill: #4493f8 }
    .other { fill: #656c76 }
  }`

/** A bar's figures, as multiples of `node -e 0`. */
interface Spread {
  readonly low: number
  readonly middle: number
  readonly high: number
}

/**
 * The times of a run as a picture: a bar is a median, the line on it the range of four calls of five, and
 * the scale is `node -e 0` of the same run. The same run gives the same text.
 *
 * @throws Error when the run lacks `node -e 0`
 */
export function draw(run: Run): string {
  const base = medianOf(run, 'node', 'wallMs')
  if (base === undefined) throw new Error('the run lacks node -e 0')
  const spreads = new Map(run.rows.map(({ id, samples }): readonly [VariantId, Spread] => {
    const ratios = samples.map(({ wallMs }) => wallMs / base)
    return [id, { low: quantile(ratios, 0.1), middle: quantile(ratios, 0.5), high: quantile(ratios, 0.9) }]
  }))
  const most = Math.max(...[...spreads.values()].map(({ high }) => high))
  const x = (ratio: number): number => LEFT + (ratio / most) * (WIDTH - LEFT - RIGHT)
  const parts: string[] = []
  let y = TOP
  for (const { title, bars } of CASES) {
    const there = bars.filter(({ id }) => spreads.has(id))
    if (there.length === 0) continue
    parts.push(text(16, y + 19, 'case', title))
    y += HEADING
    for (const bar of there) {
      parts.push(...drawBar(bar, spreads.get(bar.id), y, x, base))
      y += BAR
    }
  }
  const grid = gridRatios(most).flatMap((ratio) => [
    line(ratio === 1 ? 'base' : 'grid', x(ratio), TOP - 6, x(ratio), y + 6),
    text(x(ratio) - 8, y + 24, 'muted', `${ratio} ×`),
  ])
  return frame(y + 40, run.node, [...grid, ...parts])
}

function drawBar(
  { label, style }: Bar,
  spread: Spread | undefined,
  y: number,
  x: (ratio: number) => number,
  base: number,
): readonly string[] {
  if (spread === undefined) return []
  const { low, middle, high } = spread
  const size = `width="${round(x(middle) - LEFT)}" height="${BAR - 6}"`
  const figures = `${middle.toFixed(1)} × · ${(middle * base).toFixed(0)} ms`
  return [
    text(28, y + 14, 'muted', label),
    `<rect class="${style}" x="${LEFT}" y="${y + 3}" ${size}/>`,
    line('spread', x(low), y + BAR / 2, x(high), y + BAR / 2),
    text(x(high) + 8, y + 14, '', figures),
  ]
}

function frame(height: number, node: string, parts: readonly string[]): string {
  const size = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`
  const legend = `× “node -e 0” in the same run (dashed), Node ${node}; bar: median, line on it: 10–90 %`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    '<title>Time of one call, as a multiple of node -e 0</title>',
    `<style>${STYLE}\n</style>`,
    // A ground of its own: a page's theme need not be the one that the browser tells a picture.
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    text(16, 26, 'title', 'Time of one call, from start to end of the process'),
    text(16, 46, 'muted', legend),
    ...parts,
    '</svg>\n',
  ].join('\n')
}

/** Lines at 1 and at steps that leave room between them. */
function gridRatios(most: number): readonly number[] {
  const step = most > 12 ? 5 : most > 6 ? 2 : 1
  const steps = Array.from({ length: Math.floor(most / step) }, (_, index) => (index + 1) * step)
  return [1, ...steps.filter((ratio) => ratio > 1)]
}

function line(style: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${style}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`
}

function text(x: number, y: number, style: string, content: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<text class="${style}" x="${round(x)}" y="${round(y)}">${escaped}</text>`
}

function round(value: number): string {
  return String(Number(value.toFixed(1)))
}
