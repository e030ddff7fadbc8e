# SPDX-License-Identifier: Apache-2.0
"""kinds.py - all proxies of the benchmark by name, and those of them that only speak one thing: h2o and hitch."""

import os
import subprocess

from secure import CIPHER_SUITE, GROUP
from servers import Haproxy, Nginx, Proxy, Relay, Weir


class H2o(Proxy):
    """h2o with kept upstream connections and no log: the yardstick of HTTP/2."""

    tenants_max = 1
    speaks = ("h2",)

    def prepare(self):
        path = self.secure.certificate(0)
        hosts = "".join("""  "%s:%d":
    paths:
      "/":
        proxy.reverse.url: "http://%s/"
        proxy.preserve-host: ON
""" % (name, self.port, self.origin.endpoint(0)) for name in self.names(0))
        self.path = self.write("h2o.conf", """num-threads: 1
max-connections: %d
user: %s
pid-file: %s/h2o.pid
http2-idle-timeout: 300
proxy.timeout.keepalive: 300000
listen:
  host: 127.0.0.1
  port: %d
  ssl:
    certificate-file: %s
    key-file: %s
    minimum-version: TLSv1.2
    cipher-suite: ECDHE-ECDSA-AES128-GCM-SHA256
hosts:
%s""" % (self.options.files // 3, "root" if os.getuid() == 0 else os.environ.get("USER", "nobody"), self.folder, self.port,
         path, path, hosts))

    def launch(self):
        self.environment = dict(self.environment, OPENSSL_CONF=self.secure.config)
        self.spawn(["h2o", "-m", "worker", "-c", self.path])
        return self.wait_started()


class Hitch(Proxy):
    """hitch in front of the origin: a terminator of TLS that knows no HTTP."""

    tenants_max = 1
    speaks = ("handshake",)

    def prepare(self):
        address, port = self.origin.endpoint(0).split(":")
        self.path = self.write("hitch.conf", """frontend = "[127.0.0.1]:%d"
backend = "[%s]:%s"
pem-file = "%s"
workers = 1
backlog = 4096
keepalive = 300
tls-protos = TLSv1.3
ciphersuites = "%s"
ecdh-curve = "%s"
alpn-protos = "http/1.1"
daemon = off
quiet = on
%s""" % (self.port, address, port, self.secure.certificate(0), CIPHER_SUITE, GROUP,
         'user = "nobody"\ngroup = "nogroup"\n' if os.getuid() == 0 else ""))

    def launch(self):
        self.spawn(["hitch", "--config=" + self.path])
        return self.wait_started()


KINDS = {"weir": Weir, "nginx": Nginx, "haproxy": Haproxy, "h2o": H2o, "hitch": Hitch, "relay": Relay}

VERSIONS = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "h2o": ["h2o", "--version"],
            "hitch": ["hitch", "--version"]}


def version_of(name, options):
    """The first line of what a proxy says of itself; None: it has no version."""
    argv = [options.weir, "version"] if name == "weir" else VERSIONS.get(name)
    if argv is None:
        return None
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (run.stdout + run.stderr).splitlines()[0]
