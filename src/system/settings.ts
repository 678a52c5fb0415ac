import { readToken, Secret } from './secret.ts'
import type { System } from './system.ts'

/**
 * Every environment variable that this program reads, and whether its value is a secret. A secret
 * one can only be read as a `Secret`, and is taken out of the environment of programs that we start.
 */
export const VARIABLES = {
  ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'secret',
  VSS_NUGET_ACCESSTOKEN: 'secret',
  ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_SCOPE: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_RETRIES: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_DEBUG: 'plain',
  ARTIFACTS_KEYRING_NOFUSS_LOG: 'plain',
  AZURE_CLIENT_ID: 'plain',
  AZURE_TENANT_ID: 'plain',
  AZURE_CLIENT_SECRET: 'secret',
  AZURE_AUTHORITY_HOST: 'plain',
  AZURE_FEDERATED_TOKEN_FILE: 'plain',
  AZURE_FEDERATED_TOKEN_AUDIENCE: 'plain',
  AZURE_CONFIG_DIR: 'plain',
  AZURE_POD_IDENTITY_AUTHORITY_HOST: 'plain',
  ACTIONS_ID_TOKEN_REQUEST_URL: 'plain',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
  IDENTITY_ENDPOINT: 'plain',
  IDENTITY_HEADER: 'secret',
  HTTPS_PROXY: 'plain',
  https_proxy: 'plain',
  ALL_PROXY: 'plain',
  all_proxy: 'plain',
  NO_PROXY: 'plain',
  no_proxy: 'plain',
  REQUESTS_CA_BUNDLE: 'plain',
  SSL_CERT_FILE: 'plain',
  PYTHON_KEYRING_BACKEND: 'plain',
  XDG_CONFIG_HOME: 'plain',
  XDG_DATA_HOME: 'plain',
  LOCALAPPDATA: 'plain',
  HOME: 'plain',
  PATH: 'plain',
} as const satisfies Record<string, 'plain' | 'secret'>

/** Name of any variable that is read. */
export type VariableName = keyof typeof VARIABLES

/** Name of a variable whose value is a secret. */
export type SecretVariableName = {
  [Name in VariableName]: (typeof VARIABLES)[Name] extends 'secret' ? Name : never
}[VariableName]

/** Name of a variable whose value may be printed. */
export type PlainVariableName = Exclude<VariableName, SecretVariableName>

/** The value of a variable without surrounding white space; empty is unset. */
export function setting(system: System, name: PlainVariableName): string | undefined {
  return trimmed(system.env[name])
}

/** The value of a secret variable; empty is unset. */
export function secretSetting(system: System, name: SecretVariableName): Secret | undefined {
  const value = trimmed(system.env[name])
  return value === undefined ? undefined : new Secret(value)
}

/**
 * The token in a secret variable; empty is unset.
 *
 * @throws KeyringError BAD_TOKEN when the value cannot be a token
 */
export function tokenSetting(system: System, name: SecretVariableName): Secret | undefined {
  return readToken(system.env[name] ?? '', name)
}

/** Whether a variable, secret or not, has a value. */
export function isSet(system: System, name: VariableName): boolean {
  return trimmed(system.env[name]) !== undefined
}

/** Whether a variable says yes: `1`, `true`, `yes` or `on` in any case. */
export function isOn(system: System, name: PlainVariableName): boolean {
  return /^(1|true|yes|on)$/i.test(setting(system, name) ?? '')
}

/**
 * A whole number, held within its bounds.
 *
 * @returns `fallback` when the variable is unset or no whole number
 */
export function wholeNumber(
  system: System,
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

function trimmed(value: string | undefined): string | undefined {
  const text = value?.trim()
  return text === '' ? undefined : text
}
