# SPDX-License-Identifier: Apache-2.0
"""weir_gdb.py - gdb shows weir's structs in an operator's words. `gdb -x weir_gdb.py weir core`

Printers for spans, addresses, prefixes, lists, string buffers, exchanges, connections, pools and workers; the commands
weir-workers, weir-list and weir-trace. `print/r` shows a struct as it is. README.md has examples.
Reads a damaged process too: what cannot be read is marked, and every walk has a bound.
"""

import ipaddress

import gdb

TEXT_MAX = 200  # bytes shown of a span or a buffer
LIST_MAX = 100000  # nodes counted of a list
SHOWN_MAX = 64  # nodes shown by weir-list
FRAMES_MAX = 64  # of each thread, searched for the node


def text_of(address, length):
    """The bytes at an address as a quoted text, cut at TEXT_MAX."""
    length = int(length)
    if length == 0:
        return '""'
    try:
        raw = gdb.selected_inferior().read_memory(int(address), min(length, TEXT_MAX)).tobytes()
    except gdb.MemoryError:
        return f"<{length} bytes that cannot be read at {int(address):#x}>"
    text = "".join(chr(b) if 0x20 <= b <= 0x7e and b not in (0x22, 0x5c) else f"\\x{b:02x}" for b in raw)
    return f'"{text}"' + ("..." if length > TEXT_MAX else "")


def span_text(span):
    return text_of(span["at"], span["len"])


def ip_text(octets):
    raw = bytes(int(octets[i]) for i in range(16))
    address = ipaddress.IPv6Address(raw)
    return str(address.ipv4_mapped or address)


def addr_text(addr):
    ip, port = ip_text(addr["ip"]), int(addr["port"])
    if port == 0:
        return ip
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def prefix_text(prefix):
    ip, length = ip_text(prefix["ip"]), int(prefix["len"])
    return f"{ip}/{length}" if ":" in ip else f"{ip}/{length - 96}"


def enum_text(value, type_name, prefix):
    """The name of a state that is stored as a small number."""
    number = int(value)
    try:
        fields = gdb.lookup_type(type_name).fields()
    except gdb.error:
        return str(number)
    for field in fields:
        if field.enumval == number:
            return field.name[len(prefix):] if field.name.startswith(prefix) else field.name
    return f"<{number} is no {type_name}>"


def list_nodes(head, limit=LIST_MAX):
    """The addresses of a list's nodes, and what is wrong with the list (None: nothing)."""
    start = int(head.address)
    nodes, previous = [], start
    try:
        node = head["next"]
        while int(node) != start:
            if int(node) == 0:
                return nodes, "its next is NULL"
            if int(node["prev"]) != previous:
                return nodes, f"the node {int(node):#x} does not point back"
            if len(nodes) == limit:
                return nodes, f"more than {limit}"
            nodes.append(int(node))
            previous, node = int(node), node["next"]
    except gdb.MemoryError:
        return nodes, f"the node behind {previous:#x} cannot be read"
    return nodes, None


def list_text(head):
    nodes, fault = list_nodes(head)
    if fault is not None:
        return f"list of {len(nodes)}, then broken: {fault}"
    return "list of none, or a node on no list" if not nodes else f"list of {len(nodes)}"


def flags_of(value, names):
    """Those of the named members that are true."""
    return [name for name in names if bool(value[name])]


def name_at(pointer, member):
    """The span `member` of the struct behind a pointer, or "none"."""
    if int(pointer) == 0:
        return "none"
    try:
        return span_text(pointer.dereference()[member])
    except (gdb.MemoryError, gdb.error):
        return f"<unreadable at {int(pointer):#x}>"


def pool_text(pointer):
    """The address that a weir_address_pool leads to."""
    if int(pointer) == 0:
        return "none"
    try:
        pool = pointer.dereference()
        return text_of(pool["text"].address, min(int(pool["text_len"]), pool["text"].type.sizeof))
    except gdb.MemoryError:
        return f"<unreadable at {int(pointer):#x}>"


def magic_fault(value, magic):
    """A warning in front of a struct whose magic is not its own: freed, overwritten, or not one."""
    found = int(value["magic"])
    return "" if found == magic else f"<magic {found:#x}, not {magic:#x}: freed or overwritten> "


class Text:
    """A printer whose text is made by a function from the value."""

    def __init__(self, value, make):
        self.value = value
        self.make = make

    def to_string(self):
        try:
            return self.make(self.value)
        except gdb.MemoryError as fault:
            return f"<{self.value.type} that cannot be read: {fault}>"


def show_strbuf(b):
    failed = ", failed" if b["failed"] else ""
    return f"{text_of(b['at'], b['len'])} (len {int(b['len'])}, cap {int(b['cap'])}{failed})"


def show_exchange(x):
    flags = flags_of(x, ("fresh", "head_sent", "body_taken", "response_begun", "head_passed", "response_done", "reused",
                         "close_after", "expects"))
    return (f"{magic_fault(x, 0x45584348)}exchange {enum_text(x['phase'], 'enum weir_phase', 'WEIR_PHASE_')}"
            f" client={addr_text(x['client'])} tenant={name_at(x['tenant'], 'name')}"
            f" upstream={name_at(x['upstream'], 'name')} endpoint={name_at(x['endpoint'], 'text')}"
            f" status={int(x['status'])} tries={int(x['tries'])} passed_bytes={int(x['passed_bytes'])}"
            f" downstream={int(x['downstream']):#x} origin={int(x['origin']):#x} [{' '.join(flags)}]")


def show_session(s):
    return (f"{magic_fault(s, 0x53455353)}session peer={addr_text(s['peer'])} local={addr_text(s['local'])}"
            f" fd={int(s['conn']['watch']['fd'])} given={int(s['conn']['given'])} requests={int(s['requests'])}")


def show_session_h1(h):
    state = enum_text(h["state"], "enum weir_session_h1_state", "WEIR_SESSION_H1_")
    flags = flags_of(h["side"], ("eof",)) + flags_of(h, ("watch_now", "fresh"))
    return f"h1 {state} exchange={int(h['side']['x']):#x} [{' '.join(flags)}] {show_session(h['s'])}"


def show_origin_conn(u):
    state = enum_text(u["state"], "enum weir_origin_conn_state", "WEIR_ORIGIN_CONN_")
    flags = flags_of(u, ("ahead", "lost")) + flags_of(u["side"], ("broken",))
    return (f"{magic_fault(u, 0x55505550)}origin connection {state} to={pool_text(u['address_pool'])}"
            f" fd={int(u['conn']['watch']['fd'])} exchanges={int(u['side']['exchanges'])}"
            f" exchange={int(u['side']['x']):#x} [{' '.join(flags)}]")


def show_endpoint_pool(p):
    return (f"{magic_fault(p, 0x45504f4c)}endpoint pool to={pool_text(p['address_pool'])} open={int(p['num_open'])}"
            f" max={int(p['max'])} waiting={int(p['num_waiting'])} ({list_text(p['waiting'])})")


def show_address_pool(p):
    addrs = ", ".join(addr_text(p["addrs"][i]) for i in range(min(int(p["num_addrs"]), p["addrs"].type.sizeof
                                                                   // p["addrs"][0].type.sizeof)))
    state = enum_text(p["resolve_state"], "enum weir_resolve_state", "WEIR_RESOLVE_")
    return (f"{magic_fault(p, 0x41504f4c)}address pool to={pool_text(p.address)} idle={int(p['num_idle'])}"
            f" ({list_text(p['idle'])}) ahead={int(p['num_ahead'])} open={int(p['num_open'])}"
            f" min_idle={int(p['min_idle'])} max_idle={int(p['max_idle'])} look-up={state} addresses=[{addrs}]")


def show_worker(w):
    flags = flags_of(w, ("accepting", "draining", "stopping", "drained"))
    return (f"{magic_fault(w, 0x574f524b)}worker {int(w['index'])} now_ms={int(w['now']['ms'])}"
            f" sessions={int(w['num_sessions'])}/{int(w['group']['room']['clients']['max'])} ({list_text(w['sessions'])})"
            f" origins={int(w['num_origins'])}/{int(w['group']['room']['origins']['max'])} ({list_text(w['origin_list'])})"
            f" parked={int(w['num_parked'])}/{int(w['max_parked'])} endpoint_pools={int(w['pools']['len'])}"
            f" address_pools={int(w['address_pool_map']['len'])} listeners={int(w['num_listeners'])}"
            f" [{' '.join(flags)}]")


PRINTERS = {
    "weir_span": lambda s: f"{span_text(s)} (len {int(s['len'])})",
    "weir_addr": addr_text,
    "weir_prefix": prefix_text,
    "weir_list": list_text,
    "weir_strbuf": show_strbuf,
    "weir_exchange": show_exchange,
    "weir_session": show_session,
    "weir_session_h1": show_session_h1,
    "weir_origin_conn": show_origin_conn,
    "weir_endpoint_pool": show_endpoint_pool,
    "weir_address_pool": show_address_pool,
    "weir_worker": show_worker,
}


def find_printer(value):
    """gdb asks this for every value it prints."""
    kind = value.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag not in PRINTERS:
        return None
    return Text(value, PRINTERS[kind.tag])


class TraceCommand(gdb.Command):
    """weir-trace: the last trace events of the selected thread, oldest first."""

    def __init__(self):
        super().__init__("weir-trace", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        ring = gdb.parse_and_eval("weir_trace_ring")
        size = ring["events"].type.range()[1] + 1
        num = int(ring["num"])
        first = max(0, num - size)
        print(f"{num - first} of {num} events, now_ms={int(ring['now_ms'])}")
        for number in range(first, num):
            event = ring["events"][number % size]
            if int(event["event"]) != 0:
                print(f"  {number} at_ms={int(event['at_ms'])} {event['event'].string()} a={int(event['a'])}"
                      f" b={int(event['b'])}")


def find_control():
    """The struct weir_control of the node, from a variable of any thread's stack; None: not there."""
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame = gdb.newest_frame()
        for _ in range(FRAMES_MAX):
            if frame is None:
                break
            for symbol in frame_variables(frame):
                kind = symbol.type.strip_typedefs()
                if kind.code != gdb.TYPE_CODE_PTR or kind.target().strip_typedefs().tag != "weir_control":
                    continue
                value = symbol.value(frame)
                if not value.is_optimized_out and int(value) != 0:
                    return value.dereference()
            frame = frame.older()
    return None


def frame_variables(frame):
    """The variables and parameters of a frame's function; none for a function without debug information."""
    try:
        block = frame.block()
    except RuntimeError:
        return
    while block is not None and block.function is None:
        yield from (symbol for symbol in block if symbol.is_variable or symbol.is_argument)
        block = block.superblock
    if block is not None:
        yield from (symbol for symbol in block if symbol.is_variable or symbol.is_argument)


class WorkersCommand(gdb.Command):
    """weir-workers: each worker of the node, and $worker0, $worker1, ... as pointers to them."""

    def __init__(self):
        super().__init__("weir-workers", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        selected = gdb.selected_thread()
        control = find_control()
        if selected is not None:
            selected.switch()
        if control is None or int(control["node"]["workers"]) == 0:
            raise gdb.GdbError("no thread of this process has the workers on its stack: it is no node, or not started")
        group = control["node"]["workers"].dereference()
        for index in range(int(group["num"])):
            worker = group["workers"][index]
            gdb.set_convenience_variable(f"worker{index}", worker)
            print(f"$worker{index} = {int(worker):#x} {worker.dereference().format_string()}")


def offset_of(kind, path):
    """Where a member is, in bytes; the path may lead through structs."""
    offset = 0
    at = kind
    for name in path.split("."):
        found = [field for field in at.fields() if field.name == name]
        if not found:
            raise gdb.GdbError(f"{kind} has no member {path}")
        offset += found[0].bitpos // 8
        at = found[0].type
    return offset


class ListCommand(gdb.Command):
    """weir-list HEAD STRUCT MEMBER: each struct on a list, for example
    weir-list $worker0->sessions weir_session_h1 s.link"""

    def __init__(self):
        super().__init__("weir-list", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if len(words) != 3:
            raise gdb.GdbError("usage: weir-list HEAD STRUCT MEMBER")
        kind = gdb.lookup_type(f"struct {words[1]}")
        offset = offset_of(kind, words[2])
        nodes, fault = list_nodes(gdb.parse_and_eval(words[0]))
        for node in nodes[:SHOWN_MAX]:
            at = node - offset
            print(f"{at:#x} {gdb.Value(at).cast(kind.pointer()).dereference().format_string()}")
        if len(nodes) > SHOWN_MAX:
            print(f"and {len(nodes) - SHOWN_MAX} more")
        if fault is not None:
            print(f"broken: {fault}")


# A worker with its two buffers is larger than what gdb reads of one value unless asked.
gdb.execute("set max-value-size 4194304")
gdb.pretty_printers.insert(0, find_printer)
TraceCommand()
WorkersCommand()
ListCommand()
