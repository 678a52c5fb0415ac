import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorityHost,
  isTenant,
  trustAuthority,
  trustGithubOidcUrl,
  trustIdentityEndpoint,
  sessionTokenUrl,
  trustAuthorizationEndpoint,
  trustPipelinesOidcUrl,
  trustTokenEndpoint,
} from '../../src/net/allowlist.ts'

const TRUSTED_ENDPOINTS = [
  ['https://app.vssps.visualstudio.com', 'https://app.vssps.visualstudio.com'],
  ['https://app.vssps.visualstudio.com/', 'https://app.vssps.visualstudio.com'],
  ['https://APP.VSSPS.VISUALSTUDIO.COM', 'https://app.vssps.visualstudio.com'],
  ['https://app.vssps.visualstudio.com:443/', 'https://app.vssps.visualstudio.com'],
  ['https://vssps.visualstudio.com', 'https://vssps.visualstudio.com'],
  ['https://wcus0.app.vssps.visualstudio.com', 'https://wcus0.app.vssps.visualstudio.com'],
  ['https://org.vssps.visualstudio.com', 'https://org.vssps.visualstudio.com'],
  ['https://vssps.dev.azure.com', 'https://vssps.dev.azure.com'],
  ['https://vssps.dev.azure.com/my-org', 'https://vssps.dev.azure.com/my-org'],
  ['https://vssps.dev.azure.com/my-org/', 'https://vssps.dev.azure.com/my-org'],
  ['https://vssps.dev.azure.com/My.Org', 'https://vssps.dev.azure.com/My.Org'],
  ['https://app.vssps.dev.azure.com', 'https://app.vssps.dev.azure.com'],
  ['https://vsspsext.visualstudio.com', 'https://vsspsext.visualstudio.com'],
  ['https://vsspsext.dev.azure.com', 'https://vsspsext.dev.azure.com'],
  ['https://vssps.devppe.azure.com', 'https://vssps.devppe.azure.com'],
  ['https://x.vssps.devppe.azure.com', 'https://x.vssps.devppe.azure.com'],
  ['https://vssps.vsallin.net', 'https://vssps.vsallin.net'],
  ['https://x.vssps.vsallin.net', 'https://x.vssps.vsallin.net'],
  ['https://x.vssps.codeapp.ms', 'https://x.vssps.codeapp.ms'],
  ['https://api.vssps.vsts.io', 'https://api.vssps.vsts.io'],
  ['https://vssps.codedev.ms', 'https://vssps.codedev.ms'],
  ['https://app.vssps.codedev.ms', 'https://app.vssps.codedev.ms'],
  ['https://vssps.vsts.me', 'https://vssps.vsts.me'],
  ['https://app.vssps.vsts.me', 'https://app.vssps.vsts.me'],
] as const

for (const [endpoint, base] of TRUSTED_ENDPOINTS) {
  test(`trusts the authorization endpoint ${endpoint}`, () => {
    assert.equal(trustAuthorizationEndpoint(endpoint), base)
  })
}

const UNTRUSTED_ENDPOINTS = [
  'https://evil.com',
  'https://attacker.com/capture',
  'https://vssps.visualstudio.com.evil.com',
  'https://vssps.dev.azure.com.evil.com/my-org',
  'https://notvssps.visualstudio.com',
  'https://notvsspsext.visualstudio.com',
  'https://x.vsspsext.visualstudio.com',
  'https://vssps.codeapp.ms',
  'https://vssps.vsts.io',
  'http://app.vssps.visualstudio.com',
  'https://login.microsoftonline.com',
  'https://dev.azure.com',
  'https://pkgs.dev.azure.com',
  'https://app.vssps.visualstudio.com:444',
  'https://app.vssps.visualstudio.com:0443',
  'https://app.vssps.visualstudio.com:',
  'https://vssps.dev.azure.com/org/deep/path',
  'https://vssps.dev.azure.com/..',
  'https://vssps.dev.azure.com/.',
  'https://vssps.dev.azure.com/%2e%2e',
  'https://vssps.dev.azure.com/a b',
  'https://vssps.dev.azure.com//',
  'https://vssps.dev.azure.com/?x',
  'https://vssps.dev.azure.com/#x',
  'https://vssps.dev.azure.com\\@evil.com',
  'https://user:pass@app.vssps.visualstudio.com',
  'https://vssps.dev.azure.com@evil.com',
  'https://-.vssps.visualstudio.com',
  'https://.vssps.visualstudio.com',
  'https://a..vssps.visualstudio.com',
  'https://vssps.visualstudio.com.',
  'https:vssps.visualstudio.com',
  '//vssps.visualstudio.com',
  'vssps.visualstudio.com',
  ' https://vssps.visualstudio.com',
  'https://vssps.visualstudio.com, https://evil.com',
  'https://vssps。visualstudio.com',
  'https://vssps.visualstudio.com\nhttps://x',
  '',
]

for (const endpoint of UNTRUSTED_ENDPOINTS) {
  test(`refuses the authorization endpoint ${JSON.stringify(endpoint)}`, () => {
    assert.equal(trustAuthorizationEndpoint(endpoint), undefined)
  })
}

test('makes the URL of a session token of either type', () => {
  const endpoint = trustAuthorizationEndpoint('https://vssps.dev.azure.com/my-org/')
  assert.ok(endpoint)
  const path = 'https://vssps.dev.azure.com/my-org/_apis/Token/SessionTokens'
  assert.equal(sessionTokenUrl(endpoint, 'SelfDescribing'), `${path}?tokenType=SelfDescribing&api-version=5.0-preview.1`)
  assert.equal(sessionTokenUrl(endpoint, 'Compact'), `${path}?tokenType=Compact&api-version=5.0-preview.1`)
})

test("asks Azure DevOps only for a pipeline's OIDC token", () => {
  const query = 'api-version=7.1&serviceConnectionId=c%26x'
  for (const [uri, url] of [
    ['https://dev.azure.com/o/p/oidctoken', `https://dev.azure.com/o/p/oidctoken?${query}`],
    ['https://dev.azure.com/o/p/oidctoken/', `https://dev.azure.com/o/p/oidctoken?${query}`],
    ['https://o.visualstudio.com/x?a=b', `https://o.visualstudio.com/x?a=b&${query}`],
    ['https://o.codedev.ms/x', `https://o.codedev.ms/x?${query}`],
  ] as const) {
    assert.equal(trustPipelinesOidcUrl(uri, 'c&x'), url)
  }
  for (const uri of ['http://dev.azure.com/o', 'https://evil.com/', 'https://dev.azure.com.evil.com/', 'https://x.dev.azure.com/', 'https://visualstudio.com/', 'https://evilvisualstudio.com/', 'https://dev.azure.com:444/', 'https://u:p@dev.azure.com/', '$(System.OidcRequestUri)', '']) {
    assert.equal(trustPipelinesOidcUrl(uri, 'c'), undefined, uri)
  }
})

const GUID = '11111111-aaaa-4aaa-8aaa-111111111111'
const AUTHORITIES = [
  [`https://login.microsoftonline.com/${GUID}`, GUID],
  [`https://login.windows.net/${GUID}/`, GUID],
  [`https://login.microsoft.com:443/${GUID}`, GUID],
  [`HTTPS://LOGIN.WINDOWS.NET/${GUID}`, GUID],
  ['https://login.windows.net/contoso.onmicrosoft.com', 'contoso.onmicrosoft.com'],
  ['https://login.microsoftonline.com/', undefined],
  ['https://login.microsoftonline.com', undefined],
] as const

for (const [uri, tenant] of AUTHORITIES) {
  test(`reads tenant ${tenant} from ${uri}`, () => {
    assert.deepEqual(trustAuthority(uri), { tenant })
  })
}

const UNTRUSTED_AUTHORITIES = [
  `https://evil.com/${GUID}`,
  `https://login.microsoftonline.com.evil.com/${GUID}`,
  `https://x.login.microsoftonline.com/${GUID}`,
  `https://sts.windows.net/${GUID}`,
  `https://login.microsoftonline.us/${GUID}`,
  `http://login.microsoftonline.com/${GUID}`,
  `https://login.microsoftonline.com:8443/${GUID}`,
  `https://user@login.microsoftonline.com/${GUID}`,
  `https://login.microsoftonline.com\\@evil.com/${GUID}`,
  'https://login.windows.net/--help',
  'https://login.windows.net/a%2fb',
  'https://login.windows.net/a/..',
  'https://login.windows.net/a?b',
  'https://login.windows.net/a b',
  '',
]

for (const uri of UNTRUSTED_AUTHORITIES) {
  test(`refuses the authority ${JSON.stringify(uri)}`, () => {
    assert.equal(trustAuthority(uri), undefined)
  })
}

test('knows what can be a tenant', () => {
  for (const good of ['organizations', 'common', GUID, 'contoso.onmicrosoft.com', 'a']) {
    assert.ok(isTenant(good), good)
  }
  const bad = ['', 'my tenant', 'my_tenant', '/', '\\', '"x"', 'invalid@tenant', '(', ':', '-h', '--help']
  for (const text of [...bad, 'a|b', 'a;b', "a'b", 'a&b', '..', 'a..b', 'a.', '.a', 'a\n', 'x'.repeat(300)]) {
    assert.equal(isTenant(text), false, JSON.stringify(text))
  }
})

test('takes a known authority host with or without scheme, and no other', () => {
  assert.equal(authorityHost(undefined), 'login.microsoftonline.com')
  for (const host of ['login.microsoftonline.us', 'https://login.microsoftonline.us/', 'LOGIN.microsoftonline.us']) {
    assert.equal(authorityHost(host), 'login.microsoftonline.us')
  }
  for (const host of ['http://login.microsoftonline.com', 'evil.com', 'https://login.microsoftonline.com:8443', 'https://u@login.microsoftonline.com', 'https://login.microsoftonline.com/tenant']) {
    assert.throws(() => authorityHost(host), { code: 'BAD_SETTING' }, host)
  }
})

test('makes the token endpoint of a tenant', () => {
  const url = `https://login.microsoftonline.com/${GUID}/oauth2/v2.0/token`
  assert.equal(trustTokenEndpoint(undefined, GUID), url)
  assert.throws(() => trustTokenEndpoint(undefined, '../evil'), { code: 'BAD_SETTING' })
  assert.throws(() => trustTokenEndpoint('evil.com', GUID), { code: 'BAD_SETTING' })
})

test("adds the audience to GitHub's URL, with and without a query", () => {
  const audience = 'api://AzureADTokenExchange'
  const escaped = 'audience=api%3A%2F%2FAzureADTokenExchange'
  assert.equal(trustGithubOidcUrl('https://gh.example/a?api-version=2.0', audience), `https://gh.example/a?api-version=2.0&${escaped}`)
  assert.equal(trustGithubOidcUrl('https://gh.example/a', audience), `https://gh.example/a?${escaped}`)
  for (const url of ['http://gh.example/a', 'https://u:p@gh.example/a', 'not a URL', '']) {
    assert.equal(trustGithubOidcUrl(url, audience), undefined)
  }
})

test('takes a plain http identity endpoint only on the machine or its private network', () => {
  const query = { resource: 'r' }
  const good = ['http://127.0.0.1:41/msi', 'http://localhost:42/x', 'http://169.254.129.2:8081/t', 'http://[::1]:1/', 'http://172.16.0.1/', 'http://10.0.0.1/', 'http://192.168.1.1/', 'https://host.example/x']
  for (const url of good) {
    assert.match(trustIdentityEndpoint(url, query) ?? '', /\?resource=r$/, url)
  }
  const bad = ['http://evil.com/', 'http://8.8.8.8/', 'http://172.32.0.1/', 'http://172.15.0.1/', 'http://127.0.0.1.evil.com/', 'http://u:p@127.0.0.1/', 'ftp://127.0.0.1/', 'http://[2001:db8::1]/', '/relative', '']
  for (const url of bad) assert.equal(trustIdentityEndpoint(url, query), undefined, url)
})
