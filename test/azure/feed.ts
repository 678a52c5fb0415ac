import type { ServerResponse } from 'node:http'
import { judgeAccess } from './access.ts'
import type { Access } from './access.ts'
import { send, sendDevOpsError } from './answers.ts'
import type { World } from './behaviours.ts'
import { challengeHeaders, sendChallenge } from './challenge.ts'
import { ORGANIZATIONS } from './organizations.ts'
import type { Organization } from './organizations.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import { readUpload } from './upload.ts'
import type { Upload } from './upload.ts'
import { WHEEL } from './wheel.ts'

const HOSTS = ['pkgs.dev.azure.com', 'pkgs.codedev.ms', 'pkgs.vsts.me']
const LEGACY = '.pkgs.visualstudio.com'
const PROJECT_ID = '66666666-0000-4000-8000-000000000001'
const FEED_ID = '66666666-0000-4000-8000-000000000002'
const PACKAGE = 'private-package'
/** A package that only an upstream source has. Who may write gets it, which saves it into the feed. */
const UPSTREAM_PACKAGE = 'upstream-package'
const UPSTREAM_ONLY = `No local versions of package '${UPSTREAM_PACKAGE}'; please provide authentication ` +
  'to access versions from upstream that have not yet been saved to your feed.'
const NO_PERMISSION = "User '77777777-0000-4000-8000-000000000001' lacks permission to complete this " +
  "action. You need to have 'ReadPackages'."

/** Whether a host serves feeds. */
export function isFeedHost(host: string): boolean {
  return HOSTS.includes(host) || (host.endsWith(LEGACY) && !host.startsWith('.'))
}

/** The feeds of every organization: the Simple index, downloads and uploads. */
export function feedHandler({ tokens, behaviours, uploads }: World): Handler {
  return async (request, response) => {
    const place = locate(request)
    const organization = ORGANIZATIONS.get(place?.organization ?? '')
    const name = place?.organization ?? ''
    if (await behaviours.override(name, 'feed', request, response)) return
    if (place === undefined || organization === undefined) {
      request.errors.push('no such organization or feed')
      sendDevOpsError(response, 404, 'TF400898: The resource cannot be found.')
      return
    }
    const challenge = organization.feed?.status === 401 ? challengeHeaders(organization) : {}
    if (await behaviours.fault(name, 'feed', response, challenge)) return
    const access = judgeAccess(request, organization, tokens)
    if (place.rest === 'upload') {
      await upload(request, response, organization, place, access, uploads)
    } else download(request, response, organization, place, access)
  }
}

interface Place {
  readonly organization: string
  /** The organization's part of every path; empty where the host names it. */
  readonly prefix: string
  readonly feed: string
  /** What follows `/pypi/`, without the last slash. */
  readonly rest: string
}

function locate({ host, url }: ReceivedRequest): Place | undefined {
  const legacy = host.endsWith(LEGACY)
  const [, first = '', path = ''] = legacy
    ? ['', host.slice(0, -LEGACY.length), url.pathname]
    : /^\/([^/]+)(\/.*)$/.exec(url.pathname) ?? []
  const match = /^(?:\/[^/]+)?\/_packaging\/([^/]+)\/pypi\/(.+?)\/?$/i.exec(path)
  if (match === null) return undefined
  const [, feed = '', rest = ''] = match
  const prefix = legacy ? '' : `/${first}`
  return { organization: decodeURIComponent(first).toLowerCase(), prefix, feed, rest }
}

async function upload(
  request: ReceivedRequest, response: ServerResponse, organization: Organization, place: Place,
  access: Access, uploads: Upload[],
): Promise<void> {
  // Who asks is settled before what is asked: a credential provider probes this address with GET.
  if (access === 'anonymous' || access === 'refused') return sendChallenge(response, organization)
  if (request.method !== 'POST') return sendDevOpsError(response, 405, 'Only POST is supported.')
  if (access !== 'write') {
    return sendDevOpsError(response, 403, 'TF400813: The token is without vso.packaging_write.')
  }
  const file = await readUpload(request)
  if (typeof file === 'string') {
    request.errors.push(file)
    return sendDevOpsError(response, 400, `The upload is refused: ${file}.`)
  }
  const taken = { organization: place.organization, feed: place.feed, ...file }
  const there = (one: Upload): boolean =>
    one.name === taken.name && one.feed === taken.feed && one.organization === taken.organization
  if (uploads.some(there)) {
    return sendDevOpsError(response, 409, `The feed already contains file '${taken.name}'.`)
  }
  uploads.push(taken)
  return send(response, 202, '')
}

function download(
  request: ReceivedRequest, response: ServerResponse, organization: Organization, place: Place,
  access: Access,
): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return sendDevOpsError(response, 405, 'Only GET is supported.')
  }
  if (access === 'refused') return sendChallenge(response, organization)
  if (access === 'anonymous' && organization.public !== true) {
    return sendChallenge(response, organization)
  }
  if (/^no-permission(@|$)/.test(place.feed)) {
    return sendDevOpsError(response, 403, NO_PERMISSION, 'FeedNeedsPermissionsException')
  }
  if (place.rest === `simple/${UPSTREAM_PACKAGE}` && access !== 'write') {
    return sendChallenge(response, organization, UPSTREAM_ONLY)
  }
  const body = content(place)
  if (body === undefined) return sendDevOpsError(response, 404, 'The package cannot be found.')
  const type = typeof body === 'string' ? 'text/html' : 'application/octet-stream'
  return send(response, 200, body, { 'content-type': type })
}

function content({ prefix, feed, rest }: Place): string | Buffer | undefined {
  if (/^no-such-feed(@|$)/.test(feed)) return undefined
  if (rest === 'simple') return page(`<a href="${PACKAGE}/">${PACKAGE}</a>`)
  if (rest === `simple/${UPSTREAM_PACKAGE}`) return page('')
  if (rest === `simple/${PACKAGE}`) {
    // Real indexes have ids in their links where the index's own address has names.
    const base = `${prefix}/${PROJECT_ID}/_packaging/${FEED_ID}/pypi/download/${PACKAGE}/1.0`
    return page(`<a href="${base}/${WHEEL.name}#sha256=${WHEEL.sha256}">${WHEEL.name}</a>`)
  }
  return rest === `download/${PACKAGE}/1.0/${WHEEL.name}` ? WHEEL.content : undefined
}

function page(link: string): string {
  return '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">' +
    `<title>Links</title></head><body>${link}<br></body></html>`
}
