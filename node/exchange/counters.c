/* SPDX-License-Identifier: Apache-2.0
 *
 * counters.c - see counters.h. The labels of a row are words that the version guards as in a
 * seqlock: the worker makes it odd, replaces the words, makes it even. A reader copies the row and
 * takes it only if the version is even and has not changed meanwhile.
 */
#include "node/exchange/counters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REST          0 /* the row of the rest */
#define RECLAIM_PROBE 8 /* rows that are tried for room in one call */
#define READ_TRIES    4
#define ROWS          (WEIR_COUNTER_ROWS_MAX + 1)

struct weir_counters {
    size_t num_words; /* of the labels of a row */
    _Atomic uint64_t *labels;
    struct weir_hashmap map; /* key -> row */
    uint32_t num_used;       /* rows that were ever used, with the rest */
    uint32_t reclaim_at;
    struct weir_counter_row rows[ROWS];
};

struct weir_counters *weir_counters_new(size_t labels_max, uint64_t seed)
{
    WEIR_ASSERT(labels_max > 0 && labels_max % sizeof(uint64_t) == 0);
    struct weir_counters *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->num_words = labels_max / sizeof(uint64_t);
    c->labels = calloc(ROWS * c->num_words, sizeof(*c->labels));
    if (c->labels == NULL) {
        free(c);
        return NULL;
    }
    weir_hashmap_init(&c->map, seed, WEIR_COUNTER_ROWS_MAX);
    atomic_store_explicit(&c->rows[REST].version, 2, memory_order_relaxed);
    c->num_used = 1;
    c->reclaim_at = 1;
    return c;
}

void weir_counters_free(struct weir_counters **cp)
{
    struct weir_counters *c = *cp;
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->num_used; i++)
        WEIR_ASSERT(c->rows[i].pins == 0);
    weir_hashmap_deinit(&c->map);
    free((void *)c->labels);
    free(c);
    *cp = NULL;
}

/* -- the worker's side -- */

static struct weir_span key_span(const struct weir_counter_row *r)
{
    return weir_span(&r->key, sizeof(r->key));
}

static uint32_t version_of(const struct weir_counter_row *r)
{
    return atomic_load_explicit(&r->version, memory_order_relaxed);
}

static size_t append_text(char *at, size_t len, size_t max, const uint8_t *from, size_t num)
{
    for (size_t i = 0; i < num && len < max; i++) {
        bool plain = from[i] >= 0x20 && from[i] <= 0x7e && from[i] != '"' && from[i] != '\\';
        at[len++] = (char)(plain ? from[i] : '_');
    }
    return len;
}

/* The labels as text: name="value",name="value". @return false: longer than a row holds */
static bool write_labels(struct weir_labels labels, char *text, size_t max)
{
    size_t len = 0;
    memset(text, 0, max);
    for (size_t i = 0; i < labels.num; i++) {
        size_t name_len = strlen(labels.at[i].name);
        if (len + name_len + labels.at[i].value.len + 4 >= max)
            return false;
        if (i > 0)
            text[len++] = ',';
        memcpy(text + len, labels.at[i].name, name_len);
        len += name_len;
        text[len++] = '=';
        text[len++] = '"';
        len = append_text(text, len, max, labels.at[i].value.at, labels.at[i].value.len);
        text[len++] = '"';
    }
    return true;
}

static void add_to_rest(struct weir_counters *c, struct weir_counter_row *r)
{
    for (unsigned i = 0; i < WEIR_COUNTER_CELLS; i++) {
        uint64_t n = atomic_load_explicit(&r->cells[i], memory_order_relaxed);
        weir_counter_add(&c->rows[REST], i, n);
        atomic_store_explicit(&r->cells[i], 0, memory_order_release);
    }
}

/* A row that was never used, or one that is unused for long. NULL: none was found. */
static struct weir_counter_row *find_room(struct weir_counters *c, uint64_t now_ms)
{
    if (c->num_used < ROWS)
        return &c->rows[c->num_used++];
    for (int i = 0; i < RECLAIM_PROBE; i++) {
        struct weir_counter_row *r = &c->rows[c->reclaim_at];
        c->reclaim_at = c->reclaim_at + 1 < ROWS ? c->reclaim_at + 1 : 1;
        if (r->pins == 0 && now_ms - r->used_ms >= WEIR_COUNTER_UNUSED_MS)
            return r;
    }
    return NULL;
}

/* Give the row to another label set. */
static void replace_labels(struct weir_counters *c, struct weir_counter_row *r, uint64_t key,
                           const uint64_t *words)
{
    uint32_t version = version_of(r);
    _Atomic uint64_t *labels = c->labels + (size_t)(r - c->rows) * c->num_words;
    /* Released by each of the stores below: a reader that sees one of them sees the odd version
     * too. */
    atomic_store_explicit(&r->version, version + 1, memory_order_relaxed);
    add_to_rest(c, r);
    for (size_t i = 0; i < c->num_words; i++)
        atomic_store_explicit(&labels[i], words[i], memory_order_release);
    atomic_store_explicit(&r->mark_key, key, memory_order_release);
    atomic_store_explicit(&r->version, version + 2, memory_order_release);
    r->key = key;
}

static struct weir_counter_row *add_row(struct weir_counters *c, uint64_t key,
                                        struct weir_labels labels, uint64_t now_ms)
{
    uint64_t words[64];
    WEIR_ASSERT(c->num_words <= WEIR_ARRAY_LEN(words));
    if (!write_labels(labels, (char *)words, c->num_words * sizeof(words[0])))
        return &c->rows[REST];
    struct weir_counter_row *r = find_room(c, now_ms);
    if (r == NULL)
        return &c->rows[REST];
    if (version_of(r) != 0)
        (void)weir_hashmap_remove(&c->map, key_span(r));
    replace_labels(c, r, key, words);
    if (weir_hashmap_add(&c->map, key_span(r), r) == WEIR_OK)
        return r;
    /* Out of memory: the row stays without an entry, and is given to others like an unused one. */
    return &c->rows[REST];
}

struct weir_counter_row *weir_counters_hinted(struct weir_counters *c,
                                              const struct weir_counter_hint *hint, uint64_t now_ms)
{
    WEIR_ASSERT(hint->row < ROWS);
    struct weir_counter_row *r = &c->rows[hint->row];
    if (WEIR_UNLIKELY(hint->row == REST || version_of(r) != hint->version))
        return NULL;
    r->used_ms = now_ms;
    return r;
}

struct weir_counter_row *weir_counters_row(struct weir_counters *c, uint64_t key,
                                           struct weir_labels labels, uint64_t now_ms,
                                           struct weir_counter_hint *ret_hint)
{
    WEIR_ASSERT(labels.num > 0);
    struct weir_counter_row *r = weir_hashmap_find(&c->map, weir_span(&key, sizeof(key)));
    if (r == NULL)
        r = add_row(c, key, labels, now_ms);
    ret_hint->row = (uint32_t)(r - c->rows);
    ret_hint->version = version_of(r);
    r->used_ms = now_ms;
    return r;
}

/* -- a scrape -- */

struct sample {
    char *labels; /* "" for the rest; in samples.text */
    uint64_t mark_key;
    uint64_t cells[WEIR_COUNTER_CELLS];
};

struct samples {
    const char *rest;  /* the empty labels of the rest */
    struct sample *at; /* owns; [0] is the rest */
    char *text;        /* owns the labels */
    size_t num;
};

static void samples_deinit(struct samples *s)
{
    free(s->at);
    free(s->text);
}

/* @return false: the row is unused, or is being replaced */
static bool copy_row(const struct weir_counters *c, size_t i, struct sample *to)
{
    const struct weir_counter_row *r = &c->rows[i];
    const _Atomic uint64_t *labels = c->labels + i * c->num_words;
    for (int tries = 0; tries < READ_TRIES; tries++) {
        uint32_t before = atomic_load_explicit(&r->version, memory_order_acquire);
        if (before == 0)
            return false;
        for (size_t k = 0; k < c->num_words; k++) {
            uint64_t word = atomic_load_explicit(&labels[k], memory_order_acquire);
            memcpy(to->labels + k * sizeof(word), &word, sizeof(word));
        }
        to->mark_key = atomic_load_explicit(&r->mark_key, memory_order_acquire);
        for (unsigned k = 0; k < WEIR_COUNTER_CELLS; k++)
            to->cells[k] = atomic_load_explicit(&r->cells[k], memory_order_acquire);
        if ((before & 1) == 0 && version_of(r) == before)
            return true;
    }
    return false;
}

static void sum_sample(struct sample *to, const struct sample *from)
{
    for (unsigned k = 0; k < WEIR_COUNTER_CELLS; k++)
        to->cells[k] += from->cells[k];
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->labels, ((const struct sample *)b)->labels);
}

/* Equal label sets become one; those beyond the bound are added to the rest. */
static void merge_samples(struct samples *s)
{
    size_t num = 1;
    qsort(s->at + 1, s->num - 1, sizeof(s->at[0]), compare_labels);
    for (size_t i = 1; i < s->num; i++) {
        if (s->at[i].labels[0] == '\0')
            sum_sample(&s->at[0], &s->at[i]);
        else if (num > 1 && strcmp(s->at[num - 1].labels, s->at[i].labels) == 0)
            sum_sample(&s->at[num - 1], &s->at[i]);
        else if (num <= WEIR_COUNTER_ROWS_MAX)
            s->at[num++] = s->at[i];
        else
            sum_sample(&s->at[0], &s->at[i]);
    }
    s->num = num;
}

static enum weir_err collect_samples(struct weir_counters *const *tables, size_t num,
                                     struct samples *s)
{
    size_t max = num * ROWS + 1;
    size_t len = num > 0 ? (tables[0]->num_words + 1) * sizeof(uint64_t) : sizeof(uint64_t);
    *s = (struct samples){ .at = calloc(max, sizeof(*s->at)), .text = calloc(max, len), .num = 1 };
    if (s->at == NULL || s->text == NULL) {
        samples_deinit(s);
        return WEIR_ENOMEM;
    }
    s->at[0].labels = s->text;
    for (size_t t = 0; t < num; t++)
        for (size_t i = 0; i < ROWS; i++) {
            struct sample *to = &s->at[s->num];
            to->labels = s->text + s->num * len;
            if (copy_row(tables[t], i, to))
                s->num++;
        }
    merge_samples(s);
    return WEIR_OK;
}

static void write_head(struct weir_strbuf *out, const char *name, const char *type,
                       const char *help)
{
    weir_strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One line for each label set. @param more labels behind, with their comma */
static void write_cell(const struct samples *s, const char *name, const char *more, unsigned cell,
                       struct weir_strbuf *out)
{
    for (size_t i = 0; i < s->num; i++) {
        uint64_t value = s->at[i].cells[cell];
        if (value > INT64_MAX) /* a gauge, read while it moved from a row to the rest */
            value = 0;
        weir_strbuf_printf(out, "%s{%s%s} %" PRIu64 "\n", name, i == 0 ? s->rest : s->at[i].labels,
                           more, value);
    }
}

enum weir_err weir_counters_write_tenants(struct weir_counters *const *tables, size_t num,
                                          struct weir_strbuf *out)
{
    static const char *const by_class[] = {
        [WEIR_TENANT_CUT] = ",class=\"cut\"", [WEIR_TENANT_2XX] = ",class=\"2xx\"",
        [WEIR_TENANT_3XX] = ",class=\"3xx\"", [WEIR_TENANT_4XX] = ",class=\"4xx\"",
        [WEIR_TENANT_5XX] = ",class=\"5xx\"",
    };
    struct samples s;
    enum weir_err err = collect_samples(tables, num, &s);
    if (err < 0)
        return err;
    s.rest = "tenant=\"\"";
    write_head(
        out, "weir_tenant_requests_total", "counter",
        "Requests by tenant and class of status (cut: no status). At most 1000 tenants are shown; "
        "the empty tenant sums the others.");
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(by_class); i++)
        write_cell(&s, "weir_tenant_requests_total", by_class[i], i, out);
    write_head(out, "weir_tenant_requests_open", "gauge", "Requests in progress now, by tenant.");
    write_cell(&s, "weir_tenant_requests_open", "", WEIR_TENANT_OPEN, out);
    write_head(out, "weir_tenant_received_bytes_total", "counter",
               "Bytes of request bodies received, by tenant.");
    write_cell(&s, "weir_tenant_received_bytes_total", "", WEIR_TENANT_BYTES_IN, out);
    write_head(out, "weir_tenant_sent_bytes_total", "counter",
               "Bytes of response bodies sent, by tenant.");
    write_cell(&s, "weir_tenant_sent_bytes_total", "", WEIR_TENANT_BYTES_OUT, out);
    samples_deinit(&s);
    return WEIR_OK;
}

enum weir_err weir_counters_write_endpoints(struct weir_counters *const *tables, size_t num,
                                            const struct weir_failure_marks *marks, uint64_t now_ms,
                                            struct weir_strbuf *out)
{
    struct samples s;
    enum weir_err err = collect_samples(tables, num, &s);
    if (err < 0)
        return err;
    s.rest = "tenant=\"\",upstream=\"\",endpoint=\"\"";
    write_head(out, "weir_endpoint_requests_total", "counter",
               "Attempts to have a request served by an endpoint; a retry counts again.");
    write_cell(&s, "weir_endpoint_requests_total", "", WEIR_ENDPOINT_REQUESTS, out);
    write_head(out, "weir_endpoint_failures_total", "counter",
               "Attempts that failed by the endpoint's fault.");
    write_cell(&s, "weir_endpoint_failures_total", "", WEIR_ENDPOINT_FAILURES, out);
    write_head(out, "weir_endpoint_usable", "gauge",
               "1: the endpoint gets requests; 0: failures have excluded it for a while.");
    for (size_t i = 1; i < s.num; i++)
        weir_strbuf_printf(out, "weir_endpoint_usable{%s} %d\n", s.at[i].labels,
                           weir_failure_marks_usable(marks, s.at[i].mark_key, now_ms));
    samples_deinit(&s);
    return WEIR_OK;
}
