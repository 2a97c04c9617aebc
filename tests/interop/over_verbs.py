# SPDX-License-Identifier: Apache-2.0
"""spead2 and our programs over verbs: both ends use the verbs double, on two hosts (network namespaces)."""

import json
import os
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from peers import STOP_S, program

GROUP = "239.255.7.1:7148"
NEAR, FAR = "10.77.0.1", "10.77.0.2"
PACKET, HEAPS, HEAP_BYTES = 1472, 12, 100000
PEER = Path(__file__).with_name("verbs_peer.py")


def library(name):
    """The path of a library that belongs to the compiler."""
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


class Host:
    """A network namespace. It lives as long as the process in it."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "300"], stderr=subprocess.PIPE)
        own = os.readlink("/proc/self/ns/net")
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if os.readlink(f"/proc/{self.process.pid}/ns/net") != own:
                    return
            except OSError:
                break
            time.sleep(0.01)
        raise unittest.SkipTest("network namespaces cannot be made here")

    def command(self, *words):
        return ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *map(str, words)]

    def run(self, *words):
        subprocess.run(self.command(*words), check=True, capture_output=True, timeout=STOP_S)

    def start(self, *words, **environment):
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, **environment})

    def end(self):
        self.process.kill()
        self.process.communicate()


class OverVerbs(unittest.TestCase):
    """The devices are doubles; the programs at both ends are those that users have."""

    def setUp(self):
        self.folder = program("tests/doubles/verbs")
        if not (self.folder / "rdmacm/librdmacm.so.1").exists():
            self.skipTest("the verbs double has no librdmacm (engine verbs or librdmacm-dev is missing)")
        if subprocess.run([sys.executable, PEER, "can"]).returncode != 0:
            self.skipTest("this spead2 was built without ibverbs")
        self.near, self.far = Host(), Host()
        self.addCleanup(self.near.end)
        self.addCleanup(self.far.end)
        self.near.run("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns",
                      self.far.process.pid)
        for host, interface, address in ((self.near, "near0", NEAR), (self.far, "far0", FAR)):
            host.run("ip", "address", "add", f"{address}/24", "dev", interface)
            host.run("ip", "link", "set", interface, "up")
            host.run("ip", "route", "add", "224.0.0.0/4", "dev", interface)

    def peer(self, host, *arguments):
        """Starts spead2. It was built without the sanitizers, so it needs the library of the sanitizer first, if the
        double has one."""
        libraries = [self.folder / "lib", self.folder / "rdmacm"]
        settings = {"LD_LIBRARY_PATH": ":".join(map(str, libraries)), "ASAN_OPTIONS": "detect_leaks=0"}
        if b"libasan.so" in (self.folder / "lib/libibverbs.so.1").read_bytes():
            settings["LD_PRELOAD"] = f"{library('libasan.so')}:{library('libstdc++.so.6')}"
        return host.start(sys.executable, PEER, *arguments, **settings)

    def ours(self, host, name, *arguments):
        return host.start(program(name), *arguments,
                          SPEADLINE_LIBIBVERBS=str(self.folder / "lib/libibverbs.so.1"),
                          SPEADLINE_LIBMLX5=str(self.folder / "lib/libmlx5.so.1"))

    def wait_for(self, process, words):
        """Returns what the process has written to its standard error up to the line with these words. A process that
        does not write them in a minute is ended."""
        said = ""
        timer = threading.Timer(60, process.kill)
        self.addCleanup(timer.cancel)
        timer.start()
        for line in process.stderr:
            said += line
            if words in line:
                timer.cancel()
                return said
        self.fail(f"{words!r} is not in: {said}")

    def finish(self, process):
        self.addCleanup(process.kill)
        out, err = process.communicate(timeout=STOP_S * 2)
        self.assertEqual(process.returncode, 0, f"{out}\n{err}")
        return out

    def test_its_heaps_arrive_at_our_receiver(self):
        # The first receives, at most 4096, are posted before any heap is known, so payload is placed only behind them.
        for path, mprq, heaps in (("bounce", "on", HEAPS), ("bounce", "off", HEAPS), ("placed", "off", 100)):
            ours = self.ours(self.near, "tools/spead-recv", GROUP, "--engine", "verbs", "--bind", "near0", "--verify",
                             "--strict", "--json", "--ring-heaps", 64, "--receive-path", path,
                             "--mprq", mprq)
            self.wait_for(ours, "engine")
            theirs = self.peer(self.far, "send", FAR, GROUP, PACKET, heaps, HEAP_BYTES)
            self.finish(theirs)
            received = json.loads(self.finish(ours))
            self.assertEqual(received["heaps"], heaps)
            self.assertEqual(received["placed"] > 0, path == "placed")

    def test_our_heaps_arrive_at_its_receiver(self):
        theirs = self.peer(self.near, "receive", NEAR, GROUP, PACKET)
        self.wait_for(theirs, "ready")
        ours = self.ours(self.far, "tools/spead-send", GROUP, "--engine", "verbs", "--bind", "far0", "--verify",
                         "--heaps", HEAPS, "--heap-size", HEAP_BYTES, "--packet", PACKET, "--rate", "0.2")
        self.finish(ours)
        lines = self.finish(theirs).splitlines()
        self.assertEqual(lines, [f"{counter} True {HEAP_BYTES}" for counter in range(1, HEAPS + 1)])
