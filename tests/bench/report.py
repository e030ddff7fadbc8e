# SPDX-License-Identifier: Apache-2.0
"""report.py - medians and spread as a table, and weir's figures against the bars that it has to reach."""

import statistics


def plain(value):
    return "%.0f" % value


def milliseconds(value):
    return "%.1f" % (value * 1e3)


def mebibytes(value):
    return "%.1f" % (value / 1048576)


def one_digit(value):
    return "%.1f" % value


# value of a round -> (column, unit, how to print it)
COLUMNS = {
    "per_cpu_second": ("requests per proxy CPU second", plain),
    "per_second": ("requests/s", plain),
    "busy": ("core busy", lambda value: "%.0f %%" % (value * 100)),
    "p50_us": ("p50 us", plain),
    "p99_us": ("p99 us", plain),
    "errors": ("errors", plain),
    "start_seconds": ("ms from exec to response", milliseconds),
    "anonymous": ("anonymous MiB", mebibytes),
    "resident": ("resident MiB", mebibytes),
    "change_seconds": ("ms until live", milliseconds),
    "idle_bytes": ("bytes per idle connection", plain),
    "mib_per_cpu_second": ("MiB per proxy CPU second", plain),
    "bytes_each": ("bytes per client", plain),
    "grown": ("MiB more", mebibytes),
    "other_p50_ms": ("other's p50 ms", one_digit),
    "other_p99_ms": ("other's p99 ms", one_digit),
    "other_failed": ("other's failures", plain),
    "refused": ("refused", plain),
    "cold_us": ("p50 us of a first handshake", plain),
    "warm_us": ("of a second", plain),
}
# These columns show their spread too.
MAIN = {"per_cpu_second", "start_seconds", "change_seconds", "idle_bytes", "mib_per_cpu_second"}
# What is compared with the relay, the floor: more is better of the first two.
FLOOR = ("per_cpu_second", "mib_per_cpu_second", "idle_bytes", "bytes_each")


def values_of(entry, key):
    return [found[key] for found in entry["rounds"]]


def median(entry, key):
    return statistics.median(values_of(entry, key))


def cell(entry, key):
    show = COLUMNS[key][1]
    if key not in entry["rounds"][0]:
        return ""
    if key in ("errors", "other_failed"):
        return show(sum(values_of(entry, key)))
    text = show(median(entry, key))
    if key in MAIN:
        text += " (%s..%s)" % (show(min(values_of(entry, key))), show(max(values_of(entry, key))))
    return text


def floor_cells(entry, rows, keys):
    """How far from the relay: times its figure, round by round; for exchanges also how many us above it each takes."""
    relay = next((other for other in rows if other["proxy"] == "relay"), None)
    key = next((key for key in FLOOR if key in keys), None)
    if relay is None or key is None or entry["what"] != relay["what"] or key not in entry["rounds"][0]:
        return ["", ""]
    if entry is relay:
        return ["floor", ""]
    above = ""
    if key == "per_cpu_second":
        above = "%.1f" % statistics.median(1e6 / ours - 1e6 / theirs
                                           for ours, theirs in zip(values_of(entry, key), values_of(relay, key)))
    return ["%.2f x" % paired_ratio(entry, relay, key), above]


def table(scenario, rows):
    keys = [key for key in COLUMNS if any(key in entry["rounds"][0] for entry in rows)]
    lines = [[scenario, ""] + [COLUMNS[key][0] for key in keys] + ["the floor's", "us above it"]]
    lines += [[entry["proxy"], entry["what"]] + [cell(entry, key) for key in keys] + floor_cells(entry, rows, keys)
              for entry in rows]
    if all(line[-2:] == ["", ""] for line in lines[1:]):
        lines = [line[:-2] for line in lines]
    elif all(line[-1] == "" for line in lines[1:]):
        lines = [line[:-1] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(text.ljust(width) if i < 2 else text.rjust(width)
                               for i, (text, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def find(results, scenario, proxy, what=None):
    for entry in results.get(scenario, []):
        if entry["proxy"] == proxy and (what is None or entry["what"] == what):
            return entry
    return None


def paired_ratio(ours, theirs, key="per_cpu_second"):
    """Median over the rounds of ours / theirs: both of a round saw the same load on the host."""
    return statistics.median(a / b for a, b in zip(values_of(ours, key), values_of(theirs, key)) if b)


def ratio(results, scenario, others):
    """weir's requests per CPU second over the best of `others`; None when one of them was not measured."""
    ours = find(results, scenario, "weir")
    theirs = [find(results, scenario, other) for other in others]
    if ours is None or None in theirs:
        return None
    return min(paired_ratio(ours, entry) for entry in theirs)


def zipf_share(results, tenants, scenario="tenants-%d"):
    scenario = scenario % tenants
    one, many = (find(results, scenario, "weir", words % tenants) for words in ("one of %d", "zipf over %d"))
    return paired_ratio(many, one) if one and many else None


def figure(results, scenario, what, key, unit):
    entry = find(results, scenario, "weir", what)
    return median(entry, key) / unit if entry else None


def cold_over_warm(results, scenario):
    """Milliseconds that a tenant's first handshake takes more than its second."""
    entry = find(results, scenario, "weir", "start")
    return statistics.median(found["cold_us"] - found["warm_us"] for found in entry["rounds"]) / 1e3 if entry else None


def worst(results, scenario, key):
    entry = find(results, scenario, "weir")
    return max(values_of(entry, key)) if entry else None


def bars(results):
    """(what, figure, bound, whether more is better) for each bar whose figures are there."""
    every = [
        ("small: x the better of nginx and HAProxy", ratio(results, "small", ["nginx", "haproxy"]), 1.2, True),
        ("close: x the better of nginx and HAProxy", ratio(results, "close", ["nginx", "haproxy"]), 1.25, True),
        ("64k: x the better of nginx and HAProxy", ratio(results, "64k", ["nginx", "haproxy"]), 1.15, True),
        ("1m: x the better of nginx and HAProxy", ratio(results, "1m", ["nginx", "haproxy"]), 1.1, True),
        ("tls-small: x the better of nginx and HAProxy", ratio(results, "tls-small", ["nginx", "haproxy"]), 1.2, True),
        ("tls-1m: x the better of nginx and HAProxy", ratio(results, "tls-1m", ["nginx", "haproxy"]), 1.2, True),
        ("tls-handshake: x the best of all", ratio(results, "tls-handshake", ["nginx", "haproxy", "hitch"]), 1.4, True),
        ("tls-resume: x the best of all", ratio(results, "tls-resume", ["nginx", "haproxy", "hitch"]), 1.4, True),
        ("h2-small: x h2o", ratio(results, "h2-small", ["h2o"]), 1.0, True),
        ("tls-tenants-50000: zipf over one tenant", zipf_share(results, 50000, "tls-tenants-%d"), 0.8, True),
        ("tls-tenants-50000: s to the first handshake",
         figure(results, "tls-tenants-50000", "start", "start_seconds", 1), 0.1, False),
        ("tls-tenants-50000: cold over warm, ms", cold_over_warm(results, "tls-tenants-50000"), 2, False),
        ("idle TLS connection: KiB", figure(results, "idle-tls", None, "idle_bytes", 1024), 8, False),
        ("idle HTTP/2 connection: KiB", figure(results, "idle-h2", None, "idle_bytes", 1024), 16, False),
        ("tenants-10000: zipf over one tenant", zipf_share(results, 10000), 0.9, True),
        ("start with 100000 tenants: s", figure(results, "start", "100000 tenants", "start_seconds", 1), 1.0, False),
        ("start with 100000 tenants: anonymous MiB", figure(results, "start", "100000 tenants", "anonymous", 1048576), 64,
         False),
        ("change with 100000 tenants: ms", figure(results, "change", "100000 tenants", "change_seconds", 1e-3), 10, False),
        ("idle connection: KiB", figure(results, "idle", None, "idle_bytes", 1024), 0.45, False),
        ("stalled clients: MiB more than before", figure(results, "stalled", None, "grown", 1048576), 256, False),
        ("stalled clients: the other's p99, ms", figure(results, "stalled", None, "other_p99_ms", 1), 50, False),
        ("stalled clients: the other's failures", worst(results, "stalled", "other_failed"), 0, False),
    ]
    return [bar for bar in every if bar[1] is not None]


def judgements(results):
    """Lines on the bars, and whether all are reached."""
    lines, reached = [], True
    for what, value, bound, more in bars(results):
        fits = value >= bound if more else value <= bound
        reached = reached and fits
        lines.append("%-45s %8.2f  (%s %.2f) %s" % (what, value, "at least" if more else "at most", bound,
                                                     "reached" if fits else "MISSED"))
    return lines, reached
