/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_cache_test.c - stored certificates, their index rows and the cache over the real store.
 */
#include "node/base/limits.h"
#include "tenants/cert_cache.h"
#include "tenants/cert_record.h"
#include "tenants/cert_seal.h"
#include "tenants/tenant.h"
#include "tests/support/cert_values.h"
#include "tests/support/failalloc.h"
#include "tests/support/store_kit.h"

#define ECDSA   WEIR_TLS_KEYS_ECDSA
#define RSA_KEY WEIR_TLS_KEY_RSA
#define ANY     (WEIR_TLS_KEYS_ECDSA | WEIR_TLS_KEY_RSA)

static const struct weir_secret secret = { { 42 } };

static uint64_t clock_s; /* the wall clock of the cache */

static uint64_t wall_ms(void)
{
    return clock_s * 1000;
}

struct world {
    struct kit kit;
    struct weir_cert_cache *cache;
    struct weir_metrics metrics;
    bool names_changed;
};

static void on_change(void *arg, const struct weir_change *changes, size_t num)
{
    struct world *w = arg;

    for (size_t i = 0; i < num; i++)
        w->names_changed = changes[i].index_changed;
}

static void cache_open(struct world *w, size_t max, size_t bytes_max)
{
    struct weir_cert_cache_config cfg = { .store = w->kit.s,
                                          .secret = &secret,
                                          .seed = { { 5, 6 } },
                                          .max = max,
                                          .bytes_max = bytes_max,
                                          .metrics = &w->metrics,
                                          .wall_ms = wall_ms };

    assert_int_equal(weir_cert_cache_new(&cfg, &w->cache), WEIR_OK);
}

static struct world *world_new(size_t max, size_t bytes_max)
{
    struct world *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

    assert_non_null(w);
    memset(w, 0, sizeof(*w));
    clock_s = CERT_NOW;
    kit_init_quick(&w->kit);
    w->kit.cfg.index = weir_tenant_index;
    w->kit.cfg.on_change = on_change;
    w->kit.cfg.on_change_arg = w;
    kit_open(&w->kit);
    cache_open(w, max, bytes_max);
    return w;
}

static void world_free(struct world *w)
{
    weir_cert_cache_free(&w->cache);
    weir_cert_cache_free(&w->cache);
    assert_int_equal(w->metrics.cells[WEIR_M_CERTS_CACHED], 0);
    assert_int_equal(w->metrics.cells[WEIR_M_CERT_CACHE_BYTES], 0);
    kit_deinit(&w->kit);
    free(w);
}

static uint64_t metric(const struct world *w, enum weir_metric m)
{
    return w->metrics.cells[m];
}

/* -- records -- */

/** How a certificate is stored. */
struct put {
    const char *tenant;
    const char *names[4];
    const char *links[4];
    bool fallback;
    int nid;
    uint64_t not_before, not_after; /* 0: as cert_spec */
    const char *damage;             /* instead of the sealed key */
    const struct weir_secret *secret;
};

struct stored_cert {
    uint8_t key[WEIR_CERT_KEY_MAX];
    size_t key_len;
    struct cert cert;
};

static struct weir_span key_of(const struct stored_cert *s)
{
    return weir_span(s->key, s->key_len);
}

static size_t num_of(const char *const *texts)
{
    size_t num = 0;

    while (num < 4 && texts[num] != NULL)
        num++;
    return num;
}

static uint32_t kind_of(int nid)
{
    return nid == NID_rsaEncryption ? WEIR_TLS_KEY_RSA
           : nid == NID_secp384r1   ? WEIR_TLS_KEY_P384
                                    : WEIR_TLS_KEY_P256;
}

static void commit(struct world *w, const struct stored_cert *s, struct weir_span value)
{
    struct kit_write kw;

    kit_write_init(&kw, key_of(s), value);
    kw.w.class = WEIR_CLASS_CERT;
    kw.w.delete = value.len == 0;
    assert_int_equal(kit_run(&w->kit, &kw), WEIR_OK);
    weir_cert_cache_changed(w->cache, key_of(s), w->names_changed);
}

/** Write the record of s->cert as `p` wants it. */
static void store_again(struct world *w, struct stored_cert *s, const struct put *p)
{
    uint8_t sealed[WEIR_SEAL_MAX];
    Weir__V1__Certificate m;
    ProtobufCBinaryData chain = { s->cert.der.len, (uint8_t *)(uintptr_t)s->cert.der.at };

    weir__v1__certificate__init(&m);
    assert_int_equal(
        weir_cert_seal(p->secret != NULL ? p->secret : &secret, key_of(s), s->cert.pkcs8, sealed),
        WEIR_OK);
    m.n_chain = 1;
    m.chain = &chain;
    m.has_sealed_key = true;
    m.sealed_key.data = sealed;
    m.sealed_key.len = s->cert.pkcs8.len + WEIR_SEAL_OVERHEAD;
    if (p->damage != NULL) {
        m.sealed_key.data = (uint8_t *)(uintptr_t)p->damage;
        m.sealed_key.len = strlen(p->damage);
    }
    m.has_key_kind = true;
    m.key_kind = kind_of(p->nid);
    m.names = (char **)(uintptr_t)p->names;
    m.n_names = num_of(p->names);
    m.links = (char **)(uintptr_t)p->links;
    m.n_links = num_of(p->links);
    m.has_fallback = p->fallback;
    m.fallback = p->fallback;
    m.has_not_before = m.has_not_after = true;
    m.not_before = p->not_before != 0 ? p->not_before : CERT_NOW - CERT_DAY;
    m.not_after = p->not_after != 0 ? p->not_after : CERT_NOW + 90 * CERT_DAY;
    size_t len = weir__v1__certificate__get_packed_size(&m);
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    weir__v1__certificate__pack(&m, bytes);
    commit(w, s, weir_span(bytes, len));
    free(bytes);
}

static void store(struct world *w, struct stored_cert *s, const struct put *p)
{
    struct cert_spec spec = { .subject = "x", .nid = p->nid };
    char id[WEIR_CERT_ID_LEN + 1];

    memset(s, 0, sizeof(*s));
    cert_make(&s->cert, &spec);
    weir_cert_id(s->cert.der, id);
    s->key_len = weir_cert_key(weir_span_cstr(p->tenant), weir_span_cstr(id), s->key);
    store_again(w, s, p);
}

static void delete (struct world *w, struct stored_cert *s)
{
    commit(w, s, WEIR_SPAN_EMPTY);
}

/* -- finding -- */

static enum weir_err find(struct world *w, const char *tenant, const char *sni, unsigned kinds,
                          struct weir_tls_identity **ret)
{
    return weir_cert_cache_find(w->cache, weir_span_cstr(tenant), weir_span_cstr(sni), kinds, ret);
}

/* Each stored certificate is found by the identity that was made of it: its kind tells few apart,
 * so the test remembers which identity came of a unique look-up. */
static struct weir_tls_identity *identity(struct world *w, const char *tenant, const char *sni,
                                          unsigned kinds)
{
    struct weir_tls_identity *id = NULL;

    assert_int_equal(find(w, tenant, sni, kinds, &id), WEIR_OK);
    assert_non_null(id);
    return id;
}

static void expect_none(struct world *w, const char *tenant, const char *sni, unsigned kinds)
{
    struct weir_tls_identity *id = NULL;

    assert_int_equal(find(w, tenant, sni, kinds, &id), WEIR_ENOTFOUND);
    assert_null(id);
}

static void a_stored_certificate_serves_its_names_and_its_tenant_alone(void **state)
{
    struct world *w = world_new(64, 1 << 20);
    struct stored_cert s;
    struct put p = { .tenant = "shop", .names = { "shop.example", "www.shop.example" } };

    expect_none(w, "shop", "shop.example", ANY);
    store(w, &s, &p);
    assert_true(w->names_changed);
    struct weir_tls_identity *id = identity(w, "shop", "shop.example", ANY);
    assert_int_equal(weir_tls_identity_kind(id), WEIR_TLS_KEY_P256);
    assert_ptr_equal(identity(w, "shop", "www.shop.example", ANY), id);
    assert_ptr_equal(identity(w, "shop", "other.example", ANY), id); /* the fallback */
    assert_ptr_equal(identity(w, "shop", "", ANY), id);
    expect_none(w, "shop2", "shop.example", ANY);
    expect_none(w, "sho", "shop.example", ANY);
    expect_none(w, "shop", "shop.example", RSA_KEY);
    assert_int_equal(weir_cert_cache_len(w->cache), 1);
    assert_int_equal(metric(w, WEIR_M_CERT_LOADS), 1);
    delete (w, &s);
    assert_int_equal(weir_cert_cache_len(w->cache), 0);
    expect_none(w, "shop", "shop.example", ANY);
    cert_free(&s.cert);
    world_free(w);
}

static void exact_names_go_before_wildcards_and_those_before_the_fallback(void **state)
{
    struct world *w = world_new(64, 1 << 20);
    struct stored_cert exact, wild, other;
    struct put p_exact = { .tenant = "t", .names = { "a.shop.example" } };
    struct put p_wild = { .tenant = "t", .names = { "*.shop.example" } };
    struct put p_other = { .tenant = "t", .names = { "x.example" }, .fallback = true };

    store(w, &exact, &p_exact);
    struct weir_tls_identity *id_exact = identity(w, "t", "a.shop.example", ANY);
    store(w, &wild, &p_wild);
    struct weir_tls_identity *id_wild = identity(w, "t", "b.shop.example", ANY);
    store(w, &other, &p_other);
    struct weir_tls_identity *id_other = identity(w, "t", "x.example", ANY);
    assert_ptr_not_equal(id_exact, id_wild);
    assert_ptr_equal(identity(w, "t", "a.shop.example", ANY), id_exact);
    assert_ptr_equal(identity(w, "t", "c.shop.example", ANY), id_wild);
    assert_ptr_equal(identity(w, "t", "d.c.shop.example", ANY), id_other); /* one label alone */
    assert_ptr_equal(identity(w, "t", "shop.example", ANY), id_other);
    assert_ptr_equal(identity(w, "t", "", ANY), id_other);
    delete (w, &exact);
    assert_ptr_equal(identity(w, "t", "a.shop.example", ANY), id_wild);
    cert_free(&exact.cert);
    cert_free(&wild.cert);
    cert_free(&other.cert);
    world_free(w);
}

static void of_one_name_both_kinds_of_keys_are_served(void **state)
{
    struct world *w = world_new(64, 1 << 20);
    struct stored_cert ec, rsa, p384;
    struct put p = { .tenant = "t", .names = { "a.example" } };

    store(w, &ec, &p);
    p.nid = NID_rsaEncryption;
    p.not_before = CERT_NOW - 10; /* newer: the kind counts more */
    store(w, &rsa, &p);
    p.nid = NID_secp384r1;
    store(w, &p384, &p);
    assert_int_equal(weir_tls_identity_kind(identity(w, "t", "a.example", ANY)), WEIR_TLS_KEY_P256);
    assert_int_equal(weir_tls_identity_kind(identity(w, "t", "a.example", RSA_KEY)), RSA_KEY);
    assert_int_equal(weir_tls_identity_kind(identity(w, "t", "a.example", ECDSA)),
                     WEIR_TLS_KEY_P256);
    assert_int_equal(
        weir_tls_identity_kind(identity(w, "t", "a.example", RSA_KEY | WEIR_TLS_KEY_P384)),
        WEIR_TLS_KEY_P384);
    expect_none(w, "t", "a.example", WEIR_TLS_KEY_P521);
    /* A name's certificate of any kind goes before a fallback of a better kind. */
    delete (w, &ec);
    delete (w, &p384);
    struct stored_cert other;
    struct put p_other = { .tenant = "t", .names = { "b.example" }, .fallback = true };
    store(w, &other, &p_other);
    assert_int_equal(weir_tls_identity_kind(identity(w, "t", "a.example", ANY)), RSA_KEY);
    cert_free(&ec.cert);
    cert_free(&rsa.cert);
    cert_free(&p384.cert);
    cert_free(&other.cert);
    world_free(w);
}

static void the_newest_of_a_kind_wins_and_a_link_before_it(void **state)
{
    struct world *w = world_new(64, 1 << 20);
    struct stored_cert old, new, linked;
    struct put p = { .tenant = "t", .names = { "a.example" }, .not_before = CERT_NOW - 100 };

    store(w, &old, &p);
    struct weir_tls_identity *id_old = identity(w, "t", "a.example", ANY);
    p.not_before = CERT_NOW - 50;
    store(w, &new, &p);
    struct weir_tls_identity *id_new = identity(w, "t", "a.example", ANY);
    assert_ptr_not_equal(id_old, id_new);
    assert_ptr_equal(identity(w, "t", "", ANY), id_new);
    struct put p_linked = { .tenant = "t",
                            .names = { "b.example" },
                            .links = { "a.example" },
                            .nid = NID_rsaEncryption,
                            .not_before = CERT_NOW - 900 };
    store(w, &linked, &p_linked);
    assert_int_equal(weir_tls_identity_kind(identity(w, "t", "a.example", ANY)), RSA_KEY);
    assert_ptr_equal(identity(w, "t", "a.example", ECDSA),
                     id_new); /* it cannot use the linked one */
    p_linked.links[0] = NULL;
    store_again(w, &linked, &p_linked);
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id_new);
    delete (w, &new);
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id_old);
    cert_free(&old.cert);
    cert_free(&new.cert);
    cert_free(&linked.cert);
    world_free(w);
}

static void time_makes_certificates_valid_and_ends_them(void **state)
{
    struct world *w = world_new(64, 1 << 20);
    struct stored_cert now, next;
    struct put p_now = { .tenant = "t", .names = { "a.example" }, .not_after = CERT_NOW + 100 };
    struct put p_next = { .tenant = "t",
                          .names = { "a.example" },
                          .not_before = CERT_NOW + 50,
                          .not_after = CERT_NOW + 70 };

    store(w, &next, &p_next);
    struct weir_tls_identity *id_next = identity(w, "t", "a.example", ANY); /* better than none */
    store(w, &now, &p_now);
    struct weir_tls_identity *id_now = identity(w, "t", "a.example", ANY);
    assert_ptr_not_equal(id_now, id_next);
    clock_s = CERT_NOW + 49;
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id_now);
    clock_s = CERT_NOW + 50;
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id_next);
    clock_s = CERT_NOW + 70;
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id_now);
    clock_s = CERT_NOW + 100;
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id_next); /* both are over: the newest */
    assert_int_equal(metric(w, WEIR_M_CERT_LOADS), 2);
    cert_free(&now.cert);
    cert_free(&next.cert);
    world_free(w);
}

static void a_record_that_cannot_be_used_does_not_replace_one_that_serves(void **state)
{
    static const struct weir_secret other_secret = { { 43 } };
    struct world *w = world_new(64, 1 << 20);
    struct weir_tls_identity *id = NULL;
    struct stored_cert s;
    struct put p = { .tenant = "t", .names = { "a.example" }, .secret = &other_secret };

    weir_log_set_level(WEIR_LOG_ERROR);
    store(w, &s, &p);
    for (int i = 0; i < 3; i++)
        assert_int_equal(find(w, "t", "a.example", ANY, &id), WEIR_EPERM);
    assert_int_equal(metric(w, WEIR_M_CERT_LOAD_ERRORS), 1); /* logged and counted once */
    p.secret = NULL;
    store_again(w, &s, &p);
    id = identity(w, "t", "a.example", ANY);
    p.damage = "\1too short to be one";
    store_again(w, &s, &p);
    assert_ptr_equal(identity(w, "t", "a.example", ANY), id);
    assert_int_equal(metric(w, WEIR_M_CERT_LOAD_ERRORS), 2);
    /* Another one of the name serves instead of one that never could. */
    struct stored_cert good;
    struct put p_good = { .tenant = "u", .names = { "a.example" }, .not_before = CERT_NOW - 900 };
    struct stored_cert bad;
    struct put p_bad = { .tenant = "u", .names = { "a.example" }, .damage = "\1x" };
    store(w, &good, &p_good);
    store(w, &bad, &p_bad);
    assert_non_null(identity(w, "u", "a.example", ANY));
    cert_free(&s.cert);
    cert_free(&good.cert);
    cert_free(&bad.cert);
    world_free(w);
}

static void a_reference_outlives_the_certificate(void **state)
{
    struct world *w = world_new(64, 1 << 20);
    struct stored_cert s;
    struct put p = { .tenant = "t", .names = { "a.example" } };

    store(w, &s, &p);
    struct weir_tls_identity *id = weir_tls_identity_ref(identity(w, "t", "a.example", ANY));
    delete (w, &s);
    assert_int_equal(weir_tls_identity_kind(id), WEIR_TLS_KEY_P256);
    weir_tls_identity_unref(id);
    cert_free(&s.cert);
    world_free(w);
}

static void both_bounds_hold_and_who_is_used_stays(void **state)
{
    enum { NUM = 12 };
    struct world *w = world_new(4, 1 << 20);
    struct stored_cert s[NUM];
    char names[NUM][32];

    for (int i = 0; i < NUM; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d.example", i);
        struct put p = { .tenant = "t", .names = { names[i] } };
        store(w, &s[i], &p);
        assert_non_null(identity(w, "t", names[i], ANY));
        assert_non_null(identity(w, "t", names[0], ANY));
        assert_true(weir_cert_cache_len(w->cache) <= 4);
    }
    uint64_t loads = metric(w, WEIR_M_CERT_LOADS);
    assert_non_null(identity(w, "t", names[0], ANY));
    assert_int_equal(metric(w, WEIR_M_CERT_LOADS), loads);
    assert_true(metric(w, WEIR_M_CERT_EVICTIONS) >= NUM - 4);

    size_t one = weir_cert_cache_bytes(w->cache) / weir_cert_cache_len(w->cache);
    weir_cert_cache_free(&w->cache);
    cache_open(w, 64, 3 * one + one / 2);
    for (int i = 0; i < NUM; i++) {
        assert_non_null(identity(w, "t", names[i], ANY));
        assert_true(weir_cert_cache_bytes(w->cache) <= 3 * one + one / 2);
    }
    weir_cert_cache_free(&w->cache);
    cache_open(w, 64, 1); /* less than one takes: one is held all the same */
    for (int i = 0; i < NUM; i++) {
        assert_non_null(identity(w, "t", names[i], ANY));
        assert_int_equal(weir_cert_cache_len(w->cache), 1);
    }
    for (int i = 0; i < NUM; i++)
        cert_free(&s[i].cert);
    world_free(w);
}

static enum weir_err get(struct world *w, const char *tenant, const char *id,
                         struct weir_tls_identity **ret)
{
    return weir_cert_cache_get(w->cache, weir_span_cstr(tenant), weir_span_cstr(id), ret);
}

static void a_certificate_is_found_by_its_id_whatever_its_names_and_dates_are(void **state)
{
    struct world *w = world_new(4, 1u << 20);
    struct stored_cert s;
    struct weir_tls_identity *id = NULL, *again = NULL;
    char text[WEIR_CERT_ID_LEN + 1];
    static const char nobodys[] = "00000000000000000000000000000000";

    (void)state;
    store(w, &s, &(struct put){ .tenant = "shop", .not_after = CERT_NOW - 1 });
    weir_cert_id(s.cert.der, text);
    assert_int_equal(get(w, "shop", text, &id), WEIR_OK);
    assert_non_null(id);
    uint64_t loads = metric(w, WEIR_M_CERT_LOADS);
    assert_int_equal(get(w, "shop", text, &again), WEIR_OK);
    assert_ptr_equal(again, id);
    assert_int_equal(metric(w, WEIR_M_CERT_LOADS), loads);
    assert_int_equal(get(w, "other", text, &again), WEIR_ENOTFOUND);
    assert_int_equal(get(w, "shop", nobodys, &again), WEIR_ENOTFOUND);
    assert_int_equal(weir_cert_cache_len(w->cache), 1);
    delete (w, &s);
    assert_int_equal(get(w, "shop", text, &again), WEIR_ENOTFOUND);
    assert_int_equal(weir_cert_cache_len(w->cache), 0);
    cert_free(&s.cert);
    world_free(w);
}

static void unknown_names_take_no_memory(void **state)
{
    struct world *w = world_new(4, 1 << 20);
    char name[300];

    memset(name, 'a', sizeof(name));
    weir_failalloc_after(-1);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "%0*d.example", 1 + i % 240, i);
        expect_none(w, "t", name, ANY);
    }
    assert_int_equal(weir_failalloc_count(), 0);
    assert_int_equal(weir_cert_cache_len(w->cache), 0);
    world_free(w);
}

static void an_overflow_reads_every_record_again(void **state)
{
    struct world *w = world_new(8, 1 << 20);
    struct stored_cert s;
    struct put p = { .tenant = "t", .names = { "a.example" } };
    struct kit_write kw;

    store(w, &s, &p);
    assert_non_null(identity(w, "t", "a.example", ANY));
    kit_write_init(&kw, key_of(&s), WEIR_SPAN_EMPTY);
    kw.w.class = WEIR_CLASS_CERT;
    kw.w.delete = true;
    assert_int_equal(kit_run(&w->kit, &kw), WEIR_OK); /* and nobody reports it */
    assert_non_null(identity(w, "t", "a.example", ANY));
    weir_cert_cache_drop_all(w->cache);
    expect_none(w, "t", "a.example", ANY);
    cert_free(&s.cert);
    world_free(w);
}

static void without_memory_a_look_up_fails_and_the_next_one_succeeds(void **state)
{
    struct world *w = world_new(8, 1 << 20);
    struct stored_cert s;
    struct put p = { .tenant = "t", .names = { "a.example" } };
    bool done = false;

    weir_log_set_level(WEIR_LOG_ERROR);
    store(w, &s, &p);
    for (long n = 1; !done; n++) {
        struct weir_tls_identity *id = NULL;
        weir_failalloc_once(n);
        enum weir_err err = find(w, "t", "a.example", ANY, &id);
        unsigned long count = weir_failalloc_count();
        weir_failalloc_once(-1);
        done = (unsigned long)n > count;
        /* BoringSSL does not tell a key that it cannot read from memory that it lacks. */
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM || err == WEIR_EINVAL);
        assert_true(!done || err == WEIR_OK);
        weir_cert_cache_free(&w->cache);
        cache_open(w, 8, 1 << 20);
        assert_true(n < 1000);
    }
    cert_free(&s.cert);
    world_free(w);
}

/* -- the index -- */

static void ranks_survive_their_number(void **state)
{
    static const enum weir_tls_key_kind kinds[] = { WEIR_TLS_KEY_P256, WEIR_TLS_KEY_ED25519,
                                                    WEIR_TLS_KEY_P384, WEIR_TLS_KEY_P521,
                                                    WEIR_TLS_KEY_RSA };
    static const uint64_t times[] = { 0, 1, CERT_NOW, (UINT64_C(1) << 60) - 1 };
    uint64_t last = 0;

    for (int unlinked = 0; unlinked < 2; unlinked++)
        for (size_t k = 0; k < WEIR_ARRAY_LEN(kinds); k++)
            for (size_t t = WEIR_ARRAY_LEN(times); t-- > 0;) {
                struct weir_cert_rank in = { unlinked == 0, kinds[k], times[t] };
                struct weir_cert_rank out;
                uint64_t number = weir_cert_rank_pack(&in);
                assert_true(number >= last); /* the order of preference is that of numbers */
                last = number;
                assert_true(weir_cert_rank_unpack(number, &out));
                assert_int_equal(out.linked, in.linked);
                assert_int_equal(out.kind, in.kind);
                assert_int_equal(out.not_before, in.not_before);
            }
    struct weir_cert_rank far = { true, WEIR_TLS_KEY_RSA, UINT64_MAX };
    struct weir_cert_rank back;
    assert_true(weir_cert_rank_unpack(weir_cert_rank_pack(&far), &back));
    assert_int_equal(back.not_before, (UINT64_C(1) << 60) - 1);
    assert_false(weir_cert_rank_unpack(UINT64_C(5) << 60, &back));
}

static void keys_of_records_are_split_and_checked(void **state)
{
    static const char *const bad[] = { "",
                                       "t",
                                       "/0123456789abcdef0123456789abcdef",
                                       "t/0123456789abcdef0123456789abcde",
                                       "t/0123456789abcdef0123456789abcdeF",
                                       "t/0123456789abcdef0123456789abcdeg",
                                       "t.0123456789abcdef0123456789abcdef",
                                       "a/t/0123456789abcdef0123456789abcdef" };
    uint8_t key[WEIR_CERT_KEY_MAX];
    struct weir_span tenant;
    struct weir_span id;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_false(weir_cert_key_split(weir_span_cstr(bad[i]), &tenant, &id));
    size_t len = weir_cert_key(WEIR_SPAN_LIT("shop"),
                               WEIR_SPAN_LIT("0123456789abcdef0123456789abcdef"), key);
    assert_true(weir_cert_key_split(weir_span(key, len), &tenant, &id));
    assert_true(weir_span_eq(tenant, WEIR_SPAN_LIT("shop")));
    assert_int_equal(id.len, WEIR_CERT_ID_LEN);
}

static void hostile_records_have_no_rows_and_serve_nobody(void **state)
{
    static const char *const values[] = { "", "\xff\xff", "\x0a\x01x", "\x12\x01x" };
    struct world *w = world_new(8, 1 << 20);
    struct stored_cert s = { .key_len = 0 };

    memcpy(s.key, "t/0123456789abcdef0123456789abcdef", 34);
    s.key_len = 34;
    for (size_t i = 1; i < WEIR_ARRAY_LEN(values); i++) {
        commit(w, &s, weir_span_cstr(values[i]));
        assert_false(w->names_changed);
        expect_none(w, "t", "", ANY);
    }
    world_free(w);
}

static void certificates_are_no_conflict_and_no_hosts(void **state)
{
    struct world *w = world_new(8, 1 << 20);
    struct weir_store_stats stats;
    struct weir_span owner;
    struct stored_cert a, b;
    struct put p = { .tenant = "t", .names = { "A.Example", "*.a.example", "bad name" } };

    store(w, &a, &p);
    store(w, &b, &p);
    assert_int_equal(weir_store_stats(w->kit.r, &stats), WEIR_OK);
    assert_int_equal(stats.num_conflicts, 0);
    assert_int_equal(stats.num_tenants, 0);
    assert_int_equal(weir_store_read_begin(w->kit.r), WEIR_OK);
    assert_int_equal(weir_store_index_count(w->kit.r, WEIR_INDEX_HOST), 0);
    assert_int_equal(
        weir_store_index_owner(w->kit.r, WEIR_INDEX_HOST, WEIR_SPAN_LIT("a.example"), &owner),
        WEIR_ENOTFOUND);
    weir_store_read_end(w->kit.r);
    assert_non_null(identity(w, "t", "a.example", ANY)); /* names are lower case in the index */
    delete (w, &a);
    delete (w, &b);
    expect_none(w, "t", "a.example", ANY);
    cert_free(&a.cert);
    cert_free(&b.cert);
    world_free(w);
}

static int keys_free(void **state)
{
    cert_keys_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_certificate_serves_its_names_and_its_tenant_alone),
        cmocka_unit_test(exact_names_go_before_wildcards_and_those_before_the_fallback),
        cmocka_unit_test(of_one_name_both_kinds_of_keys_are_served),
        cmocka_unit_test(the_newest_of_a_kind_wins_and_a_link_before_it),
        cmocka_unit_test(time_makes_certificates_valid_and_ends_them),
        cmocka_unit_test(a_record_that_cannot_be_used_does_not_replace_one_that_serves),
        cmocka_unit_test(a_reference_outlives_the_certificate),
        cmocka_unit_test(both_bounds_hold_and_who_is_used_stays),
        cmocka_unit_test(a_certificate_is_found_by_its_id_whatever_its_names_and_dates_are),
        cmocka_unit_test(unknown_names_take_no_memory),
        cmocka_unit_test(an_overflow_reads_every_record_again),
        cmocka_unit_test(without_memory_a_look_up_fails_and_the_next_one_succeeds),
        cmocka_unit_test(ranks_survive_their_number),
        cmocka_unit_test(keys_of_records_are_split_and_checked),
        cmocka_unit_test(hostile_records_have_no_rows_and_serve_nobody),
        cmocka_unit_test(certificates_are_no_conflict_and_no_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, keys_free);
}
