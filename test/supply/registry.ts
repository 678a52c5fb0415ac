import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha512Integrity } from './pack.ts'

/** A package registry on this machine, which has one version of one package. */
export interface Registry {
  readonly url: string
  /** The paths that were asked for, in order. */
  readonly asked: string[]
  close(): Promise<void>
}

/** Serves a tarball as npm's registry does (its package metadata document, abbreviated form). */
export async function startRegistry(name: string, version: string, tarball: Buffer): Promise<Registry> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const file = `/${name}/-/${name}-${version}.tgz`
    if (path === file) return void response.end(tarball)
    if (path !== `/${name}`) return void response.writeHead(404).end('{}')
    const shasum = createHash('sha1').update(tarball).digest('hex')
    const dist = { tarball: `${url}${file.slice(1)}`, shasum, integrity: sha512Integrity(tarball) }
    const versions = { [version]: { name, version, dist } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url, asked, close }
}
