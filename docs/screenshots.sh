#!/usr/bin/env bash
# Remakes the pictures in docs/images with a fresh lab and a headless Chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ENGRAM_SCREENSHOTS="$PWD/docs/images" cargo test -p server --test browser_pages
