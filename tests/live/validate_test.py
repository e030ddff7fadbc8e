# SPDX-License-Identifier: Apache-2.0
"""validate_test.py - `weir validate` on the faults that people make in files: each named once, in plain words, at its place."""

from pathlib import Path
from typing import Dict, Tuple

import pytest

from support.node import run_weir

DONE, FAILED = 0, 1
HEAD = "apiVersion: weir/v1\nkind: Tenant\n"
SHOP = HEAD + "name: shop\nhosts: [shop.test]\n"


def _validate(folder: Path, files: Dict[str, bytes]) -> Tuple[int, str, str]:
    """Exit code, output, and the errors without the folder in front of the files."""
    for name, text in files.items():
        (folder / name).write_bytes(text)
    done = run_weir("validate", "-f", str(folder))
    return done.returncode, done.stdout, done.stderr.replace(f"{folder}/", "")


def test_a_byte_order_mark_is_accepted(folder: Path) -> None:
    mark = b"\xef\xbb\xbf"
    node = b'{"apiVersion": "weir/v1", "kind": "Node", "name": "n1"}'
    code, out, err = _validate(folder, {"a.yaml": mark + SHOP.encode(), "b.json": mark + node})
    assert (code, out, err) == (DONE, "2 documents are valid\n", "")
    done = run_weir("validate", "-f", "-", stdin="\ufeff" + node.decode())
    assert done.returncode == DONE, done.stderr


@pytest.mark.parametrize("between", ["\ufeff---\n", "---\n\ufeff", "---\n# joined\n\ufeff", "\ufeff# joined\n---\n"])
def test_a_byte_order_mark_begins_a_later_document_too(folder: Path, between: str) -> None:
    """Files that were saved with a mark and then joined; the places of faults stay right."""
    blog = SHOP.replace("shop", "blog")
    assert _validate(folder, {"a.yaml": (SHOP + between + blog).encode()})[::2] == (DONE, "")
    line = (SHOP + between).count("\n") + 5
    code, _, err = _validate(folder, {"a.yaml": (SHOP + between + blog + "bogus: 1\n").encode()})
    assert code == FAILED and err.startswith(f"a.yaml:{line}:1: bogus: unknown key"), err


def test_a_byte_order_mark_within_a_document_is_named(folder: Path) -> None:
    code, _, err = _validate(folder, {"a.yaml": (SHOP + "\ufeff" + SHOP).encode()})
    assert code == FAILED
    assert err.startswith("a.yaml:5:1: a byte order mark (U+FEFF) begins this line within a document: remove it"), err


def test_a_wrong_kind_or_api_version_does_not_hide_other_faults(folder: Path) -> None:
    code, _, err = _validate(folder, {
        "a.yaml": b"apiVersion: weir/v1\nkind: Tennant\nname: Shop\nhosts: [a.test]\n",
        "b.yaml": b"apiVersion: weir/v2\nkind: Tenant\nname: blog\nhosts: [a b]\n",
    })
    assert code == FAILED
    for part in ("a.yaml:2:1: kind: ", "a.yaml:3:1: name: ", "b.yaml:1:1: apiVersion: ", "b.yaml:4:9: hosts[0]: ", ": 4 errors"):
        assert part in err, err


@pytest.mark.parametrize("text,expected", [
    (SHOP + "upstreams:\n\tweb: {}\n", "a.yaml:6:1: a tab indents this line: YAML is indented by spaces alone"),
    ("", "a.yaml:1:1: there is no document: the file is empty"),
    ("# nothing yet\n", "a.yaml:1:1: there is no document: the file holds only blanks and comments"),
    (SHOP + 'upstreams: { web: { endpoints: [ { address: "10.0.0.1:70000" } ] } }\n',
     'a.yaml:5:36: upstreams.web.endpoints[0].address: "10.0.0.1:70000" has port 70000, a port is 1..65535'),
    ("apiVersion: weir/v1\nkind: Node\ntrusted_proxies: [10.0.0.1/8]\n",
     'a.yaml:3:19: trusted_proxies[0]: "10.0.0.1/8" has bits set behind the prefix, did you mean "10.0.0.0/8"?'),
    (SHOP + "http: { max_body: 1GB }\n",
     'a.yaml:5:9: http.max_body: "1GB" is not a size like 512, 64KiB, 1GiB, allowed is 0..1TiB, did you mean "1GiB"?'),
    (HEAD + "name: shop\nhost: [shop.test]\n", 'a.yaml:4:1: host: unknown key, did you mean "hosts"?'),
    (SHOP + "upstreams: [ web ]\nroutes: [ { path: /, upstream: web } ]\n",
     "a.yaml:5:1: upstreams: is a list, must be a map"),
], ids=["tab", "empty", "comments", "port", "host bits", "1GB", "misspelled key", "upstream that was not read"])
def test_one_fault_is_one_error_in_plain_words(folder: Path, text: str, expected: str) -> None:
    """Consequences of a fault are no errors of their own."""
    code, _, err = _validate(folder, {"a.yaml": text.encode()})
    assert code == FAILED
    assert err == f"{expected}\nweir validate: 1 error\n"


def test_the_same_host_in_two_documents_is_found_with_both_places(folder: Path) -> None:
    code, _, err = _validate(folder, {
        "a.yaml": SHOP.encode(),
        "b.yaml": (HEAD + "name: blog\nhosts: [blog.test, Shop.test]\n").encode(),
    })
    assert code == FAILED
    assert err == ('b.yaml:4:20: hosts[1]: "shop.test" is claimed by tenant shop as well, at a.yaml:4:9\n'
                   "weir validate: 1 error\n")


def test_a_name_under_the_wildcard_of_another_tenant_is_warned_of(folder: Path) -> None:
    pay = HEAD + "name: pay\nhosts: [pay.shop.test]\n"
    wide = HEAD + 'name: shop\nhosts: ["*.shop.test"]\n'
    code, out, err = _validate(folder, {"a.yaml": pay.encode(), "b.yaml": wide.encode()})
    assert (code, out) == (DONE, "2 documents are valid\n")
    assert err == ('a.yaml:4:9: warning: hosts[0]: "pay.shop.test" takes requests from "*.shop.test" of tenant shop, at '
                   "b.yaml:4:9: if that is wanted, list pay in allow_overlap there\n")
    allowed = wide + "allow_overlap: [pay]\n"
    assert _validate(folder, {"b.yaml": allowed.encode()}) == (DONE, "2 documents are valid\n", "")


def test_a_path_like_a_glob_is_warned_of_and_valid(folder: Path) -> None:
    text = SHOP + 'upstreams: { web: { endpoints: [ { address: "a:1" } ] } }\nroutes: [ { path: "/*", upstream: web } ]\n'
    code, out, err = _validate(folder, {"a.yaml": text.encode()})
    assert (code, out) == (DONE, "1 document is valid\n")
    assert err == ('a.yaml:6:13: warning: routes[0].path: "/*": a path is a prefix and no pattern, so "*" stands for itself: '
                   'write "/"\n')


def test_the_files_of_error_pages_are_checked_with_the_rest_at_their_own_line(folder: Path) -> None:
    text = SHOP + 'http: { max_body: x }\nerror_pages:\n  502:\n    file: none.html\n  503: { file: good.html }\n'
    code, _, err = _validate(folder, {"a.yaml": text.encode(), "good.html": b"<p>Sorry</p>"})
    assert code == FAILED
    assert "a.yaml:5:9: http.max_body: " in err and "a.yaml:8:5: error_pages.502.file: cannot read none.html" in err, err
    assert ": 2 errors" in err and "503" not in err, err


def test_a_folder_that_links_lead_to_again_is_read_once(folder: Path) -> None:
    """A loop, and a second way to the same folder."""
    (folder / "a.yaml").write_text(SHOP)
    (folder / "self").symlink_to(".")
    (folder / "sub").mkdir()
    (folder / "sub" / "b.yaml").write_text(SHOP.replace("shop", "blog"))
    (folder / "twin").symlink_to("sub")
    assert _validate(folder, {}) == (DONE, "2 documents are valid\n", "")
    done = run_weir("validate", "-f", str(folder), "-f", str(folder))
    assert (done.returncode, done.stdout) == (DONE, "2 documents are valid\n"), done.stderr


def test_a_file_name_in_a_diagnostic_moves_no_cursor(folder: Path) -> None:
    """Control bytes of the name are escaped, whichever part of weir writes it."""
    name = "es\x1b[31mc.yaml"
    (folder / name).write_text(SHOP + "bogus: 1\n")
    (folder / "b\x1b.yaml").mkdir()
    (folder / "b\x1b.yaml" / "f\n.yaml").write_text(SHOP.replace("shop", "two"))
    (folder / "c.yaml").write_text(SHOP.replace("name: shop", "name: three").replace("shop.test", "two.test"))
    for args in (["-f", str(folder)], ["-f", str(folder / "none\x1b.yaml")], ["-f", str(folder), "--allow-files", "no\x1b"]):
        done = run_weir("validate", *args)
        assert done.returncode in (FAILED, 2) and done.stderr, done.stdout
        assert "\x1b" not in done.stderr and "f\n" not in done.stderr, repr(done.stderr)
    done = run_weir("validate", "-f", str(folder))
    assert "es\\u{1B}[31mc.yaml:5:1: bogus: unknown key" in done.stderr and "f\\u{A}.yaml:4" in done.stderr, done.stderr
    assert "\x1b" not in run_weir("node", "--config", str(folder / name)).stderr
    assert "\x1b" not in run_weir("fmt", str(folder / name)).stderr


def test_an_empty_file_name_of_an_error_page_is_named(folder: Path) -> None:
    code, _, err = _validate(folder, {"a.yaml": (SHOP + 'error_pages: { "502": { file: "" } }\n').encode()})
    assert code == FAILED and "error_pages.502" in err and "the name of the file is empty" in err, err
