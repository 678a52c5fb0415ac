import { parseJsonObject, stringMember } from '../net/json.ts'
import { programsOnPath } from '../system/find-program.ts'
import { withoutSecrets } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { VERSION } from '../version.ts'
import type { Check, Tell } from './check.ts'

/**
 * Asks a Python which keyring its pip would start: the first on PATH, but never one in the folder of
 * pip's own scripts (pip 23.1 and newer, `_internal/network/auth.py`). Fails where there is no pip.
 */
const PIPS_CHOICE = `
import importlib.metadata, importlib.util, json, os, shutil, sys, sysconfig
scripts, first = sysconfig.get_path("scripts"), shutil.which("keyring")
own = lambda folder: os.path.exists(folder) and os.path.samefile(folder, scripts)
others = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if not own(folder))
found = shutil.which("keyring", path=others) if first and first.startswith(scripts) else first
print(json.dumps({"pip": importlib.metadata.version("pip"), "prefix": sys.prefix, "first": first, "found": found,
    "library": "yes" if importlib.util.find_spec("keyring") else None}))
`

const FIELDS = ['pip', 'prefix', 'first', 'found', 'library']

/** Which keyring uv, PDM and the pip of each Python on PATH find, and whether it is this program. */
export async function checkCallers(system: System, tell: Tell): Promise<void> {
  // uv on Windows adds `.exe` to the name and nothing else.
  const isForUv = (path: string): boolean => system.platform !== 'win32' || path.endsWith('.exe')
  tell(await keyringCheck('uv, PDM', [...programsOnPath(system, 'keyring')].find(isForUv), system))
  const pythons = new Set(['python3', 'python'].flatMap((name) => [...programsOnPath(system, name)]))
  const answers = await Promise.all([...pythons].map((path) => outputOf(path, ['-B', '-c', PIPS_CHOICE], system)))
  // The same Python goes by many names.
  for (const fields of [...new Set(answers)].map((answer) => parseJsonObject(answer ?? ''))) {
    const [pip, prefix, first, found, library] = FIELDS.map((name) => stringMember(fields, name))
    if (pip === undefined) continue
    const check = await keyringCheck(`pip ${pip}`, found, system, first)
    const other = library && '; its own Python has another, which PIP_KEYRING_PROVIDER=subprocess passes over'
    tell({ ...check, reason: `${check.reason}${other ?? ''} (Python in ${prefix})` })
  }
}

/** What a caller finds. Only its own word tells what program it is, whatever it is wrapped in. */
async function keyringCheck(check: string, program: string | undefined, system: System, own?: string): Promise<Check> {
  const failed = (reason: string, next: string): Check => ({ check, result: 'failed', reason, next: [next] })
  const elsewhere = 'put this keyring in a folder on PATH that is not that of the scripts of this pip'
  if (program === undefined && own !== undefined) return failed(`skips ${own}, one of its own scripts`, elsewhere)
  if (program === undefined) return failed('no keyring on PATH', 'put the folder of this keyring on PATH')
  const output = await outputOf(program, ['--version'], system)
  const version = /^keyring-compatible artifacts-keyring-nofuss (\S+)\s*$/.exec(output ?? '')?.[1]
  if (version === VERSION) return { check, result: 'ok', reason: `${program}, this program` }
  if (version !== undefined) return failed(`${program}, version ${version} of this program`, 'keep only one on PATH')
  if (output === undefined) return failed(`${program}, which does not start`, `run ${program}: is node on PATH?`)
  return failed(`${program}, another program`, `remove ${program}, or put this keyring before it on PATH`)
}

/** What a program prints. Undefined where it was not started, of which env and shells say 126 or 127. */
async function outputOf(program: string, args: readonly string[], system: System): Promise<string | undefined> {
  const limits = { timeoutMs: 10_000, limit: 65_536 }
  const result = await system.run({ program, args, env: withoutSecrets(), ...limits }, system.signal)
  return result.ended === 'exit' && result.status < 126 ? result.stdout : undefined
}
