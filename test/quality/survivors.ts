/** A change of the program that no test can notice, and why not. */
export interface Survivor {
  readonly file: string
  /** A part of the line. */
  readonly line: string
  readonly change: string
  readonly reason: string
}

const NO_FALLBACK = '?? … → nothing'
const ASKED_BEFORE = 'only asked where the variable is set: the fallback is for the compiler'

/** Every change that `npm run mutate` may let pass. */
export const SURVIVORS: readonly Survivor[] = [
  { file: 'src/feed/service.ts', line: "path.split('/')[1] ?? ''", change: NO_FALLBACK, reason: 'a path always begins with a slash' },
  { file: 'src/identity/certificate.ts', line: "foreignCode(error) ?? 'unknown'", change: NO_FALLBACK, reason: 'every error of OpenSSL has a code in the Node that runs this' },
  { file: 'src/identity/claims.ts', line: 'parts.length !== 3 || header === undefined', change: '|| → &&', reason: 'three parts are all there: the comparisons with undefined are for the compiler' },
  { file: 'src/identity/federated-assertion.ts', line: "setting(system, variable) ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/feed-endpoints.ts', line: "stringMember(entry, 'endpoint') ?? ''", change: NO_FALLBACK, reason: 'neither an empty text nor undefined is a URL' },
  { file: 'src/identity/managed-identity/platforms.ts', line: "setting(system, 'IDENTITY_ENDPOINT') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "secretSetting(system, 'IDENTITY_HEADER') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "setting(system, 'MSI_ENDPOINT') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "secretSetting(system, 'MSI_SECRET') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "setting(system, 'MSI_ENDPOINT') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "setting(system, 'IDENTITY_SERVER_THUMBPRINT') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "setting(system, 'IDENTITY_ENDPOINT') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/platforms.ts', line: "secretSetting(system, 'IDENTITY_HEADER') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/managed-identity/token-answer.ts', line: 'expiryMs(fields ?? {}', change: NO_FALLBACK, reason: 'an answer that has a token is an object' },
  { file: 'src/identity/managed-identity/token-answer.ts', line: 'parts.slice(1, 7)', change: '7 → 8', reason: 'the seventh part is left out by the destructuring' },
  { file: 'src/identity/managed-identity/token-answer.ts', line: '8.64e15', change: '8.64e15 → 8640000000000001', reason: 'the time is one of whole seconds' },
  { file: 'src/identity/providers/client-secret.ts', line: "setting(system, 'AZURE_CLIENT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/client-secret.ts', line: "setting(system, 'AZURE_TENANT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/client-certificate.ts', line: "setting(system, 'AZURE_CLIENT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/client-certificate.ts', line: "setting(system, 'AZURE_TENANT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/client-certificate.ts', line: "setting(system, 'AZURE_CLIENT_CERTIFICATE_PATH') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/feed-endpoints.ts', line: "request.feedUrl ?? ''", change: NO_FALLBACK, reason: 'neither an empty text nor undefined is a URL' },
  { file: 'src/identity/providers/feed-endpoints.ts', line: 'prefixes === undefined || variable === undefined || token === undefined', change: '|| → &&', reason: 'a variable that is set has a token: one of the two comparisons is for the compiler' },
  { file: 'src/identity/providers/service-connection.ts', line: "setting(system, 'AZURESUBSCRIPTION_CLIENT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/service-connection.ts', line: "setting(system, 'AZURESUBSCRIPTION_TENANT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/service-connection.ts', line: "setting(system, 'AZURESUBSCRIPTION_SERVICE_CONNECTION_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/service-connection.ts', line: "setting(system, 'SYSTEM_OIDCREQUESTURI') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/identity/providers/workload-identity.ts', line: "setting(system, 'AZURE_CLIENT_ID') ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/net/allowlist.ts', line: "const host = parts?.[1]?.toLowerCase() ?? ''", change: NO_FALLBACK, reason: 'no table has undefined, as none has the empty text' },
  { file: 'src/net/challenge.ts', line: 'while (at < header.length)', change: '< → <=', reason: 'at the end there is no name to take, which ends the loop as well' },
  { file: 'src/net/network-error.ts', line: "foreignCode(error) ?? ''", change: NO_FALLBACK, reason: 'no table and no pattern has undefined, as none has the empty text' },
  { file: 'src/net/proxy.ts', line: "setting(system, variable) ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
  { file: 'src/net/trust.ts', line: "setting(system, variable) ?? ''", change: NO_FALLBACK, reason: ASKED_BEFORE },
]
