import { run } from './cli/run.ts'
import { nodeSystem } from './system/node.ts'
import type { Fetch, System } from './system/system.ts'

/** Exit statuses of a program that a signal ended: 128 and the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

async function main(): Promise<void> {
  // Node warns on stderr when this is set, and it must not mean anything here.
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.once(signal, () => process.exit(status))
  }
  process.once('uncaughtException', (error) => {
    // The message and the stack of a foreign error can hold anything.
    system.writeErr(`keyring: error: internal error (${error.name}); please report it\n`)
    process.exit(1)
  })
  const system = nodeSystem(lazyFetch)
  // Everything is written by now, synchronously; whatever is still open must not keep us here.
  process.exit(await run(process.argv.slice(2), system))
}

/** node:https is loaded with the first request. */
function lazyFetch(system: System): Fetch {
  let fetch: Fetch | undefined
  return async (url, init) => {
    fetch ??= (await import('./net/https-fetch.ts')).httpsFetch(system)
    return fetch(url, init)
  }
}

void main()
