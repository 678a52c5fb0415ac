import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseKeyringrc } from '../../src/system/keyringrc.ts'
import { CASES, comparison, forAll, HAS_PYTHON, mutated } from './random.ts'
import type { Random } from './random.ts'

const OURS = 'artifacts_keyring_nofuss'
const SECTIONS = [OURS, OURS, OURS, OURS, 'backend', 'DEFAULT', 'Artifacts_Keyring_Nofuss', ' artifacts_keyring_nofuss', 'a]b', 'x;y', '__proto__']
const KEYS = ['provider', 'provider', 'Provider', 'PROVIDER', 'default-keyring', 'provider x', 'other', 'a[b]', '__proto__']
const VALUES = ['azure_cli', 'env_var', '', 'a = b', 'a: b', 'a # b', 'a ; b', '[x]', '"q"', '%(x)s', '=', 'é', 'keyring.backends.null.Keyring']
const INDENTS = ['', '', '', '', '', ' ', '  ', '    ', '\t']
const ENDS = ['\n', '\n', '\n', '\n', '\r\n', '\r']
// White space that Python and JavaScript see alike; control characters have no place in a file of settings.
const NOISE = [...Array.from({ length: 0x5f }, (_, code) => String.fromCharCode(0x20 + code)), ...'[]=:#;\n\n\r \t\u00a0é\ufffd']

function line(random: Random): string {
  const blank = (): string => random.pick(['', ' ', '  ', '\t'])
  const separator = (): string => blank() + random.pick(['=', '=', ':']) + blank()
  const kind = random.below(10)
  if (kind < 2) return `[${random.pick(SECTIONS)}]${random.oneIn(6) ? random.pick([' ', ' ; note', ']', ' x = y']) : ''}`
  if (kind < 7) return random.pick(KEYS) + separator() + random.pick(VALUES)
  if (kind === 7) return random.pick(['# note', '; note', '#provider = x', ';[backend]', '#', ';'])
  return kind === 8 ? blank() : random.pick(VALUES)
}

/** Most files begin with a section and say nothing twice, since configparser refuses the others. */
function file(random: Random): string {
  const lines = random.many(0, 6, () => random.pick(INDENTS) + line(random))
  const start = random.oneIn(2) ? ['[DEFAULT]', `provider = ${random.pick(VALUES)}`, `[${OURS}]`] : [`[${random.pick(SECTIONS)}]`]
  const text = (random.oneIn(8) ? lines : [...start.slice(random.oneIn(2) ? -1 : 0), ...lines]).map((each) => each + random.pick(ENDS)).join('')
  return random.oneIn(4) ? mutated(text, NOISE, random) : text
}

const CONFIGPARSER = `
import configparser, io
def answer(text):
    parser = configparser.RawConfigParser()
    try:
        parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode()), 'utf-8'))
    except configparser.Error:
        return None
    return parser.get('artifacts_keyring_nofuss', 'provider', fallback='').strip()
`

test("no file makes the reader throw, and one that Python's configparser accepts says the same here", (context) => {
  let accepted = 0
  let said = 0
  const squeezed = (text: string): string => text.replace(/\s+/g, ' ')
  const python = comparison(CONFIGPARSER, (text, answer) => {
    if (answer === null) return
    accepted += 1
    if (answer !== '') said += 1
    assert.equal(squeezed(parseKeyringrc(text).provider ?? ''), squeezed(answer), JSON.stringify(text))
  })
  forAll((random) => {
    const text = file(random)
    const found = parseKeyringrc(text)
    for (const value of [found.provider, found.defaultKeyring]) assert.ok(value === undefined || value.trim() !== '', JSON.stringify(text))
    python.add(text)
  })
  python.finish()
  context.diagnostic(`${accepted} of ${CASES} accepted by Python, ${said} of them with a provider`)
  assert.ok(!HAS_PYTHON || CASES < 1000 || said > CASES / 10, 'the generator makes enough files that say something')
})

test('a file of a megabyte takes no longer than its length', () => {
  let slowest = 0
  forAll((random) => {
    const unit = random.many(1, 4, () => random.pick(NOISE)).join('')
    const started = performance.now()
    parseKeyringrc(`[artifacts_keyring_nofuss]\nprovider =${unit.repeat(1_048_576 / unit.length)}`)
    slowest = Math.max(slowest, performance.now() - started)
  }, 20)
  assert.ok(slowest < 2000, `${slowest} ms`)
})
