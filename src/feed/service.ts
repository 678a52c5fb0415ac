import { FEED_HOSTS, isFeedHost } from '../net/allowlist.ts'
import { debug, KeyringError } from '../system/messages.ts'
import type { System } from '../system/system.ts'

/** An Artifacts feed, or at least the host of one, as a service text names it. */
export interface Feed {
  /** https, allowlisted host, no port, no userinfo, no query; the path byte for byte as given. */
  readonly url: string
  /** Lower case. Undefined where only a host is named that serves many organizations. */
  readonly organization: string | undefined
  /** The organization's web page, for sign-in hints. */
  readonly portal: string | undefined
  /** Whether packages are uploaded there (`…/pypi/upload`). */
  readonly upload: boolean
}

const LENGTH_LIMIT = 8192

/**
 * Reads keyring's first argument. The text is hostile until proven otherwise: it is refused wherever
 * Node's URL parser and Python's, which pip uses, could see different hosts in it.
 *
 * @returns undefined for a service that is not an Artifacts feed
 * @throws KeyringError SERVICE_REFUSED for an Azure host in a form that is not safe to use
 */
export function parseService(text: string, system: System): Feed | undefined {
  const url = text.includes('://') ? text : `https://${text}`
  const [, scheme = '', authority = '', rest = ''] = /^([^:]*):\/\/([^/?#]*)(.*)$/s.exec(url) ?? []
  const reason = flaw(text) ?? authorityFlaw(authority)
  if (reason !== undefined) return refuse(authority, reason, system)
  const host = hostOf(authority)
  if (!isFeedHost(host)) {
    debug(system, 'the service is not an Azure Artifacts feed')
    return undefined
  }
  const refusal = schemeFlaw(scheme) ?? hostFlaw(host) ?? portFlaw(authority) ?? pathFlaw(rest)
  if (refusal === undefined) return feed(host, rest)
  return refuse(authority, refusal, system)
}

/** An error line where an Azure host is meant; silence where the text is somebody else's. */
function refuse(authority: string, reason: string, system: System): undefined {
  const lower = authority.toLowerCase()
  if (FEED_HOSTS.some((name) => lower.includes(name))) {
    throw new KeyringError('SERVICE_REFUSED', `the service is refused: ${reason}`)
  }
  debug(system, `the service is not an Azure Artifacts feed: ${reason}`)
  return undefined
}

function flaw(text: string): string | undefined {
  if (text.length > LENGTH_LIMIT) return 'it is longer than 8 KiB'
  if (/[^\x21-\x7e]/.test(text)) return 'it contains a space, a control or a non-ASCII character'
  if (text.includes('\\')) return 'it contains a backslash'
  if (/^https?:(?!\/\/)/i.test(text)) return 'there is no // after its scheme'
  if (text.startsWith('-')) return 'it starts with a hyphen'
  return undefined
}

function authorityFlaw(authority: string): string | undefined {
  if (authority.includes('%')) return 'there is a percent sign before its path'
  if (authority.split('@').length > 2) return 'there are two @ before its path'
  if (/[[\]]/.test(authority)) return 'there is a bracket before its path'
  if (hostOf(authority).endsWith('.')) return 'its host ends in a dot'
  return undefined
}

/** The host in lower case: what stands between userinfo and port. */
function hostOf(authority: string): string {
  return authority.replace(/^.*@/, '').replace(/:.*$/, '').toLowerCase()
}

function schemeFlaw(scheme: string): string | undefined {
  if (/^https$/i.test(scheme)) return undefined
  if (/^http$/i.test(scheme)) return 'http:// would send the credential in the clear, use https://'
  return 'its scheme is not https'
}

/** Node decodes such a label and refuses the URL or changes the name; no organization has one. */
function hostFlaw(host: string): string | undefined {
  return /(^|\.)xn--/.test(host) ? 'its host has a label in Punycode' : undefined
}

function portFlaw(authority: string): string | undefined {
  const port = /:(.*)$/.exec(authority.replace(/^.*@/, ''))?.[1]
  return port === undefined || port === '443' ? undefined : 'its port is not 443'
}

function pathFlaw(rest: string): string | undefined {
  const path = rest.replace(/[?#].*$/, '')
  return /\/(\.|%2e){1,2}(\/|$)/i.test(path) ? 'its path contains a dot segment' : undefined
}

function feed(host: string, rest: string): Feed {
  const path = rest.replace(/[?#].*$/, '') || '/'
  const below = FEED_HOSTS.find((name) => host.endsWith(`.${name}`))
  const first = path.split('/')[1] ?? ''
  const named = below === undefined ? decoded(first) : host.slice(0, -below.length - 1)
  const organization = named === '' || named === '_packaging' ? undefined : named.toLowerCase()
  return {
    url: `https://${host}${path}`,
    organization,
    portal: portalOf(host, organization),
    upload: /\/pypi\/upload\/?$/i.test(path),
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function portalOf(host: string, organization: string | undefined): string | undefined {
  if (organization === undefined || !/^[\w-]+$/.test(organization)) return undefined
  if (host === 'pkgs.dev.azure.com') return `https://dev.azure.com/${organization}`
  if (host.endsWith('.pkgs.visualstudio.com')) return `https://${organization}.visualstudio.com`
  return undefined
}

/**
 * Whether a service has nothing to do with Azure Artifacts. What only looks like a feed's host is no
 * feed, but another keyring might take it for one and send a token there.
 *
 * @throws KeyringError SERVICE_REFUSED for an Azure host in a form that is not safe to use
 */
export function isForeign(service: string, system: System): boolean {
  const lower = service.toLowerCase()
  return parseService(service, system) === undefined && !FEED_HOSTS.some((host) => lower.includes(host))
}
