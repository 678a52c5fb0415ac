import { setting } from './settings.ts'
import type { System } from './system.ts'

/**
 * Looks a program up on PATH. Only absolute entries count: an empty or relative one would run what
 * lies in the working directory. On Windows the program is NAME.exe, unless the name has that ending
 * or `.cmd`: Node starts no command file (CVE-2024-27980), so a caller asks for one by its whole name.
 *
 * @returns the absolute path of the first match
 */
export function findProgram(system: System, name: string): string | undefined {
  const [first] = programsOnPath(system, name)
  return first
}

/** Every match of `findProgram`, in the order of PATH; looks no further than it is asked. */
export function* programsOnPath(system: System, name: string): Generator<string, void, void> {
  const windows = system.platform === 'win32'
  const file = windows && !/\.(exe|cmd)$/i.test(name) ? `${name}.exe` : name
  for (const folder of (setting(system, 'PATH') ?? '').split(windows ? ';' : ':')) {
    if (!(windows ? /^[a-z]:[\\/]/i : /^\//).test(folder)) continue
    const path = `${folder.replace(/[\\/]+$/, '')}${windows ? '\\' : '/'}${file}`
    if (system.isExecutable(path)) yield path
  }
}
