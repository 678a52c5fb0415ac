import { OPTIONS } from '../../src/cli/parse-arguments.ts'
import type { Option } from '../../src/cli/parse-arguments.ts'
import { seeded } from '../unit/random.ts'
import type { Random } from '../unit/random.ts'

/** A feed, for which both programs have the same credential. */
export const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

const SERVICES = [FEED, FEED, FEED, FEED, 'pkgs.dev.azure.com', 'https://index.example/simple/', 'pdm-pypi-x', '', 'é']
const USERS = ['me', 'me', 'me', '', 'VssSessionToken', 'é"\\😀', '-7', '-', '-x y', 'a b', 'get', '0', 'a\tb']
const NULL = 'keyring.backends.null.Keyring'
const BACKENDS = [NULL, NULL, NULL, 'keyring.backends.fail.Keyring', 'artifacts_keyring_nofuss.Keyring', 'bogus']
const VALUES = ['password', 'creds', 'plain', 'json', 'bash', 'CREDS', 'cred', '', 'xml', '-7', '-', '--', 'a=b', '/tmp', NULL, 'os.path.bar']
const STRAY = ['--bogus', '--bogus=x', '-x', '-xy', '--', '--', '-', '--=', '--=x', '---', '-7', '-.5', '-1e5', '--mode x', '--', '-h', '--help', '', 'more', '-é', '-=', '-=x']

const FOLDERS = ['/tmp', '/tmp', '', '-', '-7', '/a b', 'get']
const OPERATIONS = ['set', 'del', 'diagnose', 'bogus', 'help', 'version', '', 'ge']

/** The options that people and programs use with `get`. */
const COMMON = /--mode|--output|--keyring-path/

/** A name as it is, or cut where it may mean something else or nothing any more. */
function spelled(name: string, random: Random): string {
  if (!name.startsWith('--') || !random.oneIn(3)) return name
  return name.slice(0, 3 + random.below(name.length - 2))
}

function valueFor(option: Option, random: Random): string {
  if (random.oneIn(12)) return random.pick(VALUES)
  if (option.choices !== undefined) return random.pick(option.choices)
  return option.names.includes('-b') ? random.pick(BACKENDS) : random.pick(FOLDERS)
}

/** One option in one of the ways in which it can be written, sometimes a wrong one. */
function option(random: Random): string[] {
  const rows: readonly Option[] = OPTIONS
  const row = random.pick(rows.filter(({ names }) => COMMON.test(names.join()) || random.oneIn(6)))
  const name = spelled(random.pick(row.names), random)
  if (row.value === undefined) {
    if (random.oneIn(8)) return [`${name}=${random.pick(VALUES)}`]
    return [name.startsWith('--') || random.oneIn(2) ? name : `${name}${random.pick(['b', 'p', 'h', 'x', 'bx', '=p', '='])}`]
  }
  if (random.oneIn(25)) return [name]
  const value = valueFor(row, random)
  if (random.oneIn(2)) return [name, value]
  return [name.startsWith('--') || random.oneIn(2) ? `${name}=${value}` : `${name}${value}`]
}

/** A command line that is nearly right. */
function likely(random: Random): string[] {
  const operation = random.oneIn(4) ? random.pick([...OPERATIONS, 'set', 'del', 'diagnose']) : 'get'
  const words = [operation, random.pick(SERVICES), random.pick(USERS), 'more'].slice(0, random.pick([0, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4]))
  const groups = words.map((word) => [word])
  for (let left = random.below(4); left > 0; left -= 1) {
    // Argparse before Python 3.13.1 wants options before or behind all words: most are put there.
    const at = random.oneIn(4) ? random.below(groups.length + 1) : random.pick([0, groups.length])
    groups.splice(at, 0, random.oneIn(10) ? [random.pick(STRAY)] : option(random))
  }
  return groups.flat()
}

/** Words in any order. */
function unlikely(random: Random): string[] {
  const word = (): string[] => {
    const kind = random.below(5)
    if (kind === 0) return [random.text('-=abhkmop é7.', 0, 6)]
    if (kind === 1) return option(random)
    return [random.pick(kind === 2 ? STRAY : [...SERVICES, ...USERS, 'get', 'get', 'set', '--mode', '--output'])]
  }
  return random.many(0, 6, word).flat()
}

/** Different command lines, the same ones for the same seed. */
export function commandLines(count: number, seed: number): readonly (readonly string[])[] {
  const random = seeded(seed)
  const made = new Map<string, readonly string[]>()
  while (made.size < count) {
    const argv = random.oneIn(6) ? unlikely(random) : likely(random)
    made.set(JSON.stringify(argv), argv)
  }
  return [...made.values()]
}
