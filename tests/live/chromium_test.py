# SPDX-License-Identifier: Apache-2.0
"""A real browser in front: Chromium loads a page with its parts over HTTP/2, and says so itself."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from support.certs import Certificate, openssl
from support.site import Site
from support.upstream import by_target, ok

_PAGE = b"""<!doctype html><html><head><link rel="stylesheet" href="/style.css"><script src="/script.js"></script></head>
<body><img src="/image.svg"><pre id="out"></pre><script>
addEventListener("load", async () => {
  const post = await fetch("/echo", {method: "POST", body: "x".repeat(100000)});
  const report = {length: await post.text(), script: window.loaded === true,
    colour: getComputedStyle(document.body).color, image: document.images[0].naturalWidth,
    page: performance.getEntriesByType("navigation")[0].nextHopProtocol,
    parts: performance.getEntriesByType("resource").map(entry => [new URL(entry.name).pathname, entry.nextHopProtocol])};
  document.getElementById("out").textContent = "REPORT" + JSON.stringify(report) + "END";
});
</script></body></html>"""


def _spki(certificate: Certificate) -> str:
    """What Chromium is told to trust: the Base64 of the SHA-256 of the public key."""
    key = openssl("pkey", "-in", certificate.key, "-pubout", "-outform", "DER")
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def _load(site: Site, certificate: Certificate, folder: Path) -> Dict[str, Any]:
    """What the page says of itself, once it and its parts are loaded."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed; deploy/setup --tests brings it")
    host, port = site.node.secure_address
    done = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         f"--user-data-dir={folder}/chromium", f"--ignore-certificate-errors-spki-list={_spki(certificate)}",
         f"--host-resolver-rules=MAP {site.host} {host}", "--virtual-time-budget=20000", "--dump-dom",
         f"https://{site.host}:{port}/"], capture_output=True, text=True, timeout=120, check=False)
    report = re.search(r"REPORT(\{.*?\})END", done.stdout)
    assert report, f"no report: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(report.group(1).replace("&amp;", "&"))


def _echo(conn: Any, request: Any) -> None:
    conn.send(ok(str(len(request.body)).encode(), "Content-Type: text/plain"))


@pytest.mark.parametrize("version", ["h2", "http/1.1"])
def test_chromium_loads_a_page_with_its_parts(make_secure_site, authority, folder, version) -> None:
    """HTTPS with ALPN, both with HTTP/2 turned on by the tenant and without it. Link and a 103 do no harm."""
    site = make_secure_site(by_target({
        "/": ok(_PAGE, "Content-Type: text/html", "Link: </style.css>; rel=preload; as=style"),
        "/style.css": ok(b"body { color: rgb(1, 2, 3) }", "Content-Type: text/css"),
        "/script.js": ok(b"window.loaded = true", "Content-Type: text/javascript"),
        "/image.svg": ok(b'<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>', "Content-Type: image/svg+xml"),
        "/echo": _echo,
    }), tls={"http2": version == "h2"})
    for _ in range(2):  # over HTTP/2, the second load gets a 103
        report = _load(site, authority.issue(site.host), folder)
        assert report["page"] == version
        assert (report["script"], report["colour"], report["image"]) == (True, "rgb(1, 2, 3)", 7)
        assert report["length"] == "100000"
        parts = dict(report["parts"])
        assert {"/style.css", "/script.js", "/image.svg", "/echo"} <= set(parts)
        assert {protocol for path, protocol in parts.items() if path != "/favicon.ico"} == {version}
    hints = site.node.admin.metrics()["weir_early_hints_total"]
    assert hints > 0 or version != "h2"
