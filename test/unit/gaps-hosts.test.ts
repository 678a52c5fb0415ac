// Every entry of every table of hosts, written out once more: an entry that goes or changes is noticed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseService } from '../../src/feed/service.ts'
import { trustPipelinesOidcUrl, trustTokenEndpoint } from '../../src/net/allowlist.ts'
import { fakeSystem } from './fake-system.ts'

test('a pipeline asks the hosts of Azure DevOps for its OIDC token', () => {
  const good = ['dev.azure.com', 'contoso.visualstudio.com', 'codedev.ms', 'contoso.codedev.ms', 'vsts.me', 'contoso.vsts.me']
  for (const host of good) {
    const url = trustPipelinesOidcUrl(`https://${host}/a/_apis/oidctoken`, 'connection')
    assert.equal(url, `https://${host}/a/_apis/oidctoken?api-version=7.1&serviceConnectionId=connection`)
  }
  const bad = ['visualstudio.com', 'contoso.dev.azure.com', 'codedev.m', 'vsts.m', 'a.vsts.m', 'evil.com']
  for (const host of bad) assert.equal(trustPipelinesOidcUrl(`https://${host}/a/_apis/oidctoken`, 'connection'), undefined, host)
})

test('a scheme that is not https is refused in words that fit it', () => {
  const refused = (text: string): { readonly message: string } => ({ message: `the service is refused: ${text}` })
  assert.throws(() => parseService('http://pkgs.dev.azure.com/o/', fakeSystem()), refused('http:// would send the credential in the clear, use https://'))
  assert.throws(() => parseService('ftp://pkgs.dev.azure.com/o/', fakeSystem()), refused('its scheme is not https'))
})

test('a service that is no URL at all is somebody else\'s', () => {
  for (const text of ['a:b://pkgs.dev.azure.com/o/', '://', 'a:b://']) assert.equal(parseService(text, fakeSystem()), undefined, text)
})

test('tokens are asked of the known authorities', () => {
  const hosts = ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com', 'sts.windows.net', 'login.microsoftonline.us', 'login.chinacloudapi.cn', 'login.partner.microsoftonline.cn']
  for (const host of hosts) assert.equal(trustTokenEndpoint(host, 'tenant'), `https://${host}/tenant/oauth2/v2.0/token`)
  for (const host of ['sts.windows.ne', 'windows.net', 'a.login.windows.net', 'login.microsoftonline.de']) assert.throws(() => trustTokenEndpoint(host, 'tenant'), { code: 'BAD_SETTING' })
})
