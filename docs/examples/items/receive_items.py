# SPDX-License-Identifier: Apache-2.0
import sys

import spead2
import spead2.recv

stream = spead2.recv.Stream(spead2.ThreadPool())
stream.add_udp_reader(int(sys.argv[1]) if len(sys.argv) > 1 else 7148, bind_hostname="127.0.0.1")
group = spead2.ItemGroup()
for heap in stream:
    updated = group.update(heap)
    if "samples" in updated:
        samples = group["samples"].value
        print(f"{len(samples)} samples, sum {samples.sum(dtype=int)}")
