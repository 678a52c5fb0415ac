import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isForeign, parseService } from '../../src/feed/service.ts'
import type { Feed } from '../../src/feed/service.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { fakeSystem } from './fake-system.ts'

const SIMPLE = '/_packaging/feed/pypi/simple/'

/** A feed, `undefined` for silence, or `refused` for an error line. */
function outcome(text: string): Feed | undefined | 'refused' {
  try {
    return parseService(text, fakeSystem())
  } catch (error) {
    assert.ok(error instanceof KeyringError)
    assert.equal(error.code, 'SERVICE_REFUSED')
    assert.equal(error.message.includes('hunter2'), false)
    return 'refused'
  }
}

const FEEDS: readonly (readonly [text: string, url: string, organization: string | undefined])[] = [
  [`https://pkgs.dev.azure.com/org/proj${SIMPLE}`, `https://pkgs.dev.azure.com/org/proj${SIMPLE}`, 'org'],
  [`https://pkgs.dev.azure.com/org${SIMPLE}`, `https://pkgs.dev.azure.com/org${SIMPLE}`, 'org'],
  ['https://pkgs.dev.azure.com/org/_packaging/feed/pypi/simple', 'https://pkgs.dev.azure.com/org/_packaging/feed/pypi/simple', 'org'],
  [`https://myorg.pkgs.visualstudio.com${SIMPLE}`, `https://myorg.pkgs.visualstudio.com${SIMPLE}`, 'myorg'],
  [`https://pkgs.codedev.ms/org${SIMPLE}`, `https://pkgs.codedev.ms/org${SIMPLE}`, 'org'],
  [`https://example.pkgs.vsts.me${SIMPLE}`, `https://example.pkgs.vsts.me${SIMPLE}`, 'example'],
  [`https://deep.sub.pkgs.vsts.me${SIMPLE}`, `https://deep.sub.pkgs.vsts.me${SIMPLE}`, 'deep.sub'],
  [`https://pkgs.visualstudio.com/org${SIMPLE}`, `https://pkgs.visualstudio.com/org${SIMPLE}`, 'org'],
  ['https://myorg.pkgs.dev.azure.com/', 'https://myorg.pkgs.dev.azure.com/', 'myorg'],
  ['HTTPS://PKGS.DEV.AZURE.COM/Org/x', 'https://pkgs.dev.azure.com/Org/x', 'org'],
  ['https://pkgs.dev.azure.com:443/org/', 'https://pkgs.dev.azure.com/org/', 'org'],
  ['pkgs.dev.azure.com/org', 'https://pkgs.dev.azure.com/org', 'org'],
  ['pkgs.dev.azure.com:443/x', 'https://pkgs.dev.azure.com/x', 'x'],
  [`__token__@myorg.pkgs.visualstudio.com${SIMPLE}`, `https://myorg.pkgs.visualstudio.com${SIMPLE}`, 'myorg'],
  ['https://user:hunter2@pkgs.dev.azure.com/org/', 'https://pkgs.dev.azure.com/org/', 'org'],
  ['https://user@pkgs.dev.azure.com/org/', 'https://pkgs.dev.azure.com/org/', 'org'],
  ['https://pkgs.dev.azure.com/o/p/_packaging/f@Release/pypi/simple/', 'https://pkgs.dev.azure.com/o/p/_packaging/f@Release/pypi/simple/', 'o'],
  ['https://pkgs.dev.azure.com/o/My%20Project/_packaging/f%40Local/pypi/simple/', 'https://pkgs.dev.azure.com/o/My%20Project/_packaging/f%40Local/pypi/simple/', 'o'],
  ['https://pkgs.dev.azure.com/o/guid/_packaging/guid/pypi/download/pkg/1.0/x-1.0-py3-none-any.whl', 'https://pkgs.dev.azure.com/o/guid/_packaging/guid/pypi/download/pkg/1.0/x-1.0-py3-none-any.whl', 'o'],
  ['https://pkgs.dev.azure.com/o/_packaging/f/pypi/upload/?ok#frag', 'https://pkgs.dev.azure.com/o/_packaging/f/pypi/upload/', 'o'],
  ['https://pkgs.dev.azure.com/', 'https://pkgs.dev.azure.com/', undefined],
  ['pkgs.dev.azure.com', 'https://pkgs.dev.azure.com/', undefined],
  ['https://pkgs.dev.azure.com/_packaging/feed/', 'https://pkgs.dev.azure.com/_packaging/feed/', undefined],
]

for (const [text, url, organization] of FEEDS) {
  test(`accepts ${text}`, () => {
    const feed = outcome(text)
    assert.ok(feed !== undefined && feed !== 'refused')
    assert.equal(feed.url, url)
    assert.equal(feed.organization, organization)
  })
}

const FOREIGN = [
  'https://[::1]:8080/pkgs.dev.azure.com/',
  'https://user%40x@devpi.example/pkgs.dev.azure.com/simple',
  `${':'.repeat(130_000)}\nx`,
  'https://pkgs.codeapp.ms/org/_packaging/feed/pypi/simple/',
  'https://foo.bar:444/baz?q=1#frag',
  'https://evil-pkgs.dev.azure.com/org/',
  'https://notpkgs.visualstudio.com/',
  'https://pkgs.dev.azure.com.evil.com/',
  'https://pkgs.dev.azure.com.evil.io/',
  'https://pkgs.dev.azure.com@evil.io/',
  'https://evil.com/pkgs.dev.azure.com/',
  'https://evil.com/',
  'https://index.example/simple/',
  'https://example.com',
  'http://index.example/simple/',
  'files.example.com:8443',
  'pdm-pypi-x',
  'github',
  'not-a-url',
  '',
  ' ',
  '-',
  '--help',
  'ftp://example.com/',
  'https://-.pkgs.dev.azure.com/',
  'https://.pkgs.dev.azure.com/',
  'https://a..pkgs.dev.azure.com/',
  'https:///pkgs.dev.azure.com/org/',
  '//pkgs.dev.azure.com/org/',
]

for (const text of FOREIGN) {
  test(`stays silent for ${JSON.stringify(text.slice(0, 80))}`, () => {
    assert.equal(outcome(text), undefined)
  })
}

const REFUSED: readonly (readonly [why: string, text: string])[] = [
  ['http', `http://pkgs.dev.azure.com/org${SIMPLE}`],
  ['http with a port', 'http://pkgs.dev.azure.com:80/org/'],
  ['another scheme', 'ftp://pkgs.dev.azure.com/org/'],
  ['another port', 'https://pkgs.dev.azure.com:8443/org/'],
  ['an empty port', 'https://pkgs.dev.azure.com:/org/'],
  ['a port with a leading zero', 'https://pkgs.dev.azure.com:0443/org/'],
  ['a trailing dot', 'https://pkgs.dev.azure.com./org/'],
  ['a backslash before another host', 'https://pkgs.dev.azure.com\\@evil.com/o/'],
  ['a backslash after another host', 'https://evil.com\\@pkgs.dev.azure.com/'],
  ['a percent sign in the authority', 'https://pkgs.dev.azure.com%2eevil.com/'],
  ['a tab', 'https://pkgs.dev.azure.com\t.evil.com/'],
  ['a line break', 'https://pkgs.dev.azure.com/org\r\nx: y'],
  ['NUL', 'https://pkgs.dev.azure.com/org\0'],
  ['a space', 'https://pkgs.dev.azure.com/my org/'],
  ['no slashes', 'https:pkgs.dev.azure.com/x'],
  ['two @', 'https://a@b@pkgs.dev.azure.com/'],
  ['two @ with a password', 'https://u:hunter2@x@pkgs.dev.azure.com/'],
  ['brackets', 'https://[pkgs.dev.azure.com]/'],
  ['a leading hyphen', '-xhttps://pkgs.dev.azure.com/org/'],
  ['a path that climbs', 'https://pkgs.dev.azure.com/org/../evil/'],
  ['a path that climbs in escapes', 'https://pkgs.dev.azure.com/org/%2E%2e/evil/'],
  ['Punycode that Node cannot decode', 'u:p:w@xn--a.pkgs.dev.azure.com/https:?'],
  ['Punycode', 'https://xn--bcher-kva.pkgs.dev.azure.com/org/'],
  ['9 KiB', `https://pkgs.dev.azure.com/org/${'x'.repeat(9000)}`],
]

for (const [why, text] of REFUSED) {
  test(`refuses ${why} with a reason`, () => {
    assert.equal(outcome(text), 'refused')
  })
}

test('no variable adds a host', () => {
  const env = { ARTIFACTS_CREDENTIALPROVIDER_VSTS_HOSTS: 'a.example;b.example', NUGET_CREDENTIALPROVIDER_HOSTS: 'a.example' }
  assert.equal(parseService('https://a.example/org/', fakeSystem({ env })), undefined)
})

test('stays silent for a full-width look-alike', () => {
  assert.equal(outcome('https://pkgs。dev。azure。com/org/'), undefined)
  assert.equal(outcome('https://ｐｋｇｓ.dev.azure.com/org/'), undefined)
})

test('knows an upload URL, with and without a slash and a query', () => {
  const upload = (rest: string): boolean => {
    const feed = outcome(`https://pkgs.dev.azure.com/o/_packaging/f/pypi/${rest}`)
    assert.ok(feed !== undefined && feed !== 'refused')
    return feed.upload
  }
  assert.deepEqual(['upload', 'upload/', 'upload?ok', 'simple/', 'simple/upload'].map(upload), [true, true, true, false, false])
})

const PORTALS: readonly (readonly [string, string | undefined])[] = [
  ['https://pkgs.dev.azure.com/my-org/_packaging/f/pypi/simple/', 'https://dev.azure.com/my-org'],
  ['https://myorg.pkgs.visualstudio.com/_packaging/f/', 'https://myorg.visualstudio.com'],
  ['https://pkgs.dev.azure.com/', undefined],
  ['https://pkgs.codedev.ms/myorg/', undefined],
  ['https://pkgs.dev.azure.com/a%2fb/', undefined],
]

for (const [text, portal] of PORTALS) {
  test(`the portal of ${text} is ${portal}`, () => {
    const feed = outcome(text)
    assert.ok(feed !== undefined && feed !== 'refused')
    assert.equal(feed.portal, portal)
  })
}

test('one organization has one name on both of its hosts', () => {
  const names = ['https://pkgs.dev.azure.com/MyOrg/x', 'https://myorg.pkgs.visualstudio.com/x'].map(outcome)
  assert.deepEqual(names.map((feed) => typeof feed === 'object' && feed.organization), ['myorg', 'myorg'])
})

test('only what names no feed host anywhere is foreign', () => {
  const foreign = (text: string): boolean => isForeign(text, fakeSystem())
  assert.equal(foreign('https://index.example/simple/'), true)
  assert.equal(foreign('github'), true)
  assert.equal(foreign(`https://pkgs.dev.azure.com/org${SIMPLE}`), false)
  for (const text of ['https://evil-pkgs.dev.azure.com/o/', 'https://x.example/pkgs.DEV.azure.com/']) assert.equal(foreign(text), false, text)
})
