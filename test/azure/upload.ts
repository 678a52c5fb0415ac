import { createHash } from 'node:crypto'
import type { ReceivedRequest } from './received.ts'

/** A file that a feed took. */
export interface Upload {
  readonly organization: string
  readonly feed: string
  readonly name: string
  /** Hexadecimal, of the bytes that came. */
  readonly sha256: string
}

/**
 * Reads the form that uploads one file, as twine and uv send it (Warehouse, Upload API).
 *
 * @returns the file, or what is wrong with the form
 */
export async function readUpload(
  { headers, bytes }: ReceivedRequest,
): Promise<Pick<Upload, 'name' | 'sha256'> | string> {
  const type = headers['content-type'] ?? ''
  if (!/^multipart\/form-data; *boundary=/.test(type)) return 'an upload is multipart/form-data'
  if (Number(headers['content-length'] ?? bytes.length) !== bytes.length) return 'the body is cut short'
  const form = await parse(bytes, type)
  if (form === undefined) return 'the form cannot be read'
  const field = (name: string): string => form.getAll(name).map(String).join(', ')
  if (field(':action') !== 'file_upload') return ':action is not file_upload'
  if (field('protocol_version') !== '1') return 'protocol_version is not 1'
  if (!/^\d+\.\d+$/.test(field('metadata_version'))) return 'metadata_version is missing'
  const [content, ...more] = form.getAll('content')
  if (!(content instanceof Blob) || more.length > 0) return 'there is not one file in content'
  const { name } = content
  const [, project = '', version = '', ending] =
    /^([A-Za-z0-9._]+)-([^-/\\]+)(?:-[^/\\]+\.(whl)|\.tar\.gz)$/.exec(name) ?? []
  if (project === '') return 'the name of the file is none of a package'
  if (field('filetype') !== (ending === 'whl' ? 'bdist_wheel' : 'sdist')) return 'filetype is another'
  if (normalized(field('name')) !== normalized(project)) return 'name is not that of the file'
  if (field('version') !== version) return 'version is not that of the file'
  const hash = createHash('sha256').update(new Uint8Array(await content.arrayBuffer()))
  const sha256 = hash.digest('hex')
  return field('sha256_digest') === sha256 ? { name, sha256 } : 'sha256_digest is not of the file'
}

async function parse(body: Uint8Array, type: string): Promise<FormData | undefined> {
  try {
    return await new Response(body, { headers: { 'content-type': type } }).formData()
  } catch {
    return undefined
  }
}

/** A project's name as every spelling of it is compared (PEP 503). */
function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-')
}
