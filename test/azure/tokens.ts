import { randomBytes, randomUUID } from 'node:crypto'
import {
  AZURE_DEVOPS, CONTOSO_TENANT, CONTOSO_USER, FEDERATED_AUDIENCE, KUBERNETES_ISSUER,
  KUBERNETES_SUBJECT, SECRET_CLIENT_ID,
} from './identities.ts'

/** What the stand-in remembers of a token it made. */
export interface KnownToken {
  readonly kind: 'user' | 'application' | 'pat' | 'system' | 'session' | 'federated'
  readonly text: string
  readonly expiresAt: number
  readonly audience: string
  readonly tenant?: string
  readonly organization?: string
  readonly scope?: string
  readonly upn?: string
  readonly issuer?: string
  readonly subject?: string
}

/** What can be asked of any Entra token. */
export interface EntraTokenOptions {
  readonly tenant?: string
  readonly expiresInSeconds?: number
  readonly audience?: string
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Makes and remembers every token. The text of each has the word CANARY in it. */
export interface Tokens {
  mintUserToken(options?: EntraTokenOptions & { readonly upn?: string }): string
  mintApplicationToken(options?: EntraTokenOptions & { readonly clientId?: string }): string
  mintPat(organization: string): string
  mintSystemAccessToken(organization: string): string
  mintSessionToken(options: {
    readonly organization: string, readonly scope: string, readonly expiresInSeconds?: number
  }): string
  mintFederatedAssertion(options?: {
    readonly subject?: string
    readonly audience?: string
    readonly issuer?: string
    readonly expiresInSeconds?: number
  }): string
  /** The token with exactly this text. */
  find(text: string): KnownToken | undefined
  /** Makes a token unknown, as a sign-out or a revoked PAT does. */
  revoke(text: string): void
}

const HOUR = 3600
const DEVOPS_ISSUER = 'app.vstoken.visualstudio.com'
const ALL_PACKAGING = 'vso.packaging vso.packaging_write'

/** An empty memory of tokens. */
export function createTokens(): Tokens {
  const known = new Map<string, KnownToken>()
  const remember = (lifetime: number, token: Omit<KnownToken, 'expiresAt'>): string => {
    known.set(token.text, { ...token, expiresAt: Date.now() + lifetime * 1000 })
    return token.text
  }
  return {
    find: text => known.get(text),
    revoke: text => void known.delete(text),

    mintUserToken: (options = {}) => {
      const { upn = CONTOSO_USER, ...entra } = options
      const claims = { idtyp: 'user', scp: 'user_impersonation', upn, unique_name: upn }
      return mintEntraToken('user', claims, { upn }, entra)
    },
    mintApplicationToken: (options = {}) => {
      const { clientId = SECRET_CLIENT_ID, ...entra } = options
      const claims = { idtyp: 'app', appid: clientId, appidacr: '1', roles: [] }
      return mintEntraToken('application', claims, {}, entra)
    },
    mintPat: organization => {
      const letters = [...randomBytes(78)].map(byte => (byte % 36).toString(36)).join('')
      const pat = { kind: 'pat', organization, scope: ALL_PACKAGING, audience: '' } as const
      return remember(24 * HOUR, { ...pat, text: `CANARY${letters}` })
    },
    mintSystemAccessToken: organization => {
      const audience = `${DEVOPS_ISSUER}|vso:${randomUUID()}`
      const scp = `LocalProjectScope:${randomUUID()}`
      const text = jwt({ nameid: randomUUID(), scp, aui: randomUUID(), ...stamps(HOUR) }, audience)
      return remember(HOUR, { kind: 'system', text, organization, scope: ALL_PACKAGING, audience })
    },
    mintSessionToken: ({ organization, scope, expiresInSeconds = HOUR }) => {
      const audience = `${DEVOPS_ISSUER}|vso:${randomUUID()}`
      const claims = { nameid: randomUUID(), scp: scope, aui: randomUUID(), appid: randomUUID() }
      const text = jwt({ ...claims, ...stamps(expiresInSeconds) }, audience)
      return remember(expiresInSeconds, { kind: 'session', text, organization, scope, audience })
    },
    mintFederatedAssertion: (options = {}) => {
      const {
        subject = KUBERNETES_SUBJECT, issuer = KUBERNETES_ISSUER, audience = FEDERATED_AUDIENCE,
        expiresInSeconds = HOUR
      } = options
      const claims = { sub: subject, jti: randomUUID(), ...stamps(expiresInSeconds) }
      const text = jwt(claims, audience, issuer)
      return remember(expiresInSeconds, { kind: 'federated', text, audience, issuer, subject })
    },
  }

  function mintEntraToken(
    kind: 'user' | 'application', own: Record<string, unknown>, memory: { upn?: string },
    options: EntraTokenOptions,
  ): string {
    const { tenant = CONTOSO_TENANT, audience = AZURE_DEVOPS, expiresInSeconds = HOUR } = options
    const claims = {
      ...own, tid: tenant, oid: randomUUID(), ver: '1.0', ...stamps(expiresInSeconds),
      ...options.claims,
    }
    const text = jwt(claims, audience, `https://sts.windows.net/${tenant}/`)
    return remember(expiresInSeconds, { kind, text, audience, tenant, ...memory })
  }
}

function stamps(lifetime: number): Record<string, number> {
  const now = Math.floor(Date.now() / 1000)
  // A token that expired long ago also began long ago.
  const from = Math.min(now, now + lifetime - HOUR)
  return { iat: from, nbf: from, exp: now + lifetime }
}

// A caller's own `aud` and `iss` win: an odd token is odd in its text as well.
function jwt(claims: Record<string, unknown>, aud: string, iss = DEVOPS_ISSUER): string {
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = encode({ typ: 'JWT', alg: 'RS256', kid: 'stand-in' })
  const signature = `CANARY${randomBytes(60).toString('hex')}`
  return `${header}.${encode({ aud, iss, ...claims })}.${signature}`
}
