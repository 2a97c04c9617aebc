#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The libraries export what the public headers declare and what cmake/speadline.symbols lists, with the version that the
# soname names. usage: test_exported.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
exec python3 "$(dirname "$0")/exported.py" check "$1" "$2"
