# SPDX-License-Identifier: Apache-2.0
"""dns.py - a small DNS server over UDP on a free port of 127.0.0.1: it knows what a test tells it, and notes each question.

A name that it was not told does not exist. A test may make it silent about a name, or about one type of it.
"""

import ipaddress
import socket
import struct
import threading
from typing import Dict, List, Sequence, Set, Tuple

from support.wait import PATIENCE, until

A, AAAA = 1, 28
_IN = 1
_NO_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME = 0, 2, 3


class Record:
    """What is known of one name."""

    def __init__(self, addresses: Sequence[str], ttl: int) -> None:
        self.addresses = [ipaddress.ip_address(text) for text in addresses]
        self.ttl = ttl

    def of_type(self, kind: int) -> List[bytes]:
        version = {A: 4, AAAA: 6}.get(kind)
        return [address.packed for address in self.addresses if address.version == version]


class NameServer:
    """Serves until it is closed; `questions` has (name, type) of each question in order."""

    def __init__(self) -> None:
        self._records: Dict[str, Record] = {}
        self._silent: Set[Tuple[str, int]] = set()
        self._failing: Set[str] = set()
        self.questions: List[Tuple[str, int]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def set(self, name: str, *addresses: str, ttl: int = 60) -> None:
        """From now on the name has these addresses."""
        self._records[name] = Record(addresses, ttl)
        self._failing.discard(name)

    def be_silent(self, name: str, *kinds: int) -> None:
        """Do not respond to questions for the name, of these types or of both."""
        self._silent.update((name, kind) for kind in kinds or (A, AAAA))

    def fail(self, name: str) -> None:
        """Respond that the server has failed."""
        self._failing.add(name)

    def speak(self, name: str) -> None:
        """Respond again."""
        self._silent.difference_update({(name, A), (name, AAAA)})

    def num_asked(self, name: str, kind: int = A) -> int:
        return self.questions.count((name, kind))

    def wait_asked(self, name: str, kind: int = A, number: int = 1) -> None:
        until(lambda: self.num_asked(name, kind) >= number, f"{number} questions for {name}")

    def _serve(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(4096)
            except OSError:
                return
            if not question:
                return  # closed
            response = self._respond(question)
            if response:
                try:
                    self._socket.sendto(response, client)
                except OSError:
                    return

    def _respond(self, question: bytes) -> bytes:
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("ascii").lower())
            at += 1 + question[at]
        kind = struct.unpack_from("!H", question, at + 1)[0]
        name, end = ".".join(labels), at + 5
        self.questions.append((name, kind))
        if (name, kind) in self._silent:
            return b""
        record = self._records.get(name)
        code = _SERVER_FAILURE if name in self._failing else _NO_ERROR if record else _NO_SUCH_NAME
        found = record.of_type(kind) if record and code == _NO_ERROR else []
        head = struct.pack("!HHHHHH", struct.unpack_from("!H", question)[0], 0x8180 | code, 1, len(found), 0, 0)
        ttl = record.ttl if record else 0
        rows = [b"\xc0\x0c" + struct.pack("!HHIH", kind, _IN, ttl, len(packed)) + packed for packed in found]
        return head + question[12:end] + b"".join(rows)

    def close(self) -> None:
        """Also wakes the thread, which a close alone does not."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._thread.join(PATIENCE)
