# SPDX-License-Identifier: Apache-2.0
"""secure.py - TLS in the benchmark: the certificates of all tenants, and what all proxies and loads are set to.

Everybody speaks TLS 1.3 with X25519 and AES-128-GCM, and signs with ECDSA P-256 over a chain of leaf and intermediate.
"""

import os
import socket
import ssl
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"

# For load generators that have no option for it: OpenSSL reads its own config.
_OPENSSL_CONFIG = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = system
[system]
MinProtocol = TLSv1.3
Ciphersuites = %s
Groups = %s
""" % (CIPHER_SUITE, GROUP)


def compile_c(name, folder, *libraries):
    """The program that tests/bench/NAME.c makes, in the folder."""
    program = os.path.join(folder, name)
    if not os.path.exists(program):
        subprocess.run(["cc", "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-o", program, os.path.join(HERE, name + ".c"),
                        *libraries], check=True)
    return program


class Secure:
    """How proxies are reached in a scenario over TLS: the certificates of their tenants, and whether HTTP/2 is on."""

    def __init__(self, folder, tenants, http2=False):
        self.folder = folder
        self.http2 = http2
        self.certificates = os.path.join(folder, "certificates-%d" % tenants)
        self.config = os.path.join(folder, "openssl.cnf")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(_OPENSSL_CONFIG)
        if not os.path.isdir(self.certificates):
            os.makedirs(self.certificates)
            subprocess.run([compile_c("make_certs", folder, "-lcrypto"), self.certificates, str(tenants)], check=True)

    def certificate(self, tenant):
        """Leaf, intermediate and key in one PEM file."""
        return os.path.join(self.certificates, "t%d.pem" % tenant)

    def environment(self):
        """For a load generator."""
        return dict(os.environ, OPENSSL_CONF=self.config)

    def connect(self, port, host, timeout, http2):
        """A connection whose handshake is done. Its certificate is not checked: wrong ones show as failed exchanges."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2" if http2 else "http/1.1"])
        return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=timeout), server_hostname=host)
