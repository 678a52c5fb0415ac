import { run } from './cli/run.ts'
import { nodeWorld } from './system/node.ts'
import type { Fetch, World } from './system/system.ts'

async function main(): Promise<void> {
  // Node warns on stderr when this is set, and it must not mean anything here.
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.once('uncaughtException', (error) => {
    // The message and the stack of a foreign error can hold anything.
    world.writeErr(`keyring: error: internal error (${error.name}); please report it\n`)
    process.exit(1)
  })
  const world = nodeWorld(lazyFetch)
  // Everything is written by now, synchronously; whatever is still open must not keep us here.
  process.exit(await run(process.argv.slice(2), world))
}

/** node:https is loaded with the first request. */
function lazyFetch(world: World): Fetch {
  let loading: Promise<Fetch> | undefined
  const load = (): Promise<Fetch> => (loading ??= import('./net/https-fetch.ts').then(({ httpsFetch }) => httpsFetch(world)))
  const fetch: Fetch = async (url, init) => (await load())(url, init)
  return Object.assign(fetch, { connect: (url: string) => void load().then((loaded) => loaded.connect?.(url)) })
}

// What the compiler makes of `import()` calls this. Every module of ours is one already; without the
// compiler's own version, which copies others, each file is 25 lines shorter to load and to read.
Object.assign(globalThis, { __importStar: (module: unknown) => module })
void main()
