import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparable, endpointFor, isAtOrBelow, parseFeedEndpoints } from '../../src/identity/feed-endpoints.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { Secret } from '../../src/system/settings.ts'
import { forAll, mutated } from './random.ts'
import type { Random } from './random.ts'

const HOSTS = ['pkgs.dev.azure.com', 'contoso.pkgs.visualstudio.com', 'PKGS.dev.azure.com']
const NAMES = ['contoso', 'Contoso', 'conto', 'contoso-x', 'a', 'b', 'feed', '_packaging', 'feed@Release', 'feed%40Release', 'My%20Project', 'a%2Fb', 'a%2fb', 'a%252Fb', 'a%5Cb', 'a%3Fb', '%C3%84', '%c3%a4', 'ä', '+', '%2B', '']
const JSON_NOISE = [...'{}[]",:\'\\ \n\0é', 'null', '1e999', '"__proto__":{"endpoint":"https://x/"},', '"endpoint":', '"password":"CANARY\\n"', '\ud800', '\ufeff', '[[[[', '"endpointCredentials":']
const VALUES: readonly unknown[] = [null, 7, true, '', 'x', 'https://', 'https://[', 'https://%', 'https://h/%', 'https://h/%ff', 'http://h/', 'file:///x', {}, [], { endpoint: 'https://h/' }, 'CANARY\n', 'CANARY\0', 'x'.repeat(70_000)]

function path(random: Random): readonly string[] {
  return random.many(0, 5, () => random.pick(NAMES))
}

function url(host: string, names: readonly string[], end: string): string {
  return `https://${host}/${names.join('/')}${end}`
}

/** The same names as a server sees them: decoded one by one, without the empty ones at the end. */
function meant(names: readonly string[]): readonly string[] {
  const decoded = names.map((name) => decodeURIComponent(name).toLowerCase())
  return decoded.slice(0, decoded.findLastIndex((name) => name !== '') + 1)
}

test('no JSON in the variable fails but by a password that cannot be one, and none of it is repeated', () => {
  forAll((random) => {
    const entries = random.many(0, 4, () => {
      const names = ['endpoint', 'password', 'username', 'clientId', '__proto__', 'constructor']
      const known = random.oneIn(2) ? { endpoint: url(random.pick(HOSTS), path(random), ''), password: 'p' } : {}
      return random.oneIn(8) ? random.pick(VALUES) : { ...known, ...Object.fromEntries(random.many(0, 3, () => [random.pick(names), random.pick(VALUES.slice(0, -1))])) }
    })
    const whole = JSON.stringify({ [random.oneIn(20) ? '__proto__' : 'endpointCredentials']: random.oneIn(10) ? random.pick(VALUES) : entries })
    const text = random.oneIn(2) ? whole : mutated(whole, JSON_NOISE, random)
    try {
      const { endpoints, flaws } = parseFeedEndpoints(new Secret(text), 'VARIABLE', random.oneIn(2))
      assert.equal(flaws.join().includes('CANARY'), false)
      for (const { place } of endpoints) assert.equal(isAtOrBelow(`https://${place}`, place), true, JSON.stringify(text))
      const found = endpointFor(url(random.pick(HOSTS), path(random), '/'), endpoints)
      assert.ok(found === undefined || endpoints.includes(found))
    } catch (error) {
      assert.ok(error instanceof KeyringError && error.code === 'BAD_TOKEN', JSON.stringify(text))
      assert.match(error.message, /^the token in VARIABLE /)
    }
  })
})

test('an endpoint answers for the names in its path and what lies below them, never across a boundary', () => {
  let matching = 0
  forAll((random) => {
    const feed = path(random)
    const host = random.pick(HOSTS)
    const respelled = (name: string): string => (random.oneIn(4) ? name.replaceAll('o', random.pick(['O', '%6f', '%4F'])) : name)
    const cut = feed.slice(0, random.below(feed.length + 1)).map(respelled)
    const ours = random.oneIn(2) ? cut : random.oneIn(2) ? [...cut, random.pick(NAMES)] : path(random)
    const elsewhere = random.oneIn(4) ? random.pick(HOSTS) : host
    const place = comparable(url(elsewhere, ours, random.oneIn(2) ? '/' : ''))
    const feedUrl = url(host.toLowerCase(), feed, random.oneIn(2) ? '/' : '')
    const expected = elsewhere.toLowerCase() === host.toLowerCase() && meant(ours).every((name, index) => name === meant(feed)[index])
    if (expected) matching += 1
    assert.equal(place !== undefined && isAtOrBelow(feedUrl, place), expected, `${feedUrl} and ${elsewhere}/${ours.join('/')}`)
  })
  assert.ok(matching > 0)
})
