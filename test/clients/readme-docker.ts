import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { quote, writeScript } from '../azure/shell-script.ts'
import { instructions } from './readme.ts'
import { runScript } from './readme-place.ts'
import type { Place } from './readme-place.ts'

/** The program of util-linux that starts another in namespaces of its own. */
export const UNSHARE = '/usr/bin/unshare'

/** How a build secret gets to its path, `/run/secrets/ID`. */
export type SecretMount = 'mount namespace' | 'in Node'

/** What the images that README starts from hold, as far as it uses them. */
const IMAGES: readonly (readonly [image: RegExp, programs: Readonly<Record<string, string>>])[] = [
  [/^node:\d+-slim$/, { '/usr/local/bin/node': 'node', '/usr/local/bin/npm': 'npm' }],
  [/^python:3\.\d+-slim$/, { '/usr/local/bin/pip': 'pip', '/usr/local/bin/python3': 'python3' }],
  [/^ghcr\.io\/astral-sh\/uv$/, { '/uv': 'uv' }],
]

/** Programs that are in every image. */
const EVERYWHERE = ['sh', 'env', 'cat', 'mkdir']

interface Stage {
  /** The folder that is this stage's file system, as far as it is its own. */
  readonly root: string
  readonly env: Record<string, string>
  folder: string
}

/** Writes a `docker` that hands its arguments and the environment's secret on to `dockerBuild`. */
export function writeFakeDocker(place: Place): void {
  writeScript(join(place.programs, 'docker'), [
    '[ "$1 $2" = "build --secret" ] || exit 2',
    'name=${3##*env=}',
    `printf '%s\\n' "$3" > ${quote(join(place.home, 'secret argument'))}`,
    `eval "printf %s \\"\\$$name\\"" > ${quote(join(place.home, 'secret value'))}`,
  ])
}

/**
 * Does what `docker build` does with these instructions, without an engine: each stage is a folder, its
 * absolute paths lead there, and `RUN` is a shell. What a stage did not copy is not on its PATH.
 *
 * @returns the folder in which the last stage worked
 */
export async function dockerBuild(dockerfile: string, context: string, place: Place, mount: SecretMount): Promise<string> {
  const stages = new Map<string, Stage>()
  const start = (image: string, alias: string): Stage => {
    const started = startImage(image, join(place.plain, `stage-${stages.size}`), place)
    stages.set(alias, started)
    return started
  }
  let stage: Stage | undefined
  for (const { name, rest } of instructions(dockerfile)) {
    if (name === 'FROM') {
      const [image = '', , alias = image] = rest.split(' ')
      stage = start(image, alias)
      continue
    }
    if (stage === undefined) throw new Error(`${name} before FROM`)
    if (name === 'ENV') setVariables(stage, rest)
    else if (name === 'WORKDIR') stage.folder = rest
    else if (name === 'COPY') copy(stage, rest, context, (from) => stages.get(from) ?? start(from, from))
    else if (name === 'RUN') await runLine(stage, rest, place, mount)
    else throw new Error(`what is ${name}?`)
  }
  return stage === undefined ? '' : join(stage.root, stage.folder)
}

function startImage(image: string, root: string, place: Place): Stage {
  const known = IMAGES.find(([pattern]) => pattern.test(image))
  if (known === undefined) throw new Error(`an image that the test does not know: ${image}`)
  const everywhere = EVERYWHERE.map((tool) => [`/bin/${tool}`, tool] as const)
  for (const [path, tool] of [...everywhere, ...Object.entries(known[1])]) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    symlinkSync(join(place.tools, tool), join(root, path))
  }
  // Where npm installs to is for README to say.
  const { npm_config_prefix: _prefix, ...env } = place.env
  return { root, env: { ...env, PATH: `${root}/usr/local/bin:${root}/bin` }, folder: '/' }
}

/** Absolute paths of a stage, in its folder. */
function inStage(stage: Stage, text: string): string {
  return text.replaceAll(/(?<![\w.])\/(opt|usr|app)\b/g, `${stage.root}/$1`)
}

function setVariables(stage: Stage, rest: string): void {
  for (const pair of rest.split(' ')) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(pair) ?? []
    const known = value.startsWith('http') ? value : inStage(stage, value)
    stage.env[name] = known.replaceAll(/\$(\w+)/g, (_whole, variable: string) => stage.env[variable] ?? '')
  }
}

function copy(stage: Stage, rest: string, context: string, other: (name: string) => Stage): void {
  const [, from, source = '', target = ''] = /^(?:--from=(\S+) )?(\S+) (\S+)$/.exec(rest) ?? []
  const origin = from === undefined ? join(context, source) : join(other(from).root, source)
  const folder = join(stage.root, target.startsWith('/') ? target : join(stage.folder, target))
  const destination = target.endsWith('/') ? join(folder, basename(source)) : folder
  if (!existsSync(origin)) throw new Error(`COPY: there is no ${source}`)
  mkdirSync(dirname(destination), { recursive: true })
  cpSync(origin, destination, { recursive: true, verbatimSymlinks: true })
}

async function runLine(stage: Stage, rest: string, place: Place, mount: SecretMount): Promise<void> {
  const [, id, command = ''] = /^(?:--mount=type=secret,id=(\w+) +)?(.+)$/.exec(rest) ?? []
  const cwd = join(stage.root, stage.folder)
  mkdirSync(cwd, { recursive: true })
  const script = inStage(stage, command)
  if (id === undefined) return runScript(script, stage.env, cwd)
  const secret = secretFile(id, place)
  if (mount === 'mount namespace') {
    const path = `/run/secrets/${id}`
    const write = `printf %s ${quote(readFileSync(secret, 'utf8'))} > ${path}`
    const prepare = `PATH=/usr/bin:/bin; mount -t tmpfs none /run && mkdir /run/secrets && ${write}`
    const mounted = `${prepare} || exit; PATH=${quote(stage.env['PATH'] ?? '')}; exec "$@"`
    return runScript(script, stage.env, cwd, [UNSHARE, '-rm', '/bin/sh', '-c', mounted, 'sh'])
  }
  return runScript(script, { ...stage.env, NODE_OPTIONS: `--import ${mapInNode(id, secret, place)}` }, cwd)
}

/** The secret of the build: only one that `docker build` was given under this ID is there. */
function secretFile(id: string, place: Place): string {
  const given = readFileSync(join(place.home, 'secret argument'), 'utf8')
  if (!given.startsWith(`id=${id},`)) throw new Error(`the build has no secret ${id}, only ${given}`)
  const file = join(place.plain, `secret-${id}`)
  writeFileSync(file, readFileSync(join(place.home, 'secret value')))
  return file
}

/** For machines without mount namespaces: Node itself finds the secret's path at another place. */
function mapInNode(id: string, file: string, place: Place): string {
  const module = join(place.plain, 'map.mjs')
  writeFileSync(module, `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { openSync, statSync } = fs
const mapped = (path) => path === '/run/secrets/${id}' ? ${JSON.stringify(file)} : path
fs.openSync = (path, ...more) => openSync(mapped(path), ...more)
fs.statSync = (path, ...more) => statSync(mapped(path), ...more)
syncBuiltinESMExports()
`)
  return pathToFileURL(module).href
}
