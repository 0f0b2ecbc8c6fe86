# SPDX-License-Identifier: GPL-2.0
"""A client of QEMU's gdb stub, as far as it takes to change memory at breakpoints."""

import re
import socket
import time

CHUNK = 1024


class Stub:
    """A connection; while it exists the machine runs only within go()."""

    def __init__(self, path, patience=20):
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + patience
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.buffer = b""
        self.acknowledge = True
        self.ask("QStartNoAckMode")
        self.acknowledge = False

    def send(self, text):
        """A packet."""
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) % 256))

    def receive(self):
        """The next packet; EOFError if the machine is gone."""
        while not (found := re.search(rb"\$([^#]*)#..", self.buffer)):
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the machine is gone")
            self.buffer += data
        self.buffer = self.buffer[found.end():]
        if self.acknowledge:
            self.socket.sendall(b"+")
        return found.group(1).decode()

    def ask(self, text):
        """A packet's answer."""
        self.send(text)
        answer = self.receive()
        if re.fullmatch("E..", answer):
            raise ValueError(f"the stub refuses {text[:40]}: {answer}")
        return answer

    def read(self, address, size):
        """Bytes of memory, at an address as the stopped CPU knows it."""
        data = b""
        while len(data) < size:
            count = min(CHUNK, size - len(data))
            data += bytes.fromhex(self.ask(f"m{address + len(data):x},{count:x}"))
        return data

    def write(self, address, data):
        """Writes bytes there."""
        for start in range(0, len(data), CHUNK):
            piece = data[start:start + CHUNK]
            self.ask(f"M{address + start:x},{len(piece):x}:{piece.hex()}")

    def number(self, address, size=8):
        """An integer in memory."""
        return int.from_bytes(self.read(address, size), "little")

    def register(self, number):
        """A general register; 32 is the PC."""
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    def stop_at(self, address, wanted=True):
        """Sets a breakpoint, or takes it out."""
        self.ask(f"{'Z' if wanted else 'z'}0,{address:x},4")

    def go(self):
        """Lets the machine run to a breakpoint; its address."""
        self.send("vCont;c")
        stopped = self.receive()
        thread = re.search(r"thread:([^;]+);", stopped)
        if thread:
            self.ask(f"Hg{thread.group(1)}")
        return self.register(32)

    def detach(self):
        """The machine runs on by itself."""
        self.ask("D")
