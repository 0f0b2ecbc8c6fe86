# SPDX-License-Identifier: GPL-2.0
import socket
import tempfile
import threading
import unittest
from pathlib import Path

import gdbstub
import hostile


class Machine(threading.Thread):
    """A stub with a memory of 64 bytes at 0x1000."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.memory, self.asked = bytearray(64), []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.start()

    def answer(self, text):
        self.asked.append(text)
        if text[0] == "m":
            address, size = (int(n, 16) for n in text[1:].split(","))
            return self.memory[address - 0x1000:][:size].hex() if address >= 0x1000 else "E14"
        if text[0] == "M":
            where, data = text[1:].split(":")
            start = int(where.split(",")[0], 16) - 0x1000
            self.memory[start:start + len(data) // 2] = bytes.fromhex(data)
        return {"v": "T05thread:p01.02;", "p": "efbe000000000000"}.get(text[0], "OK")

    def run(self):
        connection, _ = self.listener.accept()
        with connection, self.listener:
            while data := connection.recv(4096):
                for packet in data.split(b"$")[1:]:
                    answer = self.answer(packet.split(b"#")[0].decode()).encode()
                    connection.sendall(b"$%s#%02x" % (answer, sum(answer) % 256))


class TestStub(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "gdb"
        self.machine = Machine(path)
        self.stub = gdbstub.Stub(path)
        self.addCleanup(self.stub.socket.close)

    def test_memory(self):
        self.stub.write(0x1008, b"\x01\x02\x03\x04")
        self.assertEqual(self.stub.number(0x1008, 4), 0x04030201)
        self.assertEqual(self.stub.read(0x1006, 4), b"\0\0\x01\x02")
        with self.assertRaises(ValueError):
            self.stub.read(0x10, 4)

    def test_run(self):
        self.stub.stop_at(0xffff0000)
        self.assertEqual(self.stub.go(), 0xbeef)
        self.stub.stop_at(0xffff0000, False)
        self.assertEqual([a for a in self.machine.asked if a[0] in "ZzvH"],
                         ["Z0,ffff0000,4", "vCont;c", "Hgp01.02", "z0,ffff0000,4"])

    def test_lie_and_restore(self):
        """Words as wide as the field; what EL2 changed stays, what is its own does not."""
        driver = hostile.Driver.__new__(hostile.Driver)
        host = hostile.Vcpu(self.stub, 0x1000, {"lrs": (0, 16), "used_lrs": (16, 4), "iflags": (20, 1), "kvm": (24, 8)})
        case = hostile.Case("x", {"lrs": hostile.ALL, "used_lrs": 255, "kvm": 3}, iflags=1)
        self.machine.memory[20] = 4
        saved = driver.lie(host, case)
        self.assertEqual(self.machine.memory[:32], b"\xff" * 16 + b"\xff\0\0\0" + b"\x05\0\0\0" + b"\x03" + bytes(7))
        self.machine.memory[0] = 0
        self.assertEqual(driver.restore(host, saved), ["the host is given lrs"])
        self.assertEqual(self.machine.memory[:32], b"\0" + b"\xff" * 15 + bytes(4) + b"\x04\0\0\0" + bytes(8))


class TestCases(unittest.TestCase):
    def test_fields(self):
        for case in hostile.NUMBERED.values():
            self.assertLessEqual({*case.fields, *case.seen}, set(hostile.FIELDS), case.name)
        self.assertLessEqual(set(hostile.OWN), set(hostile.FIELDS))
        self.assertLess(len(hostile.CASES), hostile.DEADLY_FROM)


if __name__ == "__main__":
    unittest.main()
