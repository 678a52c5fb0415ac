'use strict'
// The built program with the platform's fetch as its way to the network. That fetch obeys no proxy variable
// on Node 20, so its connections go to relays on this machine that ask the proxy in its place: in its favour.
//
//   node --use-openssl-ca with-fetch.cjs '{"HOST": PORT, ...}' get SERVICE USERNAME
const tls = require('node:tls')

const [relays] = process.argv.splice(2, 1).map((text) => JSON.parse(text))
const { connect } = tls
tls.connect = (options) => connect({ ...options, host: '127.0.0.1', port: relays[options.host] })

// In the place of the program's own client, which is never loaded.
const platform = globalThis.fetch
const id = require.resolve('../../dist/net/https-fetch.js')
const client = { __esModule: true, httpsFetch: () => (url, init) => platform(url, init) }
require.cache[id] = { id, filename: id, loaded: true, exports: client }
require('../../dist/main.js')
