import type { Check } from '../doctor/check.ts'
import { examine } from '../doctor/examine.ts'
import { KeyringError, oneLine } from '../system/messages.ts'
import { setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { parseArguments } from './parse-arguments.ts'

/** The sign of a result, and its colour on a terminal (ECMA-48, SGR). */
const SIGNS = { ok: ['✓', '32'], failed: ['✗', '31'], skipped: ['–', '2'] } as const

/**
 * `keyring doctor [URL]`: why there is a credential or why not, one line a check, and what to do next.
 * Exit status 0 when the feed accepts a credential, else 1.
 *
 * `--output json` prints one object: `works` (boolean), `checks` (in the order in which they were made) and
 * `next` (lines). A check has `check`, `result` (`ok`, `failed` or `skipped`) and `reason` (for people). `check`
 * is `uv, PDM`, `pip VERSION`, `node`, `configuration`, `proxy`, `trust`, `service`, `connection`, `discovery`,
 * the name of a provider, `token`, `exchange` or `access`.
 */
export async function doctorCommand(argv: readonly string[], system: System): Promise<number> {
  // Its arguments are those of `get` without a username.
  const call = parseArguments(['get', ...argv])
  const usage = new KeyringError('USAGE', 'doctor takes a URL and --output plain or json')
  if (call.kind !== 'arguments' || call.username !== undefined) throw usage
  const json = call.options.get('--output') === 'json'
  const colours = setting(system, 'NO_COLOR') === undefined && (await system.outIsTerminal())
  const checks: Check[] = []
  const tell = (check: Check): void => {
    checks.push(check)
    if (!json) system.writeOut(lineOf(check, colours))
  }
  await examine(call.service ?? '', system, tell).catch((error: unknown) => {
    if (!(error instanceof KeyringError)) throw error
  })
  const works = checks.some(({ check, result }) => check === 'access' && result === 'ok')
  const steps = checks.map((check) => check.next).filter((next) => next !== undefined)
  // Where it works, only a caller can be left to put right; else it is what broke last.
  const next = ((works ? steps[0] : steps.at(-1)) ?? ['nothing, the feed accepts the credential']).map(oneLine)
  const rows = checks.map(({ check, result, reason }) => ({ check, result, reason: oneLine(reason) }))
  const end = json ? JSON.stringify({ works, checks: rows, next }, undefined, 2) : `\nnext: ${next.join('\n      ')}`
  return system.writeOut(`${end}\n`) && works ? 0 : 1
}

function lineOf({ check, result, reason }: Check, colours: boolean): string {
  const [sign, colour] = SIGNS[result]
  const [on, off] = colours ? [`\x1b[${colour}m`, '\x1b[0m'] : ['', '']
  const text = oneLine(`${check.padEnd(20)} ${reason}`)
  return result === 'ok' ? `${on}${sign}${off} ${text}\n` : `${on}${sign} ${text}${off}\n`
}
