#!/usr/bin/env bash
# Installs the SDKs of these tests, exactly pinned, in folders of their own, and builds the host of the one for Rust.
# What it needs besides Node, Python and Rust, tests/run installs: the headers of OpenSSL, and Chromium.
set -euo pipefail
cd "$(dirname "$0")"

npm ci --silent --no-audit --no-fund
# Clients of other dialects, for company, are those of the other suites.
for suite in ../spaces ../pusher-clients; do
    [ -d "$suite/node_modules" ] || (cd "$suite" && npm ci --silent --no-audit --no-fund)
done

PYTHON=python3
command -v python3.11 >/dev/null && PYTHON=python3.11
if ! cmp --silent python/requirements.txt .venv/installed.txt; then
    rm -rf .venv
    "$PYTHON" -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement python/requirements.txt
    cp python/requirements.txt .venv/installed.txt
fi

# Its licence and its age keep it out of the hub's own workspace: it has one of its own.
(cd rust && cargo build --quiet --locked --target-dir target)
