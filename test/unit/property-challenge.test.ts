import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenges } from '../../src/net/challenge.ts'
import { forAll, mutated } from './random.ts'
import type { Random } from './random.ts'

const TOKEN = "abcXYZ019!#$%&'*+-.^_`|~"
const TOKEN68 = 'abcXYZ019-._~+/'
const QUOTED = ' \t!#$%&\'()*+,-./:;<=>?@[]^_`{|}~"\\abcXYZ0189éÿ'
const SCHEMES = ['Bearer', 'Basic', 'NTLM', 'Negotiate', 'TFS-Federated', 'a']
const NAMES = ['authorization_uri', 'realm', 'error', '__proto__', 'constructor', 'a']
const NOISE = [...Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)), ...'"\\=, "\\=, ', 'Bearer ', 'a="', '\\"', '==', ' , ']

interface Expected {
  readonly scheme: string
  readonly parameters: readonly (readonly [string, string])[]
}

/** A challenge as RFC 9110 §11.6.1 lets it be written, and what it means. */
function challenge(random: Random): { readonly text: string; readonly expected: Expected } {
  const blank = (): string => random.text(' \t', 0, 1)
  const scheme = random.oneIn(3) ? random.text(TOKEN, 1, 8) : random.pick(SCHEMES)
  const space = random.text(' ', 1, 2)
  const kind = random.below(4)
  if (kind === 0) return { text: scheme, expected: { scheme: scheme.toLowerCase(), parameters: [] } }
  if (kind === 1) {
    const token68 = random.text(TOKEN68, 1, 12) + random.text('=', 0, 2)
    return { text: scheme + space + token68, expected: { scheme: scheme.toLowerCase(), parameters: [] } }
  }
  const parameters = new Map<string, string>()
  const written = random.many(1, 4, () => {
    const name = random.oneIn(3) ? random.text(TOKEN, 1, 8) : random.pick(NAMES)
    const quoted = random.oneIn(2)
    const value = quoted ? random.text(QUOTED, 0, 12) : random.text(TOKEN, 1, 12)
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value)
    const escaped = [...value].map((character) => (/["\\]/.test(character) || random.oneIn(8) ? `\\${character}` : character))
    return `${name}${blank()}=${blank()}${quoted ? `"${escaped.join('')}"` : value}`
  })
  const text = `${scheme}${space}${list(written, random)}`
  return { text, expected: { scheme: scheme.toLowerCase(), parameters: [...parameters] } }
}

/** RFC 9110 §5.6.1: elements may be empty. */
function list(elements: readonly string[], random: Random): string {
  const comma = (): string => random.pick([', ', ',', ' ,', '\t, ', ', , ', ',,'])
  return elements.map((element, index) => (index === 0 ? element : comma() + element)).join('')
}

test('challenges in the grammar are read back, in one line or joined from several', () => {
  forAll((random) => {
    const challenges = random.many(1, 4, () => challenge(random))
    const header = (random.oneIn(8) ? ' , ' : '') + list(challenges.map(({ text }) => text), random) + (random.oneIn(8) ? ' ,' : '')
    const found = parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: [...parameters] }))
    assert.deepEqual(found, challenges.map(({ expected }) => expected), JSON.stringify(header))
  })
})

test('no header makes the parser throw, and what is after damage does not change what is before it', () => {
  forAll((random) => {
    const whole = list(random.many(1, 4, () => challenge(random).text), random)
    const header = random.oneIn(4) ? random.many(0, 30, () => random.pick(NOISE)).join('') : mutated(whole, NOISE, random)
    const found = parseChallenges(header)
    for (const { scheme, parameters } of found) {
      assert.equal(scheme, scheme.toLowerCase())
      assert.ok(scheme !== '' && ![...parameters.keys()].includes(''))
    }
    // `()` fits the grammar nowhere but in a quoted string, which the comma would end otherwise.
    const damaged = parseChallenges(`${header}\n,(),Bearer evil=1`)
    if (!header.includes('"')) assert.equal(damaged.length, found.length, JSON.stringify(header))
  })
})

test('a header of a megabyte takes no longer than its length', () => {
  const slowest = { unit: '', ms: 0 }
  forAll((random) => {
    const unit = random.many(1, 5, () => random.pick(['a', 'B', ' ', '\t', '=', ',', '"', '\\', '/', '~', 'a=', 'a="', '\\"', 'é', '(', 'Bearer '])).join('')
    const text = random.pick(['', 'Bearer ', 'Bearer a=', 'Bearer a="']) + unit.repeat(1_048_576 / unit.length) + random.pick(['', '"', '!', '(', '='])
    const started = performance.now()
    parseChallenges(text)
    const ms = performance.now() - started
    if (ms > slowest.ms) Object.assign(slowest, { unit, ms })
  }, 30)
  assert.ok(slowest.ms < 2000, JSON.stringify(slowest))
})
