# SPDX-License-Identifier: Apache-2.0
"""history_test.py - deletions in the history of a tenant, and how many nodes each write is on."""

from support.site import tenant


def test_a_deletion_is_a_row_and_rollback_brings_the_tenant_back(make_node) -> None:
    """The user who deleted a tenant, and the time; also after a restart."""
    node = make_node()
    node.apply(tenant("shop", ["127.0.0.1:9"]))
    done = node.run("delete", "tenant", "shop")
    assert done.stdout == "tenant/shop deleted (revision 1), on 1/1 nodes\n"
    node.restart()
    rows = node.run("history", "tenant", "shop", "--no-headers").stdout.splitlines()
    assert len(rows) == 2
    assert "deleted" in rows[0] and "delete" in rows[0].split() and "apply" in rows[1]
    revisions = node.admin.get("/v1/tenants/shop/history").json()["revisions"]
    assert revisions[0]["deleted"] is True and revisions[0]["applied_by"] == revisions[1]["applied_by"] != ""
    assert revisions[0]["applied_at"] >= revisions[1]["applied_at"]
    done = node.run("rollback", "tenant", "shop", "1")
    assert done.stdout == "tenant/shop created (revision 2), on 1/1 nodes\n"
    assert [row.split()[0] for row in node.run("history", "tenant", "shop", "--no-headers").stdout.splitlines()] == ["2", "1", "1"]
    assert node.admin.get("/v1/tenants/shop").json()["tenant"]["hosts"] == ["shop.test"]


def test_every_write_shows_on_how_many_nodes_it_is(make_node) -> None:
    """In text and in JSON: apply, delete, rollback, import."""
    node = make_node()
    text = node.run("apply", "-f", "-", stdin="apiVersion: weir/v1\nkind: Tenant\nname: a\nhosts: [a.test]\n"
                    "upstreams: { web: { endpoints: [ { address: '127.0.0.1:9' } ] } }\n").stdout
    assert "on 1/1 nodes" in text
    response = node.admin.call("DELETE", "/v1/tenants/a").json()
    assert (response["nodes_durable"], response["nodes_total"]) == (1, 1)
    response = node.admin.call("POST", "/v1/tenants/a/rollback?revision=1").json()
    assert (response["nodes_durable"], response["nodes_total"]) == (1, 1)
    response = node.admin.put("a", tenant("a", ["127.0.0.1:9"], hosts=["b.test"])).json()
    assert (response["nodes_durable"], response["nodes_total"]) == (1, 1)
