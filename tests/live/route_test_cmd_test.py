# SPDX-License-Identifier: Apache-2.0
"""route_test_cmd_test.py - weir route test shows what is known, and no more."""

from support.site import tenant


def test_an_endpoint_that_was_never_tried_is_not_called_up(make_node) -> None:
    """No health check runs and no request went there, so nothing is known of it."""
    node = make_node()
    node.apply(tenant("shop", ["127.0.0.1:9"], routes=[{"path": "/api/", "upstream": "web"}, {"path": "/", "upstream": "web"}]))
    text = node.run("route", "test", "http://shop.test/api/x").stdout
    assert "127.0.0.1:9 weight=100 not checked" in text and " up" not in text


def test_the_rule_that_decides_is_shown_as_it_is_written(make_node) -> None:
    """Its place in the document and its text, of routes and of redirects."""
    node = make_node()
    node.apply(tenant("shop", ["127.0.0.1:9"], routes=[{"path": "/api/", "upstream": "web"}, {"path": "/", "upstream": "web"}],
                      redirects=[{"path": "/old/", "to": {"path": "/new/"}}]))
    text = node.run("route", "test", "http://shop.test/api/x").stdout
    assert "routes[0]" in text and '{"path":"/api/","upstream":"web"}' in text
    text = node.run("route", "test", "http://shop.test/old/x").stdout
    assert "redirects[0]" in text and '"path":"/old/"' in text
    node.apply(tenant("bare", ["127.0.0.1:9"]))
    assert "every path leads to the only upstream" in node.run("route", "test", "http://bare.test/").stdout


def test_https_is_refused_by_a_node_without_it(make_node) -> None:
    """It had shown the response for a request that cannot come."""
    node = make_node()
    node.apply(tenant("shop", ["127.0.0.1:9"]))
    done = node.run("route", "test", "https://shop.test/")
    assert done.returncode == 2 and "this node serves no https: it has no TLS listener" in done.stderr
