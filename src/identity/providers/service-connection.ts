import { trustPipelinesOidcUrl } from '../../net/allowlist.ts'
import { parseJsonObject, stringMember } from '../../net/json.ts'
import { type Answer, requestWithSecret } from '../../net/request.ts'
import { KeyringError } from '../../system/messages.ts'
import { isSet, readToken, type Secret, secretSetting, setting, type VariableName } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { applicationToken, type ClientProof, JWT_BEARER } from '../entra-token.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'
import { pipelineToken } from '../pipeline-token.ts'

/** What the tasks AzureCLI and AzurePowerShell set for their script. */
const CONNECTION: readonly VariableName[] = [
  'SYSTEM_OIDCREQUESTURI',
  'SYSTEM_ACCESSTOKEN',
  'AZURESUBSCRIPTION_SERVICE_CONNECTION_ID',
  'AZURESUBSCRIPTION_CLIENT_ID',
  'AZURESUBSCRIPTION_TENANT_ID',
]

/**
 * The service connection of an Azure Pipelines job: an OIDC token of the connection, or what the task
 * AzureCLI with `addSpnToEnvironment` leaves in the environment.
 */
export async function serviceConnection({ resource }: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const missing = CONNECTION.filter((name) => !isSet(system, name))
  if (missing.length === 0) {
    const clientId = setting(system, 'AZURESUBSCRIPTION_CLIENT_ID') ?? ''
    const tenant = setting(system, 'AZURESUBSCRIPTION_TENANT_ID') ?? ''
    const proof = assertionProof(await oidcToken(system))
    return found({ tenant, clientId, resource }, proof, system)
  }
  const clientId = setting(system, 'servicePrincipalId')
  const tenant = setting(system, 'tenantId')
  const proof = taskProof(system)
  if (clientId === undefined || tenant === undefined || proof === undefined) {
    return { unavailable: `${missing.join(' and ')} not set` }
  }
  return found({ tenant, clientId, resource }, proof, system)
}

async function found(
  application: { readonly tenant: string; readonly clientId: string; readonly resource: string },
  proof: ClientProof,
  system: System,
): Promise<FoundToken> {
  const token = await applicationToken(application, proof, system)
  return { token, source: `Entra for the service connection's application ${application.clientId}` }
}

function taskProof(system: System): ClientProof | undefined {
  const secret = secretSetting(system, 'servicePrincipalKey')
  if (secret !== undefined) return { client_secret: secret }
  const assertion = secretSetting(system, 'idToken')
  return assertion === undefined ? undefined : assertionProof(assertion)
}

function assertionProof(assertion: Secret): ClientProof {
  return { client_assertion: assertion, client_assertion_type: JWT_BEARER }
}

/** Azure DevOps REST API, `oidctoken` 7.1. */
async function oidcToken(system: System): Promise<Secret> {
  const connection = setting(system, 'AZURESUBSCRIPTION_SERVICE_CONNECTION_ID') ?? ''
  const uri = setting(system, 'SYSTEM_OIDCREQUESTURI') ?? ''
  const url = trustPipelinesOidcUrl(uri, connection)
  if (url === undefined) throw new KeyringError('BAD_SETTING', 'SYSTEM_OIDCREQUESTURI is not a URL of Azure DevOps')
  const headers = {
    accept: 'application/json',
    authorization: pipelineToken(system).prefixed('Bearer '),
    'content-type': 'application/json',
    'x-tfs-fedauthredirect': 'Suppress',
  }
  const answer = await requestWithSecret(system, url, headers, undefined, { method: 'POST' })
  const value = stringMember(parseJsonObject(answer.text), 'oidcToken') ?? ''
  const { host } = new URL(url)
  const token = answer.status === 200 ? readToken(value, `the answer of ${host}`) : undefined
  if (token !== undefined) return token
  const message = `${host} answered ${answer.status} instead of an OIDC token${trace(answer)}`
  throw new KeyringError('PROVIDER_FAILED', message, ...advice(answer))
}

function advice({ status, text }: Answer): readonly string[] {
  if (text.includes('No service connection found')) {
    return ['authorize the pipeline to use the service connection, and check its ID']
  }
  return status === 401 ? ['SYSTEM_ACCESSTOKEN is not valid any more'] : []
}

/** By these IDs Microsoft's support finds the request. */
function trace(answer: Answer): string {
  const ids = ['x-vss-e2eid', 'x-msedge-ref'].flatMap((name) => {
    const id = /^[\w :.-]{1,120}$/.exec(answer.header(name) ?? '')?.[0]
    return id === undefined ? [] : [`${name} ${id}`]
  })
  return ids.length === 0 ? '' : ` (${ids.join(', ')})`
}
