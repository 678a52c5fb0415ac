'use strict'
// The built program with the platform's fetch as its way to the network. That fetch obeys no proxy variable
// on Node 20, so its connections go to relays on this machine that ask the proxy in its place: in its favour.
//
//   node --use-openssl-ca with-fetch.cjs '{"HOST": PORT, ...}' get SERVICE USERNAME
const tls = require('node:tls')
const { run } = require('../../dist/cli/run.js')
const { nodeSystem } = require('../../dist/system/node.js')

const relays = JSON.parse(process.argv[2])
const { connect } = tls
tls.connect = (options) => connect({ ...options, host: '127.0.0.1', port: relays[options.host] })

const platform = globalThis.fetch
run(process.argv.slice(3), nodeSystem(() => (url, init) => platform(url, init))).then((status) => process.exit(status))
