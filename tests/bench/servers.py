# SPDX-License-Identifier: Apache-2.0
"""servers.py - the programs of the benchmark: an origin, and nginx, HAProxy, weir and a blind relay in front of it.

Each is started in the foreground, pinned to one core, with a config written for the run; what it spends is read from
/proc. A proxy serves `tenants` host names t0.bench.example, t1..., each with an upstream of its own.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

from secure import CIPHER_SUITE, GROUP, compile_c

TICK = os.sysconf("SC_CLK_TCK")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS_MAX = 120
# The origin listens on several loopback addresses, so that many upstreams do not exhaust the ports of one.
ORIGIN_ADDRESSES = ["127.0.0.%d" % i for i in range(1, 9)]
SIZES = {"1k": 1024, "64k": 65536, "256k": 262144, "1m": 1048576}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def host_of(tenant):
    return "t%d.bench.example" % tenant


def open_connection(port, host, secure=None, timeout=10.0):
    """A connection to a proxy, over TLS where the scenario is; HTTP/1.1 is spoken on it."""
    if secure is None:
        return socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return secure.connect(port, host, timeout, http2=False)


def fetch(port, host, path, secure=None, timeout=5.0):
    """One GET on a fresh connection: (status, body); OSError or ValueError when there is no whole response."""
    with open_connection(port, host, secure, timeout) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path.encode(), host.encode()))
        response = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                break
            response += piece
    head, separator, body = response.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("no whole response")
    return int(head.split()[1]), body


def read_proc(pid, name):
    """The text of a file of /proc/PID; empty when the process has just gone."""
    try:
        with open("/proc/%d/%s" % (pid, name), encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Process:
    """A child in the foreground, and all its own children."""

    def __init__(self, name, folder, core):
        self.name = name
        self.folder = os.path.join(folder, name)
        self.core = core
        self.child = None
        self.environment = {}
        os.makedirs(self.folder, exist_ok=True)

    def spawn(self, argv):
        # Pinned before exec, without taskset in between: the child's pid is the server's. A node reads WEIR_* variables
        # as part of its config, so none that happens to be set here is passed on.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        with open(os.path.join(self.folder, "output.log"), "ab") as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=dict(inherited, **self.environment), start_new_session=True,
                                          preexec_fn=lambda: os.sched_setaffinity(0, {self.core}))

    def pids(self):
        found, todo = [], [self.child.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                tasks = os.listdir("/proc/%d/task" % pid)
            except OSError:
                continue
            for task in tasks:
                todo += [int(word) for word in read_proc(pid, "task/%s/children" % task).split()]
        return found

    def cpu_seconds(self):
        """User and system time of all threads of all processes so far: to the nanosecond where the kernel counts so."""
        seconds = 0.0
        for pid in self.pids():
            try:
                threads = [read_proc(pid, "task/%s/schedstat" % task).split() for task in os.listdir("/proc/%d/task" % pid)]
            except OSError:
                continue
            if threads and all(threads):
                seconds += sum(int(words[0]) for words in threads) / 1e9
                continue
            fields = read_proc(pid, "stat").rpartition(")")[2].split()
            if fields:
                seconds += (int(fields[11]) + int(fields[12])) / TICK
        return seconds

    def memory(self):
        """Bytes: anonymous memory (counted once where shared), and all that is resident."""
        total = {"Pss_Anon": 0, "Rss": 0}
        for pid in self.pids():
            for line in read_proc(pid, "smaps_rollup").splitlines():
                key = line.split(":")[0]
                if key in total:
                    total[key] += int(line.split()[1]) * 1024
        return {"anonymous": total["Pss_Anon"], "resident": total["Rss"]}

    def last_words(self):
        with open(os.path.join(self.folder, "output.log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def stop(self):
        if self.child is None:
            return
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
                self.child.wait()
        self.child = None

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)
        return path


NGINX_COMMON = """daemon off;
worker_processes 1;
error_log stderr error;
pid {folder}/nginx.pid;
{user}
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
"""


def nginx_common(folder, files):
    return NGINX_COMMON.format(folder=folder, files=files, connections=min(files, 65536),
                               user="user root;" if os.getuid() == 0 else "")


class Origin(Process):
    """nginx that serves files of known size; /which distinguishes the two ports."""

    def __init__(self, folder, core, files):
        super().__init__("origin", folder, core)
        self.files = files
        self.ports = (free_port(), free_port())

    def start(self):
        site = os.path.join(self.folder, "site")
        os.makedirs(site, exist_ok=True)
        for name, size in SIZES.items():
            with open(os.path.join(site, name), "wb") as file:
                file.write((b"0123456789abcdef" * (size // 16)))
        servers = ""
        for label, port in zip("ab", self.ports):
            listens = "".join("listen %s:%d backlog=4096; " % (address, port) for address in ORIGIN_ADDRESSES)
            servers += """    server { %s
        root %s; sendfile on; tcp_nopush on; open_file_cache max=16; open_file_cache_valid 1h;
        location = /which { return 200 "%s\\n"; }
    }\n""" % (listens, site, label)
        config = self.write("nginx.conf", nginx_common(self.folder, self.files) + servers + "}\n")
        self.spawn(["nginx", "-p", self.folder, "-c", config, "-e", "stderr"])
        wait_response(self, self.ports[1], "origin", "/which", b"b\n")

    def endpoint(self, tenant, port=0):
        return "%s:%d" % (ORIGIN_ADDRESSES[tenant % len(ORIGIN_ADDRESSES)], self.ports[port])


def wait_response(process, port, host, path, body, secure=None, seconds=START_SECONDS_MAX):
    """Wait until GET path gives `body`; returns how long that took."""
    started = time.monotonic()
    while True:
        try:
            status, got = fetch(port, host, path, secure)
            if status == 200 and got == body:
                return time.monotonic() - started
        except (OSError, ValueError):
            pass
        if process.child.poll() is not None:
            raise RuntimeError("%s ended by itself: %s" % (process.name, process.last_words()))
        if time.monotonic() - started > seconds:
            raise RuntimeError("%s does not respond after %d s: %s" % (process.name, seconds, process.last_words()))
        time.sleep(0.0005)


class Proxy(Process):
    """What all have in common: `tenants` host names on one port of the loopback address.

    A scenario over TLS sets options.secure; tenant 0 is then reached as localhost too, for loads that cannot be told
    which name to send.
    """

    tenants_max = None
    speaks = ("plain", "tls", "handshake", "h2")

    def __init__(self, name, folder, options, origin, tenants):
        super().__init__(name, folder, options.proxy_core)
        self.options = options
        self.environment = options.environment
        self.origin = origin
        self.tenants = tenants
        self.secure = options.secure
        self.port = free_port()

    def names(self, tenant):
        return [host_of(tenant)] + (["localhost"] if self.secure and tenant == 0 else [])

    def prepare(self):
        """Write what the proxy needs before it can be launched."""
        raise NotImplementedError

    def launch(self):
        """Start it; returns the seconds until it serves."""
        raise NotImplementedError

    def change(self, tenant, port):
        """Make ready to point a tenant at the other origin port; the function returned does it."""
        raise NotImplementedError

    def wait_idle(self):
        """After a change: wait until a master has only one worker again, for HAProxy loses a reload given before."""
        deadline = time.monotonic() + 30
        while len(self.pids()) > 2 and time.monotonic() < deadline:
            time.sleep(0.01)

    def start(self):
        self.prepare()
        return self.launch()

    def wait_started(self):
        """Seconds from now until the last of the tenants is served."""
        return wait_response(self, self.port, host_of(self.tenants - 1), "/which", b"a\n", self.secure)


class Nginx(Proxy):
    """nginx with reused upstream connections and no log; bodies never go through a file."""

    def listen_words(self):
        return "" if self.secure is None else " ssl http2" if self.secure.http2 else " ssl"

    def certificate_lines(self, tenant):
        if self.secure is None:
            return ""
        path = self.secure.certificate(tenant)
        return "ssl_certificate %s; ssl_certificate_key %s;" % (path, path)

    def config(self, moved):
        text = nginx_common(self.folder, self.options.files)
        text += "    server_names_hash_max_size %d; server_names_hash_bucket_size 128;\n" % max(512, self.tenants * 2)
        text += "    proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n"
        text += "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
        text += "    proxy_buffers 16 16k; proxy_max_temp_file_size 0;\n"
        if self.options.same_headers:
            text += ("    proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;\n"
                     "    proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-ID $request_id;\n"
                     "    proxy_set_header Via \"1.1 nginx\"; add_header Via \"1.1 nginx\";\n")
        if self.secure:
            text += ("    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites %s; ssl_ecdh_curve %s; ssl_session_cache off;\n"
                     % (CIPHER_SUITE, GROUP))
        for tenant in range(self.tenants):
            listen = "127.0.0.1:%d%s%s" % (self.port, "" if tenant else " backlog=4096 deferred", self.listen_words())
            text += ("    upstream u%d { server %s; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 300s; }\n"
                     "    server { listen %s; server_name %s; %s location / { proxy_pass http://u%d; } }\n"
                     % (tenant, self.origin.endpoint(tenant, int(tenant == moved)), listen, " ".join(self.names(tenant)),
                        self.certificate_lines(tenant), tenant))
        return text + "}\n"

    def prepare(self):
        self.path = self.write("nginx.conf", self.config(moved=-1))

    def launch(self):
        self.spawn(["nginx", "-p", self.folder, "-c", self.path, "-e", "stderr"])
        return self.wait_started()

    def change(self, tenant, port):
        self.write("nginx.conf", self.config(moved=tenant if port else -1))
        return lambda: self.child.send_signal(signal.SIGHUP)


class Haproxy(Proxy):
    """HAProxy with splice, shared, reused upstream connections and no log."""

    def bind_words(self):
        if self.secure is None:
            return ""
        return " ssl crt %s ssl-min-ver TLSv1.3 ciphersuites %s curves %s alpn %shttp/1.1" % (
            self.secure.certificates, CIPHER_SUITE, GROUP, "h2," if self.secure.http2 else "")

    def config(self, moved):
        headers = "    option forwardfor\n"
        if self.options.same_headers:
            headers += ("    unique-id-format %[uuid()]\n    unique-id-header X-Request-ID\n"
                        "    http-request set-header X-Forwarded-Proto http\n"
                        "    http-request set-header X-Forwarded-Host %[req.hdr(host)]\n"
                        "    http-request set-header X-Real-IP %[src]\n    http-request set-header Via 1.1\\ haproxy\n"
                        "    http-response set-header Via 1.1\\ haproxy\n")
        text = ("global\n    nbthread 1\n    maxconn %d\ndefaults\n    mode http\n    option splice-auto\n"
                "    http-reuse always\n    option http-keep-alive\n    timeout connect 5s\n    timeout client 300s\n"
                "    timeout server 300s\n    timeout http-keep-alive 300s\nfrontend f\n    bind 127.0.0.1:%d backlog 4096 defer-accept%s\n"
                % (self.options.files // 3, self.port, self.bind_words())) + headers
        if self.tenants == 1:
            text += "    default_backend b0\n"
        else:
            text += "    use_backend %%[req.hdr(host),lower,map_str(%s/hosts.map)]\n" % self.folder
            self.write("hosts.map", "".join("%s b%d\n" % (host_of(t), t) for t in range(self.tenants)))
        for tenant in range(self.tenants):
            text += "backend b%d\n    server s %s pool-purge-delay 300s\n" % (
                tenant, self.origin.endpoint(tenant, int(tenant == moved)))
        return text

    def prepare(self):
        self.path = self.write("haproxy.cfg", self.config(moved=-1))

    def launch(self):
        self.spawn(["haproxy", "-W", "-db", "-f", self.path])
        return self.wait_started()

    def change(self, tenant, port):
        self.write("haproxy.cfg", self.config(moved=tenant if port else -1))
        return lambda: self.child.send_signal(signal.SIGUSR2)


class Relay(Proxy):
    """The floor: passes bytes on and reads none of them. It cannot tell hosts apart, so all lead to one endpoint."""

    tenants_max = 2
    speaks = ("plain",)

    def prepare(self):
        self.binary = compile_c("relay", self.folder, "-luv")

    def launch(self):
        address, port = self.origin.endpoint(0).split(":")
        self.spawn([self.binary, str(self.port), address, port])
        return self.wait_started()

    def change(self, tenant, port):
        raise NotImplementedError


TENANT = """apiVersion: weir/v1
kind: Tenant
name: t%d
hosts: [%s]
%supstreams:
  web:
    pool: { min_idle: 0, max_idle: 1024, max: 16384, idle_timeout: 300s }
    endpoints: [ { address: "%s" } ]
"""
TENANTS_PER_FILE = 10000
CERTIFICATES_PER_REQUEST = 64


class Weir(Proxy):
    """weir with one worker and no access log; its tenants are in the store before it is measured."""

    def __init__(self, name, folder, options, origin, tenants):
        super().__init__(name, folder, options, origin, tenants)
        self.binary = options.weir
        self.socket = os.path.join(self.folder, "admin.sock")
        self.plain_port = free_port() if self.secure else self.port

    def listeners(self):
        if self.secure is None:
            return {"http": ["127.0.0.1:%d" % self.port]}
        return {"http": ["127.0.0.1:%d" % self.plain_port], "https": ["127.0.0.1:%d" % self.port]}

    def document(self, tenant, port=0):
        tls = "tls: { http2: %s }\n" % str(self.secure.http2).lower() if self.secure else ""
        return TENANT % (tenant, ", ".join(self.names(tenant)), tls, self.origin.endpoint(tenant, port))

    def prepare(self):
        """An empty store, a node over it, and the tenants pushed as an operator would; the node is stopped again."""
        data = os.path.join(self.folder, "data")
        shutil.rmtree(data, ignore_errors=True)
        self.path = self.write("node.yaml", json.dumps({
            "apiVersion": "weir/v1", "kind": "Node", "name": "bench", "data": data, "workers": "1",
            "listen": self.listeners(), "admin": {"socket": self.socket},
            "limits": dict({"connections": self.options.files // 2}, **self.options.weir_limits), "log": {"access": "off", "level": "warn"}}) + "\n")
        documents = os.path.join(self.folder, "tenants")
        shutil.rmtree(documents, ignore_errors=True)
        os.makedirs(documents)
        for first in range(0, self.tenants, TENANTS_PER_FILE):
            numbers = range(first, min(first + TENANTS_PER_FILE, self.tenants))
            self.write("tenants/%06d.yaml" % first, "---\n".join(self.document(t) for t in numbers))
        self.spawn([self.binary, "node", "--config", self.path])
        self.wait_ready()
        started = time.monotonic()
        self.client("apply", "-f", documents)
        if self.secure:
            self.add_certificates()
        self.load_seconds = time.monotonic() - started
        self.stop()

    def wait_ready(self):
        started = time.monotonic()
        while time.monotonic() - started < START_SECONDS_MAX and self.child.poll() is None:
            try:
                if self.admin("GET", "/readyz").split(b" ")[1:2] == [b"200"]:
                    return
            except OSError:
                pass
            time.sleep(0.005)
        raise RuntimeError("weir does not get ready: %s" % self.last_words())

    def launch(self):
        self.spawn([self.binary, "node", "--config", self.path])
        return self.wait_started()

    def add_certificates(self):
        """As `weir cert add` does; but many of one request, since each is another tenant's."""
        for first in range(0, self.tenants, CERTIFICATES_PER_REQUEST):
            certificates = []
            for tenant in range(first, min(first + CERTIFICATES_PER_REQUEST, self.tenants)):
                with open(self.secure.certificate(tenant), encoding="ascii") as file:
                    certificates.append({"tenant": "t%d" % tenant, "files": [file.read()]})
            self.post("/v1/certificates", {"certificates": certificates})

    def post(self, target, document):
        response = self.admin("POST", target, json.dumps(document).encode())
        if response.split(b" ")[1:2] not in ([b"200"], [b"201"]) or b'"refused"' in response:
            raise RuntimeError("%s: %s" % (target, response[:1000].decode(errors="replace")))

    def admin(self, method, target, body=b""):
        """A response of the admin API."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)
            connection.sendall(b"%s %s HTTP/1.1\r\nHost: weir\r\nConnection: close\r\nContent-Type: application/json\r\n"
                               b"Content-Length: %d\r\n\r\n" % (method.encode(), target.encode(), len(body)) + body)
            response = b""
            while piece := connection.recv(65536):
                response += piece
        return response

    def client(self, *words):
        run = subprocess.run([self.binary, *words], env=dict(os.environ, WEIR_NODE="unix:" + self.socket),
                             capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError("weir %s: exit %d: %s" % (" ".join(words), run.returncode, run.stderr.strip()[-1000:]))

    def change(self, tenant, port):
        path = self.write("change.yaml", self.document(tenant, port))
        return lambda: self.client("apply", "-f", path)
