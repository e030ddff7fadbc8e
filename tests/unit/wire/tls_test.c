/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_test.c - a client and a server whose bytes pass through memory, in portions that the test
 * chooses.
 */
#include <stdlib.h>

#include "node/wire/tls.h"
#include "node/wire/tls_client.h"
#include "node/wire/tls_server.h"
#include "node/wire/tls_signature.h"
#include "node/wire/tls_ticket.h"
#include "tests/support/cert_values.h"
#include "tests/support/failalloc.h"

#define WIRE_MAX 262144

/* What one end has sent and the other has not read. */
struct wire {
    uint8_t at[WIRE_MAX];
    size_t len;
};

struct pair {
    struct weir_tls client, server;
    struct weir_tls_client *clients;
    struct weir_tls_server *servers;
    struct weir_tls_tickets *tickets;
    struct wire to_client, to_server;
    struct weir_tls_identity *ecdsa, *rsa;
    /* What the server responds to a ClientHello. */
    enum weir_tls_chosen chosen;
    struct weir_tls_choice choice;
    struct weir_client_hello hello;
    unsigned asked;
    /* What the client decides and gets. */
    bool trusts;
    unsigned verified;
    struct weir_tls_session *session;
    unsigned sessions;
    struct weir_tls_dial dial;
};

static enum weir_tls_chosen choose(void *owner, const struct weir_client_hello *hello,
                                   struct weir_tls_choice *ret)
{
    struct pair *p = owner;
    p->asked++;
    p->hello = *hello;
    if (p->chosen != WEIR_TLS_CHOSEN)
        return p->chosen;
    *ret = p->choice;
    uint8_t keys = hello->versions & WEIR_TLS_1_3 ? hello->keys_13 : hello->keys_12;
    if (ret->identity == NULL)
        ret->identity = keys & WEIR_TLS_KEY_P256 ? p->ecdsa : p->rsa;
    weir_tls_identity_ref(ret->identity);
    return WEIR_TLS_CHOSEN;
}

static bool verify(void *owner, const struct weir_span *chain, size_t num)
{
    struct pair *p = owner;
    assert_true(num >= 1 && chain[0].len > 0);
    p->verified++;
    return p->trusts;
}

static void take_session(void *owner, struct weir_tls_session *s)
{
    struct pair *p = owner;
    weir_tls_session_unref(p->session);
    p->session = s;
    p->sessions++;
}

static struct weir_tls_identity *identity(const struct cert_spec *spec)
{
    struct weir_tls_identity *id = NULL;
    struct cert c;
    cert_make(&c, spec);
    assert_int_equal(weir_tls_identity_new(&c.der, 1, c.pkcs8, &id), WEIR_OK);
    cert_free(&c);
    return id;
}

static struct pair *pair_new(void)
{
    static const uint8_t secret[32] = "the secret of one cluster";
    struct pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->trusts = true;
    p->ecdsa = identity(&(struct cert_spec){ .names = "DNS:a.example" });
    p->rsa = identity(&(struct cert_spec){ .names = "DNS:a.example", .nid = NID_rsaEncryption });
    p->choice = (struct weir_tls_choice){ .versions = WEIR_TLS_1_2 | WEIR_TLS_1_3,
                                          .alpn = WEIR_ALPN_HTTP11 | WEIR_ALPN_H2,
                                          .scope = "tenant a" };
    p->dial = (struct weir_tls_dial){
        .sni = "a.example", .versions = WEIR_TLS_1_0 | WEIR_TLS_1_1 | WEIR_TLS_1_2 | WEIR_TLS_1_3
    };
    assert_int_equal(weir_tls_tickets_new(secret, &p->tickets), WEIR_OK);
    struct weir_tls_server_config server = { .choose = choose, .tickets = p->tickets };
    struct weir_tls_client_config client = { .verify = verify, .session = take_session };
    assert_int_equal(weir_tls_server_new(&server, &p->servers), WEIR_OK);
    assert_int_equal(weir_tls_client_new(&client, &p->clients), WEIR_OK);
    return p;
}

static void pair_end(struct pair *p)
{
    weir_tls_end(&p->client);
    weir_tls_end(&p->server);
    p->to_client.len = 0;
    p->to_server.len = 0;
}

static void pair_free(struct pair *p)
{
    pair_end(p);
    weir_tls_session_unref(p->session);
    weir_tls_client_free(&p->clients);
    weir_tls_server_free(&p->servers);
    weir_tls_tickets_free(&p->tickets);
    weir_tls_identity_unref(p->ecdsa);
    weir_tls_identity_unref(p->rsa);
    free(p);
}

static struct weir_tls_io io_of(const struct wire *from, struct wire *to, size_t max_in,
                                size_t max_out)
{
    size_t room = WIRE_MAX - to->len;
    return (struct weir_tls_io){ .in = weir_span(from->at, from->len < max_in ? from->len : max_in),
                                 .out = to->at + to->len,
                                 .out_max = room < max_out ? room : max_out };
}

/* What was read leaves the wire, what was written is on it. */
static void io_done(struct wire *from, struct wire *to, const struct weir_tls_io *io,
                    size_t offered)
{
    size_t used = offered - io->in.len;
    memmove(from->at, from->at + used, from->len - used);
    from->len -= used;
    to->len += io->out_len;
}

static enum weir_tls_step step(struct weir_tls *t, struct wire *from, struct wire *to,
                               size_t portion)
{
    struct weir_tls_io io = io_of(from, to, portion, WIRE_MAX);
    size_t offered = io.in.len;
    enum weir_tls_step s = weir_tls_handshake(t, &io);
    io_done(from, to, &io, offered);
    return s;
}

static void begin(struct pair *p)
{
    assert_int_equal(weir_tls_accept(&p->server, p->servers, p), WEIR_OK);
    assert_int_equal(weir_tls_connect(&p->client, p->clients, &p->dial, p), WEIR_OK);
}

/* Both go on as long as anything moves, in portions. */
static void run(struct pair *p, size_t portion)
{
    for (int idle = 0; idle < 2;) {
        size_t before = p->to_client.len + p->to_server.len;
        bool moved = false;
        if (!p->client.established && p->client.fault == 0)
            moved |= step(&p->client, &p->to_client, &p->to_server, portion) == WEIR_TLS_DONE;
        if (!p->server.established && p->server.fault == 0 && p->server.signature == NULL)
            moved |= step(&p->server, &p->to_server, &p->to_client, portion) == WEIR_TLS_DONE;
        moved |= p->to_client.len + p->to_server.len != before;
        idle = moved ? 0 : idle + 1;
    }
}

static void connect_pair(struct pair *p)
{
    begin(p);
    run(p, WIRE_MAX);
    assert_true(p->client.established);
    assert_true(p->server.established);
}

static void write_all(struct weir_tls *t, struct wire *to, struct weir_span clear)
{
    struct wire none = { .len = 0 };
    struct weir_tls_io io = io_of(&none, to, 0, WIRE_MAX);
    size_t used = 0;
    assert_int_equal(weir_tls_write(t, &io, clear, &used), WEIR_TLS_DONE);
    assert_int_equal(used, clear.len);
    to->len += io.out_len;
}

/* Read all that a wire has, `len` bytes at a time. */
static size_t read_all(struct weir_tls *t, struct wire *from, uint8_t *at, size_t max, size_t len)
{
    static struct wire out;
    size_t got = 0;
    struct weir_tls_io io = io_of(from, &out, WIRE_MAX, WIRE_MAX);
    out.len = 0;
    size_t offered = io.in.len;
    for (;;) {
        size_t n = 0;
        size_t want = max - got < len ? max - got : len;
        if (want == 0 || weir_tls_read(t, &io, at + got, want, &n) != WEIR_TLS_DONE)
            break;
        got += n;
    }
    io_done(from, &out, &io, offered);
    return got;
}

static void expect_echo(struct pair *p, const char *text)
{
    uint8_t got[256];
    write_all(&p->client, &p->to_server, weir_span_cstr(text));
    size_t n = read_all(&p->server, &p->to_server, got, sizeof(got), sizeof(got));
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
    write_all(&p->server, &p->to_client, weir_span(got, n));
    n = read_all(&p->client, &p->to_client, got, sizeof(got), sizeof(got));
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
}

/* -- handshakes -- */

static void each_version_is_spoken_where_the_policy_has_it(void **state)
{
    static const struct {
        uint8_t bit;
        const char *text;
    } versions[] = { { WEIR_TLS_1_0, "TLSv1" },
                     { WEIR_TLS_1_1, "TLSv1.1" },
                     { WEIR_TLS_1_2, "TLSv1.2" },
                     { WEIR_TLS_1_3, "TLSv1.3" } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(versions); i++) {
        struct pair *p = pair_new();
        p->choice.versions = 15;
        p->choice.ciphers = WEIR_TLS_SUITES_LEGACY;
        p->dial.versions = versions[i].bit;
        connect_pair(p);
        assert_int_equal(p->server.version, versions[i].bit);
        assert_string_equal(weir_tls_version_text(&p->server), versions[i].text);
        expect_echo(p, "hello");
        pair_free(p);
    }
}

static void a_version_that_the_policy_lacks_is_refused(void **state)
{
    for (uint8_t bit = WEIR_TLS_1_0; bit <= WEIR_TLS_1_2; bit = (uint8_t)(bit << 1)) {
        struct pair *p = pair_new();
        p->choice.versions = WEIR_TLS_1_3;
        p->dial.versions = bit;
        begin(p);
        run(p, WIRE_MAX);
        assert_int_equal(p->server.fault, WEIR_TLS_FAULT_VERSION);
        assert_int_equal(p->client.fault, WEIR_TLS_FAULT_ALERT);
        assert_int_equal(p->client.alert, 70); /* protocol_version */
        pair_free(p);
    }
}

static void a_handshake_may_come_byte_by_byte(void **state)
{
    struct pair *p = pair_new();
    begin(p);
    run(p, 1);
    assert_true(p->client.established && p->server.established);
    expect_echo(p, "bytes");
    pair_free(p);
}

/* The flight of a server with a long chain does not fit its buffer: it goes on when that is sent.
 */
static void a_handshake_needs_no_room_for_a_whole_flight(void **state)
{
    struct pair *p = pair_new();
    begin(p);
    assert_int_equal(step(&p->client, &p->to_client, &p->to_server, WIRE_MAX),
                     WEIR_TLS_WANTS_INPUT);
    enum weir_tls_step s = WEIR_TLS_WANTS_ROOM;
    unsigned rounds = 0;
    for (; s == WEIR_TLS_WANTS_ROOM; rounds++) {
        struct weir_tls_io io = io_of(&p->to_server, &p->to_client, WIRE_MAX, 64);
        size_t offered = io.in.len;
        s = weir_tls_handshake(&p->server, &io);
        io_done(&p->to_server, &p->to_client, &io, offered);
    }
    assert_int_equal(s, WEIR_TLS_WANTS_INPUT);
    assert_true(rounds > 2);
    run(p, WIRE_MAX);
    expect_echo(p, "x");
    pair_free(p);
}

static void the_owner_sees_what_the_client_offers(void **state)
{
    struct pair *p = pair_new();
    p->dial.sni = "Sub.A.Example.";
    p->dial.alpn = WEIR_ALPN_H2;
    begin(p);
    run(p, WIRE_MAX);
    assert_int_equal(p->asked, 1);
    assert_int_equal(p->hello.sni, WEIR_SNI_NAME);
    assert_int_equal(p->hello.name_len, 13);
    assert_memory_equal(p->hello.name, "sub.a.example", 13);
    assert_int_equal(p->hello.alpn, WEIR_ALPN_H2);
    assert_int_equal(p->hello.versions, 15);
    assert_true(p->hello.keys_13 & WEIR_TLS_KEY_P256);
    assert_true(p->hello.keys_13 & WEIR_TLS_KEY_RSA);
    assert_int_equal(p->server.alpn, WEIR_ALPN_H2);
    pair_free(p);
}

static void a_protocol_that_nobody_speaks_ends_the_handshake(void **state)
{
    struct pair *p = pair_new();
    p->choice.alpn = WEIR_ALPN_HTTP11;
    p->dial.alpn = WEIR_ALPN_H2;
    begin(p);
    run(p, WIRE_MAX);
    assert_int_equal(p->client.alert, 120); /* no_application_protocol */
    pair_free(p);
    p = pair_new();
    p->choice.alpn = WEIR_ALPN_HTTP11;
    p->dial.alpn = WEIR_ALPN_H2 | WEIR_ALPN_HTTP11;
    connect_pair(p);
    assert_int_equal(p->server.alpn, WEIR_ALPN_HTTP11);
    pair_free(p);
}

static void what_the_owner_refuses_the_client_is_told_by_an_alert(void **state)
{
    static const struct {
        enum weir_tls_chosen chosen;
        enum weir_tls_fault fault;
        uint8_t alert;
    } cases[] = {
        { WEIR_TLS_UNKNOWN_NAME, WEIR_TLS_FAULT_UNKNOWN_NAME, 112 },
        { WEIR_TLS_NO_CERTIFICATE, WEIR_TLS_FAULT_NO_CERTIFICATE, 40 },
        { WEIR_TLS_REFUSED, WEIR_TLS_FAULT_REFUSED, 40 },
        { WEIR_TLS_CANNOT, WEIR_TLS_FAULT_INTERNAL, 40 },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct pair *p = pair_new();
        p->chosen = cases[i].chosen;
        begin(p);
        run(p, WIRE_MAX);
        assert_int_equal(p->server.fault, cases[i].fault);
        assert_int_equal(p->client.fault, WEIR_TLS_FAULT_ALERT);
        assert_int_equal(p->client.alert, cases[i].alert);
        pair_free(p);
    }
}

static void a_client_that_trusts_nobody_ends_the_handshake(void **state)
{
    struct pair *p = pair_new();
    p->trusts = false;
    begin(p);
    run(p, WIRE_MAX);
    assert_int_equal(p->client.fault, WEIR_TLS_FAULT_VERIFY);
    assert_int_equal(p->server.fault, WEIR_TLS_FAULT_ALERT);
    assert_int_equal(p->server.alert, 42); /* bad_certificate */
    pair_free(p);
}

static void the_suites_are_the_policys(void **state)
{
    static const char *const suites[] = {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-SHA",
        "AES128-SHA",
        "AES256-GCM-SHA384",
        "DES-CBC3-SHA",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(suites); i++) {
        bool modern = strstr(suites[i], "ECDHE") == suites[i] &&
                      strstr(suites[i], "-SHA") != NULL && strstr(suites[i], "AES128-SHA") == NULL;
        modern = modern || strstr(suites[i], "CHACHA20") != NULL;
        for (int legacy = 0; legacy < 2; legacy++) {
            struct pair *p = pair_new();
            p->dial.versions = WEIR_TLS_1_2;
            p->dial.ciphers = suites[i];
            p->choice.ciphers = legacy ? WEIR_TLS_SUITES_LEGACY : NULL;
            begin(p);
            run(p, WIRE_MAX);
            assert_int_equal(p->server.established, legacy || modern);
            if (!p->server.established)
                assert_int_equal(p->server.fault, WEIR_TLS_FAULT_CIPHER);
            else
                expect_echo(p, "suite");
            pair_free(p);
        }
        uint16_t bit = weir_tls_suite_bit(weir_tls_suite_number(suites[i]));
        assert_int_not_equal(bit, 0);
        assert_int_equal((bit & WEIR_TLS_SUITES_STRONG) != 0, modern);
    }
    assert_false(weir_tls_suite_is_known("ALL"));
    assert_false(weir_tls_suite_is_known("ECDHE+AES"));
    assert_false(weir_tls_suite_is_known("ECDHE-RSA-AES128-SHA:AES128-SHA"));
    assert_false(weir_tls_suite_is_known("RC4-SHA"));
    assert_false(weir_tls_suite_is_known("TLS_AES_128_GCM_SHA256"));
    assert_false(weir_tls_suite_is_known(""));
    assert_true(weir_tls_suite_is_known("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
}

/* -- sessions -- */

static void expect_resumed(struct pair *p, bool resumed)
{
    unsigned verified = p->verified;
    p->dial.session = p->session;
    begin(p);
    run(p, WIRE_MAX);
    assert_true(p->server.established && p->client.established);
    assert_int_equal(p->server.resumed, resumed);
    assert_int_equal(p->client.resumed, resumed);
    assert_int_equal(p->verified, verified + !resumed);
    expect_echo(p, "again");
    p->dial.session = NULL;
    pair_end(p);
}

static void make_session(struct pair *p, uint8_t version)
{
    p->dial.versions = version;
    connect_pair(p);
    expect_echo(p, "first"); /* the tickets of TLS 1.3 come with it */
    assert_true(p->sessions > 0);
    pair_end(p);
}

static void a_session_resumes_in_its_scope_alone(void **state)
{
    for (uint8_t version = WEIR_TLS_1_2; version <= WEIR_TLS_1_3; version *= 2) {
        struct pair *p = pair_new();
        make_session(p, version);
        expect_resumed(p, true);
        memcpy(p->choice.scope, "tenant b", 9);
        make_session(p, version);
        expect_resumed(p, true);
        memcpy(p->choice.scope, "tenant a", 9);
        expect_resumed(p, false);
        pair_free(p);
    }
}

static void a_session_resumes_at_every_node_with_the_secret(void **state)
{
    static const uint8_t secret[32] = "the secret of one cluster", other[32] = "another one";
    struct pair *p = pair_new();
    make_session(p, WEIR_TLS_1_3);
    struct weir_tls_server *first = p->servers;
    struct weir_tls_tickets *tickets = NULL;
    struct weir_tls_server_config node = { .choose = choose };
    assert_int_equal(weir_tls_tickets_new(secret, &tickets), WEIR_OK);
    node.tickets = tickets;
    assert_int_equal(weir_tls_server_new(&node, &p->servers), WEIR_OK);
    expect_resumed(p, true);
    weir_tls_server_free(&p->servers);
    weir_tls_tickets_free(&tickets);
    assert_int_equal(weir_tls_tickets_new(other, &tickets), WEIR_OK);
    node.tickets = tickets;
    assert_int_equal(weir_tls_server_new(&node, &p->servers), WEIR_OK);
    expect_resumed(p, false);
    weir_tls_server_free(&p->servers);
    weir_tls_tickets_free(&tickets);
    p->servers = first;
    pair_free(p);
}

static void a_ticket_opens_for_its_epochs(void **state)
{
    static const uint8_t secret[32] = "s", next[32] = "n";
    struct weir_tls_tickets *k = NULL;
    uint8_t out[64], ticket[64];
    size_t len = 0;
    uint64_t now = 1800000000;
    struct weir_tls_ticket_use use = { WEIR_SPAN_LIT("a"), now };
    struct weir_span clear = WEIR_SPAN_LIT("session");
    size_t sealed = clear.len + WEIR_TLS_TICKET_EXTRA;
    assert_int_equal(weir_tls_tickets_new(secret, &k), WEIR_OK);
    assert_int_equal(weir_tls_ticket_seal(k, &use, clear, ticket), WEIR_OK);
    for (int epochs = -2; epochs <= 5; epochs++) {
        use.wall_s = (uint64_t)((int64_t)now + (int64_t)epochs * WEIR_TLS_EPOCH_S);
        enum weir_err err = weir_tls_ticket_open(k, &use, weir_span(ticket, sealed), out, &len);
        assert_int_equal(err == WEIR_OK, epochs >= -1 && epochs <= WEIR_TLS_EPOCHS_BACK);
        if (err == WEIR_OK)
            assert_true(weir_span_eq(weir_span(out, len), clear));
    }
    use.wall_s = now;
    for (size_t i = 0; i < sealed; i++) {
        ticket[i] ^= 1;
        assert_int_equal(weir_tls_ticket_open(k, &use, weir_span(ticket, sealed), out, &len),
                         WEIR_ENOTFOUND);
        ticket[i] ^= 1;
        assert_int_equal(weir_tls_ticket_open(k, &use, weir_span(ticket, i), out, &len),
                         WEIR_ENOTFOUND);
    }
    use.scope = WEIR_SPAN_LIT("b");
    assert_int_equal(weir_tls_ticket_open(k, &use, weir_span(ticket, sealed), out, &len),
                     WEIR_ENOTFOUND);
    use.scope = WEIR_SPAN_LIT("a");
    weir_tls_tickets_rotate(k, next, now);
    assert_int_equal(weir_tls_ticket_open(k, &use, weir_span(ticket, sealed), out, &len), WEIR_OK);
    use.wall_s = now + UINT64_C(4) * WEIR_TLS_EPOCH_S;
    assert_int_equal(weir_tls_ticket_seal(k, &use, clear, ticket), WEIR_OK);
    assert_int_equal(weir_tls_ticket_open(k, &use, weir_span(ticket, sealed), out, &len), WEIR_OK);
    weir_tls_tickets_free(&k);
}

/* -- bytes -- */

static void bytes_pass_whatever_their_portions(void **state)
{
    static uint8_t sent[100000], got[100000];
    static const size_t records[] = { WEIR_TLS_RECORD_MIN, 1350, WEIR_TLS_RECORD_MAX };
    static const size_t reads[] = { 1000, 16384, sizeof(got) };
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (uint8_t)(i * 31 + i / 251);
    struct pair *p = pair_new();
    connect_pair(p);
    (void)read_all(&p->client, &p->to_client, got, sizeof(got), sizeof(got)); /* tickets */
    for (size_t i = 0; i < WEIR_ARRAY_LEN(records); i++)
        for (size_t j = 0; j < WEIR_ARRAY_LEN(reads); j++) {
            weir_tls_set_record_len(&p->server, records[i]);
            write_all(&p->server, &p->to_client, weir_span(sent, sizeof(sent)));
            size_t num = (sizeof(sent) + records[i] - 1) / records[i];
            assert_in_range(p->to_client.len, sizeof(sent) + num * 17, sizeof(sent) + num * 32);
            assert_int_equal(read_all(&p->client, &p->to_client, got, sizeof(got), reads[j]),
                             sizeof(sent));
            assert_memory_equal(got, sent, sizeof(sent));
        }
    pair_free(p);
}

static void a_write_stops_where_no_record_fits(void **state)
{
    static uint8_t clear[200000];
    struct pair *p = pair_new();
    struct wire none = { .len = 0 };
    connect_pair(p);
    p->to_client.len = 0;
    struct weir_tls_io io = io_of(&none, &p->to_client, 0, 65536);
    size_t used = 0;
    assert_int_equal(weir_tls_write(&p->server, &io, weir_span(clear, sizeof(clear)), &used),
                     WEIR_TLS_WANTS_ROOM);
    assert_int_equal(used, 3 * WEIR_TLS_RECORD_MAX);
    assert_true(io.out_len <= 65536);
    pair_free(p);
}

static void the_end_of_a_peer_is_told_from_a_cut(void **state)
{
    struct pair *p = pair_new();
    uint8_t got[16];
    size_t n = 0;
    connect_pair(p);
    (void)read_all(&p->client, &p->to_client, got, sizeof(got), sizeof(got));
    struct weir_tls_io io = io_of(&p->to_client, &p->to_server, 0, WIRE_MAX);
    assert_int_equal(weir_tls_read(&p->client, &io, got, sizeof(got), &n), WEIR_TLS_WANTS_INPUT);
    io = io_of(&p->to_server, &p->to_client, 0, WIRE_MAX);
    weir_tls_shut(&p->server, &io);
    assert_true(io.out_len > 0);
    p->to_client.len += io.out_len;
    io.out_len = 0;
    weir_tls_shut(&p->server, &io);
    assert_int_equal(io.out_len, 0); /* once */
    io = io_of(&p->to_client, &p->to_server, WIRE_MAX, WIRE_MAX);
    assert_int_equal(weir_tls_read(&p->client, &io, got, sizeof(got), &n), WEIR_TLS_END);
    pair_free(p);
}

static void a_changed_byte_of_a_record_is_a_fault(void **state)
{
    struct pair *p = pair_new();
    uint8_t got[64];
    size_t n = 0;
    connect_pair(p);
    (void)read_all(&p->client, &p->to_client, got, sizeof(got), sizeof(got));
    write_all(&p->server, &p->to_client, WEIR_SPAN_LIT("hello"));
    p->to_client.at[p->to_client.len - 1] ^= 1;
    struct weir_tls_io io = io_of(&p->to_client, &p->to_server, WIRE_MAX, WIRE_MAX);
    assert_int_equal(weir_tls_read(&p->client, &io, got, sizeof(got), &n), WEIR_TLS_FAILED);
    assert_int_equal(p->client.fault, WEIR_TLS_FAULT_PROTOCOL);
    assert_true(io.out_len > 0); /* the alert */
    assert_int_equal(weir_tls_read(&p->client, &io, got, sizeof(got), &n), WEIR_TLS_FAILED);
    assert_int_equal(weir_tls_write(&p->client, &io, WEIR_SPAN_LIT("x"), &n), WEIR_TLS_FAILED);
    pair_free(p);
}

static enum weir_tls_fault fault_of(const char *bytes, size_t len, size_t *ret_out)
{
    struct pair *p = pair_new();
    assert_int_equal(weir_tls_accept(&p->server, p->servers, p), WEIR_OK);
    memcpy(p->to_server.at, bytes, len);
    p->to_server.len = len;
    enum weir_tls_step s = step(&p->server, &p->to_server, &p->to_client, WIRE_MAX);
    enum weir_tls_fault fault = (enum weir_tls_fault)p->server.fault;
    assert_int_equal(s == WEIR_TLS_FAILED, fault != WEIR_TLS_FAULT_NONE);
    *ret_out = p->to_client.len;
    pair_free(p);
    return fault;
}

static void what_is_no_hello_is_named(void **state)
{
    size_t out = 0;
    assert_int_equal(fault_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, &out), WEIR_TLS_FAULT_HTTP);
    assert_int_equal(out, 0); /* the session responds in clear */
    assert_int_equal(fault_of("CONNECT a:443 HTTP/1.1\r\n\r\n", 26, &out), WEIR_TLS_FAULT_HTTP);
    assert_int_equal(fault_of("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, &out),
                     WEIR_TLS_FAULT_PROTOCOL);
    assert_int_equal(fault_of("\x17\x03\x03\x00\x01x", 6, &out), WEIR_TLS_FAULT_PROTOCOL);
    assert_int_equal(fault_of("\0\0\0\0\0\0\0\0", 8, &out), WEIR_TLS_FAULT_PROTOCOL);
    /* An SSL 2 hello, which SSL 3 and later clients no longer send. */
    assert_int_equal(fault_of("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11, &out),
                     WEIR_TLS_FAULT_PROTOCOL);
    /* SSL 3.0. */
    static const char ssl3[] =
        "\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00"
        "0123456789abcdef0123456789abcdef\x00\x00\x04\x00\x2f\x00\x35\x01\x00";
    assert_int_equal(fault_of(ssl3, sizeof(ssl3) - 1, &out), WEIR_TLS_FAULT_VERSION);
}

/* -- slow signatures -- */

static void begin_slow(struct pair *p)
{
    p->choice.identity = identity(
        &(struct cert_spec){ .names = "DNS:a.example", .nid = NID_rsaEncryption, .bits = 3072 });
    assert_true(weir_tls_identity_is_slow(p->choice.identity));
    begin(p);
    run(p, WIRE_MAX);
    assert_false(p->server.established);
    assert_non_null(p->server.signature);
    assert_int_equal(step(&p->server, &p->to_server, &p->to_client, WIRE_MAX), WEIR_TLS_SIGNS);
}

static void a_slow_key_signs_elsewhere(void **state)
{
    for (uint8_t version = WEIR_TLS_1_2; version <= WEIR_TLS_1_3; version *= 2) {
        struct pair *p = pair_new();
        p->dial.versions = version;
        begin_slow(p);
        struct weir_tls_signature *s = weir_tls_take_signature(&p->server);
        assert_non_null(s);
        assert_null(weir_tls_take_signature(&p->server));
        assert_int_equal(step(&p->server, &p->to_server, &p->to_client, WIRE_MAX), WEIR_TLS_SIGNS);
        weir_tls_signature_make(s);
        assert_ptr_equal(weir_tls_signature_made(s), p);
        (void)step(&p->server, &p->to_server, &p->to_client, WIRE_MAX);
        run(p, WIRE_MAX);
        expect_echo(p, "slow");
        weir_tls_identity_unref(p->choice.identity);
        pair_free(p);
    }
}

static void a_slow_key_decrypts_elsewhere(void **state)
{
    struct pair *p = pair_new();
    p->dial.versions = WEIR_TLS_1_2;
    p->dial.ciphers = "AES128-SHA";
    p->choice.ciphers = WEIR_TLS_SUITES_LEGACY;
    begin_slow(p);
    struct weir_tls_signature *s = weir_tls_take_signature(&p->server);
    weir_tls_signature_make(s);
    assert_ptr_equal(weir_tls_signature_made(s), p);
    (void)step(&p->server, &p->to_server, &p->to_client, WIRE_MAX);
    run(p, WIRE_MAX);
    expect_echo(p, "slow");
    weir_tls_identity_unref(p->choice.identity);
    pair_free(p);
}

static void a_connection_may_end_before_and_while_it_is_signed(void **state)
{
    for (int taken = 0; taken < 2; taken++) {
        struct pair *p = pair_new();
        begin_slow(p);
        struct weir_tls_signature *s = taken ? weir_tls_take_signature(&p->server) : NULL;
        weir_tls_end(&p->server);
        weir_tls_identity_unref(p->choice.identity);
        if (taken) {
            weir_tls_signature_make(s);
            assert_null(weir_tls_signature_made(s));
        }
        pair_free(p);
    }
}

/* -- memory -- */

static void no_memory_at_any_point_ends_in_a_fault(void **state)
{
    struct pair *p = pair_new();
    connect_pair(p); /* what is made once is made */
    pair_end(p);
    weir_failalloc_once(-1);
    connect_pair(p);
    unsigned long needed = weir_failalloc_count();
    pair_end(p);
    for (unsigned long n = 1; n <= needed; n++) {
        weir_failalloc_once((long)n);
        if (weir_tls_accept(&p->server, p->servers, p) == WEIR_OK &&
            weir_tls_connect(&p->client, p->clients, &p->dial, p) == WEIR_OK)
            run(p, WIRE_MAX);
        weir_failalloc_once(-1);
        pair_end(p);
        weir_tls_session_unref(p->session);
        p->session = NULL;
    }
    assert_true(needed > 50);
    connect_pair(p);
    pair_free(p);
}

static int free_keys(void **state)
{
    cert_keys_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_is_spoken_where_the_policy_has_it),
        cmocka_unit_test(a_version_that_the_policy_lacks_is_refused),
        cmocka_unit_test(a_handshake_may_come_byte_by_byte),
        cmocka_unit_test(a_handshake_needs_no_room_for_a_whole_flight),
        cmocka_unit_test(the_owner_sees_what_the_client_offers),
        cmocka_unit_test(a_protocol_that_nobody_speaks_ends_the_handshake),
        cmocka_unit_test(what_the_owner_refuses_the_client_is_told_by_an_alert),
        cmocka_unit_test(a_client_that_trusts_nobody_ends_the_handshake),
        cmocka_unit_test(the_suites_are_the_policys),
        cmocka_unit_test(a_session_resumes_in_its_scope_alone),
        cmocka_unit_test(a_session_resumes_at_every_node_with_the_secret),
        cmocka_unit_test(a_ticket_opens_for_its_epochs),
        cmocka_unit_test(bytes_pass_whatever_their_portions),
        cmocka_unit_test(a_write_stops_where_no_record_fits),
        cmocka_unit_test(the_end_of_a_peer_is_told_from_a_cut),
        cmocka_unit_test(a_changed_byte_of_a_record_is_a_fault),
        cmocka_unit_test(what_is_no_hello_is_named),
        cmocka_unit_test(a_slow_key_signs_elsewhere),
        cmocka_unit_test(a_slow_key_decrypts_elsewhere),
        cmocka_unit_test(a_connection_may_end_before_and_while_it_is_signed),
        cmocka_unit_test(no_memory_at_any_point_ends_in_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, free_keys);
}
