'use strict'
// The least that a script on node:https can do for the same answer, through the same proxy and with the
// same certificates: what `keyring get` is compared with. It checks nothing, tries nothing again and waits
// for ever. Plain JavaScript in one file, so that Node starts it without anything else.
//
//   node bare.cjs service-principal   asks Entra for the application's token: 1 request
//   node bare.cjs user FEED           asks the feed for its tenant, starts az, exchanges az's token: 2 requests
const { readFileSync, writeSync } = require('node:fs')
const http = require('node:http')
const https = require('node:https')
const tls = require('node:tls')

const AZURE_DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798'
const { env } = process
const proxy = new URL(env.HTTPS_PROXY)
const secureContext = tls.createSecureContext({ ca: readFileSync(env.SSL_CERT_FILE) })

function ask(method, url, headers, body) {
  const { hostname } = new URL(url)
  const tunnel = { method: 'CONNECT', host: proxy.hostname, port: proxy.port, path: `${hostname}:443`, agent: false }
  return new Promise((resolve, reject) => {
    const connected = (_, socket) => {
      const createConnection = () => tls.connect({ socket, servername: hostname, secureContext })
      const request = https.request(url, { method, headers, createConnection })
      request.on('error', reject).on('response', (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk)).on('error', reject)
        response.on('end', () => resolve({ headers: response.headers, text }))
      })
      request.end(body)
    }
    http.request(tunnel).on('error', reject).on('connect', connected).end()
  })
}

async function servicePrincipal() {
  const url = `https://login.microsoftonline.com/${env.AZURE_TENANT_ID}/oauth2/v2.0/token`
  const form = new URLSearchParams({
    client_id: env.AZURE_CLIENT_ID,
    client_secret: env.AZURE_CLIENT_SECRET,
    scope: `${AZURE_DEVOPS}/.default`,
    grant_type: 'client_credentials',
  })
  const type = 'application/x-www-form-urlencoded'
  const { text } = await ask('POST', url, { 'content-type': type }, form.toString())
  return JSON.parse(text).access_token
}

async function user(feed) {
  const { headers } = await ask('GET', feed, { 'x-tfs-fedauthredirect': 'Suppress' })
  const [, tenant] = /authorization_uri=https:\/\/[^/]+\/([0-9a-f-]+)/.exec(headers['www-authenticate'])
  const bearer = JSON.parse(await az(tenant)).accessToken
  const path = '_apis/Token/SessionTokens?tokenType=SelfDescribing&api-version=5.0-preview.1'
  const body = { displayName: 'bare', scope: 'vso.packaging' }
  const { text } = await ask('POST', headers['x-vss-authorizationendpoint'] + path, {
    authorization: `Bearer ${bearer}`,
    accept: 'application/json',
    'content-type': 'application/json',
    'x-tfs-fedauthredirect': 'Suppress',
  }, JSON.stringify(body))
  return JSON.parse(text).token
}

function az(tenant) {
  const args = ['account', 'get-access-token', '--output', 'json', '--resource', AZURE_DEVOPS, '--tenant', tenant]
  return new Promise((resolve, reject) => {
    const { execFile } = require('node:child_process')
    execFile('az', args, (error, stdout) => (error === null ? resolve(stdout) : reject(error)))
  })
}

const [, , who, feed] = process.argv
const answer = who === 'user' ? user(feed) : servicePrincipal()
answer.then((token) => {
  writeSync(1, `${token}\n`)
  process.exit(typeof token === 'string' && token !== '' ? 0 : 1)
})
