import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

const PYTHON = `"""Doc."""
import sys

def called(x):
    """Doc,
    of two lines."""
    # A comment.
    if x:
        print(
            sys.argv[1:])

    def inner():
        return 2
    return inner

def never():
    return 3

called(True)
sys.exit(3)
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

test('Python: a call counts as one of Node does', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'lines '))
  try {
    const made = await runProgram('python3', ['-m', 'venv', '--without-pip', directory], env)
    if (made.status !== 0) return context.skip('there is no python3 with venv')
    const python = join(directory, 'bin', 'python')
    const site = (await runProgram(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], env)).stdout.trim()
    mkdirSync(join(site, 'keyring'))
    writeFileSync(join(site, 'keyring', '__init__.py'), '"""Documented."""\n# A comment.\n')
    writeFileSync(join(site, 'keyring', 'unused.py'), 'a = 1\n')
    writeFileSync(join(site, 'keyring', '__main__.py'), PYTHON)
    const result = join(directory, 'result.json')
    const ended = await runProgram(python, [join(root, 'test', 'supply', 'lines_run.py'), result, 'get', 'x'], env)
    assert.equal(ended.status, 3, ended.stderr)
    assert.equal(ended.stdout, "['get', 'x']\n")
    const { files, loaded, ran } = JSON.parse(readFileSync(result, 'utf8')) as { readonly files: number; readonly loaded: number; readonly ran: number }
    // Not counted as run: the two lines of `inner`, which nobody calls, and the two of `never`.
    assert.deepEqual({ files, loaded, ran }, { files: 2, loaded: 12, ran: 8 })
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
