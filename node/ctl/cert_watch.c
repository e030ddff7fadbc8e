/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_watch.c - see cert_watch.h.
 */
#include "node/ctl/cert_watch.h"

#include <string.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "sync/store/store_claims.h"
#include "tenants/unpack.h"

#define LOG_EACH_S  86400
#define LOGGED_MAX  100 /* lines of one pass */
#define NAMES_ASKED 16  /* names of one certificate that are looked up */
#define DATE_LEN    10  /* of "2026-12-01T..." */

/** One slice. */
struct slice {
    struct weir_cert_watch *w;
    struct weir_store_reader *reader;
    size_t num;
    bool log;
};

void weir_cert_watch_init(struct weir_cert_watch *w)
{
    *w = (struct weir_cert_watch){ .expired = WEIR_STRBUF_ZERO,
                                   .expiring = WEIR_STRBUF_ZERO,
                                   .now_expired = WEIR_STRBUF_ZERO,
                                   .now_expiring = WEIR_STRBUF_ZERO };
}

void weir_cert_watch_deinit(struct weir_cert_watch *w)
{
    weir_strbuf_deinit(&w->expired);
    weir_strbuf_deinit(&w->expiring);
    weir_strbuf_deinit(&w->now_expired);
    weir_strbuf_deinit(&w->now_expiring);
}

void weir_cert_watch_changed(struct weir_cert_watch *w)
{
    w->again = true;
}

/* -- what stands in for it -- */

/** The search for the certificate of its kind that serves a name. */
struct better {
    struct weir_span key;
    uint32_t kind;
    uint64_t now_s;
    bool found; /* another one */
};

static bool on_claim(void *arg, struct weir_span owner, uint64_t since_hlc)
{
    struct better *b = arg;
    struct weir_cert_rank rank;

    if (!weir_cert_rank_unpack(since_hlc, &rank) || rank.kind != b->kind ||
        rank.not_before > b->now_s)
        return true;
    b->found = !weir_span_eq(owner, b->key);
    return false; /* the first of the kind serves */
}

static bool name_is_taken(struct slice *s, struct weir_span key, struct weir_span name,
                          const Weir__V1__Certificate *m)
{
    struct better b = { .key = key, .kind = m->key_kind, .now_s = s->w->now_s };
    uint8_t index_key[WEIR_CERT_INDEX_KEY_MAX];
    struct weir_span tenant;
    struct weir_span id;

    if (!weir_cert_key_split(key, &tenant, &id))
        return false;
    size_t len = weir_cert_index_key(tenant, name, index_key);
    if (len == 0 || weir_store_index_claims(s->reader, WEIR_INDEX_CERT, weir_span(index_key, len),
                                            on_claim, &b) < 0)
        return false;
    return b.found;
}

/* Do others serve all its names? */
static bool is_replaced(struct slice *s, struct weir_span key, const Weir__V1__Certificate *m)
{
    for (size_t i = 0; i < m->n_links && i < NAMES_ASKED; i++)
        if (!name_is_taken(s, key, weir_span_cstr(m->links[i]), m))
            return false;
    for (size_t i = 0; i < m->n_names && i < NAMES_ASKED; i++)
        if (!name_is_taken(s, key, weir_span_cstr(m->names[i]), m))
            return false;
    return name_is_taken(s, key, WEIR_SPAN_EMPTY, m);
}

/* -- a pass -- */

static void name_add(struct weir_strbuf *out, uint64_t num, struct weir_span key,
                     const Weir__V1__Certificate *m)
{
    char date[WEIR_RFC3339_LEN + 1];
    struct weir_span tenant = WEIR_SPAN_EMPTY;
    struct weir_span id = WEIR_SPAN_EMPTY;

    if (num > WEIR_CERT_WATCH_SHOWN || !weir_cert_key_split(key, &tenant, &id))
        return;
    weir_clock_rfc3339(m->not_after * 1000, date);
    weir_strbuf_printf(out, "%s%.*s/%.12s (%.80s, %.*s)", num > 1 ? ", " : "", (int)tenant.len,
                       (const char *)tenant.at, (const char *)id.at,
                       m->n_names > 0 ? m->names[0] : "no name", DATE_LEN, date);
}

static void expiry_log(struct slice *s, struct weir_span key, const Weir__V1__Certificate *m,
                       bool expired)
{
    char date[WEIR_RFC3339_LEN + 1];
    uint64_t num = s->w->now.expired + s->w->now.expiring;

    if (!s->log || num > LOGGED_MAX)
        return;
    weir_clock_rfc3339(m->not_after * 1000, date);
    if (expired)
        log_error("cert.expired",
                  "certificate=%.*s name=\"%.253s\" not_after=%s effect=\"it is "
                  "served on, and clients refuse it\"",
                  (int)key.len, (const char *)key.at, m->n_names > 0 ? m->names[0] : "", date);
    else
        log_warn("cert.expiring", "certificate=%.*s name=\"%.253s\" not_after=%s", (int)key.len,
                 (const char *)key.at, m->n_names > 0 ? m->names[0] : "", date);
}

static void cert_count(struct slice *s, struct weir_span key, const Weir__V1__Certificate *m)
{
    struct weir_cert_watch *w = s->w;
    bool expired = m->not_after <= w->now_s;
    bool expiring = !expired && m->not_after - w->now_s < WEIR_CERT_EXPIRING_S;
    int64_t at = m->not_after < INT64_MAX ? (int64_t)m->not_after : INT64_MAX;

    if ((expired || expiring || at < w->now.soonest_s || !w->now.has_soonest) &&
        is_replaced(s, key, m))
        return;
    if (!w->now.has_soonest || at < w->now.soonest_s)
        w->now.soonest_s = at;
    w->now.has_soonest = true;
    w->now.expired += expired;
    w->now.expiring += expiring;
    if (expired)
        name_add(&w->now_expired, w->now.expired, key, m);
    if (expiring)
        name_add(&w->now_expiring, w->now.expiring, key, m);
    if (expired || expiring)
        expiry_log(s, key, m, expired);
}

static bool on_record(void *arg, const struct weir_record *rec)
{
    struct slice *s = arg;
    struct weir_cert_watch *w = s->w;
    struct weir_arena arena;
    Weir__V1__Certificate *m = NULL;

    s->num++;
    w->now.num++;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    if (weir_certificate_unpack(rec->value, &arena, &m) == WEIR_OK)
        cert_count(s, rec->key, m);
    else
        w->now.damaged++;
    weir_arena_deinit(&arena);
    w->after_len = rec->key.len < sizeof(w->after) ? rec->key.len : sizeof(w->after);
    memcpy(w->after, rec->key.at, w->after_len);
    return true;
}

static void pass_begin(struct weir_cert_watch *w, uint64_t wall_s)
{
    w->now = (struct weir_cert_counts){ .num = 0 };
    weir_strbuf_reset(&w->now_expired);
    weir_strbuf_reset(&w->now_expiring);
    w->after_len = 0;
    w->again = false;
    w->running = true;
    w->now_s = wall_s;
}

static void pass_end(struct weir_cert_watch *w, bool logged)
{
    struct weir_strbuf swap = w->expired;

    w->expired = w->now_expired;
    w->now_expired = swap;
    swap = w->expiring;
    w->expiring = w->now_expiring;
    w->now_expiring = swap;
    w->counts = w->now;
    w->counted = true;
    w->running = false;
    w->next_s = w->now_s + WEIR_CERT_WATCH_EACH_S;
    if (logged)
        w->logged_s = w->now_s;
}

void weir_cert_watch_step(struct weir_cert_watch *w, struct weir_store_reader *reader,
                          uint64_t wall_s)
{
    struct slice s = { .w = w, .reader = reader };

    if (!w->running && !w->again && w->counted && wall_s < w->next_s)
        return;
    if (!w->running)
        pass_begin(w, wall_s);
    s.log = w->logged_s == 0 || w->now_s >= w->logged_s + LOG_EACH_S;
    if (weir_store_read_begin(reader) < 0)
        return; /* the next step tries again */
    enum weir_err err = weir_store_list(reader, WEIR_CLASS_CERT, weir_span(w->after, w->after_len),
                                        WEIR_CERT_WATCH_SLICE, on_record, &s);
    weir_store_read_end(reader);
    if (err < 0 || s.num < WEIR_CERT_WATCH_SLICE)
        pass_end(w, s.log);
}
