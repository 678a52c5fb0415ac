import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenges } from '../../src/net/challenge.ts'

const ROWS: readonly (readonly [name: string, header: string, expected: readonly (readonly [string, Record<string, string>])[]])[] = [
  ['nothing', '', []],
  ['white space', '  , , ', []],
  ['one scheme', 'Bearer', [['bearer', {}]]],
  ['an unquoted URL', 'Bearer authorization_uri=https://login.windows.net/T', [['bearer', { authorization_uri: 'https://login.windows.net/T' }]]],
  ['a quoted URL', 'BEARER authorization_uri="https://login.windows.net/T"', [['bearer', { authorization_uri: 'https://login.windows.net/T' }]]],
  [
    'three challenges in one line',
    'Bearer authorization_uri=https://x/T, Basic realm="http://a, b", TFS-Federated',
    [['bearer', { authorization_uri: 'https://x/T' }], ['basic', { realm: 'http://a, b' }], ['tfs-federated', {}]],
  ],
  [
    'a Bearer without and one with a parameter',
    'Bearer, Bearer authorization_uri=X, NTLM abc==',
    [['bearer', {}], ['bearer', { authorization_uri: 'X' }], ['ntlm', {}]],
  ],
  ['several parameters', 'Bearer a=1, b="2" , c = 3', [['bearer', { a: '1', b: '2', c: '3' }]]],
  ['parameter names without case', 'Bearer Authorization_URI=X', [['bearer', { authorization_uri: 'X' }]]],
  ['an escaped quote', 'Basic realm="a\\"b"', [['basic', { realm: 'a"b' }]]],
  ['a token68', 'Negotiate YII=, Bearer a=b', [['negotiate', {}], ['bearer', { a: 'b' }]]],
  ['a word that is no parameter', 'Bearer foobar', [['bearer', {}]]],
  ['the first of a repeated parameter', 'Bearer a=1, a=2', [['bearer', { a: '1' }]]],
  ['empty list members', ', ,Bearer a=1,,Basic', [['bearer', { a: '1' }], ['basic', {}]]],
  ['an unclosed quote', 'Bearer a="x', [['bearer', {}]]],
  ['a parameter without a value', 'Bearer a=, Basic', [['bearer', {}], ['basic', {}]]],
  ['a parameter before any scheme', 'a=b, Bearer', [['a', {}]]],
  ['no letters at all', '"', []],
  ['a name of every object', 'Bearer __proto__=x, constructor=y', [['bearer', { ['__proto__']: 'x', constructor: 'y' }]]],
]

for (const [name, header, expected] of ROWS) {
  test(`parses ${name}`, () => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [scheme, [...parameters]])
    assert.deepEqual(found, expected.map(([scheme, parameters]) => [scheme, Object.entries(parameters)]))
  })
}

test('is done with 64 KiB of anything in no time', () => {
  for (const unit of ['a', 'a ', 'a=', 'a,', '"', '=', 'Bearer a=" ', 'x=1,', ' ,', '\\']) {
    const started = performance.now()
    parseChallenges(unit.repeat(65_536 / unit.length))
    assert.ok(performance.now() - started < 5_000, JSON.stringify(unit))
  }
})
