import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { ask, basic } from '../azure/client.ts'
import type { Answer } from '../azure/client.ts'
import { startStandIn } from '../azure/stand-in.ts'
import { WHEEL } from '../azure/wheel.ts'

const standIn = await startStandIn()
beforeEach(() => standIn.reset())
after(() => standIn.close())

const UPLOAD = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload'
const WRITE = 'vso.packaging_write'
const FIELDS: Readonly<Record<string, string>> = {
  ':action': 'file_upload',
  protocol_version: '1',
  metadata_version: '2.1',
  name: 'private-package',
  version: '1.0',
  filetype: 'bdist_wheel',
  sha256_digest: WHEEL.sha256,
}

function formOf(fields: Readonly<Record<string, string>>, fileName = WHEEL.name): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('content', new Blob([new Uint8Array(WHEEL.content)]), fileName)
  return form
}

async function post(form: FormData, scope = WRITE, address = UPLOAD): Promise<Answer> {
  const whole = new Response(form)
  const password = standIn.tokens.mintSessionToken({ organization: 'contoso', scope })
  const headers = { ...basic('u', password), 'content-type': whole.headers.get('content-type') ?? '' }
  const body = new Uint8Array(await whole.arrayBuffer())
  return ask(standIn, address, { method: 'POST', headers, body })
}

test('an upload needs the scope to write', async () => {
  assert.equal((await post(formOf(FIELDS), 'vso.packaging')).status, 403)
  assert.equal((await ask(standIn, UPLOAD, { method: 'POST' })).status, 401)
  assert.deepEqual(standIn.uploads, [])
  assert.equal((await post(formOf(FIELDS), `vso.packaging ${WRITE}`, `${UPLOAD}/`)).status, 202)
})

test('a file is taken once', async () => {
  assert.equal((await post(formOf(FIELDS))).status, 202)
  const { name, sha256 } = WHEEL
  assert.deepEqual(standIn.uploads, [{ organization: 'contoso', feed: 'feed', name, sha256 }])
  assert.equal((await post(formOf(FIELDS))).status, 409)
  assert.equal((await post(formOf(FIELDS), WRITE, UPLOAD.replace('/feed/', '/other/'))).status, 202)
  assert.equal(standIn.uploads.length, 2)
  standIn.reset()
  assert.deepEqual(standIn.uploads, [])
})

const BAD: readonly (readonly [what: string, form: FormData])[] = [
  ['the action', formOf({ ...FIELDS, ':action': 'submit' })],
  ['the protocol', formOf({ ...FIELDS, protocol_version: '2' })],
  ['the metadata version', formOf({ ...FIELDS, metadata_version: '' })],
  ['the name', formOf({ ...FIELDS, name: 'another-package' })],
  ['the version', formOf({ ...FIELDS, version: '1.1' })],
  ['the file type', formOf({ ...FIELDS, filetype: 'sdist' })],
  ['the hash', formOf({ ...FIELDS, sha256_digest: '0'.repeat(64) })],
  ['the name of the file', formOf(FIELDS, 'private_package.whl')],
  ['a path in the place of the name of the file', formOf(FIELDS, '../private_package-1.0-py3-none-any.whl')],
]
for (const [what, form] of BAD) {
  test(`an upload is refused for ${what}`, async () => {
    const answer = await post(form)
    assert.equal(answer.status, 400, answer.body)
    assert.equal(standIn.requests[0]?.errors.length, 1)
    assert.deepEqual(standIn.uploads, [])
  })
}

test('an upload is refused for two files, for none and for what is no form', async () => {
  const two = formOf(FIELDS)
  two.append('content', new Blob(['x']), WHEEL.name)
  assert.equal((await post(two)).status, 400)
  const none = formOf(FIELDS)
  none.set('content', 'text')
  assert.equal((await post(none)).status, 400)
  const password = standIn.tokens.mintSessionToken({ organization: 'contoso', scope: WRITE })
  for (const type of ['multipart/form-data; boundary=x', 'application/octet-stream']) {
    const headers = { ...basic('u', password), 'content-type': type }
    assert.equal((await ask(standIn, UPLOAD, { method: 'POST', headers, body: 'x' })).status, 400)
  }
})
