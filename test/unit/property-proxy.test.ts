import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proxyFor } from '../../src/net/proxy.ts'
import type { Proxy } from '../../src/net/proxy.ts'
import { KeyringError } from '../../src/system/messages.ts'
import type { System } from '../../src/system/system.ts'
import { fakeSystem } from './fake-system.ts'
import { forAll, mutated } from './random.ts'
import type { Random } from './random.ts'

const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']
const PROXIES = ['http://proxy.example:3128', 'https://u:CANARY@proxy.example', 'proxy.example', 'proxy.example:8080', 'u:CANARY@proxy.example:1', 'http://[::1]:8080/', 'socks5://CANARY@h', 'http://', 'http://u:CANARY%zz@h', 'http://CANARY:', '://CANARY', '', 'http://h:99999', 'http://a b CANARY', 'file:///CANARY', 'javascript:CANARY']
const NOISE = [...Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)), '://', '@', '@', ':', ':', '[', ']', '%', '\\', '\u3002', '\ud800']
const LABELS = ['a', 'b', 'com', 'evil', 'pkgs', 'azure', 'xa', 'ax', 'x-a']
const world = fakeSystem()

function system(env: Readonly<Record<string, string>>): System {
  return { ...world, env }
}

test('no proxy variable makes a call fail in another way than by naming it', () => {
  forAll((random) => {
    const name = random.pick(VARIABLES)
    const value = mutated(random.pick(PROXIES), NOISE, random)
    const env = { [name]: value, NO_PROXY: random.many(0, 6, () => random.pick([...NOISE, ...LABELS, ',', ' ', '.', '*'])).join('') }
    let proxy: Proxy | undefined
    try {
      proxy = proxyFor(system(env), 'feed.example', 443)
    } catch (error) {
      assert.ok(error instanceof KeyringError && error.code === 'BAD_SETTING', JSON.stringify(env))
      assert.ok(error.message.startsWith(`${name} `), error.message)
      assert.equal([error.message, ...error.hints].join().includes('CANARY'), false)
      return
    }
    if (proxy === undefined) return
    assert.ok(proxy.host !== '' && Number.isInteger(proxy.port) && proxy.port > 0 && proxy.port < 65_536, JSON.stringify(env))
    assert.match(proxy.authorization?.reveal() ?? 'Basic ', /^Basic [\w+/]*={0,2}$/, JSON.stringify(env))
  })
})

/** An entry of NO_PROXY and what it exempts, by whole labels. */
function entry(host: readonly string[], random: Random): { readonly text: string; readonly exempts: boolean } {
  const kind = random.below(4)
  const whole = host.join('.')
  // Kind 0 cuts the host anywhere, also within a label.
  const name = kind === 0 ? whole.slice(random.below(whole.length)) : kind === 1 ? host.slice(random.below(host.length)).join('.') : random.many(1, 3, () => random.pick(LABELS)).join('.')
  const bare = name.replace(/^\./, '')
  const port = random.pick([undefined, undefined, 443, 8443])
  const labels = bare.split('.')
  const exempts = labels.length <= host.length && labels.every((label, index) => label === host[host.length - labels.length + index])
  const written = random.oneIn(4) ? bare.toUpperCase() : bare
  const text = (random.oneIn(3) ? '.' : '') + written + (random.oneIn(8) ? '.' : '') + (port === undefined ? '' : `:${port}`)
  return { text, exempts: exempts && port !== 8443 }
}

test('NO_PROXY exempts by whole labels from the end, never by a part of a name', () => {
  let exempted = 0
  forAll((random) => {
    const host = random.many(1, 4, () => random.pick(LABELS))
    const entries = random.many(0, 3, () => entry(host, random))
    const list = entries.map(({ text }) => text).join(random.pick([',', ', ', ' ', ',,']))
    const expected = entries.some(({ exempts }) => exempts)
    if (expected) exempted += 1
    const env = { [random.pick(VARIABLES)]: 'http://proxy.example:1', [random.pick(['no_proxy', 'NO_PROXY'])]: list }
    assert.equal(proxyFor(system(env), host.join('.'), 443) === undefined, expected, `${host.join('.')} and ${JSON.stringify(list)}`)
  })
  assert.ok(exempted > 0)
})
