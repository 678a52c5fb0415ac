import { join } from 'node:path'
import { root } from './run.ts'

/** This machine as Node's own downloads name it: linux-x64, win-x64, darwin-arm64. */
export function platformName(): string {
  return `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
}

/** The name that callers look for on PATH. */
export function executableName(platform: string): string {
  return platform.startsWith('win-') ? 'keyring.exe' : 'keyring'
}

/** Where `npm run exe` puts the single executable of a platform. */
export function executablePath(platform: string): string {
  return join(root, 'build', platform, executableName(platform))
}
