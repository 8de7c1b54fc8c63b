#!/usr/bin/env bash
# Installs the client libraries of these tests, exactly pinned, in a folder of their own.
set -euo pipefail
cd "$(dirname "$0")"

folder=.venv
cmp --silent requirements.txt "$folder/installed.txt" && exit
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
cp requirements.txt "$folder/installed.txt"
