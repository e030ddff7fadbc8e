# SPDX-License-Identifier: Apache-2.0
"""nginx.py - a real web server as an upstream, configured and started by the tests."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Optional

from support.wait import until

_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    keepalive_timeout 60s;
    {http}
    server {{
        {server}
        listen 127.0.0.1:{port};
        root {folder}/www;
        location /store/ {{
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}
    }}
}}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binary() -> Optional[str]:
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Nginx:
    """One nginx; `www` is what it serves, `/store/` takes PUT."""

    def __init__(self, folder: Path, http: str = "", server: str = "") -> None:
        """`http` and `server` are directives of these blocks."""
        self.folder = folder
        self.www = folder / "www"
        (self.www / "store").mkdir(parents=True)
        folder.chmod(0o755)
        self.port = _free_port()
        self.config = folder / "nginx.conf"
        self.config.write_text(_CONFIG.format(folder=folder, port=self.port, http=http, server=server))
        program = binary()
        assert program is not None, "nginx is not installed"
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(self.config), "-e", str(folder / "error.log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(self._responds, "nginx responds")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _responds(self) -> bool:
        if self._process.poll() is not None:
            assert self._process.stderr is not None
            raise AssertionError(f"nginx ended: {self._process.stderr.read().decode()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)
