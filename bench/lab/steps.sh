# shellcheck shell=bash disable=SC2034,SC2154,SC2004,SC2317 # lab.sh shares its variables, and calls the steps by their names
# SPDX-License-Identifier: Apache-2.0
# The steps of the lab procedure: what each does, and what is expected. A step ends with got() or judge() of lab.sh.

steps=(survey settings baseline receive group ipv6 small bounce placed multi_packet from_socket to_socket zero_sum
    queue_time flush_time clock busy checksums loopback second_rule overlong overload rates bound pacing group_rate link neighbour memory
    removal)

declare -A expected=(
    [survey]="spead-info calls engine verbs usable at both ends, and every command that it names was applied or is noted"
    [settings]="equal MTU at both ends; flow control, ring sizes, interrupts and power saving are recorded"
    [baseline]="raw_ethernet_bw of perftest reaches the speed of the link; what the tools reach is compared with it"
    [receive]="every byte arrives, both exit with 0, and tcpdump at B would see none of it"
    [group]="the same to a multicast group"
    [ipv6]="the same over IPv6"
    [small]="the same with packets of 1472 bytes"
    [bounce]="the same with the receive path bounce"
    [placed]="the same with the receive path placed, and above 90 % of the packets are placed"
    [multi_packet]="the same through a multi-packet queue"
    [from_socket]="the same from engine socket at A"
    [to_socket]="the same to engine socket at B"
    [zero_sum]="packets with UDP checksum 0 arrive; none is in malformed-checksum"
    [queue_time]="the system calls that make and end the queues of a stream take milliseconds; the sum and the longest are noted"
    [flush_time]="a queue that a frame beyond its receives ended is made anew; noted: the time of it, and how much of that the flush took"
    [clock]="by default the times of packets are within 1 s of the clock of B; by the clock of the NIC their distance is noted: 37 s is TAI"
    [busy]="by the clock of the NIC nothing is lost and no queue is rebuilt while ptp4l or phc2sys adjusts it"
    [checksums]="the device checks: neither line about the engine names the CPU or trust, and a multi-packet queue takes the CPU at most 20 % longer for each byte than a plain queue"
    [loopback]="what a receiver at A gets of multicast that A sends: 0 if spead-info says that it does not come back"
    [second_rule]="a second receiver of the same group joins and leaves, and the first one loses nothing"
    [overlong]="frames above the MTU of B are counted or not seen; rebuilds are noted; heaps sent afterwards arrive"
    [overload]="without a rate limit, out_of_buffer explains what is missing"
    [rates]="the highest rate without loss, for packets of 1472 and 8232 bytes, by path"
    [bound]="noted, from the runs of the step rates: the rate from which a multi-packet queue holds what a plain queue loses, with short packets. auto should take it from there on (FAST_MBPS in recv/engines/verbs/verbs_shape.c)"
    [pacing]="with --hardware-rate the rate is within 1 % of what was asked; bursts show in out_of_buffer of B"
    [group_rate]="multicast reaches the rate of unicast (else multicast comes back at A)"
    [link]="link_downs is 1 after the link of A was down for 5 s, and heaps sent afterwards arrive"
    [neighbour]="nothing is lost when A forgets its neighbours"
    [memory]="with 64 KiB of locked memory, one line names the limit"
    [removal]="spead-recv ends with one line and status 1 when its device is removed"
)

# Prints why a step cannot be run; nothing if it can.
why_not() { # STEP
    case $1 in
        baseline | queue_time | checksums | overload | pacing | group_rate | memory)
            [ -z "$software" ] || { echo "hardware alone can show this" && return; } ;;
        flush_time | overlong | link | neighbour)
            [ -n "$disturb" ] || { echo "it changes settings: give --disturb" && return; } ;;
        removal) echo "by hand: echo 1 >/sys/class/net/${interface[b]}/device/remove during the step receive" ;;
    esac
    case $1 in
        baseline) at a "command -v raw_ethernet_bw" >/dev/null || echo "perftest is not installed at A" ;;
        queue_time) at b "command -v strace" >/dev/null || echo "strace is not installed at B" ;;
        zero_sum) at a "command -v python3" >/dev/null || echo "python3 is not installed at A" ;;
        from_socket | to_socket | second_rule)
            # The kernel leaves checksums and segmentation to a veth, which does neither.
            [ -z "$software" ] || [ "$1" != from_socket ] || at a "command -v ethtool" >/dev/null ||
                echo "ethtool is not installed, and a veth needs it" ;;
        bound) [ -d "$out/rates" ] || echo "it reads what the step rates has left: run that too" ;;
        ipv6) [ -n "${address6[b]}" ] || echo "B has no IPv6 address" ;;
    esac
}

# Finds addresses and devices of both ends, and the speed of the link.
find_ends() {
    local end speed
    for end in a b; do
        address[$end]=$(at $end "ip -j -4 address show dev ${interface[$end]}" | jq -r '[.[].addr_info[]?.local][0] // ""')
        address6[$end]=$(at $end "ip -j -6 address show dev ${interface[$end]} scope global" |
            jq -r '[.[].addr_info[]?.local][0] // ""')
        [ -n "${address[$end]}" ] || missing "end $end: ${interface[$end]} has no IPv4 address"
        device[$end]=$(at $end "$tools/spead-info engines --json --interface ${interface[$end]}" |
            jq -r '[.engines[] | select(.name == "verbs") | .device.name // empty][0] // ""')
    done
    speed=$(at a "cat /sys/class/net/${interface[a]}/speed" 2>/dev/null || echo 0)
    [ "$speed" -gt 0 ] 2>/dev/null || speed=10000
    [ -n "$rates" ] || rates=$(seq -s ' ' $((speed / 10000)) $((speed / 10000)) $((speed / 1000)))
    # A software device shows the procedure only, so its runs are short, and few receives are posted before payload is
    # placed.
    if [ -n "$software" ]; then
        modest=0.05 heaps=4 placed=2 window="--placed-window 64" large=1M sizes=8232 down=1 long=3 others=0.3
    else
        modest=10 heaps=2000 placed=2000 window="" large=8M sizes="1472 8232" down=5 long=10 others=1
    fi
}

mtu_of() { # END
    at "$1" "ip -j link show dev ${interface[$1]}" | jq -r '.[0].mtu'
}

# ---- What is there ---------------------------------------------------------------------------------

step_survey() {
    local end usable="" status=1
    for end in a b; do
        keep $end "survey/host.$end.txt" "date -u; hostname; uname -a; cat /proc/cmdline; lscpu; nproc; numactl -H; \
            cat /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/mm/hugepages/*/free_hugepages; ulimit -l"
        keep $end "survey/versions.$end.txt" "$tools/spead-recv --version; ibv_devinfo -v; ethtool -i ${interface[$end]}; \
            cat /sys/module/mlx5_core/version; ofed_info -s; dpkg -l 'libibverbs*' 'libmlx5*' rdma-core; \
            mlxconfig -d ${device[$end]:-none} q; devlink dev info"
        keep $end "survey/info.$end.txt" "$tools/spead-info engines --interface ${interface[$end]}"
        at $end "$tools/spead-info engines --json --interface ${interface[$end]}" >"$out/survey/info.$end.json" || true
        usable+="$end $(jq -r '.engines[] | select(.name == "verbs") |
            "\(if .usable then "usable" else .reason end), \(.remedies | length) things lack"' "$out/survey/info.$end.json"); "
    done
    [[ $usable == "a usable"*"b usable"* ]] && status=0
    judge $status "${usable%; }"
}

step_settings() {
    local end status=0
    for end in a b; do
        keep $end "settings/link.$end.txt" "ip -d link show dev ${interface[$end]}; ethtool ${interface[$end]}; \
            for what in a g k c l T; do ethtool -\$what ${interface[$end]}; done; ethtool --show-priv-flags ${interface[$end]}"
        keep $end "settings/host.$end.txt" "grep -e CPU -e ${device[$end]:-none} -e ${interface[$end]} /proc/interrupts; \
            sysctl net.core.rmem_max net.core.wmem_max; cat /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; \
            cat /sys/devices/system/cpu/isolated; ps -e -o comm= | grep -e ptp4l -e phc2sys -e irqbalance -e chronyd"
    done
    [ "$(mtu_of a)" = "$(mtu_of b)" ] || status=1
    judge $status "MTU $(mtu_of a) and $(mtu_of b); the rest is in settings/"
}

mac_of() { # END
    at "$1" "ip -j link show dev ${interface[$1]}" | jq -r '.[0].address'
}

# The command line of one side of raw_ethernet_bw. Both sides name the addresses of the frames from A to B.
raw_ethernet() { # SIDE OWN-END OTHER-END BYTES
    echo "timeout $((seconds + 20)) raw_ethernet_bw --$1 -d ${device[$2]} -B $(mac_of "$2") -E $(mac_of "$3") \
        -J ${address[b]} -j ${address[a]} -K 4001 -k 4001 -F -s $4 -D $seconds --report_gbits"
}

step_baseline() {
    local size rate server text=""
    for size in 1514 8274; do
        keep b "baseline/$size.b.txt" "$(raw_ethernet server b a $size)" &
        server=$!
        sleep 2
        keep a "baseline/$size.a.txt" "$(raw_ethernet client a b $size)"
        wait $server || true
        rate=$(awk '/^ *[0-9]+ +[0-9]+ / { rate = $4 } END { print rate }' "$out/baseline/$size.a.txt")
        text+="$size B: ${rate:-no figure} Gb/s; "
    done
    got noted "${text%; }"
}

# ---- Every byte arrives ----------------------------------------------------------------------------

# A verified transfer to an address with further options of the receiver. The caller may set rx_engine, tx_engine,
# packet and heap_size. On a software device a busy host may lose packets, so it has three tries there.
verified() { # NAME HOST RECV-OPTIONS
    local status try tries=1
    [ -z "$software" ] || tries=3
    for ((try = 1; try <= tries; try++)); do
        status=0
        transfer "$1" "$2:7148 --verify --strict --engine ${rx_engine:-verbs} --buffer 32M ${3:-}" \
            "$2:7148 --verify --engine ${tx_engine:-verbs} --packet ${packet:-8936} --heaps $heaps --heap-size ${heap_size:-1M} --rate $modest" ||
            status=1
        is_whole "$1" || status=1
        [ $status != 0 ] || return 0
        echo "$1: $(said_last "$1")" >&2
    done
    return 1
}
verified_step() { # HOST RECV-OPTIONS
    local status=0
    verified "$step/run" "$1" "${2:-}" || status=1
    judge $status "$(outcome "$step/run")"
}
step_receive() { verified_step "${address[b]}"; }
step_group() { verified_step 239.1.2.3; }
step_ipv6() { verified_step "[${address6[b]}]"; }
step_small() { packet=1472 verified_step "${address[b]}"; }
step_bounce() { verified_step "${address[b]}" "--receive-path bounce --mprq off"; }
step_multi_packet() { verified_step "${address[b]}" "--receive-path bounce --mprq on"; }
step_from_socket() {
    [ -z "$software" ] || keep a from_socket/offloads.txt "ethtool -K ${interface[a]} tx off gso off tx-udp-segmentation off"
    tx_engine=socket verified_step "${address[b]}"
}
step_to_socket() { rx_engine=socket verified_step "${address[b]}"; }

step_placed() {
    local status=0 share
    heaps=$placed heap_size=8M verified placed/run "${address[b]}" "--receive-path placed --mprq off $window" || status=1
    share=$(value placed/run.recv.json '100 * .placed / (.packets + 0.001) | floor')
    [ "$share" -gt 90 ] 2>/dev/null || status=1
    judge $status "$(outcome placed/run); placed $share %"
}

# 200 heaps of one packet, from a socket that writes no UDP checksum (SO_NO_CHECK).
step_zero_sum() {
    local status=0 bad
    keep_counters zero_sum/run.before
    receive zero_sum/run "${address[b]}:7148 --engine verbs --receive-path bounce --heaps 200" || status=1
    keep a zero_sum/run.send.txt "python3 - <<'END'
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 11, 1)
for heap in range(1, 201):
    items = ((1, heap), (2, 1024), (3, 0), (4, 1024))
    head = struct.pack('>BBBBHH', 0x53, 4, 2, 6, 0, 5)
    head += b''.join(struct.pack('>Q', 1 << 63 | i << 48 | v) for i, v in items) + struct.pack('>Q', 0x1000 << 48)
    s.sendto(head + bytes(1024), ('${address[b]}', 7148))
    time.sleep(0.002)
END"
    settle "$receiver" || status=1
    keep_counters zero_sum/run.after
    bad=$(value zero_sum/run.recv.json '.ledger.buckets["malformed-checksum"].packets')
    [ "$(value zero_sum/run.recv.json .heaps)" = 200 ] || status=1
    [ "$bad" = 0 ] || [ "$bad" = - ] || status=1
    judge $status "$(value zero_sum/run.recv.json .heaps) of 200 heaps, malformed-checksum $bad"
}

# ---- What the device and its driver do ---------------------------------------------------------------

step_queue_time() {
    keep b queue_time/strace.txt "strace -f -y -T -e trace=ioctl,write $tools/spead-recv --bind ${interface[b]} --engine verbs \
        --quiet --seconds 1 ${address[b]}:7148"
    got noted "$(awk -F'[<>]' '/uverbs/ && NF > 2 { t = $(NF - 1); sum += t; n++; if (t > most) most = t }
        END { printf "%d calls, %.1f ms in all, %.1f ms the longest", n, sum * 1e3, most * 1e3 }' "$out/queue_time/strace.txt")"
}

# Both MTUs are raised after the receives were posted. So a frame comes that is too long for them, and ends the queue.
step_flush_time() {
    local status=0 end mtu=() said
    mtu=("$(mtu_of a)" "$(mtu_of b)")
    receive flush_time/run "${address[b]}:7148 --engine verbs --receive-path bounce --mprq off --no-stop-item --heaps 5" || status=1
    for end in a b; do keep $end "flush_time/mtu.$end.txt" "ip link set dev ${interface[$end]} mtu $((mtu[1] + 216))"; done
    sleep "$down"
    transmit flush_time/long "${address[b]}:7148 --engine verbs --packet $((mtu[1] + 128)) --heaps 3 --heap-size 64K --rate $modest" || true
    keep a flush_time/mtu.back.a.txt "ip link set dev ${interface[a]} mtu ${mtu[0]}"
    keep b flush_time/mtu.back.b.txt "ip link set dev ${interface[b]} mtu ${mtu[1]}"
    sleep "$down"
    transmit flush_time/run "${address[b]}:7148 --engine verbs --packet 1472 --heaps 5 --heap-size 64K --rate $modest" || status=1
    settle "$receiver" || status=1
    said=$(sed -n 's/.*made anew in \(.* was flushed\).*/\1/p' "$out/flush_time/run.recv.txt" | head -n 1)
    if [ $status = 0 ]; then got noted "${said:-the queue did not fail}"; else got DIFFERS "$(outcome flush_time/run)"; fi
}

# Prints how many seconds after the start of the receiver the first packet came, by its time.
first_time() { # NAME RECV-OPTIONS
    local now first
    now=$(at b "date -u +%s")
    receive "$1" "${address[b]}:7148 --engine verbs --receive-path bounce --output-format framed --output - $2" || true
    transmit "$1" "${address[b]}:7148 --engine verbs --heaps 3 --heap-size 64K --rate $modest" || true
    settle "$receiver" || true
    # With --output - the heaps are on standard output: the file that is called NAME.recv.json.
    first=$(head -n 1 "$out/$1.recv.json" | jq -r '.first_ns // 0' 2>/dev/null || echo 0)
    echo $((${first:-0} / 1000000000 - now))
}

step_clock() {
    local status=0 utc nic
    utc=$(first_time clock/run "")
    nic=$(first_time clock/nic "--verbs-clock nic")
    [ "$utc" -ge -1 ] && [ "$utc" -le 30 ] || status=1
    judge $status "the first packet is $utc s after the start of the receiver; by the clock of the NIC $nic s"
}

step_busy() {
    local status=0
    transfer busy/run "${address[b]}:7148 --engine verbs --verbs-clock nic --comp-vector poll --receive-path bounce" \
        "${address[b]}:7148 --engine verbs --packet 8936 --heap-size 1M --rate $modest --seconds $((seconds * 2))" || status=1
    [ "$(value busy/run.recv.json .engine_rebuilds)" = 0 ] || status=1
    judge $status "$(outcome busy/run); $(at b 'ps -e -o comm= | grep -c -e ptp4l -e phc2sys' || true) PTP programs at B"
}

# Prints who checks the UDP checksums, by what the receiver has said.
checker() { # NAME
    if grep -q "are not what libmlx5 says" "$out/$1.recv.txt"; then
        echo "the CPU (the entries of the completion queue differ)"
    elif grep -q "^  engine .*the device has not checked is trusted" "$out/$1.recv.txt"; then
        echo "nobody"
    elif grep -q "^  engine .*the CPU checks" "$out/$1.recv.txt"; then
        echo "the CPU"
    else
        echo "the device"
    fi
}

step_checksums() {
    local cost=() who=() queue status=0
    for queue in off on; do
        transfer "checksums/$queue" "${address[b]}:7148 --engine verbs --receive-path bounce --mprq $queue" \
            "${address[b]}:7148 --engine verbs --packet 8936 --heap-size 8M --rate $modest --seconds $seconds" || true
        cost+=("$(value "checksums/$queue.recv.json" '1e12 * .stream_cpu_s / (.payload_bytes + 1) | floor')")
        who+=("$(checker "checksums/$queue")")
    done
    [ "${who[*]}" = "the device the device" ] || status=1
    [ $((10#${cost[1]/-/0} * 5)) -le $((10#${cost[0]/-/0} * 6)) ] || status=1
    judge $status "plain: ${who[0]} checks, ${cost[0]} ps of CPU for each byte; multi-packet: ${who[1]}, ${cost[1]} ps"
}

# A receiver at A, of the group that A sends to.
step_loopback() {
    local own seen told
    mkdir -p "$out/loopback"
    become="exec" at a "exec $tools/spead-recv --json --bind ${interface[a]} --engine verbs --max-heap-size 8M --seconds $((seconds + 5)) 239.1.2.4:7148" \
        >"$out/loopback/own.recv.json" 2>"$out/loopback/own.recv.txt" &
    own=$!
    await_text loopback/own.recv.txt "listening on" $own || true
    transmit loopback/own "239.1.2.4:7148 --engine verbs --heaps $heaps --heap-size 64K --rate $modest" || true
    settle $own || true
    seen=$(value loopback/own.recv.json .packets)
    told=$(value survey/info.a.json '.engines[] | select(.name == "verbs") | .device.place.multicast_loopback')
    if [ "$told" = false ]; then
        judge "$([ "$seen" = 0 ] && echo 0 || echo 1)" "$seen of $(value loopback/own.send.json .packets) packets came back"
    else
        got noted "$seen of $(value loopback/own.send.json .packets) packets came back; spead-info does not say that they do not"
    fi
}

# The second receiver adds a destination to the rule of the first, while packets come.
step_second_rule() {
    local status=0 sender
    receive second_rule/run "239.1.2.5:7148 --engine verbs --receive-path bounce --strict" || status=1
    transmit second_rule/run "239.1.2.5:7148 --engine verbs --packet 8936 --heap-size 1M --rate $modest --seconds $((seconds + down))" &
    sender=$!
    for _ in 1 2 3; do
        at b "exec $tools/spead-recv --quiet --bind ${interface[b]} --engine verbs --max-heap-size 8M --seconds $others 239.1.2.5:7148" \
            >>"$out/second_rule/others.txt" 2>&1 || true
    done
    wait $sender || status=1
    settle "$receiver" || status=1
    is_whole second_rule/run || status=1
    judge $status "$(outcome second_rule/run)"
}

# ---- Rates -----------------------------------------------------------------------------------------

# Prints the highest rate without loss; 0 if there is none.
highest() { # NAME HOST PACKET RECV-OPTIONS
    local rate best=0
    for rate in $rates; do
        transfer "$1.$rate" "$2:7148 --engine verbs --comp-vector poll $4" \
            "$2:7148 --engine verbs --packet $3 --heap-size $large --seconds $seconds --rate $rate" || break
        is_whole "$1.$rate" || break
        best=$rate
    done
    echo "$best"
}

step_rates() {
    local size path text=""
    declare -A options=([bounce]="--receive-path bounce --mprq off" [placed]="--receive-path placed --mprq off"
        [multi-packet]="--receive-path bounce --mprq on")
    for size in $sizes; do
        for path in placed bounce multi-packet; do
            text+="$size B $path $(highest "rates/$size.$path" "${address[b]}" "$size" "${options[$path]}") Gb/s; "
        done
    done
    got noted "${text%; }"
}

# Prints the highest rate that the step rates held on a path, and 0 if there is none.
held() { # NAME
    local rate best=0
    for rate in $rates; do
        if ! [ -s "$out/$1.$rate.recv.json" ] || ! is_whole "$1.$rate"; then break; fi
        best=$rate
    done
    echo "$best"
}

# What auto cannot know without hardware: from which rate on a plain queue is not enough for short packets.
step_bound() {
    local size=${sizes%% *} path rate best cost text="" bound="none: the plain queue holds as much"
    declare -A most=()
    for path in bounce multi-packet; do
        best=$(held "rates/$size.$path") most[$path]=$best
        cost=$(value "rates/$size.$path.$best.recv.json" '1e12 * .stream_cpu_s / (.payload_bytes + 1) | floor')
        text+="$([ $path = bounce ] && echo plain || echo $path) queue: $best Gb/s, $cost ps of CPU for each byte; "
    done
    for rate in $rates; do
        awk -v r="$rate" -v p="${most[bounce]}" -v m="${most[multi-packet]}" 'BEGIN { exit !(r > p && r <= m) }' || continue
        bound="$rate Gb/s" && break
    done
    got noted "packets of $size bytes: ${text}bound: $bound"
}

step_group_rate() {
    got noted "$(highest group_rate/run 239.1.2.6 8232 "--receive-path bounce") Gb/s to a group"
}

step_overload() {
    transfer overload/run "${address[b]}:7148 --engine verbs --receive-path bounce" \
        "${address[b]}:7148 --engine verbs --packet 1472 --heap-size 1M --seconds $seconds" || true
    got noted "$(outcome overload/run)"
}

step_pacing() {
    local rate status=0 have text=""
    for rate in 1 25 40; do
        transfer "pacing/$rate" "${address[b]}:7148 --engine verbs --receive-path bounce" \
            "${address[b]}:7148 --engine verbs --packet 8232 --heap-size 1M --seconds $seconds --hardware-rate --rate $rate" || status=1
        have=$(value "pacing/$rate.send.json" .gbps)
        awk -v a="$rate" -v b="${have/-/0}" 'BEGIN { exit !(b > a * 0.99 && b < a * 1.01) }' || status=1
        text+="asked $rate, got $have Gb/s, out_of_buffer $(value "pacing/$rate.recv.json" .port_out_of_buffer); "
    done
    judge $status "${text%; }"
}

# ---- Disturbances ----------------------------------------------------------------------------------

# A sends frames that are longer than the MTU of B, and afterwards heaps that are not.
step_overlong() {
    local status=0 mtu
    mtu=$(mtu_of b)
    receive overlong/run "${address[b]}:7148 --engine verbs --receive-path bounce --no-stop-item --heaps 5" || status=1
    keep a overlong/mtu.txt "ip link set dev ${interface[a]} mtu $((mtu + 216))"
    transmit overlong/long "${address[b]}:7148 --engine verbs --packet $((mtu + 128)) --heaps 3 --heap-size 64K --rate $modest" || true
    keep a overlong/mtu.back.txt "ip link set dev ${interface[a]} mtu $mtu"
    transmit overlong/run "${address[b]}:7148 --engine verbs --packet 1472 --heaps 5 --heap-size 64K --rate $modest" || status=1
    settle "$receiver" || status=1
    [ "$(value overlong/run.recv.json .heaps)" -ge 5 ] 2>/dev/null || status=1
    judge $status "$(outcome overlong/run), truncated $(value overlong/run.recv.json .ledger.buckets.truncated.packets)"
}

# Does something at A while A sends for some seconds.
disturbed() { # NAME SECONDS COMMAND
    local status=0 sender
    receive "$1" "${address[b]}:7148 --engine verbs --receive-path bounce" || status=1
    transmit "$1" "${address[b]}:7148 --engine verbs --packet 8232 --heap-size 64K --rate $modest --seconds $2" &
    sender=$!
    sleep 2
    keep a "$1.disturbance.txt" "$3"
    wait $sender || status=1
    settle "$receiver" || status=1
    return $status
}

step_link() {
    local status=0
    disturbed link/run "$long" "ip link set dev ${interface[a]} down; sleep $down; ip link set dev ${interface[a]} up" || true
    verified link/after "${address[b]}" || status=1
    # the software device does not notice that a cable has no other end
    [ -n "$software" ] || [ "$(value link/run.send.json .link_downs)" = 1 ] || status=1
    judge $status "link_downs $(value link/run.send.json .link_downs) at A; afterwards $(outcome link/after)"
}

step_neighbour() {
    local status=0
    disturbed neighbour/run $((down + 3)) "ip neigh flush dev ${interface[a]}" || status=1
    is_whole neighbour/run || status=1
    judge $status "$(outcome neighbour/run)"
}

step_memory() {
    keep b memory/run.txt "ulimit -l 64; setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock --ambient-caps -ipc_lock \
        $tools/spead-recv --quiet --seconds 1 --engine verbs --bind ${interface[b]} ${address[b]}:7148"
    judge "$(grep -q 'KiB may be locked' "$out/memory/run.txt" && echo 0 || echo 1)" "$(sed -n 2p "$out/memory/run.txt")"
}
