import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cycloneDx, packedFile, spdx, verificationCode } from '../supply/bill-of-materials.ts'
import type { Contents } from '../supply/bill-of-materials.ts'
import { isoTime } from '../supply/commit-time.ts'
import { manifest } from '../supply/packed-files.ts'

const contents: Contents = {
  manifest: manifest(),
  time: '2026-11-23T22:03:21Z',
  files: [packedFile('LICENSE', Buffer.from('a')), packedFile('dist/main.js', Buffer.from('b'))],
  copyright: 'Copyright (c) 2026 Somebody',
}

/** What a value of a document must be: a pattern, the shape of an object, or a list of such. */
type Shape = RegExp | boolean | number | readonly [Shape] | { readonly [name: string]: Shape }

/** Fails unless a value has a shape; as in both published schemas, no other members are allowed. */
function conforms(value: unknown, shape: Shape, where: string): void {
  if (shape instanceof RegExp) {
    assert.equal(typeof value, 'string', where)
    assert.match(value as string, shape, where)
  } else if (typeof shape !== 'object') {
    assert.equal(value, shape, where)
  } else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), where)
    for (const [index, item] of value.entries()) conforms(item, (shape as readonly [Shape])[0], `${where}[${index}]`)
  } else {
    assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), where)
    const members = shape as { readonly [name: string]: Shape }
    // `?` at the end of a name: it may be missing.
    const names = Object.keys(members).map((name) => name.replace('?', ''))
    for (const name of Object.keys(value)) assert.ok(names.includes(name), `${where}.${name} is not in the schema`)
    for (const [key, item] of Object.entries(members)) {
      const member = (value as Record<string, unknown>)[key.replace('?', '')]
      if (!key.endsWith('?') || member !== undefined) conforms(member, item, `${where}.${key}`)
    }
  }
}

const TEXT = /^\S[^\r\n]*$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const PURL = /^pkg:npm\/artifacts-keyring-nofuss@\d+\.\d+\.\d+(?:-[\w.]+)?$/
const LICENCE = /^MIT$/
const ID = /^SPDXRef-[a-zA-Z0-9.-]+$/

// bom-1.6.schema.json: required members, and those of its optional ones that are used.
const CYCLONEDX_1_6: Shape = {
  $schema: /^http:\/\/cyclonedx\.org\/schema\/bom-1\.6\.schema\.json$/,
  bomFormat: /^CycloneDX$/,
  specVersion: /^1\.6$/,
  'serialNumber?': /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  version: 1,
  metadata: {
    timestamp: TIME,
    component: {
      type: /^(?:application|library|file)$/,
      'bom-ref': PURL,
      name: TEXT,
      version: TEXT,
      description: TEXT,
      licenses: [{ license: { id: LICENCE } }],
      copyright: TEXT,
      purl: PURL,
    },
  },
  components: [{}],
  dependencies: [{ ref: PURL, dependsOn: [PURL] }],
  compositions: [{ aggregate: /^complete$/, assemblies: [PURL], dependencies: [PURL] }],
}

// spdx-schema.json of SPDX 2.3, and the clauses of the specification where it is stricter.
const SPDX_2_3: Shape = {
  spdxVersion: /^SPDX-2\.3$/,
  dataLicense: /^CC0-1\.0$/,
  SPDXID: /^SPDXRef-DOCUMENT$/,
  name: TEXT,
  documentNamespace: /^https:\/\/[^\s#]+$/,
  creationInfo: { created: TIME, creators: [/^(?:Tool|Person|Organization): \S+$/] },
  documentDescribes: [ID],
  packages: [{
    SPDXID: ID,
    name: TEXT,
    versionInfo: TEXT,
    primaryPackagePurpose: /^(?:APPLICATION|LIBRARY)$/,
    downloadLocation: /^(?:NOASSERTION|NONE|(?:git\+)?https:\/\/\S+)$/,
    filesAnalyzed: true,
    packageVerificationCode: {
      packageVerificationCodeValue: /^[0-9a-f]{40}$/,
      packageVerificationCodeExcludedFiles: [/^\.\/dist\/sbom\.\w+\.json$/],
    },
    licenseConcluded: LICENCE,
    licenseInfoFromFiles: [/^NOASSERTION$/],
    licenseDeclared: LICENCE,
    copyrightText: TEXT,
    externalRefs: [{ referenceCategory: /^PACKAGE-MANAGER$/, referenceType: /^purl$/, referenceLocator: PURL }],
  }],
  files: [{
    SPDXID: ID,
    fileName: /^\.\/[^/]\S*$/,
    checksums: [{ algorithm: /^SHA(?:1|256)$/, checksumValue: /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/ }],
    licenseConcluded: LICENCE,
    licenseInfoInFiles: [/^NOASSERTION$/],
    copyrightText: TEXT,
  }],
  relationships: [{ spdxElementId: ID, relationshipType: /^(?:DESCRIBES|CONTAINS)$/, relatedSpdxElement: ID }],
}

interface Component {
  readonly name: string
  readonly version: string
}

test('CycloneDX: what the schema of 1.6 demands, and nothing that it does not know', () => {
  conforms(JSON.parse(cycloneDx(contents)), CYCLONEDX_1_6, 'bom')
})

test('CycloneDX: no component but the program itself, and the list is complete', () => {
  const bom = JSON.parse(cycloneDx(contents)) as {
    readonly metadata: { readonly component: Component }
    readonly components: readonly unknown[]
    readonly dependencies: readonly { readonly dependsOn: readonly unknown[] }[]
  }
  assert.deepEqual(bom.components, [])
  assert.deepEqual(bom.dependencies.map(({ dependsOn }) => dependsOn), [[]])
  assert.equal(bom.metadata.component.name, contents.manifest.name)
  assert.equal(bom.metadata.component.version, contents.manifest.version)
})

test('SPDX: what the schema of 2.3 demands, and nothing that it does not know', () => {
  conforms(JSON.parse(spdx(contents)), SPDX_2_3, 'document')
})

test('SPDX: one package; every ID is unique, and every relationship leads to one', () => {
  const document = JSON.parse(spdx(contents)) as {
    readonly SPDXID: string
    readonly packages: readonly { readonly SPDXID: string }[]
    readonly files: readonly { readonly SPDXID: string }[]
    readonly relationships: readonly { readonly spdxElementId: string; readonly relatedSpdxElement: string }[]
  }
  assert.equal(document.packages.length, 1)
  const ids = [document, ...document.packages, ...document.files].map(({ SPDXID }) => SPDXID)
  assert.equal(new Set(ids).size, ids.length)
  for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
    assert.ok(ids.includes(spdxElementId) && ids.includes(relatedSpdxElement))
  }
  assert.equal(document.relationships.length, 1 + contents.files.length)
})

test("SPDX: the verification code is the one of the specification's recipe", () => {
  // SHA-1 of "a" is 86f7…, of "b" e9d7…: sorted, joined and hashed again.
  const joined = '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8e9d71f5ee7c92d6dc9e92ffdad17b8bd49418f98'
  assert.equal(verificationCode(contents.files), packedFile('x', Buffer.from(joined)).sha1)
  assert.equal(verificationCode([...contents.files].reverse()), verificationCode(contents.files))
})

test('the same input gives the same bytes; another file another name of the document', () => {
  assert.equal(spdx(contents), spdx(structuredClone(contents)))
  assert.equal(cycloneDx(contents), cycloneDx(structuredClone(contents)))
  const namespace = (text: string): unknown => (JSON.parse(text) as { readonly documentNamespace: unknown }).documentNamespace
  assert.notEqual(namespace(spdx(contents)), namespace(spdx({ ...contents, files: contents.files.slice(1) })))
})

test('times are whole seconds of UTC', () => {
  assert.equal(isoTime(0), '1970-01-01T00:00:00Z')
  assert.equal(isoTime(1_795_471_401), '2026-11-23T22:03:21Z')
})
