import { spawnSync } from 'node:child_process'

/** The Python that `python3` means here, itself and no wrapper. */
export function pythonPath(): string {
  const { stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' })
  if (stdout.trim() === '') throw new Error('python3 is not on PATH')
  return stdout.trim()
}
