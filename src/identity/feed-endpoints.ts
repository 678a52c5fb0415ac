import { type JsonObject, parseJsonObject, stringMember } from '../net/json.ts'
import { readToken, type Secret } from '../system/settings.ts'

/** One entry of `endpointCredentials`. Its members are checked by whoever uses them. */
export interface FeedEndpoint {
  /** As `comparable` writes it. */
  readonly place: string
  readonly username: string | undefined
  readonly password: Secret | undefined
  readonly clientId: string | undefined
  readonly certificatePath: string | undefined
  readonly certificateSubject: string | undefined
}

/** What was found in the JSON of a variable. */
export interface FeedEndpoints {
  readonly endpoints: readonly FeedEndpoint[]
  /** What is wrong with it, without quoting it; each is worth a warning. */
  readonly flaws: readonly string[]
}

/**
 * Reads `{"endpointCredentials": [{"endpoint": …}]}` (artifacts-credprovider, `EnvUtil`). A bad entry is
 * passed over, the others count.
 *
 * @param source the variable, for the error of a password that cannot be one
 * @param lenient single quotes are taken for double ones, as artifacts-credprovider does for
 *   EXTERNAL_FEED_ENDPOINTS
 * @throws KeyringError BAD_TOKEN when a password contains what no password can
 */
export function parseFeedEndpoints(json: Secret, source: string, lenient: boolean): FeedEndpoints {
  const text = json.reveal()
  const strict = parseJsonObject(text)
  const quoted = strict === undefined && lenient ? parseJsonObject(text.replaceAll("'", '"')) : undefined
  const root = strict ?? quoted
  if (root === undefined) return { endpoints: [], flaws: ['is not a JSON object'] }
  const list = root['endpointCredentials']
  if (!Array.isArray(list)) return { endpoints: [], flaws: ['has no list endpointCredentials'] }
  const entries: readonly (FeedEndpoint | undefined)[] = list.map((entry) => parseEndpoint(entry, source))
  const endpoints = entries.filter((entry) => entry !== undefined)
  const flaws = entries.flatMap((entry, index) =>
    entry === undefined ? [`has no https endpoint in entry ${index + 1}`] : [],
  )
  return { endpoints, flaws: quoted === undefined ? flaws : ['has single quotes, which is not JSON', ...flaws] }
}

/** The entry for a feed: the one that names most of its path, the first of equals. */
export function endpointFor(feedUrl: string, endpoints: readonly FeedEndpoint[]): FeedEndpoint | undefined {
  const matching = endpoints.filter(({ place }) => isAtOrBelow(feedUrl, place))
  return matching.reduce<FeedEndpoint | undefined>(
    (best, entry) => (best !== undefined && best.place.length >= entry.place.length ? best : entry),
    undefined,
  )
}

/** Whether a feed is what a prefix names or lies below it, on a boundary of its path. */
export function isAtOrBelow(feedUrl: string, place: string): boolean {
  const feed = comparable(feedUrl)
  return feed !== undefined && (feed === place || feed.startsWith(`${place}/`))
}

/**
 * Host and path of an https URL as they are compared: each name in the path in the one spelling of
 * its lower case, no slash at the end. Undefined for anything else.
 */
export function comparable(url: string): string | undefined {
  try {
    const { protocol, host, pathname } = new URL(url)
    if (protocol !== 'https:') return undefined
    // Name by name, since an escaped slash is part of a name and no boundary.
    const names = pathname.split('/').map((name) => encodeURIComponent(decodeURIComponent(name).toLowerCase()))
    while (names.at(-1) === '') names.pop()
    return [host, ...names.slice(1)].join('/')
  } catch {
    return undefined
  }
}

function parseEndpoint(value: unknown, source: string): FeedEndpoint | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const entry = isObject ? (value as JsonObject) : undefined
  const place = comparable(stringMember(entry, 'endpoint') ?? '')
  if (place === undefined) return undefined
  return {
    place,
    username: stringMember(entry, 'username'),
    password: readToken(stringMember(entry, 'password') ?? '', source),
    clientId: stringMember(entry, 'clientId'),
    certificatePath: stringMember(entry, 'clientCertificateFilePath'),
    certificateSubject: stringMember(entry, 'clientCertificateSubjectName'),
  }
}
