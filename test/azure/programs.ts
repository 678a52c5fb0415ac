import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AZURE_DEVOPS, CONTOSO_TENANT } from './identities.ts'
import { logLines, quote, writeScript } from './shell-script.ts'

export { writeFakeAzd } from './fake-azd.ts'
export { writeFakePwsh } from './fake-pwsh.ts'

/** How a fake `az` answers. */
export interface FakeAz {
  /** Gets one line a start: `az` and the arguments, separated by tabs. */
  readonly log: string
  /** The token; absent: nobody is signed in. */
  readonly token?: string
  /** The tenant that the output names unless `--tenant` names another. */
  readonly tenant?: string
  /** `managed-identity` refuses any `--tenant`, as az did until 2025. */
  readonly tenantRule?: 'any' | 'managed-identity'
  /** Written to stderr as it is. */
  readonly stderr?: string
  readonly exitCode?: number
  readonly delaySeconds?: number
  /** Written to stdout in the place of the JSON. */
  readonly raw?: string
}

const EXPECTED = `account get-access-token --output json --resource ${AZURE_DEVOPS}`
const SUBSCRIPTION = '99999999-0000-4000-8000-000000000001'
const SIGNED_OUT = "ERROR: Please run 'az login' to setup account.\n"
const NO_TENANT_WANTED = "ERROR: Tenant shouldn't be specified for managed identity account\n"

/** Writes a program `az` that only knows how to give a token. Returns its path. */
export function writeFakeAz(directory: string, options: FakeAz): string {
  const { token, raw, stderr, tenantRule = 'any', delaySeconds } = options
  const nothing = token === undefined && raw === undefined
  const exitCode = options.exitCode ?? (nothing ? 1 : 0)
  const message = stderr ?? (nothing && options.exitCode === undefined ? SIGNED_OUT : undefined)
  return writeScript(join(directory, 'az'), [
    ...logLines('az', options.log),
    'usage() { echo "ERROR: unrecognized arguments: $*" >&2; exit 2; }',
    '[ $# -eq 6 ] || [ $# -eq 8 ] || usage "$@"',
    `[ "$1 $2 $3 $4 $5 $6" = ${quote(EXPECTED)} ] || usage "$@"`,
    `tenant=${quote(options.tenant ?? CONTOSO_TENANT)}`,
    'if [ $# -eq 8 ]; then',
    '  [ "$7" = --tenant ] || usage "$@"',
    ...(tenantRule === 'any'
      ? ['  tenant=$8'] : [`  printf %s ${quote(NO_TENANT_WANTED)} >&2`, '  exit 1']),
    'fi',
    ...(delaySeconds === undefined ? [] : [`sleep ${delaySeconds}`]),
    ...(message === undefined ? [] : [`printf %s ${quote(message)} >&2`]),
    ...(raw !== undefined ? [`printf %s ${quote(raw)}`] : []),
    ...(raw === undefined && exitCode === 0 ? printJson(token ?? '') : []),
    `exit ${exitCode}`,
  ])
}

/** Writes the file by which one sees, without starting az, whether someone is signed in to it. */
export function writeAzureProfile(home: string, subscriptions: 'one' | 'none' = 'one'): string {
  const directory = join(home, '.azure')
  mkdirSync(directory, { recursive: true })
  const one = { id: SUBSCRIPTION, name: 'build', state: 'Enabled', tenantId: CONTOSO_TENANT }
  const profile = { installationId: 'x', subscriptions: subscriptions === 'one' ? [one] : [] }
  const path = join(directory, 'azureProfile.json')
  // az writes a byte order mark.
  writeFileSync(path, `\ufeff${JSON.stringify(profile)}`)
  return path
}

/** Writes a program `ado-auth-helper` at a path. Returns the path. */
export function writeFakeAdoAuthHelper(path: string, options: {
  /** The token; absent: no editor is connected, which is exit 1 without a word. */
  readonly token?: string
  readonly log: string
  readonly exitCode?: number
  readonly delaySeconds?: number
  /** Written to stdout in the place of the token and its newline. */
  readonly raw?: string
}): string {
  const { token, raw, delaySeconds } = options
  const text = raw ?? (token === undefined ? undefined : `${token}\n`)
  return writeScript(path, [
    ...logLines('ado-auth-helper', options.log),
    // The real one says nothing to an argument that it does not know.
    '[ $# -eq 1 ] && [ "$1" = get-access-token ] || exit 0',
    ...(delaySeconds === undefined ? [] : [`sleep ${delaySeconds}`]),
    ...(text === undefined ? [] : [`printf %s ${quote(text)}`]),
    `exit ${options.exitCode ?? (text === undefined ? 1 : 0)}`,
  ])
}

/** Writes a program `keyring` that starts the product and logs that it did. Returns its path. */
export function writeKeyring(directory: string, options: {
  /** The path of Node. */
  readonly node: string
  /** The path of the product's `keyring.js`. */
  readonly bin: string
  readonly log: string
  readonly name?: string
}): string {
  const { name = 'keyring' } = options
  return writeScript(join(directory, name), [
    ...logLines(name, options.log),
    `exec ${quote(options.node)} ${quote(options.bin)} "$@"`,
  ])
}

// `subscription` is missing when a tenant is asked for; `expiresOn` is local time.
function printJson(token: string): string[] {
  const expires = Math.floor(Date.now() / 1000) + 3599
  const local = new Date(expires * 1000).toISOString().replace('T', ' ').replace('Z', '000')
  const subscription = `  "subscription": "${SUBSCRIPTION}",\n`
  return [
    `subscription=${quote(subscription)}`,
    '[ $# -eq 6 ] || subscription=',
    `printf '{\\n  "accessToken": "%s",\\n  "expiresOn": "%s",\\n  "expires_on": %s,\\n%s` +
      `  "tenant": "%s",\\n  "tokenType": "Bearer"\\n}\\n' ` +
      `${quote(token)} ${quote(local)} ${expires} "$subscription" "$tenant"`,
  ]
}
