/* SPDX-License-Identifier: Apache-2.0
 *
 * client_tls_test.c - the client's TLS against a server in memory: whom it trusts, bytes both ways,
 * ends in order and not, bytes that are no TLS, no memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/cli/link/client_tls.h"
#include "node/wire/tls_server.h"
#include "tests/support/failalloc.h"

/** A node: its certificate, its end of the connection. */
struct server {
    struct weir_tls_server *server;
    struct weir_tls tls;
    struct weir_tls_pem pem;
    char certificate[64]; /* the file with it */
    uint8_t out[WEIR_TLS_RECORD_ROOM * 2];
    size_t out_len;
};

static struct server node;
static struct weir_client_tls *client;
static struct weir_node_url url;

static enum weir_tls_chosen choose(void *owner, const struct weir_client_hello *hello,
                                   struct weir_tls_choice *ret)
{
    assert_ptr_equal(owner, &node);
    assert_true(hello->alpn & WEIR_ALPN_HTTP11);
    ret->identity = weir_tls_identity_ref(node.pem.identity);
    ret->versions = WEIR_TLS_1_2 | WEIR_TLS_1_3;
    ret->alpn = WEIR_ALPN_HTTP11;
    return WEIR_TLS_CHOSEN;
}

static void write_file(const char *path, struct weir_span bytes)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    const struct weir_tls_server_config cfg = { .choose = choose };
    struct weir_tls_pem_names names = { .common = "edge", .dns = { "edge" }, .num_dns = 1 };
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    const char *why = NULL;
    size_t len = 0;
    (void)state;
    memset(&node, 0, sizeof(node));
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("192.0.2.7"), &names.ips[0]), WEIR_OK);
    names.num_ips = 1;
    assert_int_equal(weir_tls_pem_make(&names, (int64_t)time(NULL), &text, &len), WEIR_OK);
    struct weir_span pem = weir_span(text.at, text.len);
    assert_int_equal(weir_tls_pem_read(pem, pem, &node.pem, &why), WEIR_OK);
    assert_int_equal(weir_tls_server_new(&cfg, &node.server), WEIR_OK);
    snprintf(node.certificate, sizeof(node.certificate), "/tmp/weir-cli-%d.crt", (int)getpid());
    write_file(node.certificate, weir_span(text.at, len));
    weir_strbuf_deinit(&text);
    assert_int_equal(weir_node_url_parse("https://edge:7400", &url), WEIR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weir_client_tls_free(&client);
    weir_tls_end(&node.tls);
    weir_tls_server_free(&node.server);
    weir_tls_identity_unref(node.pem.identity);
    return unlink(node.certificate);
}

static void client_new(const char *ca)
{
    const char *why = NULL;
    assert_int_equal(weir_client_tls_new(ca, &url, &client, &why), WEIR_OK);
}

/* Gives the client what the node has sent, `max` bytes at most. */
static void pass_to_client(size_t max)
{
    size_t room = 0;
    uint8_t *at = weir_client_tls_input(client, &room);
    size_t n = node.out_len < max ? node.out_len : max;
    n = n < room ? n : room;
    memcpy(at, node.out, n);
    weir_client_tls_received(client, n);
    memmove(node.out, node.out + n, node.out_len - n);
    node.out_len -= n;
}

static struct weir_tls_io node_io(void)
{
    return (struct weir_tls_io){ .in = weir_client_tls_output(client),
                                 .out = node.out,
                                 .out_len = node.out_len,
                                 .out_max = sizeof(node.out) };
}

static void node_io_end(const struct weir_tls_io *io)
{
    weir_client_tls_sent(client, weir_client_tls_output(client).len - io->in.len);
    node.out_len = io->out_len;
}

/* @return what the client's handshake came to */
static enum weir_tls_step shake_hands(size_t max)
{
    enum weir_tls_step mine = WEIR_TLS_WANTS_INPUT;
    enum weir_tls_step theirs = WEIR_TLS_WANTS_INPUT;
    assert_int_equal(weir_client_tls_begin(client), WEIR_OK);
    weir_tls_end(&node.tls);
    node.out_len = 0;
    assert_int_equal(weir_tls_accept(&node.tls, node.server, &node), WEIR_OK);
    for (int i = 0; i < 20000 && mine == WEIR_TLS_WANTS_INPUT; i++) {
        mine = weir_client_tls_handshake(client);
        struct weir_tls_io io = node_io();
        if (theirs == WEIR_TLS_WANTS_INPUT && io.in.len > 0)
            theirs = weir_tls_handshake(&node.tls, &io);
        node_io_end(&io);
        pass_to_client(max);
    }
    if (mine == WEIR_TLS_DONE && theirs == WEIR_TLS_WANTS_INPUT) {
        struct weir_tls_io io = node_io();
        theirs = weir_tls_handshake(&node.tls, &io);
        node_io_end(&io);
        assert_int_equal(theirs, WEIR_TLS_DONE);
    }
    return mine;
}

/* -- trust -- */

static const char *pin_of(const uint8_t *fingerprint, bool colons)
{
    static char text[WEIR_TLS_FINGERPRINT_TEXT + WEIR_SHA256_LEN];
    size_t len = (size_t)snprintf(text, sizeof(text), "sha256:");
    for (size_t i = 0; i < WEIR_SHA256_LEN; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, colons ? "%s%02X" : "%s%02x",
                                colons && i > 0 ? ":" : "", fingerprint[i]);
    return text;
}

static void a_node_is_trusted_by_its_certificate(void **state)
{
    (void)state;
    client_new(node.certificate);
    assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_DONE);
    assert_null(client->refused);
}

static void a_node_is_trusted_by_its_address(void **state)
{
    (void)state;
    assert_int_equal(weir_node_url_parse("https://192.0.2.7", &url), WEIR_OK);
    client_new(node.certificate);
    assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_DONE);
}

static void another_name_or_address_is_not_trusted(void **state)
{
    static const char *const texts[] = { "https://other", "https://192.0.2.8", "https://[::1]" };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        assert_int_equal(weir_node_url_parse(texts[i], &url), WEIR_OK);
        client_new(node.certificate);
        assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_FAILED);
        assert_non_null(client->refused);
        assert_int_equal(strncmp(client->presented, "sha256:", 7), 0);
        weir_client_tls_free(&client);
    }
}

static void what_the_host_trusts_has_not_this_node(void **state)
{
    (void)state;
    client_new(NULL);
    assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_FAILED);
    assert_non_null(client->refused);
}

static void a_node_is_trusted_by_its_fingerprint_whatever_its_name(void **state)
{
    (void)state;
    assert_int_equal(weir_node_url_parse("https://198.51.100.1", &url), WEIR_OK);
    for (int i = 0; i < 2; i++) {
        client_new(pin_of(node.pem.fingerprint, i == 1));
        assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_DONE);
        weir_client_tls_free(&client);
    }
}

static void each_other_fingerprint_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_SHA256_LEN; i++) {
        uint8_t other[WEIR_SHA256_LEN];
        memcpy(other, node.pem.fingerprint, sizeof(other));
        other[i] ^= 1;
        client_new(pin_of(other, false));
        assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_FAILED);
        assert_non_null(client->refused);
        weir_client_tls_free(&client);
    }
}

static void what_vouches_for_nothing_is_refused_at_once(void **state)
{
    static const struct {
        const char *ca;
        enum weir_err err;
    } cases[] = {
        { "/nowhere/ca.pem", WEIR_ENOTFOUND },
        { "/dev/null", WEIR_EINVAL },
        { "/", WEIR_ENOTFOUND },
        { "sha256:", WEIR_EINVAL },
        { "sha256:00", WEIR_EINVAL },
        { "sha256:"
          "000000000000000000000000000000000000000000000000000000000000000",
          WEIR_EINVAL },
        { "sha256:"
          "00000000000000000000000000000000000000000000000000000000000000000",
          WEIR_EINVAL },
        { "sha256:"
          "000000000000000000000000000000000000000000000000000000000000000g",
          WEIR_EINVAL },
        { "", WEIR_ENOTFOUND },
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        assert_int_equal(weir_client_tls_new(cases[i].ca, &url, &client, &why), cases[i].err);
        assert_non_null(why);
        assert_null(client);
    }
}

/* -- bytes -- */

static void bytes_pass_both_ways_however_they_are_split(void **state)
{
    static uint8_t text[50000];
    static uint8_t got[sizeof(text)];
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 7 + i / 256);
    client_new(node.certificate);
    assert_int_equal(shake_hands(1), WEIR_TLS_DONE);
    /* To the node. */
    size_t num = 0;
    struct weir_span rest = weir_span(text, sizeof(text));
    while (num < sizeof(text)) {
        size_t used = 0;
        if (rest.len > 0 && weir_client_tls_output(client).len == 0) {
            assert_true(weir_client_tls_write(client, rest, &used));
            rest = weir_span_from(rest, used);
        }
        struct weir_tls_io io = node_io();
        size_t n = 0;
        (void)weir_tls_read(&node.tls, &io, got + num, sizeof(got) - num, &n);
        node_io_end(&io);
        num += n;
    }
    assert_memory_equal(got, text, sizeof(text));
    /* And back, 700 bytes at a time. */
    num = 0;
    rest = weir_span(text, sizeof(text));
    while (num < sizeof(text)) {
        size_t used = 0;
        struct weir_tls_io io = node_io();
        if (rest.len > 0)
            (void)weir_tls_write(&node.tls, &io, rest, &used);
        node_io_end(&io);
        rest = weir_span_from(rest, used);
        pass_to_client(700);
        size_t n = 0;
        enum weir_tls_step step = weir_client_tls_read(client, got + num, sizeof(got) - num, &n);
        assert_true(step == WEIR_TLS_DONE || step == WEIR_TLS_WANTS_INPUT);
        num += n;
    }
    assert_memory_equal(got, text, sizeof(text));
}

static void an_end_in_order_is_told_from_a_cut(void **state)
{
    uint8_t got[8];
    size_t n = 0;
    (void)state;
    client_new(node.certificate);
    assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_DONE);
    assert_int_equal(weir_client_tls_read(client, got, sizeof(got), &n), WEIR_TLS_WANTS_INPUT);
    struct weir_tls_io io = node_io();
    weir_tls_shut(&node.tls, &io);
    node_io_end(&io);
    pass_to_client(SIZE_MAX);
    assert_int_equal(weir_client_tls_read(client, got, sizeof(got), &n), WEIR_TLS_END);
}

static void bytes_that_are_no_tls_fail(void **state)
{
    static const char *const texts[] = { "HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n",
                                         "\x16\x03\x03\xff\xff" };
    (void)state;
    client_new(node.certificate);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        size_t room = 0;
        assert_int_equal(weir_client_tls_begin(client), WEIR_OK);
        assert_int_equal(weir_client_tls_handshake(client), WEIR_TLS_WANTS_INPUT);
        uint8_t *at = weir_client_tls_input(client, &room);
        size_t len = strlen(texts[i]);
        memcpy(at, texts[i], len);
        weir_client_tls_received(client, len);
        assert_int_equal(weir_client_tls_handshake(client), WEIR_TLS_FAILED);
        assert_null(client->refused);
    }
}

static void a_connection_follows_another(void **state)
{
    (void)state;
    client_new(node.certificate);
    for (int i = 0; i < 3; i++)
        assert_int_equal(shake_hands(SIZE_MAX), WEIR_TLS_DONE);
}

static void no_memory_at_any_point_is_survived(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        const char *why = NULL;
        weir_failalloc_once(n);
        enum weir_err err = weir_client_tls_new(node.certificate, &url, &client, &why);
        bool over = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_once(-1);
        weir_client_tls_free(&client);
        assert_true(!over || err == WEIR_OK);
        if (over)
            break;
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_is_trusted_by_its_certificate),
        TEST(a_node_is_trusted_by_its_address),
        TEST(another_name_or_address_is_not_trusted),
        TEST(what_the_host_trusts_has_not_this_node),
        TEST(a_node_is_trusted_by_its_fingerprint_whatever_its_name),
        TEST(each_other_fingerprint_is_refused),
        TEST(what_vouches_for_nothing_is_refused_at_once),
        TEST(bytes_pass_both_ways_however_they_are_split),
        TEST(an_end_in_order_is_told_from_a_cut),
        TEST(bytes_that_are_no_tls_fail),
        TEST(a_connection_follows_another),
        TEST(no_memory_at_any_point_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
