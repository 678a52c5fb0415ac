import { setting } from '../../system/settings.ts'
import type { System } from '../../system/system.ts'
import { applicationToken, JWT_BEARER } from '../entra-token.ts'
import { assertionFromFile, assertionFromGithub } from '../federated-assertion.ts'
import type { FoundToken, TokenRequest } from '../provider.ts'

/**
 * An application that proves itself with an assertion of the platform it runs on: the projected
 * token file of Kubernetes, else the OIDC token of GitHub Actions. The chain checks the variables.
 */
export async function workloadIdentity(request: TokenRequest, system: System): Promise<FoundToken> {
  const file = setting(system, 'AZURE_FEDERATED_TOKEN_FILE')
  const clientId = setting(system, 'AZURE_CLIENT_ID') ?? ''
  // The application's own tenant is right; the feed's is a guess for those who did not set it.
  const tenant = setting(system, 'AZURE_TENANT_ID') ?? (await request.tenant())
  const assertion =
    file === undefined ? await assertionFromGithub(system) : assertionFromFile(file, system)
  const proof = { client_assertion: assertion, client_assertion_type: JWT_BEARER } as const
  const token = await applicationToken(tenant, clientId, proof, system)
  return { token, source: `Entra for application ${clientId}` }
}
