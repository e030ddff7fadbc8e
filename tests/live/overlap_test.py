# SPDX-License-Identifier: Apache-2.0
"""overlap_test.py - a tenant takes no name away from another one unseen: below its wildcard, or a wildcard over its names."""

import threading
from typing import List

from support.node import to_yaml
from support.site import tenant

ENDPOINT = ["127.0.0.1:9"]


def test_a_name_below_anothers_wildcard_is_refused_unless_it_is_asked_for(make_node) -> None:
    """Refused with both tenants, both names and what each would get; --allow-overlap accepts it, with a warning."""
    node = make_node()
    node.apply(tenant("shop", ENDPOINT, hosts=["*.shop.test"]))
    pay = to_yaml(tenant("pay", ENDPOINT, hosts=["pay.shop.test"]))
    done = node.run("apply", "-f", "-", stdin=pay)
    assert done.returncode == 1
    for text in ("pay.shop.test of tenant pay", "*.shop.test of tenant shop", "requests for pay.shop.test go to pay", "--allow-overlap"):
        assert text in done.stderr
    assert node.admin.get("/v1/tenants/pay").status == 404
    done = node.run("apply", "-f", "-", "--allow-overlap", stdin=pay)
    assert done.returncode == 0 and "warning: host pay.shop.test" in done.stderr
    assert node.run("apply", "-f", "-", stdin=pay).returncode == 0, "what is there already may be applied again"
    status = node.run("status")
    assert "overlaps: 1 name lies below" in status.stdout + status.stderr


def test_a_wildcard_over_anothers_names_is_refused(make_node) -> None:
    """The other direction, and the tenant field that allows it."""
    node = make_node()
    node.apply(tenant("pay", ENDPOINT, hosts=["pay.shop.test"]))
    wide = tenant("shop", ENDPOINT, hosts=["*.shop.test"])
    done = node.run("apply", "-f", "-", stdin=to_yaml(wide))
    assert done.returncode == 1 and "is over pay.shop.test of tenant pay" in done.stderr
    node.apply(dict(wide, allow_overlap=["pay"]))
    assert "overlaps" not in node.run("status").stderr


def test_of_two_overlapping_pushes_at_once_one_is_refused(make_node) -> None:
    """The check holds inside the write's transaction: the second write is refused, in every round."""
    node = make_node()
    for turn in range(20):
        statuses: List[int] = []
        lock = threading.Lock()

        def push(name: str, host: str) -> None:
            status = node.admin.put(name, tenant(name, ENDPOINT, hosts=[host])).status
            with lock:
                statuses.append(status)

        pushes = [threading.Thread(target=push, args=(f"wide{turn}", f"*.d{turn}.test")),
                  threading.Thread(target=push, args=(f"narrow{turn}", f"a.d{turn}.test"))]
        for one in pushes:
            one.start()
        for one in pushes:
            one.join()
        assert sorted(statuses) == [201, 409]
