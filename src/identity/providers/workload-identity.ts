import { isOn, isSet, setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { applicationToken, JWT_BEARER } from '../entra-token.ts'
import { assertionFromFile, assertionFromGithub } from '../federated-assertion.ts'
import type { FoundToken, TokenRequest, Unavailable } from '../provider.ts'

/**
 * An application that proves itself with an assertion of the platform it runs on: the projected
 * token file of Kubernetes, else the OIDC token of GitHub Actions.
 */
export async function workloadIdentity(request: TokenRequest, system: System): Promise<FoundToken | Unavailable> {
  const file = setting(system, 'AZURE_FEDERATED_TOKEN_FILE')
  const github = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'] as const
  const inGithub = github.every((name) => isSet(system, name))
  if (file === undefined && !inGithub) return unavailable(system)
  const clientId = setting(system, 'AZURE_CLIENT_ID') ?? ''
  // The application's own tenant is right; the feed's is a guess for those who did not set it.
  const tenant = setting(system, 'AZURE_TENANT_ID') ?? (await request.tenant())
  const assertion = file === undefined ? await assertionFromGithub(system) : assertionFromFile(file, system)
  const proof = { client_assertion: assertion, client_assertion_type: JWT_BEARER } as const
  const application = { tenant, clientId, resource: request.resource }
  const token = await applicationToken(application, proof, system)
  return { token, source: `Entra for application ${clientId}` }
}

/** A GitHub job that may not ask for an OIDC token does not even know where it would. */
function unavailable(system: System): Unavailable {
  if (!isOn(system, 'GITHUB_ACTIONS')) return { unavailable: 'AZURE_FEDERATED_TOKEN_FILE not set' }
  const hints = ['add to the job, so that it may get an OIDC token:', '  permissions:', '    id-token: write']
  return { unavailable: 'the GitHub job may not ask for an OIDC token', hints }
}
