# shellcheck shell=bash disable=SC2034,SC2154,SC2004 # lab.sh shares its variables with this file
# SPDX-License-Identifier: Apache-2.0
# The software device: two network namespaces with a cable between them, and the verbs double as the device of each. The
# figures of such a run mean nothing.

# Ends the processes that hold the namespaces. The kernel then removes these.
software_end() {
    kill "${place[a]}" "${place[b]}" 2>/dev/null || true
}

# Makes a namespace. Its holder is $holder.
software_namespace() {
    unshare -n sleep 1d &
    holder=$!
    until [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    nsenter -t "$holder" -n ip link set lo up
}

software_begin() {
    local double=$software/tests/doubles/verbs/lib holder end number
    unshare -n true 2>/dev/null || [ "$(id -u)" != 0 ] || missing "this user may not make a network namespace"
    # A user namespace gives an ordinary user the rights over networks of his own.
    if [ "$(id -u)" != 0 ]; then
        unshare -rn true 2>/dev/null || missing "this user may not make a network namespace"
        exec unshare -rn "$0" "${original[@]}"
    fi
    [ -e "$double/libibverbs.so.1" ] || missing "there is no verbs double in $software: build the tests with engine verbs"
    engine_env="export SPEADLINE_LIBIBVERBS=$double/libibverbs.so.1 SPEADLINE_LIBMLX5=$double/libmlx5.so.1; "
    [ -n "$rates" ] || rates="0.05 0.1"
    tools=$software/tools
    for end in a b; do
        software_namespace
        kind[$end]=pid place[$end]=$holder interface[$end]=lab_$end
    done
    trap software_end EXIT
    ip link add lab_a mtu 9000 netns "${place[a]}" type veth peer name lab_b mtu 9000 netns "${place[b]}"
    for end in a b; do
        number=$([ $end = a ] && echo 1 || echo 2)
        nsenter -t "${place[$end]}" -n ip -batch - <<END
link set lab_$end up
address add 10.79.0.$number/24 dev lab_$end
address add fd79::$number/64 dev lab_$end nodad
route add 224.0.0.0/4 dev lab_$end
END
    done
}
