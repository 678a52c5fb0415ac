import { sendJson } from './answers.ts'
import { azHosts } from './az-endpoints.ts'
import type { World } from './behaviours.ts'
import { ENTRA_HOST } from './entra-refusals.ts'
import { entraHandler } from './entra.ts'
import { feedHandler, isFeedHost } from './feed.ts'
import { githubHandler } from './github-oidc.ts'
import { GITHUB_HOST } from './identities.ts'
import { DEVOPS_HOST, pipelinesHandler } from './pipelines.ts'
import type { Handler } from './received.ts'
import { SESSION_TOKEN_HOSTS, sessionTokenHandler } from './session-tokens.ts'

/** Who answers for a host behind the proxy; `az`: with what only the real az asks for. */
export function createRoutes(world: World, az: boolean): (host: string) => Handler {
  const feed = feedHandler(world)
  const hosts = new Map<string, Handler>([
    [ENTRA_HOST, entraHandler(world)],
    [GITHUB_HOST, githubHandler(world)],
    [DEVOPS_HOST, pipelinesHandler(world)],
    ...SESSION_TOKEN_HOSTS.map(host => [host, sessionTokenHandler(world)] as const),
    ...(az ? azHosts(world) : []),
  ])
  return host => hosts.get(host) ?? (isFeedHost(host) ? feed : evilHandler)
}

/** Answers what a thief would: whatever the client hopes to read. */
const evilHandler: Handler = (request, response) => {
  request.errors.push('a request to a host that is none of Azure\'s')
  const token = 'CANARYevil.from.a.thief'
  sendJson(response, 200, {
    token, access_token: token, value: token, token_type: 'Bearer', expires_in: 3599,
    validTo: '2099-01-01T00:00:00Z', scope: 'vso.packaging', displayName: 'evil',
  })
}
