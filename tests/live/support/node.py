# SPDX-License-Identifier: Apache-2.0
"""node.py - a weir node as a black box: its file, its process, its admin socket, its logs."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import yaml

from support.certs import Certificate
from support.client import Address, Client
from support.wait import PATIENCE, until

# What the sanitizers print when they found something.
_REPORT = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error: )")
_LISTENERS = re.compile(r"node\.started .*?\blisteners=(\S+)")
_HTTP = re.compile(r"(https?)://(.+):(\d+)\Z")
_START = 60.0


def program() -> Path:
    """The weir under test: WEIR_BIN, else the ASan or the release build of this tree."""
    named = os.environ.get("WEIR_BIN")
    top = Path(__file__).resolve().parents[3]
    places = [Path(named)] if named else [top / "build" / preset / "weir" for preset in ("asan", "release")]
    for path in places:
        if os.access(path, os.X_OK):
            return path.resolve()
    raise FileNotFoundError(f"no weir at {' or '.join(map(str, places))}: build it, or set WEIR_BIN")


def is_sanitized() -> bool:
    """Whether the program under test carries a sanitizer: it is slower and larger then."""
    with open(program(), "rb") as file:
        return b"__asan_init" in file.read() or b"__tsan_init" in file.read()


def plain_environment() -> Dict[str, str]:
    """The environment without what would override a node file or choose a node."""
    return {key: value for key, value in os.environ.items() if not key.startswith("WEIR_")}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("weir", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class AdminResponse:
    """Status, fields and body of a response of the admin API."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return self.json()["error"]["code"]


class Admin:
    """A client of the admin API over the Unix socket; one connection for each call."""

    def __init__(self, path: str) -> None:
        self.path = path

    def call(self, method: str, target: str, body: Optional[Union[bytes, str]] = None,
             headers: Optional[Mapping[str, str]] = None) -> AdminResponse:
        connection = _UnixConnection(self.path, PATIENCE * 2)
        try:
            connection.request(method, target, body=body, headers=dict(headers or {}))
            return AdminResponse(connection.getresponse())
        finally:
            connection.close()

    def get(self, target: str) -> AdminResponse:
        return self.call("GET", target)

    def put(self, name: str, document: Mapping[str, Any], **headers: str) -> AdminResponse:
        """PUT a tenant; `If_Match="3"` becomes a field."""
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        body = json.dumps(document)
        return self.call("PUT", f"/v1/tenants/{name}", body, {"Content-Type": "application/json", **fields})

    def metrics(self) -> Dict[str, float]:
        """All samples of /metrics by name with labels."""
        samples = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples


class Node:
    """One node in a folder of its own; the folder outlives stop and kill, and a later start finds it."""

    def __init__(self, folder: Path, workers: int = 1, listen: Sequence[str] = ("127.0.0.1:0",),
                 config: Optional[Mapping[str, Any]] = None, env: Optional[Mapping[str, str]] = None,
                 wrap: Sequence[str] = ()) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.socket_path = str(folder / "admin.sock")
        assert len(self.socket_path) <= 100, "a socket's path is at most 107 bytes"
        self.access_path = folder / "access.log"
        self.stderr_path = folder / "stderr.log"
        self.config_path = folder / "node.yaml"
        self.env = {**plain_environment(), **(env or {})}
        self.wrap = list(wrap)
        self.admin = Admin(self.socket_path)
        self.process: Optional[subprocess.Popen] = None
        self.addresses: List[Address] = []
        self.secure_addresses: List[Address] = []  # of listen.https
        self.config: Dict[str, Any] = {
            "apiVersion": "weir/v1", "kind": "Node", "name": "live", "data": str(self.data),
            "listen": {"http": list(listen)}, "admin": {"socket": self.socket_path}, "workers": str(workers),
            "limits": {"store": "256MiB"}, "log": {"access": str(self.access_path)},
        }
        for key, value in (config or {}).items():
            if isinstance(value, dict) and isinstance(self.config.get(key), dict):
                self.config[key] = {**self.config[key], **value}
            else:
                self.config[key] = value

    @property
    def address(self) -> Address:
        return self.addresses[0]

    @property
    def secure_address(self) -> Address:
        return self.secure_addresses[0]

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def write_config(self) -> None:
        self.config_path.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def spawn(self) -> None:
        """Start the process without waiting for anything."""
        assert self.process is None, "the node runs already"
        self.write_config()
        self._mark = self.stderr_path.stat().st_size if self.stderr_path.exists() else 0
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                [*self.wrap, str(program()), "node", "--config", str(self.config_path)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, env=self.env, cwd=self.folder)

    def start(self) -> "Node":
        """Start, and wait until the node reports that it serves."""
        self.spawn()
        until(self._is_ready, "the node gets ready", _START)
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            code, self.process = self.process.returncode, None
            raise AssertionError(f"the node ended with {code} instead of getting ready:\n{self.stderr[-4000:]}")
        try:
            if self.admin.get("/readyz").status != 200:
                return False
        except (OSError, http.client.HTTPException):
            return False
        return self._find_addresses()

    def _find_addresses(self) -> bool:
        """The ports that the system chose stand in the log; they are used again at the next start."""
        with open(self.stderr_path, "rb") as file:
            file.seek(self._mark)
            match = _LISTENERS.search(file.read().decode(errors="replace"))
        if not match:
            return False
        urls = [_HTTP.match(url) for url in match.group(1).strip('"').split(",")]
        found = [(url.group(1), (url.group(2).strip("[]"), int(url.group(3)))) for url in urls if url]
        self.addresses = [address for scheme, address in found if scheme == "http"]
        self.secure_addresses = [address for scheme, address in found if scheme == "https"]
        self.config["listen"]["http"] = [split_url(address) for address in self.addresses]
        if self.secure_addresses:
            self.config["listen"]["https"] = [split_url(address) for address in self.secure_addresses]
        return bool(self.addresses)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = _START) -> int:
        """Wait for the end of the process; its exit status."""
        assert self.process is not None
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process = None
            raise AssertionError(f"the node did not end in {seconds:.0f} s:\n{self.stderr[-4000:]}") from None
        self.process = None
        return code

    def stop(self) -> None:
        """End by SIGTERM: in order, with status 0 and without a report of a sanitizer."""
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        code = self.wait()
        self.check_report()
        assert code == 0, f"the node ended with {code}:\n{self.stderr[-4000:]}"

    def kill(self) -> None:
        """End by SIGKILL, as at a loss of power, but for what the kernel still has."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def check_report(self) -> None:
        text = self.stderr
        found = _REPORT.search(text)
        assert not found, f"a sanitizer reports:\n{text[max(found.start() - 200, 0):][:6000]}"

    def check_alive(self) -> None:
        """The process runs and no sanitizer has found anything."""
        self.check_report()
        assert self.process is not None and self.process.poll() is None, f"the node is gone:\n{self.stderr[-4000:]}"

    def connect(self, seconds: float = PATIENCE, source: Optional[str] = None) -> Client:
        return Client(self.address, seconds, source)

    def run(self, *args: str, stdin: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
        """Run `weir ARGS` against this node."""
        return run_weir(*args, stdin=stdin, node=f"unix:{self.socket_path}", cwd=self.folder)

    def apply(self, *documents: Mapping[str, Any]) -> "subprocess.CompletedProcess[str]":
        """`weir apply -f -` of the documents, which must succeed."""
        done = self.run("apply", "-f", "-", stdin=to_yaml(*documents))
        assert done.returncode == 0, f"weir apply: {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def add_certificate(self, tenant: str, certificate: Certificate) -> None:
        """`weir cert add`, which must succeed."""
        done = self.run("cert", "add", "--tenant", tenant, "--cert", str(certificate.full_chain),
                        "--key", str(certificate.key))
        assert done.returncode == 0, f"weir cert add: {done.returncode}: {done.stdout}{done.stderr}"

    def access_records(self, **wanted: Any) -> List[Dict[str, Any]]:
        """The records of the access log that have these fields."""
        if not self.access_path.exists():
            return []
        lines = self.access_path.read_text().split("\n")[:-1]
        records = [json.loads(line) for line in lines]
        return [record for record in records if all(record.get(key) == value for key, value in wanted.items())]

    def wait_record(self, **wanted: Any) -> Dict[str, Any]:
        return until(lambda: self.access_records(**wanted), f"an access record with {wanted}")[0]

    def resident_bytes(self) -> int:
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_weir(*args: str, stdin: Optional[str] = None, node: Optional[str] = None, cwd: Optional[Path] = None,
             seconds: float = PATIENCE * 4, env: Optional[Mapping[str, str]] = None) -> "subprocess.CompletedProcess[str]":
    """Run the program as a user would; what it prints is never allowed to hold a sanitizer's report."""
    variables = {**plain_environment(), **({"WEIR_NODE": node} if node else {}), **(env or {})}
    done = subprocess.run([str(program()), *args], input=stdin if stdin is not None else "", text=True, cwd=cwd,
                          capture_output=True, timeout=seconds, env=variables, check=False)
    assert not _REPORT.search(done.stderr), done.stderr[-6000:]
    assert done.returncode >= 0, f"weir {' '.join(args)} died of signal {-done.returncode}"
    return done


def to_yaml(*documents: Mapping[str, Any]) -> str:
    return yaml.safe_dump_all([dict(document) for document in documents], sort_keys=False, explicit_start=True)


def split_url(address: Tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
