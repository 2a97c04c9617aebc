#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills spead-recv --output under load, and copies its block device; nothing that was acknowledged may be lost.

A receiver records heaps that a sender fills by the verify pattern, and says in its lines of progress how many of them are
acknowledged. Then it is killed (SIGKILL), or it is halted and its block device is copied and the copy mounted, as after a
power cut. Every heap that was acknowledged must be in the recording with all its bytes, every line of the index must
describe a heap that is whole, and the same command must go on behind it.

usage: crashes.py TOOLS_FOLDER [--kills N] [--copies N]

Exit status: 0 passed, 1 failed, 77 skipped (copies need root, mkfs.ext4 and loop devices)."""

import argparse
import functools
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HEAP_BYTES = 40000
MASK = (1 << 64) - 1


class Failure(Exception):
    pass


@functools.lru_cache(maxsize=1024)
def pattern(counter):
    """The payload of a heap: see tools/verify_pattern.h."""
    words = []
    for index in range(HEAP_BYTES // 8):
        x = (counter * 0x9E3779B97F4A7C15 + index * 0xD6E8FEB86659FD93) & MASK
        words.append(x ^ (x >> 32))
    return struct.pack(f">{len(words)}Q", *words)


class Recording:
    """The recording in a folder, and what was acknowledged of it."""

    def __init__(self, tools, folder):
        self.tools = tools
        self.data = os.path.join(folder, "night.bin")
        self.lines = os.path.join(folder, "..", "progress")
        self.acknowledged = 0  # heaps, in all runs so far
        self.checked = 0  # lines whose payload was compared

    def index(self, data=None):
        with open(f"{data or self.data}.jsonl", "rb") as file:
            return [json.loads(line) for line in file.read().split(b"\n")[:-1]]

    def start(self, port):
        before = len(self.index()) if os.path.exists(f"{self.data}.jsonl") else 0
        if os.path.exists(self.lines):
            os.unlink(self.lines)
        command = [f"{self.tools}/spead-recv", f"127.0.0.1:{port}", "--no-stop-item", "--output", self.data]
        command += ["--sync", "20ms", "--progress", self.lines, "--progress-interval", "100ms"]
        receiver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in receiver.stderr:
            if "listening on" in line:
                return receiver, before
        raise Failure(f"the same command did not go on: status {receiver.wait()}")

    def note(self, before):
        """Notes how many heaps are acknowledged, as far as the running receiver has said so. Its first sync covers the
        `before` lines that were there before it."""
        if not os.path.exists(self.lines):
            return
        with open(self.lines) as file:
            lines = file.read().split("\n")[:-1]
        synced = json.loads(lines[-1])["synced_heaps"] if lines else 0
        if synced > 0:
            self.acknowledged = before + synced

    def check(self, data=None, from_line=0):
        """Compares all bytes of all lines from from_line on. Returns the number of lines."""
        path = data or self.data
        index = self.index(path)
        if len(index) < self.acknowledged:
            raise Failure(f"{self.acknowledged} heaps were acknowledged, and {len(index)} are there")
        with open(path, "rb") as file:
            for line in index[from_line:]:
                file.seek(line["offset"])
                if not line["complete"] or file.read(line["bytes"]) != pattern(int(line["counter"])):
                    raise Failure(f"heap {line['counter']} at {line['offset']} is not as it was sent")
        return len(index)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(tools, port):
    command = [f"{tools}/spead-send", f"127.0.0.1:{port}", "--verify", "--heap-size", str(HEAP_BYTES)]
    command += ["--rate", "0.1", "--seconds", "60", "--quiet"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def end(process, number=signal.SIGKILL):
    process.send_signal(number)
    return process.wait(timeout=60)


def load(recording):
    """Starts a receiver and a sender, and lets them work for a random time."""
    port = free_port()
    receiver, before = recording.start(port)
    sender = send(recording.tools, port)
    time.sleep(random.uniform(0.05, 0.6))
    return receiver, sender, before


def kill(recording):
    receiver, sender, before = load(recording)
    recording.note(before)
    end(receiver)
    end(sender)
    recording.checked = recording.check(from_line=recording.checked)


def finish(recording):
    """The same command goes on and ends in order; then the recording is whole."""
    receiver, sender, before = load(recording)
    end(sender)
    if end(receiver, signal.SIGINT) != 0:
        raise Failure("a receiver that was not killed did not end in order")
    recording.note(before)
    recording.check()
    subprocess.run([f"{recording.tools}/spead-info", "recording", recording.data], check=True)


# ---- Copies of the block device ----------------------------------------------------------------


class Device:
    """A file system in a file, on a loop device."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        os.makedirs(folder, exist_ok=True)
        found = subprocess.run(["losetup", "-f", "--show", image], check=True, capture_output=True, text=True)
        self.loop = found.stdout.strip()
        if subprocess.run(["mount", self.loop, folder]).returncode != 0:
            subprocess.run(["losetup", "-d", self.loop])
            raise Failure(f"the copy {image} cannot be mounted")

    def writes(self):
        with open(f"/sys/block/{os.path.basename(self.loop)}/stat") as file:
            words = file.read().split()
        return words[4], words[8]  # writes that are done, and requests that are not

    def remove(self):
        subprocess.run(["umount", self.folder], check=True)
        subprocess.run(["losetup", "-d", self.loop], check=True)


def copy_image(device, to):
    """Copies the image at a moment at which nothing is written to it: a copy of one moment, as a power cut makes it. What
    the kernel has not written back yet is not in it."""
    while True:
        before = device.writes()
        if before[1] == "0":
            shutil.copyfile(device.image, to)
            if device.writes() == before:
                return
        time.sleep(0.01)


def copy(recording, device, work):
    image, folder = os.path.join(work, "copy.img"), os.path.join(work, "copy")
    receiver, sender, before = load(recording)
    receiver.send_signal(signal.SIGSTOP)
    recording.note(before)
    copy_image(device, image)
    end(receiver)
    end(sender)
    copied = Device(image, folder)
    try:
        other = Recording(recording.tools, folder)
        other.lines = recording.lines
        other.acknowledged = recording.acknowledged
        other.check()
        finish(other)
    finally:
        copied.remove()
    # The run that was killed goes on too: its file system has lost nothing.
    recording.checked = recording.check(from_line=recording.checked)


def can_copy():
    return os.geteuid() == 0 and shutil.which("mkfs.ext4") and shutil.which("losetup") and os.path.exists("/dev/loop-control")


def kills(tools, count, work):
    folder = os.path.join(work, "kills")
    os.makedirs(folder)
    recording = Recording(tools, folder)
    for _ in range(count):
        kill(recording)
    finish(recording)
    print(f"{count} kills: {recording.acknowledged} heaps were acknowledged, all of them are there")


def copies(tools, count, work):
    image = os.path.join(work, "disk.img")
    with open(image, "wb") as file:
        file.truncate(256 << 20)
    # Nothing is initialised later: else the device would be written to all the time.
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", lazy, image], check=True)
    device = Device(image, os.path.join(work, "disk"))
    try:
        recording = Recording(tools, device.folder)
        for _ in range(count):
            copy(recording, device, work)
        finish(recording)
    finally:
        device.remove()
    print(f"{count} copies: {recording.acknowledged} heaps were acknowledged, all of them are there")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tools")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    random.seed(options.seed)
    if options.copies and not can_copy():
        print("skipped: copies of a block device need root, mkfs.ext4, losetup and /dev/loop-control")
        return 77
    with tempfile.TemporaryDirectory(prefix="speadline-crashes-") as work:
        try:
            if options.kills:
                kills(options.tools, options.kills, work)
            if options.copies:
                copies(options.tools, options.copies, work)
        except (Failure, subprocess.SubprocessError) as failure:
            print(f"failed with --seed {options.seed}: {failure}")
            return 1
    return 0


sys.exit(main())
