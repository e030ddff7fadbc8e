# SPDX-License-Identifier: Apache-2.0
"""scenarios.py - what the benchmark measures. Each scenario returns rows: {"proxy", "what", values of every round}.

A round goes through all proxies before the next begins, so that a busy host slows all of them alike.
"""

import contextlib
import random

from kinds import KINDS
from load import H2Load, Handshakes, Load, change_seconds, idle_bytes, measure
from secure import Secure
from slow import slow_readers, stalled_clients

LOADS = {
    "small": Load("/1k", 64),
    "close": Load("/1k", 32, close=True),
    "64k": Load("/64k", 32),
    "1m": Load("/1m", 16),
}
TLS_LOADS = {
    "tls-small": ("tls", Load("/1k", 64)),
    "tls-1m": ("tls", Load("/1m", 16)),
    "tls-handshake": ("handshake", Handshakes(16)),
    "tls-resume": ("handshake", Handshakes(16, resume=True)),
    "h2-small": ("h2", H2Load("/1k", 16, 32)),
}
LOADS_BY_NAME = {**{name: ("plain", load) for name, load in LOADS.items()}, **TLS_LOADS}
TLS_TENANTS = {"tls-tenants-1000": 1000, "tls-tenants-50000": 50000}
TENANTS = {"tenants-10": 10, "tenants-1000": 1000, "tenants-10000": 10000, "tenants-100000": 100000}
START_TENANTS = (1, 1000, 10000, 100000)
CHANGE_TENANTS = (10, 1000, 10000, 100000)
# nginx and HAProxy read all of their config at each start and reload. With this many tenants that takes minutes, so
# unless --all-sizes asks for it only weir is measured there.
YARDSTICK_TENANTS_MAX = 10000
# What the idle connections of a scenario have spoken.
IDLE = {"idle": "plain", "idle-tls": "tls", "idle-h2": "h2"}
# What weir may use for buffers while clients read nothing.
STALLED_MEMORY_MIB = 256


def can_serve(name, tenants, launch, options, speaks):
    if speaks not in KINDS[name].speaks:
        return False
    if KINDS[name].tenants_max is not None:
        return launch and tenants <= KINDS[name].tenants_max
    return name == "weir" or tenants <= YARDSTICK_TENANTS_MAX or options.all_sizes


@contextlib.contextmanager
def running(folder, options, origin, tenants, launch=True, speaks="plain"):
    """The chosen proxies that speak this, each serving so many tenants."""
    options.secure = None if speaks == "plain" else Secure(folder, tenants, http2=speaks == "h2")
    proxies = [KINDS[name](name, folder, options, origin, tenants) for name in options.proxies
               if can_serve(name, tenants, launch, options, speaks)]
    try:
        for proxy in proxies:
            if launch:
                proxy.start()
            else:
                proxy.prepare()
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


def row(proxy, what, values):
    return {"proxy": proxy.name, "what": what, "rounds": values}


def exchange_rounds(proxies, loads, options):
    """Rounds over proxies and loads; one row for each pair."""
    rows = {(proxy.name, what): row(proxy, what, []) for proxy in proxies for what in loads}
    for proxy in proxies:
        for load in loads.values():
            # Every upstream that the table of requests will want is connected, and every tenant compiled, before.
            load.run(proxy, options.warm_seconds if load.tenants == 1 else 3 * options.warm_seconds, options)
    for _ in range(options.rounds):
        for what, load in loads.items():
            for proxy in proxies:
                rows[proxy.name, what]["rounds"].append(measure(proxy, load, options.seconds, options))
    return list(rows.values())


def scenario_exchange(name, folder, options, origin):
    speaks, load = LOADS_BY_NAME[name]
    with running(folder, options, origin, 1, speaks=speaks) as proxies:
        return exchange_rounds(proxies, {"one tenant": load}, options)


def scenario_tls_tenants(name, folder, options, origin):
    """Full handshakes with names drawn by Zipf's law, beside one name of the same process; the time to the first one;
    and, of a process that has just started, the first handshake with each of 200 tenants beside the second."""
    tenants = TLS_TENANTS[name]
    loads = {"one of %d" % tenants: Handshakes(16), "zipf over %d" % tenants: Handshakes(16, tenants=tenants)}
    few = Handshakes(1, tenants=200)
    with running(folder, options, origin, tenants, launch=False, speaks="handshake") as proxies:
        starts = {proxy.name: row(proxy, "start", []) for proxy in proxies}
        for _ in range(options.rounds):
            for proxy in proxies:
                found = dict(start_seconds=proxy.launch())
                found.update(proxy.memory())
                cold, warm = few.each(proxy, options), few.each(proxy, options)
                found.update(cold_us=cold["p50_us"], warm_us=warm["p50_us"], errors=cold["errors"] + warm["errors"])
                starts[proxy.name]["rounds"].append(found)
                proxy.stop()
        for proxy in proxies:
            proxy.launch()
        return exchange_rounds(proxies, loads, options) + list(starts.values())


def scenario_tenants(name, folder, options, origin):
    """1 KiB exchanges with hosts drawn by Zipf's law, beside one host of the same process."""
    tenants = TENANTS[name]
    loads = {"one of %d" % tenants: LOADS["small"], "zipf over %d" % tenants: Load("/1k", 64, tenants=tenants)}
    with running(folder, options, origin, tenants) as proxies:
        return exchange_rounds(proxies, loads, options)


def scenario_start(_, folder, options, origin):
    """Seconds from exec to the first response of the last tenant, and the memory of the idle process then."""
    rows = []
    for tenants in START_TENANTS:
        with running(folder, options, origin, tenants, launch=False) as proxies:
            found = [row(proxy, "%d tenants" % tenants, []) for proxy in proxies]
            for _ in range(options.rounds):
                for proxy, entry in zip(proxies, found):
                    seconds = proxy.launch()
                    entry["rounds"].append(dict(proxy.memory(), start_seconds=seconds))
                    proxy.stop()
            rows += found
    return rows


def scenario_change(_, folder, options, origin):
    """Seconds until one change of one tenant is live: `weir apply`, or new files and a reload."""
    rows = []
    for tenants in CHANGE_TENANTS:
        with running(folder, options, origin, tenants) as proxies:
            found = [row(proxy, "%d tenants" % tenants, []) for proxy in proxies]
            draw = random.Random(options.seed)
            for _ in range(options.rounds):
                tenant = draw.randrange(tenants)
                for proxy, entry in zip(proxies, found):
                    entry["rounds"].append({"change_seconds": change_seconds(proxy, tenant)})
            rows += found
    return rows


def fresh_rounds(what, measure_one, tenants, folder, options, origin, speaks="plain"):
    """A fresh process for each round, since memory is seldom given back."""
    rows = {}
    for _ in range(options.rounds):
        with running(folder, options, origin, tenants, speaks=speaks) as proxies:
            for proxy in proxies:
                entry = rows.setdefault(proxy.name, row(proxy, what, []))
                entry["rounds"].append(measure_one(proxy, options))
    return list(rows.values())


def scenario_idle(name, folder, options, origin):
    """Anonymous bytes of an idle keep-alive connection that has had one exchange."""
    return fresh_rounds("%d connections" % options.idle_connections,
                        lambda proxy, _: {"idle_bytes": idle_bytes(proxy, options.idle_connections)}, 1, folder, options,
                        origin, IDLE[name])


def scenario_slow(_, folder, options, origin):
    """Bodies of 64 KiB to 1 MiB that are read slowly."""
    return fresh_rounds("%d readers" % options.slow_connections, slow_readers, 1, folder, options, origin)


def scenario_stalled(_, folder, options, origin):
    """Clients of one tenant that read nothing, and what a client of another tenant sees of it."""
    options.weir_limits = {"memory": "%dMiB" % STALLED_MEMORY_MIB}
    try:
        return fresh_rounds("%d clients" % options.stalled_connections, stalled_clients, 2, folder, options, origin)
    finally:
        options.weir_limits = {}


SCENARIOS = {name: scenario_exchange for name in LOADS_BY_NAME}
SCENARIOS.update({name: scenario_tenants for name in TENANTS})
SCENARIOS.update({"start": scenario_start, "change": scenario_change, "idle": scenario_idle, "slow": scenario_slow,
                  "stalled": scenario_stalled})
SCENARIOS.update({name: scenario_tls_tenants for name in TLS_TENANTS})
SCENARIOS.update({"idle-tls": scenario_idle, "idle-h2": scenario_idle})
