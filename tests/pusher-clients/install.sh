#!/usr/bin/env bash
# Installs the client and server libraries of these tests, exactly pinned, in folders of their own.
set -euo pipefail
cd "$(dirname "$0")"

npm ci --silent --no-audit --no-fund

PYTHON=python3
command -v python3.11 >/dev/null && PYTHON=python3.11
for version in PY3 PYR; do
    folder=.venvs/$version
    cmp --silent "python/$version.txt" "$folder/installed.txt" && continue
    rm -rf "$folder"
    "$PYTHON" -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "python/$version.txt"
    cp "python/$version.txt" "$folder/installed.txt"
done

cargo build --locked --quiet --manifest-path rust/Cargo.toml
