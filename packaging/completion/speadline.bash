# SPDX-License-Identifier: Apache-2.0
# Completion of the tools of Speadline in bash. The build appends the array _speadline_rows to this file, in which the
# program completion-rows says what there is to complete. A function _speadline_offer_NAME prints what the offer NAME of
# a row means, one candidate in each line.

_speadline_offer_nothing() { :; }
_speadline_offer_interfaces() { _speadline_names /sys/class/net; }
_speadline_offer_devices() { _speadline_names /sys/class/infiniband; }
_speadline_offer_cpus() { _speadline_names /sys/devices/system/cpu 'cpu[0-9]*' | sed 's/^cpu//'; }
_speadline_offer_hosts() { compgen -A hostname; }
# 7148 is the port of SPEAD in all examples.
_speadline_offer_ports_there() {
    printf '%s:7148\n' 127.0.0.1 '[::1]'
    compgen -A hostname | sed 's/$/:7148/'
}
_speadline_offer_ports_here() {
    local address
    printf '%s\n' :7148 127.0.0.1:7148 '[::1]:7148'
    for address in $(hostname -I 2>/dev/null); do
        [[ $address == *:* ]] && address="[$address]"
        printf '%s:7148\n' "$address"
    done
}

# Prints the names of the files in a folder, or of those that match a pattern.
_speadline_names() { # FOLDER [PATTERN]
    find "$1/" -mindepth 1 -maxdepth 1 -name "${2:-*}" -printf '%f\n' 2>/dev/null
}

# Puts into COMPREPLY those candidates that begin with the word at the cursor. A candidate is a line, with PREFIX before
# it. Readline replaces only the part of the word behind the last character of COMP_WORDBREAKS, so the reply has only
# this part.
_speadline_reply() { # WORD PREFIX CANDIDATES
    local word=$1 tail=$1 candidate
    [[ $COMP_WORDBREAKS == *:* ]] && tail=${tail##*:}
    [[ $COMP_WORDBREAKS == *=* ]] && tail=${tail##*=}
    local fixed=${word%"$tail"}
    while read -r candidate; do
        [[ -n $candidate && $2$candidate == "$word"* ]] || continue
        candidate=$2$candidate
        COMPREPLY+=("${candidate#"$fixed"}")
    done <<<"$3"
}

# Completes the word, which is PREFIX and a value, as a row says. Readline itself completes file names: it knows how a
# shell quotes them.
_speadline_value() { # WORD PREFIX ROW
    local row
    read -ra row <<<"$3"
    if [[ ${row[0]} == files ]]; then
        compopt -o default
    else
        _speadline_reply "$1" "$2" "$("_speadline_offer_${row[0]}"; printf '%s\n' "${row[@]:1}")"
    fi
}

# Prints the options of a tool, without those that the line has already.
_speadline_options() { # TOOL GIVEN_OPTION...
    local tool=$1 key option
    # shellcheck disable=SC2154 # the build appends this array
    for key in "${!_speadline_rows[@]}"; do
        option=${key#"$tool "}
        [[ $option == --* ]] || continue
        [[ " ${*:2} " == *" $option "* ]] || printf '%s\n' "$option"
    done
}

_speadline() {
    local tool=${1##*/} line=${COMP_LINE:0:COMP_POINT} words word row i
    local topic='' only_arguments='' given=()
    COMPREPLY=()
    # bash has cut the words at "=" and ":" too. Here only spaces cut them.
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    word=${words[-1]}
    words=("${words[@]:1:${#words[@]}-2}") # the words between the program and the cursor

    # Finds the first argument, and whether the word at the cursor is the value of the option before it.
    for ((i = 0; i < ${#words[@]}; i++)); do
        row=${_speadline_rows["$tool ${words[i]}"]}
        [[ -z $only_arguments ]] && given+=("${words[i]%%=*}")
        if [[ -n $only_arguments || ${words[i]} != -* ]]; then
            topic=${topic:-${words[i]}}
        elif [[ ${words[i]} == -- ]]; then
            only_arguments=yes
        elif [[ -n $row && $row != flag ]]; then
            ((++i)) # the next word is the value of this option
            if ((i == ${#words[@]})); then
                _speadline_value "$word" '' "$row"
                return
            fi
        fi
    done

    row=${_speadline_rows["$tool ${word%%=*}"]}
    if [[ -z $only_arguments && $word == --*=* ]]; then
        [[ -z $row || $row == flag ]] || _speadline_value "$word" "${word%%=*}=" "$row"
    elif [[ -z $only_arguments && $word == -* ]]; then
        _speadline_reply "$word" '' "$(_speadline_options "$tool" "${given[@]}")"
    else
        row=${_speadline_rows["$tool arguments"]}
        [[ $row == *' '* && -n $topic ]] && row=${_speadline_rows["$tool $topic"]:-nothing}
        _speadline_value "$word" '' "$row"
    fi
}

# spead-net-raw runs a command, which is completed as if it stood alone. The package bash-completion knows how.
_speadline_net_raw() {
    local offset=_comp_command_offset
    declare -F $offset >/dev/null || offset=_command_offset
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 && ${COMP_WORDS[1]} == -* ]]; then
        _speadline_reply "${COMP_WORDS[1]}" '' "$(printf '%s\n' --help --usage --version)"
    elif declare -F $offset >/dev/null; then
        $offset 1
    elif [[ $COMP_CWORD -eq 1 ]]; then
        _speadline_reply "${COMP_WORDS[1]}" '' "$(compgen -c -- "${COMP_WORDS[1]}")"
    else
        compopt -o default
    fi
}

complete -F _speadline spead-send spead-recv spead-info
complete -F _speadline_net_raw spead-net-raw
