import type { ServerResponse } from 'node:http'
import { misbehave } from './answers.ts'
import type { CertificateAssertions } from './certificate-assertions.ts'
import { ORGANIZATIONS } from './organizations.ts'
import type { Handler, ReceivedRequest } from './received.ts'
import type { Tokens } from './tokens.ts'
import type { Upload } from './upload.ts'

/** What a test puts in the place of an organization's own answers. */
export interface Behaviour {
  readonly feed?: Handler
  readonly exchange?: Handler
}

/** What an organization does instead of answering as it should, until it is reset. */
export interface Behaviours {
  set(organization: string, behaviour: Behaviour): void
  /** True: the fault of the organization's row was met, and nothing is left to answer. */
  fault(
    organization: string, service: keyof Behaviour, response: ServerResponse,
    headers?: Readonly<Record<string, string | readonly string[]>>,
  ): Promise<boolean>
  /** True: a test's own handler answered. Asked before any check of the request. */
  override(
    organization: string, service: keyof Behaviour,
    request: ReceivedRequest, response: ServerResponse,
  ): Promise<boolean>
  reset(): void
}

/** What every service of the stand-in works with. */
export interface World {
  readonly tokens: Tokens
  readonly behaviours: Behaviours
  readonly certificates: CertificateAssertions
  /** What the feeds took, in order. */
  readonly uploads: Upload[]
}

/** Behaviours as the table of organizations has them. */
export function createBehaviours(): Behaviours {
  const own = new Map<string, Behaviour>()
  const met = new Map<string, number>()
  return {
    set: (organization, behaviour) => void own.set(organization, behaviour),
    reset: () => {
      own.clear()
      met.clear()
    },
    override: async (organization, service, request, response) => {
      const handler = own.get(organization)?.[service]
      if (handler === undefined) return false
      await handler(request, response)
      return true
    },
    fault: async (organization, service, response, headers) => {
      const row = ORGANIZATIONS.get(organization)?.[service]
      if (row === undefined) return false
      const key = `${service} ${organization}`
      const before = met.get(key) ?? 0
      if (before >= (row.times ?? Infinity)) return false
      met.set(key, before + 1)
      await misbehave(row, response, headers)
      return true
    },
  }
}
