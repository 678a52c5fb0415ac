// Makes the single executable build/PLATFORM/keyring (`npm run exe`), with Node's own --build-sea.
// That for Windows can be made elsewhere too (`npm run exe -- win-x64`): of Node for Windows, which must be
// of the version that builds.
import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clientsDirectory } from '../clients/installed.ts'
import { executablePath, platformName } from './executable-path.ts'
import { windowsNode } from './node-versions.ts'
import { SupplyError, root, run, script } from './run.ts'
import { singleScript } from './single-script.ts'
import { ensureWindowsNode } from './windows-node.ts'

const timeoutMs = 300_000

/** The first Node line that has --build-sea. */
const oldestMajor = 26

/** A Node that can build: the one that runs this, else that of `npm run nodes`. */
async function builder(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) >= oldestMajor) return process.execPath
  const own = join(clientsDirectory, `node-${oldestMajor}`, 'bin', 'node')
  if (existsSync(own)) return own
  throw new SupplyError(`needs Node ${oldestMajor} or newer: run it with one, or npm run nodes first`)
}

/** Node for Windows; what one version prepares another does not start. */
async function windowsNodeFor(node: string): Promise<string> {
  const version = (await run(node, ['--version'], { timeoutMs })).trim()
  if (version !== `v${windowsNode.version}`) {
    throw new SupplyError(`needs Node ${windowsNode.version} to build for Windows, not ${version}: npm run nodes`)
  }
  return ensureWindowsNode()
}

async function build(platform: string): Promise<string> {
  const node = await builder()
  const executable = platform === platformName() ? node : await windowsNodeFor(node)
  const output = executablePath(platform)
  const folder = join(root, 'build', platform)
  await mkdir(folder, { recursive: true })
  await rm(output, { force: true })
  const main = join(folder, 'keyring.js')
  await writeFile(main, singleScript(join(root, 'dist')))
  const config = {
    main,
    output,
    executable,
    disableExperimentalSEAWarning: true,
    // A cache or a snapshot holds for one processor and is not the same twice.
    useCodeCache: false,
    useSnapshot: false,
  }
  const configPath = join(folder, 'sea-config.json')
  await writeFile(configPath, JSON.stringify(config, undefined, 2))
  await run(node, ['--build-sea', configPath], { timeoutMs })
  // macOS starts nothing whose signature does not fit; this one says only that it fits.
  if (platform.startsWith('darwin') && process.platform === 'darwin') {
    await run('codesign', ['--force', '--sign', '-', output], { timeoutMs })
  }
  await chmod(output, 0o755)
  await rm(configPath)
  return output
}

await script('exe', async () => {
  const [platform = platformName(), ...others] = process.argv.slice(2)
  if (others.length > 0 || ![platformName(), 'win-x64'].includes(platform)) {
    throw new SupplyError(`usage: npm run exe [-- win-x64]; this is ${platformName()}`)
  }
  process.stdout.write(`${await build(platform)}\n`)
})
