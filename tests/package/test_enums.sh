#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A word has one number in all public enums. usage: test_enums.sh SOURCE_FOLDER
set -euo pipefail
exec python3 "$(dirname "$0")/enum_words.py" "$1"
