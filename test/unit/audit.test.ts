import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { auditTables, fillMarkers } from '../supply/audit-tables.ts'
import { root } from '../supply/run.ts'
import { countCodeLines, readingOrder } from '../supply/sources.ts'

const audit = readFileSync(join(root, '.github', 'AUDIT.md'), 'utf8')

test('AUDIT.md is what `npm run audit` writes: files, lines, modules, secrets', () => {
  assert.equal(audit, fillMarkers(audit, auditTables(readingOrder())))
})

test('the reading order has every file of src/ once and begins with the story', () => {
  const all = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const order = readingOrder().map(({ path }) => path)
  assert.deepEqual([...order].sort(), all.map((path) => path.replaceAll('\\', '/')).sort())
  assert.equal(order[0], 'get-credential.ts')
})

test('every file says what it gives', () => {
  for (const { path, summary } of readingOrder().filter(({ path }) => path !== 'main.ts')) assert.match(summary, /\w/, path)
})

test('a line of code is neither comment nor empty', () => {
  assert.equal(countCodeLines('/** A.\n * B */\n\nconst a = 1 // c\n  // d\nconst b = 2\n'), 2)
})

test('a marker that is missing or unknown is an error', () => {
  const text = '<!-- files: x -->\nold\n<!-- end -->'
  assert.equal(fillMarkers(text, { files: 'new' }), '<!-- files: x -->\n\nnew\n\n<!-- end -->')
  assert.throws(() => fillMarkers(text, { files: 'a', secrets: 'b' }), /markers/)
  assert.throws(() => fillMarkers(text, {}), /markers/)
})

test('AUDIT.md names files, commands and tests that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: object }
  for (const [, name = ''] of audit.matchAll(/npm run ([\w:]+)/g)) assert.ok(name in scripts, name)
  for (const [, path = ''] of audit.matchAll(/`((?:src|test|\.github)\/[\w./-]+)`/g)) assert.ok(existsSync(join(root, path)), path)
  for (const [, path = ''] of audit.matchAll(/`((?:feed|net|system|identity|cli)\/[\w./-]+\.ts)`/g)) {
    assert.ok(existsSync(join(root, 'src', path)), path)
  }
})
