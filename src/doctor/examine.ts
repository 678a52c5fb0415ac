import { parseDiscovery, probe } from '../feed/discovery.ts'
import { parseService } from '../feed/service.ts'
import type { Feed } from '../feed/service.ts'
import { chooseProviders } from '../identity/chain.ts'
import type { Chain } from '../identity/chain.ts'
import { proxyFor, proxyName, proxyVariable } from '../net/proxy.ts'
import { trustedCertificates, trustVariable } from '../net/trust.ts'
import { KeyringError } from '../system/errors.ts'
import { configFile } from '../system/folders.ts'
import { NULL_BACKEND } from '../system/keyringrc.ts'
import { isSet, setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { VERSION } from '../version.ts'
import { checkCallers } from './callers.ts'
import { step } from './check.ts'
import type { Tell } from './check.ts'
import { askFeed, findCredential } from './identity.ts'

/**
 * Checks everything between a caller and its packages, up to where it breaks. The providers are tried
 * as `get` tries them: the first token that is accepted ends the search. Nothing is changed anywhere.
 *
 * @param service as for `get`; without one, what can be checked without a feed
 * @throws KeyringError after it was told
 */
export async function examine(service: string | undefined, system: System, tell: Tell): Promise<void> {
  await checkCallers(system, tell)
  await step('node', tell, () => system.node, ({ version, path }) => `${version} (${path}), keyring ${VERSION}`)
  const chain = await step('configuration', tell, () => chooseProviders(system), (all) => configuration(all, system))
  // NO_PROXY can make an exception of some other feed's host: the connection will show.
  const proxy = () => proxyFor(system, 'pkgs.dev.azure.com', 443)
  await step('proxy', tell, proxy, (it) => (it === undefined ? 'none' : `${proxyName(it)} (${proxyVariable(system)})`))
  await step('trust', tell, () => trustedCertificates(system), (all) => trust(all?.length, system))
  const feed = await step('service', tell, () => feedOf(service, system), (it) => `organization ${it.organization}`)
  const started = system.now()
  const answer = await step('connection', tell, () => probe(feed, system), ({ status }) =>
    `${new URL(feed.url).host} answered ${status} in ${system.now() - started} ms`)
  const discovery = await step('discovery', tell, () => parseDiscovery(feed, answer), (it) =>
    `tenant ${it.tenant}, session tokens from ${it.authorizationEndpoint ?? 'nowhere'}`)
  const found = await findCredential(feed, chain, discovery, system, tell)
  await step('access', tell, () => askFeed(feed, found, discovery.tenant, system), (words) => words)
}

/** @throws KeyringError BAD_SETTING where `get` would find nothing at all */
function configuration({ rows, forced }: Chain, system: System): string {
  const path = configFile(system)
  const [backend, provider] = ['PYTHON_KEYRING_BACKEND', 'ARTIFACTS_KEYRING_NOFUSS_PROVIDER'] as const
  const off = setting(system, backend) === NULL_BACKEND ? backend : rows.length === 0 ? path : undefined
  if (off !== undefined) throw new KeyringError('BAD_SETTING', `${off} disables keyring`, `remove its ${NULL_BACKEND}`)
  if (forced) return `only ${rows.map(({ name }) => name).join(', ')} (${isSet(system, provider) ? provider : path})`
  const file = path === undefined ? undefined : system.readFile(path, 1_048_576)
  return file === undefined ? 'no home folder' : `${path}${'problem' in file ? ` (${file.problem})` : ''}`
}

function trust(certificates: number | undefined, system: System): string {
  const variable = trustVariable(system)
  if (variable !== undefined) return `only ${setting(system, variable)} (${variable}), certificates: ${certificates}`
  return `the certificates of Node${isSet(system, 'NODE_EXTRA_CA_CERTS') ? ' and of NODE_EXTRA_CA_CERTS' : ''}`
}

function feedOf(service: string | undefined, system: System): Feed {
  const feed = service === undefined ? undefined : parseService(service, system)
  if (feed?.organization !== undefined) return feed
  const other = feed === undefined ? 'this is no host of Azure Artifacts' : 'it names no organization'
  throw new KeyringError('SERVICE_REFUSED', service === undefined ? 'none is given' : other)
}
