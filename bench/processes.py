# SPDX-License-Identifier: Apache-2.0
"""Runs programs for a bench: pins them, waits for them, and measures their CPU time."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SENDER_CPU, RECEIVER_CPU = 0, 1
SOL_UDP, UDP_GRO = 17, 104  # linux/udp.h; the socket module does not have them
START_S, DRAIN_S = 10, 5


class ProgramFailed(Exception):
    """A program could not be run, or failed. The text ends with the last line that the program printed."""


def command_text(command):
    return " ".join(str(word) for word in command)


def pinned(cpu, command):
    return ["taskset", "-c", str(cpu), *map(str, command)]


def pin_to_receiver_core():
    """Pins this process to the core of the receiver, so that it does not disturb the sender. This process mostly
    sleeps, and in the cases with a sink no receiver runs."""
    os.sched_setaffinity(0, {RECEIVER_CPU})


def run_sender(command):
    """Runs a sender on its core until it ends. Returns its stdout."""
    done = subprocess.run(pinned(SENDER_CPU, command), capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise ProgramFailed(f"{command_text(command)}: status {done.returncode}: {said[-1]}")
    return done.stdout


def port_is_bound(port):
    return f":{port:04X} " in Path("/proc/net/udp").read_text()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def sink():
    """A UDP port where each train is dropped at once, because the socket has almost no buffer. Without a socket the
    kernel would send an ICMP answer for each train, without UDP_GRO it would cut each train into datagrams, and a
    reader would need the other core."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as full_socket:
        full_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        full_socket.setsockopt(SOL_UDP, UDP_GRO, 1)
        full_socket.bind(("127.0.0.1", 0))
        yield full_socket.getsockname()[1]


class Receiver:
    """A receiving program on its core. The constructor returns when the port is bound."""

    def __init__(self, command, port):
        self.command, self.port = command, port
        # Files instead of pipes: nothing reads the output during the run, and a full pipe would block the program.
        self.out, self.err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            pinned(RECEIVER_CPU, command), stdout=self.out, stderr=self.err
        )
        deadline = time.monotonic() + START_S
        while not port_is_bound(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ProgramFailed(f"{command_text(command)}: {self._last_words()}")
            time.sleep(0.01)
        time.sleep(0.1)
        self.start_cpu_s = self._cpu_so_far_s()
        self.socket_bytes = self._socket_bytes()

    def _last_words(self):
        self.err.seek(0)
        return (self.err.read().strip().splitlines() or ["nothing on stderr"])[-1]

    def _cpu_so_far_s(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) * 1e-9

    def _socket_bytes(self):
        """The effective socket buffer, as the kernel reports it; None when it is unknown."""
        ss = ["ss", "-u", "-l", "-n", "-m", f"sport = :{self.port}"]
        found = re.search(r"\brb(\d+)", subprocess.run(ss, capture_output=True, text=True).stdout)
        return int(found[1]) if found else None

    def finish(self):
        """Waits until the program has ended, and returns (stdout, CPU seconds since the port was bound). The stop heap
        of the sender ends it. If the stop heap was lost, SIGINT ends it."""
        deadline = time.monotonic() + DRAIN_S
        while os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > deadline:
                self.process.send_signal(signal.SIGINT)
                deadline += START_S
            time.sleep(0.02)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise ProgramFailed(
                f"{command_text(self.command)}: status {self.process.returncode}: {self._last_words()}"
            )
        self.out.seek(0)
        return self.out.read(), usage.ru_utime + usage.ru_stime - self.start_cpu_s

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
