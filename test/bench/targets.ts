import { medianOf } from './record.ts'
import type { Figure, Run, VariantId } from './record.ts'

/** How much a variant may cost, as a multiple of another one's median in the same run. */
export interface Target {
  readonly variant: VariantId
  readonly base: VariantId
  readonly figure: Figure
  readonly most: number
}

/** A target and what came out in one run. */
export interface Outcome {
  readonly target: Target
  /** Undefined where one of the two was not measured. */
  readonly ratio: number | undefined
}

const PYTHON_CASES = ['foreign', 'app-token', 'sp', 'user'] as const

/** Every promise about speed. Ratios within one run: absolute times are those of a machine. */
export const TARGETS: readonly Target[] = [
  { variant: 'foreign', base: 'node', figure: 'wallMs', most: 1.3 },
  { variant: 'pat', base: 'node', figure: 'wallMs', most: 1.3 },
  { variant: 'app-token', base: 'node', figure: 'wallMs', most: 1.3 },
  { variant: 'agent', base: 'node', figure: 'wallMs', most: 1.6 },
  { variant: 'sp', base: 'sp-bare', figure: 'wallMs', most: 1.3 },
  { variant: 'user', base: 'user-bare', figure: 'wallMs', most: 1.3 },
  { variant: 'sp', base: 'sp-bare', figure: 'peakMiB', most: 1.25 },
  { variant: 'user', base: 'user-bare', figure: 'peakMiB', most: 1.25 },
  ...PYTHON_CASES.map((id) => {
    return { variant: id, base: `${id}-python`, figure: 'wallMs', most: 0.35 } as const
  }),
]

/** The targets that `--check` judges: those that need nothing but Node. */
export const CHECKED: readonly Target[] = TARGETS.filter(({ base }) => !base.endsWith('-python'))

/** How far over its target a ratio must be to count: a shared machine is noisy. */
const SLACK = 1.25

/** What came out of a run. */
export function outcomes(run: Run, targets: readonly Target[]): readonly Outcome[] {
  return targets.map((target) => {
    const [own, base] = [target.variant, target.base].map((id) => medianOf(run, id, target.figure))
    return { target, ratio: own === undefined || base === undefined ? undefined : own / base }
  })
}

/** Whether a ratio is over its target by more than the noise of a machine. */
export function isFarOver({ target, ratio }: Outcome): boolean {
  return ratio !== undefined && ratio > target.most * SLACK
}

/** The judgement on up to three runs. */
export interface Verdict {
  /** Far over in two runs. */
  readonly failed: readonly Target[]
  /** Whether another run could change anything. */
  readonly decided: boolean
}

/** Judges runs, given as their outcomes for the same targets: two that are far over out of three fail. */
export function judge(runs: readonly (readonly Outcome[])[]): Verdict {
  const targets = [...new Set(runs.flat().map(({ target }) => target))]
  const timesOver = (target: Target): number =>
    runs.filter((run) => run.some((outcome) => outcome.target === target && isFarOver(outcome))).length
  const over = targets.map(timesOver)
  const failed = targets.filter((_, index) => (over[index] ?? 0) >= 2)
  const left = 3 - runs.length
  const open = over.some((times) => times < 2 && times + left >= 2)
  return { failed, decided: left <= 0 || failed.length > 0 || !open }
}
