import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SupplyError, root, run } from './run.ts'

const timeoutMs = 30_000

// Git writes the time into this file when it makes an archive (`export-subst` of .gitattributes).
const archived = join(root, '.github', 'commit-time.txt')

/** What npm gives as the time of every file in every package: 1985-10-26, 08:15 UTC. */
const npmTime = 499162500

/**
 * The time that a build of this checkout carries, in seconds since 1970: SOURCE_DATE_EPOCH
 * (reproducible-builds.org), else that of the commit, also in an archive that git made. A copy that
 * knows no commit has npm's own fixed time, so that the clock never matters.
 */
export async function commitTime(): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? ''
  if (given !== '') {
    if (!/^\d{1,11}$/.test(given)) throw new SupplyError('SOURCE_DATE_EPOCH is no number of seconds')
    return Number(given)
  }
  // Not any repository: a copy may lie in the checkout of something else.
  if (existsSync(join(root, '.git'))) {
    const time = await run('git', ['log', '-1', '--format=%ct'], { timeoutMs }).catch(() => undefined)
    if (time !== undefined) return Number(time)
    // A container may have the files and no git; what it builds works, but is not a release's bytes.
    process.stderr.write('git does not tell the time of the commit; SOURCE_DATE_EPOCH can\n')
    return npmTime
  }
  const recorded = readFileSync(archived, 'utf8').trim()
  return /^\d+$/.test(recorded) ? Number(recorded) : npmTime
}

/** That time as both formats of a bill of materials write it: ISO 8601, UTC, whole seconds. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
