#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The shell completes what the tools accept, and nothing else. The test calls the completion as bash does, and compares
# what it offers with --help, with the manual pages and with what the tools say to each offered word.
# usage: test_completion.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
status=0
fail() { echo "$1" && status=1; }

# shellcheck source=/dev/null
. "$build/packaging/completions/spead-recv"

# Readline completes file names itself when the function asks for it. Here that is one candidate, <files>.
# shellcheck disable=SC2317 # the completion calls it
compopt() { [[ "$*" == '-o default' ]] && COMPREPLY+=('<files>'); }

# Cuts a line at spaces and at the characters of COMP_WORDBREAKS, as bash does. A row of the latter is a word, too.
cut_words() { # LINE
    COMP_WORDS=()
    while read -r word; do COMP_WORDS+=("$word"); done < <(grep -oE '[=:]+|[^=: ]+' <<<"$1")
    [[ $1 != *' ' ]] || COMP_WORDS+=('')
}

# Prints what is offered at the end of a line, sorted.
offers() { # LINE
    local tool=${1%% *} function
    function=$(complete -p "${tool##*/}" | sed -E 's/.* -F ([^ ]+) .*/\1/')
    COMP_LINE=$1 COMP_POINT=${#1}
    cut_words "$1"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    # bash ignores the status of the function, and its shell has neither -e nor -u.
    set +eu
    "$function" "$tool" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    set -eu
    [ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}" | sort
}

expect() { # LINE WORD...: exactly these are offered
    local offered wanted=''
    offered=$(offers "$1")
    [ $# -eq 1 ] || wanted=$(printf '%s\n' "${@:2}" | sort)
    [ "$offered" = "$wanted" ] || fail "\"$1\" offers \"$offered\", not \"$wanted\""
}

expect_among() { # LINE WORD...: at least these are offered
    local offered word
    offered=$(offers "$1")
    for word in "${@:2}"; do
        grep -qxF -- "$word" <<<"$offered" || fail "\"$1\" does not offer \"$word\", but \"$offered\""
    done
}

# ---- Options ---------------------------------------------------------------------------------------

options_in_help() { "$build/tools/$1" --help | grep -oE '^ {2,6}(-., )?--[a-z0-9-]+' | sed 's/.*--/--/' | sort; }
options_in_manual() { sed -nE 's/^\.It Fl -([a-z0-9-]+).*/--\1/p' "$source/docs/man/$1.1" | sort; }

for tool in spead-send spead-recv spead-info; do
    offered=$(offers "$tool --")
    diff <(echo "$offered") <(options_in_help $tool) || fail "$tool: completion (<) and --help (>) differ"
    # The pages have no entry for these options.
    diff <(grep -vxE -- '--(help|usage|version)' <<<"$offered") <(options_in_manual $tool | grep -vx -- --help) ||
        fail "$tool: completion (<) and the manual page (>) differ"
    count=$(wc -l <<<"$offered")
    [ "$count" -eq "$("$build/packaging/completion-rows" | grep -c "'$tool --")" ] || fail "$tool: $count options"
done
[ "$(offers 'spead-recv --' | wc -l)" -ge 50 ] || fail "only a few options of spead-recv were found"

# ---- Words -----------------------------------------------------------------------------------------

# Returns the entry of an option in the manual page.
entry() { # TOOL OPTION
    awk -v item=".It Fl -${2#--}" '/^\.It|^\.El/ { inside = $0 == item || index($0, item " ") == 1 } inside' \
        "$source/docs/man/$1.1"
}

# Prints a line "TOOL OPTION WORD" for each word of each option.
rows_with_words() {
    "$build/packaging/completion-rows" | sed -nE "s/^ *\['(spead-[a-z]+) (--[a-z-]+)'\]='[a-z_]+ (.+)'/\1 \2 \3/p" |
        while read -r tool option list; do
            for word in $list; do echo "$tool $option $word"; done
        done
}

# Without an endpoint a tool refuses each command line. If it refuses the word, its line begins with option and word.
words=0
while read -r tool option word; do
    expect_among "$tool $option " "$word"
    expect_among "$tool $option=" "$word"
    expect_among "$tool $option ${word:0:-1}" "$word"
    entry "$tool" "$option" | grep -qw -- "$word" || fail "$tool: the manual page of $option lacks $word"
    said=$("$build/tools/$tool" "$option" "$word" 2>&1) && fail "$tool accepts no endpoint"
    [[ $said != *"$option $word: "* ]] || fail "$tool refuses the word: $said"
    words=$((words + 1))
done < <(rows_with_words)
[ "$words" -ge 35 ] || fail "only $words words were found"

engines=$("$build/tools/spead-recv" --help | sed -nE 's/^ *--engine=NAME +(.*) \(auto\)/\1/p' | sed 's/,/ /g; s/ or / /')
# shellcheck disable=SC2086 # words on purpose
expect 'spead-recv --engine ' $engines
expect 'spead-recv --on-full drop-' drop-newest drop-oldest
expect 'spead-recv --on-full=drop-' drop-newest drop-oldest
expect 'spead-send --rate-of w' wire

# ---- Files, interfaces, endpoints ------------------------------------------------------------------

expect 'spead-recv --output ' '<files>'
expect 'spead-recv --output=ni' '<files>'
expect_among 'spead-recv --bind ' lo
expect_among 'spead-recv --bind=l' lo
expect_among 'spead-recv --cpu ' 0
expect_among 'spead-recv ' :7148 127.0.0.1:7148 '[::1]:7148'
expect 'spead-recv 127.0.0.1:' 7148
expect 'spead-recv 127.0.0.1:71' 7148
expect 'spead-recv :' 7148
expect_among 'spead-send ' 127.0.0.1:7148
expect_among 'spead-send --heaps 5 127.0.0.1:1 ' 127.0.0.1:7148
expect 'spead-info ' engines recording
expect 'spead-info r' recording
expect 'spead-info recording ' '<files>'
expect 'spead-info --json recording ni' '<files>'
expect 'spead-info engines '
expect_among 'spead-info --interface ' lo

# ---- The rest of the line --------------------------------------------------------------------------

expect 'spead-recv --packet '
expect 'spead-recv --nothing='
expect 'spead-recv --verify='
expect 'spead-recv --json --js'
expect 'spead-recv --on-full=block --on-f'
expect_among 'spead-recv --output --json --js' --json # here --json is the name of a file
expect_among 'spead-recv -- :7148 1' 127.0.0.1:7148
expect 'spead-recv -- --js'
expect_among '/usr/bin/spead-recv --eng' --engine
expect 'spead-net-raw --v' --version
exit $status
