/* SPDX-License-Identifier: Apache-2.0
 *
 * link_test.c - Link fields by RFC 8288 and the looser RFC 5988, and where their targets lead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/flow/link.h"

/* The fields of these lines, each value in a block of exactly its length. @return their number */
static size_t make_fields(const char *lines, struct weir_span_pair fields[8])
{
    size_t num = 0;
    while (*lines != '\0') {
        size_t name_len = strcspn(lines, ":");
        const char *value = lines + name_len + 1 + (lines[name_len + 1] == ' ');
        size_t value_len = strcspn(value, "\r");
        uint8_t *copy = malloc(value_len > 0 ? value_len : 1);
        assert_non_null(copy);
        memcpy(copy, value, value_len);
        assert_true(num < 8);
        fields[num++] =
            (struct weir_span_pair){ weir_span(lines, name_len), weir_span(copy, value_len) };
        lines = value + value_len + 2;
    }
    return num;
}

/* The targets of the links that the lines ask to preload, each followed by "!" when it is not to be
 * pushed, joined by spaces. */
static const char *preloads(const char *lines)
{
    static char out[4096];
    struct weir_span_pair fields[8];
    struct weir_link_walk walk;
    struct weir_link link;
    size_t num = make_fields(lines, fields);
    size_t len = 0;
    out[0] = '\0';
    weir_link_walk_init(&walk, fields, num);
    while (weir_link_walk_next(&walk, &link))
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%.*s%s", len > 0 ? " " : "",
                                (int)link.target.len, (const char *)link.target.at,
                                link.nopush ? "!" : "");
    assert_false(weir_link_walk_next(&walk, &link));
    for (size_t i = 0; i < num; i++)
        free((void *)(uintptr_t)fields[i].value.at);
    return out;
}

struct reading {
    const char *lines;
    const char *preloads;
};

static void check_all(const struct reading *readings, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (strcmp(preloads(readings[i].lines), readings[i].preloads) != 0)
            fail_msg("%s gives \"%s\", not \"%s\"", readings[i].lines, preloads(readings[i].lines),
                     readings[i].preloads);
}

static void links_to_preload_are_found(void **state)
{
    static const struct reading readings[] = {
        { "Link: </style.css>; as=style; rel=preload\r\n", "/style.css" },
        { "link: </a>;rel=preload\r\n", "/a" },
        { "Link: </a>; rel=\"preload\"\r\n", "/a" },
        { "Link: </a>; REL=PreLoad\r\n", "/a" },
        { "Link: </a>; rel=\"prefetch preload\"; as=\"script\"\r\n", "/a" },
        { "Link: </a>; rel=preload; nopush\r\n", "/a!" },
        { "Link: </a>; nopush; rel=preload\r\n", "/a!" },
        { "Link: </a>; rel=preload; NoPush=\"\"\r\n", "/a!" },
        { "Link: </a>; rel=preload, </b>; rel=preload;nopush,</c>;rel=preload\r\n", "/a /b! /c" },
        { "Link: </a>; rel=preload\r\nX: y\r\nLink: </b>; rel=preload\r\n", "/a /b" },
        { "Link: </a>; rel=preload; crossorigin; type=\"font/woff2\"\r\n", "/a" },
        { "Link: </a>; type=text/css; rel=preload\r\n", "/a" },
        { "Link: </a> ;\trel = preload ; as = style\r\n", "/a" },
        { "Link: </a>; rel=preload;\r\n", "/a" },
        { "Link: </a>;; rel=preload ;, </b>; rel=preload\r\n", "/a /b" },
        { "Link: , ,</a>; rel=preload,\r\n", "/a" },
        { "Link: <a,b;c>; rel=preload\r\n", "a,b;c" },
        { "Link: </a>; title=\"x, <y>; rel=z\"; rel=preload, </b>; rel=preload\r\n", "/a /b" },
        { "Link: </a>; title=\"\\\"\\\\\"; rel=preload\r\n", "/a" },
        { "Link: <https://cdn.example/a>; rel=preload\r\n", "https://cdn.example/a" },
    };
    (void)state;
    check_all(readings, WEIR_ARRAY_LEN(readings));
}

static void other_links_are_passed_over(void **state)
{
    static const struct reading readings[] = {
        { "X: y\r\n", "" },
        { "Link:\r\n", "" },
        { "Link: </a>\r\n", "" },
        { "Link: </a>; rel=next, </b>; rel=preload\r\n", "/b" },
        { "Link: </a>; rel=\"preloads preloa\"\r\n", "" },
        { "Link: </a>; rel=\"pre\\load\"\r\n", "" },
        { "Link: </a>; rel==preload\r\n", "" },
        { "Link: </a>; rel\r\n", "" },
        { "Link: </a>; rel=\"\"\r\n", "" },
        { "Link: </a>; rev=preload\r\n", "" },
        { "Link: </a>; rel=preload; anchor=\"/other\"\r\n", "" },
        /* RFC 8288 3.3: "occurrences after the first MUST be ignored". */
        { "Link: </a>; rel=next; rel=preload\r\n", "" },
        { "Link: </a>; rel=preload; rel=next\r\n", "/a" },
        { "Links: </a>; rel=preload\r\n", "" },
    };
    (void)state;
    check_all(readings, WEIR_ARRAY_LEN(readings));
}

/* What stands in front of the fault counts, and so do other fields. */
static void nothing_is_read_behind_a_fault_of_grammar(void **state)
{
    static const char *const bad[] = {
        "/x; rel=preload",
        "</x; rel=preload",
        "</x> rel=preload",
        "</x>; rel=preload x",
        "</x>; rel=",
        "</x>; =preload",
        "</x>; rel=\"preload",
        "</x>; rel=\"preload\\\"",
        "</x>; rel=\"preload\\",
        "</x>; rel=\"preload\"y",
        "</x>; re l=preload",
        "</x>; rel=pre\xc3\xa4load",
        "</x>; rel=preload; title=a\\b",
        "\"</x>\"; rel=preload",
        "</x>; (comment); rel=preload",
        ";</x>; rel=preload",
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        char lines[256];
        (void)snprintf(
            lines, sizeof(lines),
            "Link: </a>; rel=preload, %s, </y>; rel=preload\r\nLink: </b>; rel=preload\r\n",
            bad[i]);
        if (strcmp(preloads(lines), "/a /b") != 0)
            fail_msg("%s gives \"%s\"", lines, preloads(lines));
    }
}

/* No cut makes a link that the whole does not have, and nothing is read behind the end. */
static void a_value_may_end_at_any_byte(void **state)
{
    static const char whole[] =
        "</a>; rel=\"x preload\"; title=\"\\\"\", </b,c>;nopush ;rel=preload;";
    (void)state;
    for (size_t len = 0; len <= sizeof(whole) - 1; len++) {
        char lines[256];
        (void)snprintf(lines, sizeof(lines), "Link: %.*s\r\n", (int)len, whole);
        const char *got = preloads(lines);
        assert_true(strcmp(got, "") == 0 || strcmp(got, "/a") == 0 || strcmp(got, "/a /b,c!") == 0);
    }
    assert_string_equal(preloads("Link: </a>; rel=\"x preload\"; title=\"\\\"\", "
                                 "</b,c>;nopush ;rel=preload;\r\n"),
                        "/a /b,c!");
}

static void the_text_of_a_link_is_what_was_written(void **state)
{
    struct weir_span in = WEIR_SPAN_LIT(" , </a> ; rel=\"preload\" ; as=style\t, <b>;x ;, y");
    struct weir_link link;
    (void)state;
    assert_true(weir_link_next(&in, &link));
    assert_true(weir_span_eq(link.text, WEIR_SPAN_LIT("</a> ; rel=\"preload\" ; as=style")));
    assert_true(weir_link_next(&in, &link));
    assert_true(weir_span_eq(link.text, WEIR_SPAN_LIT("<b>;x ;")));
    assert_false(link.preload);
    assert_false(weir_link_next(&in, &link));
    assert_int_equal(in.len, 0);
}

/* -- where targets lead -- */

static enum weir_err resolve(const char *url_host, bool https, const char *path, const char *target,
                             char *ret)
{
    struct weir_authority authority;
    assert_int_equal(weir_authority_parse(weir_span_cstr(url_host), &authority), WEIR_OK);
    struct weir_link_base base = { .https = https,
                                   .authority = &authority,
                                   .path = weir_span_cstr(path) };
    uint8_t out[WEIR_LINK_PATH_MAX];
    size_t len = 0;
    char *exact = malloc(strlen(target) + 1);
    assert_non_null(exact);
    memcpy(exact, target, strlen(target));
    enum weir_err err = weir_link_resolve(&base, weir_span(exact, strlen(target)), out, &len);
    free(exact);
    if (err == WEIR_OK) {
        memcpy(ret, out, len);
        ret[len] = '\0';
    }
    return err;
}

struct leading {
    const char *target;
    const char *path; /* NULL: no candidate */
};

static void check_targets(const char *host, bool https, const char *path,
                          const struct leading *targets, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        char got[WEIR_LINK_PATH_MAX + 1];
        bool found = resolve(host, https, path, targets[i].target, got) == WEIR_OK;
        if (found != (targets[i].path != NULL) || (found && strcmp(got, targets[i].path) != 0))
            fail_msg("<%s> leads to \"%s\", not \"%s\"", targets[i].target, found ? got : "nothing",
                     targets[i].path != NULL ? targets[i].path : "nothing");
    }
}

/* RFC 3986 5.4, as far as a path is asked for. */
static void targets_resolve_against_the_request(void **state)
{
    static const struct leading targets[] = {
        { "/style.css", "/style.css" },
        { "g", "/b/c/g" },
        { "./g", "/b/c/g" },
        { "g/", "/b/c/g/" },
        { "?y", "/b/c/d;p?y" },
        { "g?y", "/b/c/g?y" },
        { "g?y/../x", "/b/c/g?y/../x" },
        { "g#s", "/b/c/g" },
        { "g?y#s", "/b/c/g?y" },
        { ";x", "/b/c/;x" },
        { ".", "/b/c/" },
        { "..", "/b/" },
        { "../g", "/b/g" },
        { "../../g", "/g" },
        { "/./g", "/g" },
        { "/b/../g?a", "/g?a" },
        { "g;x=1/../y", "/b/c/y" },
        { "//a/g", "/g" },
        { "//a", "/" },
        { "//a?x", "/?x" },
        { "http://a/g?x", "/g?x" },
        { "HTTP://A:80/g", "/g" },
        { "http://a", "/" },
        { "http://a#x", "/" },
        { "http://a./../b", NULL },
        { "/%7euser/f%c3%a4", "/%7euser/f%c3%a4" },
        { "/a//b", "/a//b" },
        { "//a//b", "//b" },
        { "/a?b=/../c", "/a?b=/../c" },
        { "a@b", "/b/c/a@b" },
        { "/f\xc3\xa4", "/f\xc3\xa4" },
    };
    (void)state;
    check_targets("a", false, "/b/c/d;p?q", targets, WEIR_ARRAY_LEN(targets));
}

static void other_origins_and_odd_targets_are_left_out(void **state)
{
    static const struct leading targets[] = {
        { "", NULL },
        { "#frag", NULL },
        { "http://shop.example/x", NULL },
        { "https://cdn.example/x", NULL },
        { "//cdn.example/x", NULL },
        { "https://shop.example:444/x", NULL },
        { "https://user@shop.example/x", NULL },
        { "https://shop.example.evil/x", NULL },
        { "https://shop.example%2f/x", NULL },
        { "https:/x", NULL },
        { "https:x", NULL },
        { "data:text/css,x", NULL },
        { "javascript:x", NULL },
        { "file:///etc/passwd", NULL },
        { "///x", NULL },
        { "https:///x", NULL },
        { "/../x", NULL },
        { "../../x", NULL },
        { "/%2e%2e/x", NULL },
        { "/a b", NULL },
        { " /a", NULL },
        { "/a\\b", NULL },
        { "\\\\evil/x", NULL },
        { "/a\"b", NULL },
        { "/%", NULL },
        { "/%zz", NULL },
        { "/%00", NULL },
        { "/\xff", NULL },
        { "https://shop.example\\x", NULL },
        { "https://shop.example:443/x", "/x" },
        { "//SHOP.example./x", "/x" },
    };
    (void)state;
    check_targets("shop.example", true, "/", targets, WEIR_ARRAY_LEN(targets));
}

static void a_base_without_a_path_is_the_root(void **state)
{
    static const struct leading targets[] = {
        { "x", "/x" },
        { "?x", "/?x" },
        { "./", "/" },
    };
    (void)state;
    check_targets("a:8080", false, "", targets, WEIR_ARRAY_LEN(targets));
    check_targets("a:8080", false, "?q=/y/", targets, WEIR_ARRAY_LEN(targets));
    static const struct leading ports[] = {
        { "http://a/x", NULL },
        { "http://a:8080/x", "/x" },
    };
    check_targets("a:8080", false, "/", ports, WEIR_ARRAY_LEN(ports));
}

static void the_length_of_a_path_has_a_limit(void **state)
{
    char target[WEIR_LINK_PATH_MAX + 2];
    char got[WEIR_LINK_PATH_MAX + 1];
    (void)state;
    memset(target, 'x', sizeof(target));
    target[0] = '/';
    target[WEIR_LINK_PATH_MAX] = '\0';
    assert_int_equal(resolve("a", true, "/", target, got), WEIR_OK);
    assert_string_equal(got, target);
    target[WEIR_LINK_PATH_MAX] = 'x';
    target[WEIR_LINK_PATH_MAX + 1] = '\0';
    assert_int_equal(resolve("a", true, "/", target, got), WEIR_ELIMIT);
    assert_int_equal(resolve("a", true, "/", target + 1, got), WEIR_ELIMIT);
}

static void targets_with_credentials_are_not_plain(void **state)
{
    static const char *const plain[] = { "/a",    "a@b", "https://cdn.example:8443/a@b",
                                         "//c/a", "?x",  "HTTP://c" };
    static const char *const other[] = {
        "https://user@cdn.example/a", "//u:p@c/a", "https:a", "ftp://c/a", "data:,x", "https:///a"
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(plain); i++)
        assert_true(weir_link_is_plain(weir_span_cstr(plain[i])));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(other); i++)
        assert_false(weir_link_is_plain(weir_span_cstr(other[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_to_preload_are_found),
        cmocka_unit_test(other_links_are_passed_over),
        cmocka_unit_test(nothing_is_read_behind_a_fault_of_grammar),
        cmocka_unit_test(a_value_may_end_at_any_byte),
        cmocka_unit_test(the_text_of_a_link_is_what_was_written),
        cmocka_unit_test(targets_resolve_against_the_request),
        cmocka_unit_test(other_origins_and_odd_targets_are_left_out),
        cmocka_unit_test(a_base_without_a_path_is_the_root),
        cmocka_unit_test(the_length_of_a_path_has_a_limit),
        cmocka_unit_test(targets_with_credentials_are_not_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
