import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runProgram } from '../flow/program.ts'
import { countLines, nodeLines } from './lines-run.ts'
import { root } from './run.ts'

const env = { PATH: process.env['PATH'] ?? '' }

const CODE = `'use strict'
/** Called. */
function called(x) {
  // A comment.
  if (x) return 1

  return () => {
    return 2
  }
}
function never() {
  return 3
}
called(true)
`

test('a line counts with its innermost function, whichever branch was taken', () => {
  const at = (text: string): number => CODE.indexOf(text)
  const functions = [
    { start: 0, end: CODE.length, called: true },
    { start: at('function called'), end: at('function never') - 1, called: true },
    { start: at('() =>'), end: at('  }\n}\n') + 3, called: false },
    { start: at('function never'), end: at('called(true)') - 1, called: false },
  ]
  // Not counted as run: `return 2` with its brace, and the three lines of never.
  assert.deepEqual(countLines(CODE, functions), { loaded: 11, ran: 6 })
})

test('Node: a process that ran says which files and functions', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lines '))
  try {
    mkdirSync(join(directory, 'dist'))
    writeFileSync(join(directory, 'dist', 'main.js'), CODE)
    writeFileSync(join(directory, 'dist', 'unused.js'), CODE)
    const coverage = join(directory, 'coverage')
    const ended = await runProgram(process.execPath, [join(directory, 'dist', 'main.js')], { ...env, NODE_V8_COVERAGE: coverage })
    assert.equal(ended.status, 0, ended.stderr)
    assert.deepEqual(nodeLines(coverage, directory, ['dist']), { files: 1, loaded: 11, ran: 6 })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('one call loads some of the files and runs some of their lines; without Python the table has one row', async () => {
  const args = ['--import', 'tsx', join(root, 'test', 'supply', 'audit-lines.ts'), '/nonexistent']
  const ended = await runProgram(process.execPath, args, env, { limitMs: 120_000, cwd: root })
  assert.equal(ended.status, 0, ended.stderr)
  const [files = 0, loaded = 0, ran = 0] = (/^\| this program \| (.*) \|$/m.exec(ended.stdout)?.[1] ?? '').split(' | ').map((cell) => Number(cell.replaceAll(',', '')))
  assert.ok(files > 20 && ran > 300 && ran < loaded, ended.stdout)
  assert.doesNotMatch(ended.stdout, /^\| Python/m)
})
