import { createHash } from 'node:crypto'
import type { Manifest } from './packed-files.ts'

/** A file of the package, as both formats describe it: hashes in hex. */
export interface PackedFile {
  readonly path: string
  readonly sha1: string
  readonly sha256: string
}

/** What a bill of materials is made from; the same input gives the same bytes. */
export interface Contents {
  readonly manifest: Manifest
  /** ISO 8601, UTC. */
  readonly time: string
  /** All files of the package but the bills of materials themselves, sorted. */
  readonly files: readonly PackedFile[]
  /** The line of LICENSE that begins with `Copyright`. */
  readonly copyright: string
}

/** Where the two documents are put: in the package, since a package is what is asked about. */
export const billPaths = { cycloneDx: 'dist/sbom.cdx.json', spdx: 'dist/sbom.spdx.json' } as const

/** The hashes of a file. SHA-1 because SPDX 2.3 demands it of every file (clause 8.4). */
export function packedFile(path: string, bytes: Buffer): PackedFile {
  const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex')
  return { path, sha1: digest('sha1'), sha256: digest('sha256') }
}

function purl({ name, version }: Manifest): string {
  return `pkg:npm/${name}@${version}`
}

/** In one line: the package is held below 100 kB. */
function json(document: object): string {
  return `${JSON.stringify(document)}\n`
}

/**
 * CycloneDX 1.6 (ECMA-424). No serial number: it is optional, and a random one would differ with
 * each build. `components` is empty and `compositions` says that this is all there is.
 */
export function cycloneDx({ manifest, time, copyright }: Contents): string {
  const reference = purl(manifest)
  return json({
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: time,
      component: {
        type: 'application',
        'bom-ref': reference,
        name: manifest.name,
        version: manifest.version,
        description: manifest.description,
        licenses: [{ license: { id: manifest.license } }],
        copyright,
        purl: reference,
      },
    },
    components: [],
    dependencies: [{ ref: reference, dependsOn: [] }],
    compositions: [{ aggregate: 'complete', assemblies: [reference], dependencies: [reference] }],
  })
}

/**
 * SPDX 2.3 (clauses 6 to 8 and 11): one package and the hash of each of its files. The tarball's own
 * hash cannot be in it, since the document is in the tarball: SHA256SUMS of the release has that.
 */
export function spdx({ manifest, time, files, copyright }: Contents): string {
  const listing = createHash('sha256').update(files.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(''))
  const base = `https://spdx.org/spdxdocs/${manifest.name}-${manifest.version}`
  return json({
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${manifest.name}-${manifest.version}`,
    // Unique as it must be (clause 6.5), but of the content rather than of a dice.
    documentNamespace: `${base}-${listing.digest('hex')}`,
    creationInfo: { created: time, creators: [`Tool: ${manifest.name}-sbom-${manifest.version}`] },
    documentDescribes: ['SPDXRef-Package'],
    packages: [spdxPackage(manifest, files, copyright)],
    files: files.map((file, index) => ({
      SPDXID: fileId(index),
      fileName: `./${file.path}`,
      checksums: [
        { algorithm: 'SHA1', checksumValue: file.sha1 },
        { algorithm: 'SHA256', checksumValue: file.sha256 },
      ],
      licenseConcluded: manifest.license,
      licenseInfoInFiles: ['NOASSERTION'],
      copyrightText: copyright,
    })),
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-Package'),
      ...files.map((_, index) => relationship('SPDXRef-Package', 'CONTAINS', fileId(index))),
    ],
  })
}

function fileId(index: number): string {
  return `SPDXRef-File-${index + 1}`
}

function relationship(from: string, relationshipType: string, to: string): object {
  return { spdxElementId: from, relationshipType, relatedSpdxElement: to }
}

function spdxPackage(manifest: Manifest, files: readonly PackedFile[], copyrightText: string): object {
  return {
    SPDXID: 'SPDXRef-Package',
    name: manifest.name,
    versionInfo: manifest.version,
    primaryPackagePurpose: 'APPLICATION',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: true,
    packageVerificationCode: {
      packageVerificationCodeValue: verificationCode(files),
      packageVerificationCodeExcludedFiles: Object.values(billPaths).map((path) => `./${path}`),
    },
    licenseConcluded: manifest.license,
    licenseInfoFromFiles: ['NOASSERTION'],
    licenseDeclared: manifest.license,
    copyrightText,
    externalRefs: [
      { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl(manifest) },
    ],
  }
}

/** The SHA-1 of the sorted SHA-1s, without anything between (SPDX 2.3, clause 7.9). */
export function verificationCode(files: readonly PackedFile[]): string {
  return createHash('sha1').update(files.map(({ sha1 }) => sha1).sort().join('')).digest('hex')
}
