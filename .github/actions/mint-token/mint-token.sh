#!/usr/bin/env bash
# Mints a token with the job's identity, has the runner mask it, and only then hands it on.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

arguments=()
if [ -n "${RESOURCE:-}" ]; then arguments+=(--resource "$RESOURCE"); fi
token=$(node "$here/../../../bin/keyring.js" mint-token ${arguments[@]+"${arguments[@]}"})
if [ -z "$token" ]; then
  echo 'mint-token: there is no token' >&2
  exit 1
fi

# First of all: from here on the runner replaces the token in every line of the log.
echo "::add-mask::$token"
echo "token=$token" >> "$GITHUB_OUTPUT"
# A token is one line of visible characters, so it cannot end the line and add a variable.
echo "ARTIFACTS_KEYRING_NOFUSS_TOKEN=$token" >> "$GITHUB_ENV"
