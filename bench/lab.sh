#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab procedure of docs/engines.md: engine verbs on two real ports, or on a software device.
set -euo pipefail
here=$(dirname "$(realpath "$0")")

usage() {
    cat <<'END'
usage: bench/lab.sh [OPTION...] A B
       bench/lab.sh --software BUILD [OPTION...]
Runs the steps of the lab procedure between two ports, and prints for each what was expected and what came. A sends, B
receives. An end is
  INTERFACE        on this host
  NETNS@INTERFACE  in a network namespace of this host (ip netns)
  HOST:INTERFACE   on another host, by ssh without a password; the tools lie in the same folder there
All that runs, its output, the settings of both ends and their counters before and after each step are kept in a folder.

  --out FOLDER     the record (default: lab-DATE-TIME)
  --tools FOLDER   spead-send, spead-recv and spead-info (default: build/release/tools)
  --seconds N      length of each measured run (default 10)
  --rates LIST     rates to try in Gb/s, rising (default: tenths of the speed of the link)
  --cpu-a N, --cpu-b N   the CPU of each stream (default: any)
  --disturb        run the steps that change settings or break the link, too
  --steps LIST     only these steps, with commas
  --list           print the steps with what they expect, and end
  --software BUILD run on the verbs double of this build folder, between two network namespaces of its own. It shows
                   that the procedure works. Its figures mean nothing.
Exit status: 0 if every step that ran came out as expected, 1 if one did not, 2 for wrong usage, 77 if something that
the script needs is missing.
END
}

wrong() { echo "bench/lab.sh: $*" >&2 && exit 2; }
missing() { echo "bench/lab.sh: $*" >&2 && exit 77; }

out="" tools=$here/../build/release/tools seconds=10 rates="" disturb="" only="" list="" software="" engine_env=""
# shellcheck source=bench/lab/ends.sh
. "$here/lab/ends.sh"
# shellcheck source=bench/lab/steps.sh
. "$here/lab/steps.sh"
# shellcheck source=bench/lab/software.sh
. "$here/lab/software.sh"

original=("$@") ends=()
while [ $# -gt 0 ]; do
    case $1 in
        --out | --tools | --seconds | --rates | --cpu-a | --cpu-b | --steps | --software)
            [ $# -gt 1 ] || wrong "$1 needs a value"
            case $1 in
                --out) out=$2 ;;
                --tools) tools=$2 ;;
                --seconds) seconds=$2 ;;
                --rates) rates=${2//,/ } ;;
                --cpu-a) cpu[a]=$2 ;;
                --cpu-b) cpu[b]=$2 ;;
                --steps) only=,$2, ;;
                --software) software=$(realpath "$2") ;;
            esac
            shift
            ;;
        --disturb) disturb=1 ;;
        --list) list=1 ;;
        --help | -h) usage && exit 0 ;;
        -*) wrong "there is no option $1; see --help" ;;
        *) ends+=("$1") ;;
    esac
    shift
done
case $seconds in '' | *[!0-9]*) wrong "--seconds $seconds: must be a whole number" ;; esac

if [ -n "$list" ]; then
    for step in "${steps[@]}"; do printf '%-12s %s\n' "$step" "${expected[$step]}"; done
    exit 0
fi
command -v jq >/dev/null || missing "jq is not installed"
command -v ip >/dev/null || missing "ip (iproute2) is not installed"

split_end() { # END TEXT
    case $2 in
        *@*) kind[$1]=netns place[$1]=${2%%@*} interface[$1]=${2#*@} ;;
        *:*) kind[$1]=ssh place[$1]=${2%%:*} interface[$1]=${2#*:} ;;
        *) kind[$1]=here place[$1]="" interface[$1]=$2 ;;
    esac
    [ -n "${interface[$1]}" ] || wrong "$2: name an interface"
}

if [ -n "$software" ]; then
    [ ${#ends[@]} = 0 ] || wrong "--software makes its own ends"
    software_begin
else
    [ ${#ends[@]} = 2 ] || wrong "name the ends A and B; see --help"
    split_end a "${ends[0]}"
    split_end b "${ends[1]}"
fi
tools=$(realpath "$tools")
[ -x "$tools/spead-recv" ] || missing "there is no $tools/spead-recv: build it, or give --tools"
out=${out:-lab-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$out" && out=$(realpath "$out")

# ---- Running the steps -----------------------------------------------------------------------------

rows=() differs=0

# Ends a step: what came, and whether that was expected. The verdicts are: as expected, DIFFERS, noted (hardware alone
# can tell what is right), not run.
got() { # VERDICT TEXT
    rows+=("$step|$1|${expected[$step]}|$2")
    printf '%-12s %-12s %s\n' "$step" "$1" "$2"
    [ "$1" != DIFFERS ] || differs=$((differs + 1))
}
# Says "as expected" if the last command, whose status is given, was a success.
judge() { # STATUS TEXT
    if [ "$1" = 0 ]; then got "as expected" "$2"; else got DIFFERS "$2"; fi
}

print_table() {
    local row verdict want have
    echo "| step | expected | got | |"
    echo "|---|---|---|---|"
    for row in "${rows[@]}"; do
        IFS='|' read -r step verdict want have <<<"$row"
        echo "| $step | $want | $have | $verdict |"
    done
}

find_ends
[ -z "$software" ] || echo "software device, figures mean nothing"
for step in "${steps[@]}"; do
    [ -z "$only" ] || [[ $only == *,$step,* ]] || continue
    why=$(why_not "$step")
    if [ -n "$why" ]; then got "not run" "$why"; else "step_$step"; fi
done
{
    [ -z "$software" ] || printf 'software device, figures mean nothing\n\n'
    print_table
} >"$out/table.md"
echo
cat "$out/table.md"
echo "the record is in $out"
[ $differs = 0 ]
