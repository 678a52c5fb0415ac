import { KeyringError } from './messages.ts'
import type { System, World } from './system.ts'

/**
 * Every environment variable that this program reads, and whether its value is a secret. A secret
 * one can only be read as a `Secret`, and is taken out of the environment of programs that we start.
 */
export const VARIABLES = {
  // this program
  ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: 'plain', ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'secret',
  ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'plain', ARTIFACTS_KEYRING_NOFUSS_SCOPE: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_RETRIES: 'plain', ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_DEBUG: 'plain', ARTIFACTS_KEYRING_NOFUSS_LOG: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_DELEGATE: 'plain', ARTIFACTS_KEYRING_NOFUSS_DELEGATED: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_AGENT: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_MI_RESOURCE_ID: 'plain', ARTIFACTS_KEYRING_NOFUSS_MI_OBJECT_ID: 'plain',
  // artifacts-credprovider
  VSS_NUGET_ACCESSTOKEN: 'secret', ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN: 'secret',
  VSS_NUGET_URI_PREFIXES: 'plain', ARTIFACTS_CREDENTIALPROVIDER_URI_PREFIXES: 'plain',
  VSS_NUGET_EXTERNAL_FEED_ENDPOINTS: 'secret', ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS: 'secret',
  ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS: 'secret',
  ARTIFACTS_CREDENTIALPROVIDER_RETURN_ENTRA_TOKENS: 'plain',
  ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: 'plain',
  ARTIFACTS_CREDENTIALPROVIDER_VSTS_SESSIONTIMEMINUTES: 'plain',
  NUGET_CREDENTIALPROVIDER_VSTS_SESSIONTIMEMINUTES: 'plain', ARTIFACTS_CREDENTIALPROVIDER_TOKENTYPE: 'plain',
  ARTIFACTS_CREDENTIALPROVIDER_VSTS_TOKENTYPE: 'plain', NUGET_CREDENTIALPROVIDER_VSTS_TOKENTYPE: 'plain',
  // Azure's SDKs and CLI
  AZURE_CLIENT_ID: 'plain', AZURE_TENANT_ID: 'plain', AZURE_CLIENT_SECRET: 'secret',
  AZURE_CLIENT_CERTIFICATE_PATH: 'plain', AZURE_CLIENT_CERTIFICATE_PASSWORD: 'secret',
  AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: 'plain', AZURE_AUTHORITY_HOST: 'plain',
  AZURE_FEDERATED_TOKEN_FILE: 'plain', AZURE_FEDERATED_TOKEN_AUDIENCE: 'plain', AZURE_CONFIG_DIR: 'plain',
  AZURE_POD_IDENTITY_AUTHORITY_HOST: 'plain',
  // GitHub Actions and Azure Pipelines
  ACTIONS_ID_TOKEN_REQUEST_URL: 'plain', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret', TF_BUILD: 'plain',
  SYSTEM_ACCESSTOKEN: 'secret', SYSTEM_OIDCREQUESTURI: 'plain',
  AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: 'plain', AZURESUBSCRIPTION_CLIENT_ID: 'plain',
  AZURESUBSCRIPTION_TENANT_ID: 'plain', GITHUB_ACTIONS: 'plain', servicePrincipalId: 'plain',
  servicePrincipalKey: 'secret', idToken: 'secret', tenantId: 'plain',
  // managed identities
  IDENTITY_ENDPOINT: 'plain', IDENTITY_HEADER: 'secret', IDENTITY_SERVER_THUMBPRINT: 'plain',
  IMDS_ENDPOINT: 'plain', MSI_ENDPOINT: 'plain', MSI_SECRET: 'secret', DEFAULT_IDENTITY_CLIENT_ID: 'plain',
  // proxy and trust
  HTTPS_PROXY: 'plain', https_proxy: 'plain', ALL_PROXY: 'plain', all_proxy: 'plain', NO_PROXY: 'plain',
  no_proxy: 'plain', PIP_CERT: 'plain', REQUESTS_CA_BUNDLE: 'plain', CURL_CA_BUNDLE: 'plain',
  SSL_CERT_FILE: 'plain',
  // files and programs
  NO_COLOR: 'plain', PYTHON_KEYRING_BACKEND: 'plain', XDG_CONFIG_HOME: 'plain', XDG_DATA_HOME: 'plain',
  XDG_RUNTIME_DIR: 'plain', LOCALAPPDATA: 'plain', ProgramData: 'plain', ProgramFiles: 'plain', HOME: 'plain',
  PATH: 'plain',
} as const satisfies Record<string, 'plain' | 'secret'>

/** What has variables. */
type Variables = Pick<World, 'env'>

/** Name of any variable that is read. */
export type VariableName = keyof typeof VARIABLES

/** Name of a variable whose value is a secret. */
export type SecretVariableName = {
  [Name in VariableName]: (typeof VARIABLES)[Name] extends 'secret' ? Name : never
}[VariableName]

/** Name of a variable whose value may be printed. */
export type PlainVariableName = Exclude<VariableName, SecretVariableName>

/** The value of a variable without surrounding white space; empty is unset. */
export function setting(system: Variables, name: PlainVariableName): string | undefined {
  return trimmed(system.env[name])
}

/**
 * The user's home folder: HOME, else what the operating system says. On Windows HOME means nothing to
 * az and Python, only to shells that come from elsewhere.
 */
export function homeFolder(system: World): string | undefined {
  return (system.platform === 'win32' ? undefined : setting(system, 'HOME')) ?? system.home()
}

/** The value of a secret variable; empty is unset. */
export function secretSetting(system: Variables, name: SecretVariableName): Secret | undefined {
  const value = trimmed(system.env[name])
  return value === undefined ? undefined : new Secret(value)
}

/**
 * The token in a secret variable; empty is unset.
 *
 * @throws KeyringError BAD_TOKEN when the value cannot be a token
 */
export function tokenSetting(system: Variables, name: SecretVariableName): Secret | undefined {
  return readToken(system.env[name] ?? '', name)
}

/** The first of several names of one variable that has a value, and that value. */
export function firstSecret(
  system: Variables,
  names: readonly SecretVariableName[],
): { readonly name: SecretVariableName; readonly value: Secret } | undefined {
  const name = names.find((candidate) => isSet(system, candidate))
  const value = name === undefined ? undefined : secretSetting(system, name)
  return name === undefined || value === undefined ? undefined : { name, value }
}

/** The value of the first of several names of one variable that has one. */
export function firstSet(system: Variables, names: readonly PlainVariableName[]): string | undefined {
  return names.map((name) => setting(system, name)).find((value) => value !== undefined)
}

/** Whether a variable holds the name of an Azure Pipelines variable that was never replaced. */
export function isMacro(system: Variables, name: VariableName): boolean {
  return /^\$\(.*\)$/.test(trimmed(system.env[name]) ?? '')
}

/** The same world with other values in some variables. */
export function withVariables(
  system: System,
  variables: Readonly<Partial<Record<VariableName, string | undefined>>>,
): System {
  // One by one: a copy of Windows's environment would no longer find `Path` under the name PATH.
  const names = Object.keys(VARIABLES) as readonly VariableName[]
  const values = names.map((name) => [name, name in variables ? variables[name] : system.env[name]])
  return { ...system, env: Object.fromEntries(values) as System['env'] }
}

/** Whether a variable, secret or not, has a value. */
export function isSet(system: Variables, name: VariableName): boolean {
  return trimmed(system.env[name]) !== undefined
}

/** Whether a variable says yes: `1`, `true`, `yes` or `on` in any case. */
export function isOn(system: Variables, name: PlainVariableName): boolean {
  return /^(1|true|yes|on)$/i.test(setting(system, name) ?? '')
}

/**
 * A whole number, held within its bounds.
 *
 * @returns `fallback` when the variable is unset or no whole number
 */
export function wholeNumber(
  system: Variables,
  name: PlainVariableName,
  bounds: { readonly least: number; readonly most: number; readonly fallback: number },
): number {
  const value = setting(system, name)
  if (value === undefined || !/^-?\d{1,9}$/.test(value)) return bounds.fallback
  return Math.min(bounds.most, Math.max(bounds.least, Number(value)))
}

/** An environment that takes every secret variable away from a program we start. */
export function withoutSecrets(): Record<string, undefined> {
  const names = Object.entries(VARIABLES).filter(([, kind]) => kind === 'secret')
  return Object.fromEntries(names.map(([name]) => [name, undefined]))
}

/** Longest token that is accepted, in characters. Real ones have at most a few thousand. */
const TOKEN_LIMIT = 65_536

/**
 * A string that does not print: not in a template, not in JSON, not in `console.log`, not in an
 * error. `reveal` is the only way out; a test knows every call of it.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself. */
  reveal(): string {
    return this.#text
  }

  /** A secret that starts with `prefix`, such as the scheme of an Authorization header. */
  prefixed(prefix: string): Secret {
    return new Secret(prefix + this.#text)
  }

  /** The value of an Authorization header with this as password (RFC 7617 §2). */
  basic(username: string): Secret {
    return new Secret(`Basic ${Buffer.from(`${username}:${this.#text}`, 'utf8').toString('base64')}`)
  }

  /** Whether it has the three parts of a JWT (RFC 7515 §3.1), which no personal access token has. */
  hasJwtShape(): boolean {
    return /^[\w-]+\.[\w-]+\.[^.]*$/.test(this.#text)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}

/**
 * Makes a token of untrusted text: surrounding white space goes, and what is left must be visible
 * ASCII, so that it can neither break a header nor a line of the answer.
 *
 * @param text what was read
 * @param source where it was read, for the error: a variable, a path or a program
 * @returns the token, or `undefined` when there is nothing but white space
 * @throws KeyringError BAD_TOKEN when a character is not allowed or the text is too long
 */
export function readToken(text: string, source: string): Secret | undefined {
  const token = text.trim()
  if (token === '') return undefined
  if (token.length > TOKEN_LIMIT) throw new KeyringError('BAD_TOKEN', `the token in ${source} is longer than 64 KiB`)
  if (!/^[\x21-\x7e]+$/.test(token)) {
    const what = 'white space, a control character or a character that is not ASCII'
    throw new KeyringError('BAD_TOKEN', `the token in ${source} contains ${what}`)
  }
  return new Secret(token)
}

function trimmed(value: string | undefined): string | undefined {
  const text = value?.trim()
  return text === '' ? undefined : text
}
