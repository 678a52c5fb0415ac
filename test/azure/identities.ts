/** The resource every Azure DevOps token is for. */
export const AZURE_DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798'

/** The tenant of `contoso` and of most other organizations. */
export const CONTOSO_TENANT = '11111111-aaaa-4aaa-8aaa-111111111111'

/** The tenant of `fabrikam`. */
export const FABRIKAM_TENANT = '22222222-bbbb-4bbb-8bbb-222222222222'

/** What `X-VSS-ResourceTenant` says for an organization without a tenant. */
export const NO_TENANT = '00000000-0000-0000-0000-000000000000'

/** A user of the Contoso tenant. */
export const CONTOSO_USER = 'alice@contoso.example'

/** A user of the Fabrikam tenant. */
export const FABRIKAM_USER = 'bob@fabrikam.example'

/** The audience of every federated assertion. */
export const FEDERATED_AUDIENCE = 'api://AzureADTokenExchange'

/** The issuer and the subject of a Kubernetes projected token. */
export const KUBERNETES_ISSUER =
  'https://oidc.prod-aks.azure.com/77777777-0000-4000-8000-000000000001/'
/** The service account that the Kubernetes token names. */
export const KUBERNETES_SUBJECT = 'system:serviceaccount:build:runner'

/** The issuer of GitHub's tokens. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
/** The workflow that GitHub's token names. */
export const GITHUB_SUBJECT = 'repo:contoso/app:ref:refs/heads/main'
/** The host that serves GitHub's tokens to a job. */
export const GITHUB_HOST = 'run-actions-3-azure-eastus.actions.githubusercontent.com'
/** `ACTIONS_ID_TOKEN_REQUEST_URL`; a real one has the doubled slash too. */
export const GITHUB_TOKEN_URL = `https://${GITHUB_HOST}/75//idtoken` +
  '/88888888-0000-4000-8000-000000000001/88888888-0000-4000-8000-000000000002?api-version=2.0'
/** `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. */
export const GITHUB_REQUEST_TOKEN = 'CANARYgithubrequesttoken5f2c71e09b'

/** The application that signs in with a client secret. */
export const SECRET_CLIENT_ID = '33333333-0000-4000-8000-000000000001'
/** Its secret, with the punctuation real ones have. */
export const CLIENT_SECRET = 'CANARY~8Q.client-secret_+/&=%25 x'

/** The application of the Kubernetes workload. */
export const WORKLOAD_CLIENT_ID = '33333333-0000-4000-8000-000000000002'
/** The application of the GitHub workflow. */
export const GITHUB_CLIENT_ID = '33333333-0000-4000-8000-000000000003'
/** An application of the Fabrikam tenant, with the same secret. */
export const FABRIKAM_CLIENT_ID = '33333333-0000-4000-8000-000000000004'
/** The application that signs in with a certificate. */
export const CERTIFICATE_CLIENT_ID = '33333333-0000-4000-8000-000000000005'
/** The application of the service connection of Azure Pipelines. */
export const PIPELINES_CLIENT_ID = '33333333-0000-4000-8000-000000000006'

/** `SYSTEM_OIDCREQUESTURI` of a job of the organization `contoso`. */
export const PIPELINES_OIDC_URL = 'https://dev.azure.com/contoso' +
  '/88888888-0000-4000-8000-000000000003/_apis/distributedtask/hubs/build' +
  '/plans/88888888-0000-4000-8000-000000000004/jobs/88888888-0000-4000-8000-000000000005/oidctoken'
/** The service connection that the job may use. */
export const SERVICE_CONNECTION_ID = '88888888-0000-4000-8000-000000000006'
/** The issuer of the organization's tokens. */
export const PIPELINES_ISSUER =
  'https://vstoken.dev.azure.com/88888888-0000-4000-8000-000000000007'
/** The service connection as the organization's token names it. */
export const PIPELINES_SUBJECT = 'sc://contoso/project/connection'

/** `IDENTITY_HEADER` of App Service. */
export const APP_SERVICE_HEADER = 'CANARY-app-service-4c1d'
/** `MSI_SECRET` of Azure Machine Learning. */
export const ML_SECRET = 'CANARY-machine-learning-93ab'
/** `IDENTITY_HEADER` of Service Fabric. */
export const SF_SECRET = 'CANARY-service-fabric-e07f'

/** The machine's own identity. */
export const SYSTEM_IDENTITY_CLIENT_ID = '44444444-0000-4000-8000-000000000001'
/** The user-assigned identity, by each of its three names. */
export const MANAGED_IDENTITY_CLIENT_ID = '44444444-0000-4000-8000-000000000002'
/** The user-assigned identity's object id. */
export const MANAGED_IDENTITY_OBJECT_ID = '44444444-0000-4000-8000-000000000003'
/** The user-assigned identity's resource id. */
export const MANAGED_IDENTITY_RESOURCE_ID = '/subscriptions/55555555-0000-4000-8000-000000000001' +
  '/resourceGroups/build/providers/Microsoft.ManagedIdentity/userAssignedIdentities/runner'
/** `DEFAULT_IDENTITY_CLIENT_ID` of Azure Machine Learning. */
export const DEFAULT_IDENTITY_CLIENT_ID = '44444444-0000-4000-8000-000000000004'

/** An application that Entra knows. */
export interface Registration {
  readonly clientId: string
  readonly tenant: string
  readonly secret?: string
  readonly federated?: { readonly issuer: string, readonly subject: string }
}

/** Every application that Entra knows. */
export const REGISTRATIONS: readonly Registration[] = [
  { clientId: SECRET_CLIENT_ID, tenant: CONTOSO_TENANT, secret: CLIENT_SECRET },
  { clientId: FABRIKAM_CLIENT_ID, tenant: FABRIKAM_TENANT, secret: CLIENT_SECRET },
  {
    clientId: WORKLOAD_CLIENT_ID,
    tenant: CONTOSO_TENANT,
    federated: { issuer: KUBERNETES_ISSUER, subject: KUBERNETES_SUBJECT },
  },
  {
    clientId: GITHUB_CLIENT_ID,
    tenant: CONTOSO_TENANT,
    federated: { issuer: GITHUB_ISSUER, subject: GITHUB_SUBJECT },
  },
  { clientId: CERTIFICATE_CLIENT_ID, tenant: CONTOSO_TENANT },
  {
    clientId: PIPELINES_CLIENT_ID,
    tenant: CONTOSO_TENANT,
    federated: { issuer: PIPELINES_ISSUER, subject: PIPELINES_SUBJECT },
  },
]
