import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseService } from '../../src/feed/service.ts'
import type { Feed } from '../../src/feed/service.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { fakeSystem } from './fake-system.ts'
import { CASES, comparison, forAll, HAS_PYTHON, mutated } from './random.ts'
import type { Random } from './random.ts'

const HOSTS = ['pkgs.dev.azure.com', 'pkgs.visualstudio.com', 'pkgs.codedev.ms', 'pkgs.vsts.me']
const LABELS = ['contoso', 'my-org', 'a', '7', 'xn--', 'xn--a', 'xn--bcher-kva', 'xn--pkgs-', '0x7f', 'a--b', 'x'.repeat(63), 'x'.repeat(64), '-', 'a_b', '']
const LOOK_ALIKES = ['evil.com', 'pkgs.dev.azure.com.evil.com', 'evil-pkgs.dev.azure.com', 'pkgs.dev.azure.com.', 'pkgs。dev。azure。com', 'ｐkgs.dev.azure.com', 'pkgs.dev.azure.ⅽom', 'pkgs.dev.azure.com%2eevil.com', '[::1]', '[pkgs.dev.azure.com]', '127.0.0.1', '0x7f.1', 'pkgs.dev.azure.cоm', 'pkgs.dev.azure.com\u00ad', 'ſ.pkgs.dev.azure.com']
const SCHEMES = ['https://', 'https://', 'https://', '', '', 'HTTPS://', 'http://', 'https:', 'https:/', 'https:///', '//', 'ftp://', 'https+x://', 'file://', 'javascript://', ' https://']
const USERS = ['me@', 'user:hunter2@', ':@', '@', 'a@b@', 'me%40x@', '__token__@', 'u:p:w@', 'pkgs.dev.azure.com@', 'u;x=1@', "u'!$&()*+,;=~@", 'u<>"{}|^`@']
const PORTS = [':443', ':443', ':', ':80', ':0443', ':00443', ':4430', ':٤٤٣', ':+443', ':-1', ':65536', ':443:443', ':44３']
const SEGMENTS = ['contoso', '_packaging', 'feed', 'feed@Release', 'pypi', 'simple', 'upload', '', '.', '..', '...', '.;', '..;a', '%2e', '%2E.', '%2f', '%5c', '%00', '%', '%zz', '%25', 'a%20b', 'ä', '~', '*', "'", '"', '<', '>', '|', '^', '`', '{}', '[x]', '@evil.com', ':443', 'https:', '://', 'https://evil.com', '&a=b', ';v=1', '$', '!', '+', ',', '=']
const TAILS = ['', '', '', '?', '#', '?ok', '#frag', '?u=https://evil.com/', '#@evil.com/', '?/../', '#?', '?#', '/', '?://']
const BYTES = [
  ...Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code)),
  ...'/:@?#[]%.\\-/:@?#[]%.\\-/:@?#[]%.\\-&;=+~',
  ...['\u0080', '\u0085', '\u00a0', '\u00ad', '\u200b', '\u2028', '\u202e', '\u2100', '\u3002', '\uff0e', '\uff0f', '\uff1a', '\uff20', '\uff3c', '\uff03', '\ufeff', '\ufffd', '\ud800', '😀', '://', '%2f', '%2e', '%40', '%00', '..', '//'],
]

/** Mostly a good text with one thing wrong, since two wrong things hide each other. */
function service(random: Random): string {
  const wild = random.below(10)
  const some = <T>(part: number, hostile: readonly T[], good: readonly T[]): T => random.pick(wild === part || wild === 9 ? hostile : good)
  const below = random.oneIn(3) ? random.many(1, 3, () => some(1, LABELS, LABELS.slice(0, 4))).concat('').join('.') : ''
  const host = some(2, LOOK_ALIKES, HOSTS)
  const user = random.oneIn(3) ? some(3, USERS, USERS.slice(0, 3)) : ''
  const port = random.oneIn(4) ? some(4, PORTS, PORTS.slice(0, 1)) : ''
  const path = random.many(0, 6, () => `/${some(5, SEGMENTS, SEGMENTS.slice(0, 8))}`).join('')
  const text = some(6, SCHEMES, SCHEMES.slice(0, 6)) + user + below + host + port + path + some(7, TAILS, TAILS.slice(0, 5))
  return random.oneIn(3) ? mutated(text, BYTES, random) : text
}

const system = fakeSystem({ env: { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' } })

/** The feed, unless the text is refused in the one way in which it may be. */
function parsed(text: string): Feed | undefined {
  system.err.length = 0
  try {
    return parseService(text, system)
  } catch (error) {
    assert.ok(error instanceof KeyringError && error.code === 'SERVICE_REFUSED', `${JSON.stringify(text)}: ${String(error)}`)
    assert.equal(error.message.includes('hunter2'), false)
    return undefined
  } finally {
    assert.equal(system.err.join('').includes('hunter2'), false)
  }
}

/** Path of a text by hand: from the first slash behind the authority to the query or fragment. */
function pathOf(text: string): string {
  const start = text.indexOf('://')
  const rest = start < 0 ? text : text.slice(start + 3)
  const end = [...rest].findIndex((character) => character === '?' || character === '#')
  const whole = end < 0 ? rest : rest.slice(0, end)
  const slash = whole.indexOf('/')
  return slash < 0 ? '/' : whole.slice(slash)
}

const URLSPLIT = `
from urllib.parse import urlsplit
def answer(text):
    try:
        parts = urlsplit(text)
        return f'{parts.scheme} {parts.hostname}'
    except ValueError:
        return None
`

test('a service text is a feed that Node and Python see alike, or refused, or silence', (context) => {
  let accepted = 0
  const python = comparison(URLSPLIT, (text, answer) => {
    const feed = parsed(text)
    assert.equal(answer, `https ${new URL(feed?.url ?? '').hostname}`, JSON.stringify(text))
  })
  forAll((random) => {
    const text = service(random)
    const feed = parsed(text)
    if (feed === undefined) return
    accepted += 1
    const where = JSON.stringify(text)
    assert.ok(URL.canParse(feed.url), `Node cannot parse ${where}`)
    const url = new URL(feed.url)
    assert.deepEqual([url.protocol, url.username, url.password, url.port, url.search, url.hash], ['https:', '', '', '', '', ''], where)
    assert.ok(HOSTS.some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`)), where)
    assert.equal(feed.url, `https://${url.hostname}${pathOf(text)}`, where)
    assert.match(feed.url, /^[\x21-\x7e]+$/, where)
    assert.equal(url.pathname.split('/').length, pathOf(text).split('/').length, where)
    const original = text.includes('://') ? text : `https://${text}`
    assert.equal(new URL(original).hostname, url.hostname, where)
    python.add(original)
  })
  const compared = python.finish()
  context.diagnostic(`${accepted} of ${CASES} accepted, ${compared} compared with Python`)
  assert.ok(CASES < 1000 || accepted > CASES / 5, 'the generator makes enough feeds')
  assert.equal(compared, HAS_PYTHON ? accepted : 0)
})
