# SPDX-License-Identifier: Apache-2.0
"""tidy_pending.py - what does not keep a rule of tidy.py yet. A line goes when what it names is mended."""

# Circles of files: (files without their endings, why they stand). A circle may be a part of a line's.
CIRCLES = [
    ({"node/loop/" + name for name in ("splice", "origin_conn", "address_pool", "downstream", "endpoint_pool", "loop",
                                       "exchange", "worker")},
     "one connection's life runs through all of them; cut when HTTP/2 gets its room"),
    ({"node/ctl/admin", "node/ctl/admin_conn"}, "to be cut"),
    ({"node/wire/bytes", "node/wire/scan"}, "to be cut"),
    ({"node/wire/h1", "node/wire/h1_private"}, "to be cut"),
    ({"sync/engine/acks", "sync/engine/engine", "sync/engine/engine_nodes", "sync/engine/engine_parts",
      "sync/engine/engine_state", "sync/frame/member", "sync/members/members", "sync/members/members_parts",
      "sync/members/overlay"}, "to be cut"),
    ({"sync/engine/active", "sync/engine/active_parts"}, "to be cut"),
    ({"sync/frame/frame", "sync/frame/frame_parts"}, "to be cut"),
    ({"sync/store/" + name for name in ("store", "store_file", "store_lmdb", "store_parts", "store_rows")}, "to be cut"),
    ({"tenants/compile", "tenants/tenant"}, "to be cut"),
    ({"tenants/schema/schema"} | {"tenants/schema/schema_" + name for name in (
        "check", "form", "map", "reader", "report", "rules", "tree", "unit")}, "to be cut"),
    ({"tests/support/record_store_suite", "tests/support/record_store_suite_parts"}, "to be cut"),
]

# Folders or files in which includes are in another order. `tests/tidy.py --fix PATH` mends them.
INCLUDES = (
    "deploy",
    "node",
    "sync",
    "tenants",
    "tests/bench",
    "tests/fuzz",
    "tests/support",
    "tests/unit/base",
    "tests/unit/ctl",
    "tests/unit/flow",
    "tests/unit/loop",
    "tests/unit/sync",
    "tests/unit/tenants",
    "tests/unit/wire",
)

# Folders or files with dividers of another form. `tests/tidy.py --fix PATH` mends those of one line.
DIVIDERS = (
    "node/flow",
    "node/loop",
    "sync/store",
    "tenants",
    "tests/support",
    "tests/unit/base",
    "tests/unit/ctl",
    "tests/unit/flow",
    "tests/unit/loop",
    "tests/unit/sync",
    "tests/unit/tenants",
    "tests/unit/wire",
)

# Folders or files in which words of the left column stand.
WORDS = (
    "node/ctl",
    "node/flow",
    "node/loop",
    "sync/engine",
    "sync/members",
    "sync/store",
    "tenants",
    "tests/fuzz",
    "tests/support",
    "tests/unit/base",
    "tests/unit/ctl",
    "tests/unit/flow",
    "tests/unit/loop",
    "tests/unit/sync",
    "tests/unit/tenants",
    "tests/unit/wire",
)
