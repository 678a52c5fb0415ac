import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

// What the test suites of Microsoft's libraries, of artifacts-credprovider and of artifacts-keyring-nofuss
// check, and where that is checked here: a file and a text in it. A reason stands where it does not apply.

const NO_CACHE = 'tokens are not kept: every call asks anew'
const NOT_IN_CHAIN = 'AZURE_TOKEN_CREDENTIALS is not read: ARTIFACTS_KEYRING_NOFUSS_PROVIDER chooses'

const VECTORS: readonly (readonly [what: string, where: readonly [file: string, text: string] | string])[] = [
  ['resolve_tenant with a list of allowed tenants', "an application's own tenant or the feed's is used; there is no list to allow others"],
  ['tenant validity', ['unit/allowlist.test.ts', 'knows what can be a tenant']],
  ['scope validity', ['unit/pipelines-and-tools.test.ts', 'mint-token refuses a resource']],
  ['subscription validity', 'az is never given a subscription'],
  ['authority with and without scheme, slash and space; http rejected', ['unit/allowlist.test.ts', 'takes a known authority host with or without scheme']],
  ['token path', ['unit/allowlist.test.ts', 'makes the token endpoint of a tenant']],
  ['token path of adfs', 'Azure DevOps Services has no AD FS sign-in'],
  ['expires_in as string, refresh at half', NO_CACHE],
  ['error JSON and non-JSON, no secret in messages', ['unit/providers.test.ts', "['a code without advice', 400"]],
  ['incomplete workload identity variables', ['unit/pipelines-and-tools.test.ts', 'AZURE_CLIENT_ID not set']],
  ['federated token file missing or unreadable names the path', ['unit/providers.test.ts', 'AZURE_FEDERATED_TOKEN_FILE\\): missing']],
  ['federated token is trimmed', ['unit/providers.test.ts', 'sends the trimmed token file as assertion']],
  ['federated token file re-read after a while', NO_CACHE],
  ['AZURE_TENANT_ID wins over the discovered tenant, which is the fallback', ['unit/providers.test.ts', 'uses the tenant of the feed where none is set']],
  ['token proxy of identity bindings', 'AZURE_KUBERNETES_TOKEN_PROXY is opt-in in the libraries and not in DefaultAzureCredential'],
  ['GitHub OIDC: value, audience, header', ['unit/providers.test.ts', 'asks GitHub for an assertion']],
  ['GitHub OIDC: token file preferred', ['unit/providers.test.ts', 'prefers the token file to GitHub']],
  ['GitHub OIDC: URL with and without query', ['unit/allowlist.test.ts', "adds the audience to GitHub's URL"]],
  ['GitHub OIDC: value missing, null, no JSON', ['unit/providers.test.ts', 'GitHub answers null']],
  ['azure/login: audience by cloud', ['unit/providers.test.ts', 'the audience follows the cloud']],
  ['azure/login: exports nothing', 'that is azure/login, not a caller of it'],
  ['Pipelines: each parameter empty', ['unit/pipelines-and-tools.test.ts', 'the service connection: without ${name}']],
  ['Pipelines: non-200 with the trace headers', ['unit/pipelines-and-tools.test.ts', 'the IDs for support']],
  ['Pipelines: body without oidcToken', ['unit/pipelines-and-tools.test.ts', "['no token', { status: 200"]],
  ['Pipelines: Suppress header, empty body', ['unit/pipelines-and-tools.test.ts', "'x-tfs-fedauthredirect'], 'Suppress'"]],
  ['Pipelines: bad token, bad connection', ['unit/pipelines-and-tools.test.ts', 'an unknown connection']],
  ['HTTP: retries', ['unit/request.test.ts', 'a dropped connection, then 200']],
  ['HTTP: TLS errors not retried', ['unit/request.test.ts', 'an expired certificate']],
  ['HTTP: attempts clamp', ['unit/request.test.ts', 'the number of attempts is a setting']],
  ['PEM in both orders, chain, encrypted', ['unit/certificate.test.ts', "['certificate, key'"]],
  ['PFX', ['unit/certificate.test.ts', 'PKCS#12, which is no text']],
  ['PEM: empty, no key, two keys, mismatch, EC', ['unit/certificate.test.ts', "['two keys'"]],
  ['assertion claims and thumbprint', ['unit/certificate.test.ts', 'the assertion says who']],
  ['x5c only when asked for', ['unit/certificate.test.ts', 'the chain goes along']],
  ['certificate path and data both', 'there is no variable for certificate data'],
  ['SEND_CERTIFICATE_CHAIN values', ['unit/certificate.test.ts', 'AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=${value}']],
  ['IMDS: expiry in every form', ['unit/managed-identity.test.ts', "'15609740s28'"]],
  ['IMDS: truncated JSON', ['unit/providers.test.ts', "['truncated JSON', { env: POD"]],
  ['IMDS: probe 400 then 200', ['unit/providers.test.ts', 'probes the metadata service, then asks it']],
  ['IMDS: probe refused', ['unit/managed-identity.test.ts', 'nobody at the probe']],
  ['IMDS: Docker unreachable, other 403', ['unit/providers.test.ts', 'Docker says unreachable']],
  ['IMDS: Identity not found', ['unit/providers.test.ts', "['no such identity'"]],
  ['IMDS: each retried status', ['unit/managed-identity.test.ts', 'is asked again after ${status}']],
  ['IMDS: 410 for 70 seconds', ['unit/managed-identity.test.ts', 'more than 70 seconds']],
  ['IMDS: statuses not retried', ['unit/managed-identity.test.ts', 'is not asked again after ${status}']],
  ['AZURE_POD_IDENTITY_AUTHORITY_HOST with a slash, no probe', ['unit/providers.test.ts', 'a pod identity host is asked at once']],
  ['selectors by source', ['unit/managed-identity.test.ts', 'refused before any request']],
  ['App Service: header, version, preferred over MSI_*', ['unit/managed-identity.test.ts', "MSI_ENDPOINT: E, MSI_SECRET: 'x'"]],
  ['Azure ML: dates, header, default identity', ['unit/managed-identity.test.ts', 'Azure ML has a default identity']],
  ['Cloud Shell: POST body', ['unit/managed-identity.test.ts', 'Cloud Shell gets a form']],
  ['Service Fabric: pin, 404', ['flow/more-identities.test.ts', 'with another certificate never sees the secret']],
  ['Service Fabric: SecretHeaderNotFound', ['unit/managed-identity.test.ts', 'SecretHeaderNotFound']],
  ['Arc: every error', ['unit/managed-identity.test.ts', "['Basic realm'"]],
  ['Arc: echo of the selected identity', ['unit/managed-identity.test.ts', 'in whichever case and by either name']],
  ['detection matrix', ['unit/managed-identity.test.ts', 'IDENTITY_ENDPOINT alone says nothing']],
  ['az: expires_on beats expiresOn', 'the end of the token is read from its claims, not from az'],
  ['az: not installed', ['unit/providers.test.ts', "['127'"]],
  ["az: 'is not recognized' of cmd.exe", 'az is started by its path, without a shell that could say so'],
  ['az: not logged in; with AADSTS', ['unit/providers.test.ts', 'AADSTS beside az login']],
  ['az: timeout kills the tree', ['cli/process.test.ts', 'and the program it waits for']],
  ['az: redaction', ['unit/providers.test.ts', "['truncated JSON', printed("]],
  ['az: managed identity refuses a tenant', ['unit/providers.test.ts', 'asks again without --tenant']],
  ['PowerShell: module, login, noise, SecureString', ['unit/pipelines-and-tools.test.ts', 'PowerShell gets a script']],
  ['azd: success and three dialects', ['unit/pipelines-and-tools.test.ts', 'oldest dialect']],
  ['az shim of Codespaces', ['unit/providers.test.ts', "tenant: '' }"]],
  ['ado-auth-helper: absent, failing, empty, stale', ['unit/providers.test.ts', 'a helper whose interpreter is gone']],
  ['service text: scheme and userinfo', ['unit/service.test.ts', '__token__@myorg.pkgs.visualstudio.com']],
  ['service text: supported and not', ['unit/service.test.ts', 'https://deep.sub.pkgs.vsts.me']],
  ['authorization_uri: good and bad', ['unit/allowlist.test.ts', 'UNTRUSTED_AUTHORITIES']],
  ['authorization endpoint: good and bad', ['unit/allowlist.test.ts', 'UNTRUSTED_ENDPOINTS']],
  ['discovery headers', ['unit/discovery.test.ts', 'the Bearer challenge that has a parameter']],
  ['discovery: PPE hosts go to windows-ppe', 'tokens are only asked of the public cloud or a known authority host'],
  ['discovery: on-premises', ['unit/discovery.test.ts', 'only X-VSS-E2EID']],
  ['classification of a token', ['unit/claims.test.ts', 'a payload of 1 MB']],
  ["an application's token is not exchanged", ['unit/chain.test.ts', "an application's token is the password as it is"]],
  ['exchange: 401, other failures, TF401444, 400', ['unit/chain.test.ts', '400 is tried once more without validTo']],
  ['organization page', ['unit/service.test.ts', 'https://myorg.visualstudio.com']],
  ['account name', ['unit/claims.test.ts', 'names the account by upn']],
  ['env token', ['unit/providers.test.ts', 'a file before a variable']],
  ['AZURE_TOKEN_CREDENTIALS', NOT_IN_CHAIN],
]

test('every vector of the other suites is checked here, or a reason says why not', () => {
  for (const [what, where] of VECTORS) {
    if (typeof where === 'string') {
      assert.ok(where.length > 20, what)
      continue
    }
    const [file, text] = where
    const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
    assert.ok(source.includes(text), `${what}: ${file} has no «${text}»`)
  }
})
