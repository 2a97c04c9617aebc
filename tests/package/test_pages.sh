#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tests that docs/promises.md, docs/troubleshooting.md, docs/from-spead2.md and docs/requirements.md name exist, and so
# do all pages that are linked. docs/index.md lists all pages.
# usage: test_pages.sh SOURCE_FOLDER
set -euo pipefail
python3 "$1/tests/package/page_tests.py" "$1"
