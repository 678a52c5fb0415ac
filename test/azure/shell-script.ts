import { chmodSync, writeFileSync } from 'node:fs'

/** Writes a program. Returns its path. */
export function writeScript(path: string, lines: readonly string[]): string {
  writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`)
  chmodSync(path, 0o755)
  return path
}

/** The lines that log a start: the name and the arguments, separated by tabs. */
export function logLines(name: string, log: string): string[] {
  // One write a line, so that programs that run at the same time do not mix theirs.
  return [
    `line=${quote(name)}`,
    'for argument in "$@"; do line="$line\t$argument"; done',
    `printf '%s\\n' "$line" >> ${quote(log)}`,
  ]
}

/** A text as one word of the shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
