import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Option } from '../../src/cli/parse-arguments.ts'
import { OPTIONS, parseArguments } from '../../src/cli/parse-arguments.ts'
import { forAll } from './random.ts'
import type { Random } from './random.ts'

const ROWS: readonly Option[] = OPTIONS
const ANSWERED_AT_ONCE = ['--help', '--version', '--print-completion']
const LONG = ROWS.flatMap(({ names }) => names.filter((name) => name.startsWith('--')))
const WORDS = ['get', 'set', 'del', 'diagnose', 'https://pkgs.dev.azure.com/o/', 'me', '', '-', '-7', '-.5', '-x y', '--x y', '--mode x', 'creds', 'json', '--', '-h', '-b', '-p', '-bx', '-p=', '-p=x', '-hx', '--mode', '--mode=', '--output=json', '--=', '--=x', '-=', '---', '--n', '-é', 'CANARY', '-CANARY', '--CANARY=CANARY', '__proto__', '--__proto__', '--constructor', 'toString', '\ud800', '\0', '-1e5', '-1.', '−h']
const NOISE = '-=abhkmop v\n\té7.'

/** Options that mean one thing, in all their spellings, each with its value. */
function option(random: Random): string[] {
  const row = random.pick(ROWS.filter(({ names }) => !ANSWERED_AT_ONCE.includes(names.at(-1) ?? '')))
  const long = row.names.at(-1) ?? ''
  const shortest = [...long].findIndex((_, index) => index > 2 && LONG.filter((name) => name.startsWith(long.slice(0, index))).length === 1)
  const name = random.oneIn(2) ? random.pick(row.names) : long.slice(0, shortest + random.below(long.length - shortest + 1))
  if (row.value === undefined) return [name]
  const value = random.pick(row.choices ?? ['x', '/a b', '-7', 'a=b'])
  if (random.oneIn(2)) return [name, value]
  // `-bVALUE`: only a short name may have its value attached without an equals sign.
  return [name.startsWith('--') || random.oneIn(2) ? `${name}=${value}` : name + value]
}

test('no command line makes the parser throw, or say two things, or repeat a stray word', () => {
  forAll((random) => {
    const argv = random.many(0, 6, () => (random.oneIn(5) ? random.text(NOISE, 0, 8) : random.pick(WORDS)))
    const parsed = parseArguments(argv)
    assert.deepEqual(parseArguments([...argv]), parsed, JSON.stringify(argv))
    if (parsed.kind === 'usage') assert.equal(parsed.message.includes(' CANARY'), false, JSON.stringify(argv))
    if (parsed.kind !== 'arguments') return
    for (const [name, value] of parsed.options) {
      const row = ROWS.find(({ names }) => names.at(-1) === name)
      assert.ok(row !== undefined && (row.choices === undefined || row.choices.includes(value)), JSON.stringify(argv))
    }
    if (parsed.operation === undefined) assert.deepEqual([parsed.service, parsed.username], [undefined, undefined])
  })
})

test('an option anywhere leaves the positional arguments and the other options as they are', () => {
  forAll((random) => {
    const words = [random.pick(['get', 'set', 'del', 'diagnose']), ...random.many(0, 2, () => random.pick(['https://pkgs.dev.azure.com/o/', 'me', '', '-', '-7', '-x y', '--x y', 'get', '__proto__']))]
    const groups = words.map((word) => [word])
    for (let left = random.below(3); left > 0; left -= 1) groups.splice(random.below(groups.length + 1), 0, option(random))
    const before = parseArguments(groups.flat())
    const added = option(random)
    const at = random.below(groups.length + 1)
    const argv = [...groups.slice(0, at), added, ...groups.slice(at)].flat()
    const after = parseArguments(argv)
    const where = JSON.stringify(argv)
    assert.ok(before.kind === 'arguments' && after.kind === 'arguments', where)
    assert.deepEqual([after.operation, after.service, after.username], words.concat('', '').slice(0, 3).map((word, index) => (index < words.length ? word : undefined)), where)
    assert.deepEqual([after.operation, after.service, after.username], [before.operation, before.service, before.username], where)
    const alone = parseArguments(added)
    assert.ok(alone.kind === 'arguments', where)
    for (const name of before.options.keys()) assert.ok(after.options.has(name), where)
    for (const name of alone.options.keys()) assert.ok(after.options.has(name), where)
    assert.equal(after.options.size, new Set([...before.options.keys(), ...alone.options.keys()]).size, where)
  })
})

test('whatever stands behind -- is a positional argument', () => {
  forAll((random) => {
    const rest = random.many(0, 2, () => (random.oneIn(2) ? random.pick(WORDS) : random.text(NOISE, 0, 8)))
    const parsed = parseArguments([...option(random), 'get', '--', ...rest])
    assert.ok(parsed.kind === 'arguments', JSON.stringify(rest))
    assert.deepEqual([parsed.operation, parsed.service, parsed.username], ['get', rest[0], rest[1]])
  })
})
