import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { test } from 'node:test'
import type { RecordedRequest } from '../azure/received.ts'
import { startMeasurer } from '../bench/measure.ts'
import { NAMES, parseRun } from '../bench/record.ts'
import type { Run, VariantId } from '../bench/record.ts'
import { outcomeTable, runTable } from '../bench/report.ts'
import { runVariants } from '../bench/run-variants.ts'
import { median, quantile } from '../bench/statistics.ts'
import { draw } from '../bench/svg.ts'
import { CHECKED, judge, outcomes, TARGETS } from '../bench/targets.ts'
import type { Outcome } from '../bench/targets.ts'
import type { Variant } from '../bench/variants.ts'
import { machineWithoutAz } from '../bench/world.ts'

/** A run in which every call of a variant takes the same. */
function runOf(times: Partial<Record<VariantId, number>>, peakMiB = 40): Run {
  const rows = Object.entries(times).map(([id, wallMs]) => {
    const sample = { wallMs, cpuMs: wallMs, peakMiB, requests: 0, programs: 0 }
    return { id: id as VariantId, samples: [sample, sample, sample] }
  })
  return { node: 'v20.0.0', rows }
}

const GOOD = runOf({ node: 100, foreign: 120, pat: 120, 'app-token': 120, agent: 150, sp: 240, 'sp-bare': 200, user: 250, 'user-bare': 200 })
const good = outcomes(GOOD, CHECKED)

/** The good outcome with one ratio in the place of another. */
function withRatio(variant: VariantId, ratio: number | undefined): readonly Outcome[] {
  return good.map((outcome) =>
    outcome.target.variant === variant && outcome.target.figure === 'wallMs' ? { ...outcome, ratio } : outcome)
}

test('quantiles interpolate, and do not depend on the order', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.equal(quantile([50, 10, 30, 20, 40], 0.1), 14)
  assert.equal(quantile([7], 0.9), 7)
  assert.ok(Number.isNaN(median([])))
})

test('what is judged needs nothing but Node', () => {
  assert.ok(CHECKED.length >= 8)
  assert.ok(CHECKED.length < TARGETS.length)
  assert.deepEqual(CHECKED.filter(({ base }) => NAMES[base].includes('Python')), [])
})

test('a ratio is one of medians of the same run', () => {
  const rows = [...runOf({ node: 10, sp: 30 }).rows]
  const sample = { wallMs: 20, cpuMs: 1, peakMiB: 50, requests: 1, programs: 0 }
  const samples = [{ ...sample, wallMs: 1000 }, sample, sample]
  const run: Run = { node: 'v20.0.0', rows: [...rows, { id: 'sp-bare', samples }] }
  const [wall, peak] = outcomes(run, CHECKED.filter(({ variant }) => variant === 'sp'))
  assert.equal(wall?.ratio, 1.5)
  assert.equal(peak?.ratio, 0.8)
})

const VERDICTS: readonly (readonly [name: string, ratios: readonly (number | undefined)[], failed: boolean, decided: boolean])[] = [
  ['one good run', [1.3], false, false],
  ['two good runs', [1.3, 1.3], false, true],
  ['a little over, three times', [1.62, 1.62, 1.62], false, true],
  ['far over once', [1.63], false, false],
  ['far over in the first of two', [1.63, 1.2], false, false],
  ['far over in one of three', [1.2, 9, 1.2], false, true],
  ['far over in two', [1.63, 1.63], true, true],
  ['far over in the first and the last', [1.63, 1.2, 1.63], true, true],
  ['far over in the last two', [1.2, 1.63, 1.63], true, true],
  ['not measured', [undefined, undefined], false, true],
]
for (const [name, ratios, failed, decided] of VERDICTS) {
  test(`the judgement on ${name} over a target of 1.3`, () => {
    const verdict = judge(ratios.map((ratio) => withRatio('foreign', ratio)))
    assert.deepEqual(verdict.failed.map(({ variant }) => variant), failed ? ['foreign'] : [])
    assert.equal(verdict.decided, decided)
  })
}

test('two targets that are far over in one run each fail neither of them', () => {
  const verdict = judge([withRatio('foreign', 9), withRatio('user', 9), good])
  assert.deepEqual(verdict, { failed: [], decided: true })
})

test('memory is judged like time', () => {
  const fat = outcomes({ ...GOOD, rows: GOOD.rows.map((row) => {
    return row.id === 'user' ? { ...row, samples: row.samples.map((sample) => ({ ...sample, peakMiB: 63 })) } : row
  }) }, CHECKED)
  assert.deepEqual(judge([fat, fat]).failed.map(({ variant, figure }) => `${variant} ${figure}`), ['user peakMiB'])
})

test('the tables say what was measured, reached, missed and not measured', () => {
  const run = runOf({ node: 100, foreign: 120, pat: 131 })
  assert.match(runTable(run), /^\| a service that is not ours +\| 120 \| 120–120 \| +1\.20 \|/m)
  const told = outcomeTable(outcomes(run, CHECKED))
  assert.match(told, /^\| time: a service that is not ours ÷ node -e 0 +\| +1\.20 \| +1\.30 \| +reached \|$/m)
  assert.match(told, /^\| time: a PAT in a variable ÷ node -e 0 +\| +1\.31 \| +1\.30 \| +MISSED \|$/m)
  assert.match(told, /^\| time: a user through az ÷ bare script +\| +– \| +1\.30 \| not measured \|$/m)
})

test('a run is read as it was kept, and nothing else is', () => {
  assert.deepEqual(parseRun(JSON.stringify(GOOD)), GOOD)
  const [row] = GOOD.rows
  const bad: readonly unknown[] = [
    null, [], {}, { node: 'v20', rows: [] }, { rows: GOOD.rows }, { node: 'v20', rows: [{ ...row, id: 'toString' }] },
    { node: 'v20', rows: [{ ...row, samples: [] }] }, { node: 'v20', rows: [{ ...row, samples: [{ wallMs: 1 }] }] },
  ]
  for (const value of bad) assert.throws(() => parseRun(JSON.stringify(value)), /no run that --json kept/)
})

/** Throws where a text is not well-formed XML of the little kind that the picture is. */
function parseXml(text: string): readonly string[] {
  const open: string[] = []
  const seen: string[] = []
  let rest = text
  while (rest !== '') {
    const [all, content = '', close = '', name = '', attributes = '', empty = ''] =
      /^([^<>&]*(?:&(?:amp|lt|gt);[^<>&]*)*)<(\/?)([a-z]+)((?: [a-zA-Z0-9]+="[^"<&]*")*)(\/?)>/.exec(rest) ?? []
    if (all === undefined) break
    const names = [...attributes.matchAll(/ ([a-zA-Z0-9]+)=/g)].map((match) => match[1])
    assert.equal(new Set(names).size, names.length, attributes)
    if (open.length === 0) assert.match(content, /^\s*$/)
    if (close === '/') assert.equal(open.pop(), name)
    else {
      seen.push(`${name}${attributes}`)
      if (empty === '') open.push(name)
    }
    rest = rest.slice(all.length)
  }
  assert.match(rest, /^\s*$/)
  assert.deepEqual(open, [])
  return seen
}

test('the picture is well-formed', () => {
  const all = runOf(Object.fromEntries(Object.keys(NAMES).map((id, index) => [id, 100 + index])))
  for (const run of [all, GOOD, runOf({ node: 100 }), { ...all, node: 'v20 <&">' }]) {
    const [root, ...rest] = parseXml(draw(run))
    assert.match(root ?? '', /^svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /)
    assert.deepEqual(rest.filter((element) => /NaN|undefined|Infinity|"-/.test(element)), [])
  }
  assert.throws(() => parseXml('<svg><b></svg>'))
})

test('the picture has a bar for each variant of a case, as long as its median', () => {
  const bars = [...draw(GOOD).matchAll(/<rect class="(own|other)" x="190" y="\d+" width="([\d.]+)"/g)]
  assert.deepEqual(bars.map((match) => match[1]), ['own', 'own', 'own', 'other', 'own', 'own', 'other'])
  const widths = bars.map((match) => Number(match[2]))
  // The longest is the user's, of 250 ms: the others are in proportion.
  assert.deepEqual(widths.map((width) => Math.round((width / Math.max(...widths)) * 250)), [120, 120, 240, 200, 250, 150, 200])
})

test('the same run gives the same picture', () => {
  assert.equal(draw(GOOD), draw(parseRun(JSON.stringify(GOOD))))
})

test('a run without node -e 0 cannot be drawn', () => {
  assert.throws(() => draw(runOf({ user: 1 })), /lacks node -e 0/)
})

/** A call that makes one request, starts one program and ends with 0, but for what is said otherwise. */
function measuredAs({ status = 0, requests = 1, programs = 1 } = {}): { readonly run: (runs: number) => Promise<Run>; readonly order: string[] } {
  const machine = machineWithoutAz()
  const order: string[] = []
  const seen: RecordedRequest[] = []
  const request: RecordedRequest = { host: '', method: '', path: '', headers: {}, body: '', status: () => 200, viaProxy: true, errors: [] }
  const variant = (id: VariantId): Variant =>
    ({ id, machine, argv: [id], env: {}, status: 0, requests: 1, programs: 1 })
  const measure = async ({ argv }: { readonly argv: readonly string[] }) => {
    order.push(argv[0] ?? '')
    // The first turn is another: nothing is in memory yet.
    seen.push(...Array<RecordedRequest>(order.length <= 2 ? 5 : requests).fill(request))
    appendFileSync(machine.log, 'az\n'.repeat(programs))
    return { status, wallMs: order.length, cpuMs: 2, peakMiB: 3, stderr: 'what it said' }
  }
  const bench = { azure: { requests: seen }, measurer: { measure }, version: 'v20.0.0' }
  const run = (runs: number): Promise<Run> =>
    runVariants(bench, [variant('user'), variant('user-bare')], runs).finally(machine.remove)
  return { run, order }
}

test('variants take turns, and the first turn does not count', async () => {
  const { run, order } = measuredAs()
  const { rows } = await run(2)
  assert.deepEqual(order, ['user', 'user-bare', 'user', 'user-bare', 'user', 'user-bare'])
  const sample = { cpuMs: 2, peakMiB: 3, requests: 1, programs: 1 }
  assert.deepEqual(rows, [
    { id: 'user', samples: [{ wallMs: 3, ...sample }, { wallMs: 5, ...sample }] },
    { id: 'user-bare', samples: [{ wallMs: 4, ...sample }, { wallMs: 6, ...sample }] },
  ])
})

for (const [wrong, message] of [
  [{ status: 1 }, /a user through az: ended with 1, not 0, after 5 requests, 1 programs\nwhat it said/],
  [{ requests: 0 }, /a user through az: 0 requests, 1 programs, not 1 and 1/],
  [{ programs: 2 }, /a user through az: 1 requests, 2 programs, not 1 and 1/],
] as const) {
  test(`a call that is not what is measured ends the benchmark: ${JSON.stringify(wrong)}`, async () => {
    await assert.rejects(measuredAs(wrong).run(2), message)
  })
}

const python = spawnSync('python3', ['--version']).status === 0
test('a program is measured to its end, with what it said and the status it had', { skip: !python && 'there is no python3 on PATH' }, async () => {
  const measurer = startMeasurer()
  try {
    const node = process.execPath
    const run = (code: string) => measurer.measure({ argv: [node, '-e', code], env: { A: 'b' } })
    const busy = await run('while (process.cpuUsage().user < 2e5); console.error(process.env.A); process.exit(7)')
    assert.deepEqual([busy.status, busy.stderr], [7, 'b\n'])
    // The loop has used these 200 ms by its own account.
    assert.ok(busy.cpuMs >= 200, String(busy.cpuMs))
    const idle = await run('setTimeout(() => {}, 300)')
    assert.ok(idle.wallMs >= 299, String(idle.wallMs))
    const [small, large] = [await run('0'), await run('Buffer.alloc(100 * 1024 * 1024, 1)')]
    assert.ok(large.peakMiB - small.peakMiB > 90, `${large.peakMiB}, ${small.peakMiB}`)
    const child = await run("require('child_process').spawnSync(process.execPath, ['-e', 'Buffer.alloc(100 * 1024 * 1024, 1)'])")
    assert.ok(child.peakMiB - small.peakMiB > 90, `${child.peakMiB}, ${small.peakMiB}`)
    assert.equal((await run('process.kill(process.pid, 9)')).status, 137)
  } finally {
    measurer.close()
  }
  await assert.rejects(measurer.measure({ argv: [process.execPath], env: {} }), /has ended/)
})
