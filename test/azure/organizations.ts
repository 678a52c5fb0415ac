import type { Fault } from './answers.ts'
import { SIGN_IN_PAGE } from './answers.ts'
import { CONTOSO_TENANT, FABRIKAM_TENANT, NO_TENANT } from './identities.ts'

/** One organization: where it belongs and how it misbehaves. A plain row is a good one. */
export interface Organization {
  readonly name: string
  /** The tenant of its users; absent: a user of any tenant. */
  readonly tenant?: string
  /** The organization that this is another name of. */
  readonly account?: string
  /** Answers an anonymous read. */
  readonly public?: boolean
  /** The `WWW-Authenticate` headers, one an entry. */
  readonly authenticate?: readonly string[]
  /** `X-VSS-ResourceTenant`; false: no such header. */
  readonly resourceTenant?: string | false
  /** `X-VSS-AuthorizationEndpoint`; false: no such header. */
  readonly endpoint?: string | false
  /** Refuses a `validTo` of the client's own choice. */
  readonly patPolicy?: boolean
  /** Met by every request to the feed. */
  readonly feed?: Fault
  /** Met by a session token request that is right in every way. */
  readonly exchange?: Fault
}

const BASIC = 'Basic realm="https://pkgsprodcus1.pkgs.visualstudio.com/"'
const FEDERATED = 'TFS-Federated'
const HUGE = 100 * 1024 * 1024
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }
const HTML: Fault = { headers: { 'content-type': 'text/html; charset=utf-8' }, body: SIGN_IN_PAGE }
const EVIL_PAGE = 'https://evil.example/signin?reply_to=feed'

/** The three `WWW-Authenticate` headers of a feed whose tenant is at this address. */
export function authenticateHeaders(authorizationUri: string): readonly string[] {
  return [`Bearer authorization_uri=${authorizationUri}`, BASIC, FEDERATED]
}

const CONTOSO_AUTHORITY = `https://login.windows.net/${CONTOSO_TENANT}`

function json(value: unknown, status = 200): Fault {
  return { status, headers: JSON_TYPE, body: JSON.stringify(value) }
}

function devOpsError(status: number, message: string): Fault {
  return json({ $id: '1', innerException: null, message, errorCode: 0, eventId: 3000 }, status)
}

const GOOD: Readonly<Record<string, Omit<Organization, 'name'>>> = {
  contoso: {},
  fabrikam: { tenant: FABRIKAM_TENANT },
  // The token service still answers under the old name of a renamed organization.
  renamed: { account: 'contoso', endpoint: 'https://vssps.dev.azure.com/contoso/' },
  legacy: { endpoint: 'https://app.vssps.visualstudio.com' },
  personal: { authenticate: ['Bearer', BASIC, FEDERATED], resourceTenant: NO_TENANT },
  public: { public: true },
  'pat-policy': { patPolicy: true },
}

const ODD_CHALLENGES: Readonly<Record<string, Omit<Organization, 'name'>>> = {
  'no-headers': { authenticate: [], resourceTenant: false, endpoint: false },
  'joined-headers': { authenticate: [authenticateHeaders(CONTOSO_AUTHORITY).join(', ')] },
  'resource-tenant-only': { authenticate: [BASIC, FEDERATED] },
  'no-endpoint': { endpoint: false },
  'evil-authority': {
    authenticate: authenticateHeaders(
      `https://login.microsoftonline.com.evil.example/${CONTOSO_TENANT}`,
    ),
  },
  'evil-endpoint': { endpoint: 'https://vssps.dev.azure.com.evil.example/evil-endpoint/' },
  'http-endpoint': { endpoint: 'http://vssps.dev.azure.com/http-endpoint/' },
  'port-endpoint': { endpoint: 'https://vssps.dev.azure.com:8443/port-endpoint/' },
  'deep-endpoint': { endpoint: 'https://vssps.dev.azure.com/deep-endpoint/too/deep/' },
  'userinfo-endpoint': { endpoint: 'https://user:secret@vssps.dev.azure.com/userinfo-endpoint/' },
  'evil-userinfo-endpoint': { endpoint: 'https://vssps.dev.azure.com@evil.example/' },
  'bad-tenant': {
    authenticate: authenticateHeaders('https://login.windows.net/--help'),
    resourceTenant: '--help',
  },
  'bad-tenant-path': {
    authenticate: authenticateHeaders('https://login.windows.net/..%2f..%2fcommon'),
    resourceTenant: '../../common',
  },
}

const ODD_FEEDS: Readonly<Record<string, Fault>> = {
  redirect: { status: 302, headers: { location: EVIL_PAGE } },
  'html-203': { ...HTML, status: 203 },
  'html-200': { ...HTML, status: 200 },
  'not-found': devOpsError(404, 'TF400898: The resource cannot be found.'),
  'error-500': devOpsError(500, 'TF400898: An Internal Error Occurred.'),
  'error-500-once': { ...devOpsError(500, 'TF400898: An Internal Error Occurred.'), times: 1 },
  'throttled-once': { status: 429, headers: { 'retry-after': '1' }, times: 1 },
  reset: { end: 'reset' },
  hang: { end: 'hang' },
  // The challenge is as it should be; what follows does not end.
  huge: { status: 401, headers: JSON_TYPE, body: '{"message":"', filler: HUGE },
}

const TF401444 = 'TF401444: Please sign-in at least once as ' +
  '11111111\\11111111\\alice@contoso.example in a web browser to enable access to the service.'
const SESSION = { validTo: '2099-01-01T00:00:00Z', scope: 'vso.packaging', displayName: 'pip' }

const ODD_EXCHANGES: Readonly<Record<string, Fault>> = {
  'exchange-redirect': { status: 302, headers: { location: EVIL_PAGE } },
  'exchange-html': { ...HTML, status: 200 },
  'exchange-203': { ...HTML, status: 203 },
  'exchange-truncated': { headers: JSON_TYPE, body: '{"token":"CANARYtruncated.and.never' },
  'exchange-cut': { headers: JSON_TYPE, body: '{"token":"CANARYcut.and.never', end: 'cut' },
  'exchange-no-token': json(SESSION),
  'exchange-empty-token': json({ ...SESSION, token: '' }),
  'exchange-array': json([{ ...SESSION, token: 'CANARYarray' }]),
  'exchange-newline-token': json({ ...SESSION, token: 'CANARYfirst\nCANARYsecond' }),
  'exchange-huge': { headers: JSON_TYPE, body: '{"token":"CANARY', filler: HUGE },
  'exchange-500': devOpsError(500, 'TF400898: An Internal Error Occurred.'),
  'exchange-500-once': { ...devOpsError(500, 'TF400898: An Internal Error Occurred.'), times: 1 },
  'exchange-401': devOpsError(401, "TF400813: The user '' is not authorized."),
  'exchange-tf401444': devOpsError(401, TF401444),
  'exchange-hang': { end: 'hang' },
}

/** Every organization by its name. */
export const ORGANIZATIONS: ReadonlyMap<string, Organization> = new Map([
  ...Object.entries({ ...GOOD, ...ODD_CHALLENGES }),
  ...Object.entries(ODD_FEEDS).map(([name, feed]) => [name, { feed }] as const),
  ...Object.entries(ODD_EXCHANGES).map(([name, exchange]) => [name, { exchange }] as const),
].map(([name, row]) => {
  // Only a personal organization takes users of any tenant.
  const tenant = name === 'personal' ? {} : { tenant: CONTOSO_TENANT }
  return [name, { name, ...tenant, ...row }]
}))
