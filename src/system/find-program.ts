import { setting } from './settings.ts'
import type { System } from './system.ts'

/**
 * Looks a program up on PATH. Only absolute entries count: an empty or relative one would run what
 * lies in the working directory.
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
  const names = windows ? [`${name}.cmd`, `${name}.exe`] : [name]
  for (const folder of (setting(system, 'PATH') ?? '').split(windows ? ';' : ':')) {
    if (!(windows ? /^[a-z]:[\\/]/i : /^\//).test(folder)) continue
    for (const file of names) {
      const path = `${folder.replace(/[\\/]+$/, '')}${windows ? '\\' : '/'}${file}`
      if (system.isExecutable(path)) yield path
    }
  }
}
