/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor.c - see doctor.h. Each check reports what it found in numbers, and a hint only when
 * something is to be done.
 */
#include "node/ctl/doctor.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "node/base/clock.h"
#include "node/base/hashmap.h"
#include "node/base/limits.h"
#include "node/base/rng.h"
#include "node/ctl/node_counters.h"
#include "node/ctl/node_facts.h"
#include "node/ctl/stored_tenant.h"

#define ARENA_MAX           (16u << 20)
#define FREE_MIN            (512ull << 20) /* bytes of the data folder's file system */
#define CLOCK_MIN_S         1704067200     /* 2024-01-01: before it, the clock was never set */
#define DAY_S               86400
#define CERTIFICATE_LEAST_S (14 * DAY_S) /* that are left, or it is warned of */
#define TENANTS_MAX         256          /* whose endpoints are tried */
#define DESCRIPTORS_PC      80           /* percent in use: warn */

#define ULL(n) ((unsigned long long)(n))

void weir_doctor_init(struct weir_doctor *d, struct weir_node *node)
{
    memset(d, 0, sizeof(*d));
    d->node = node;
    weir_arena_init(&d->arena, 8192, ARENA_MAX);
}

void weir_doctor_deinit(struct weir_doctor *d)
{
    weir_arena_deinit(&d->arena);
}

void weir_doctor_report(struct weir_doctor *d, const char *name, const char *outcome,
                        const char *message, const char *hint)
{
    if (message == NULL) {
        d->err = WEIR_ENOMEM;
        return;
    }
    WEIR_ASSERT(d->num < WEIR_DOCTOR_CHECKS_MAX);
    Weir__V1__DoctorCheck *check = &d->checks[d->num];
    weir__v1__doctor_check__init(check);
    check->name = (char *)name;
    check->outcome = (char *)outcome;
    check->message = (char *)message;
    check->hint = (char *)hint;
    d->list[d->num++] = check;
}

/* procfs is memory. Since Linux 6.2 the size of the folder is the number of descriptors;
 * before it the folder is read, which takes a while with a hundred thousand of them. */
static uint64_t descriptors_open(void)
{
    struct stat st;
    uint64_t num = 0;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (uint64_t)st.st_size;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        num++;
    closedir(dir);
    return num > 3 ? num - 3 : 0; /* ".", ".." and the folder itself */
}

static void check_descriptors(struct weir_doctor *d)
{
    uint64_t limit = d->node->descriptors;
    uint64_t used = descriptors_open();
    uint64_t wanted = weir_descriptors_wanted(d->node->config->max_connections);
    bool tight = used * 100 > limit * DESCRIPTORS_PC;
    bool few = limit < wanted;
    char *text = few ? weir_arena_printf(
                           &d->arena, "%llu of %llu in use, and limits.connections %u needs %llu",
                           ULL(used), ULL(limit), d->node->config->max_connections, ULL(wanted))
                     : weir_arena_printf(&d->arena, "%llu of %llu in use", ULL(used), ULL(limit));
    weir_doctor_report(d, "descriptors", tight || few ? "warn" : "ok", text,
                       tight || few ? "raise LimitNOFILE of the unit, or lower limits.connections"
                                    : NULL);
}

static void check_pipes(struct weir_doctor *d)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    bool few = weir_explain_pipes(&text);
    weir_doctor_report(d, "pipes", few ? "warn" : "ok",
                       text.failed ? NULL
                                   : weir_arena_strdup(&d->arena, weir_span(text.at, text.len)),
                       few ? "sysctl fs.pipe-user-pages-soft=16384" : NULL);
    weir_strbuf_deinit(&text);
}

static void check_store(struct weir_doctor *d, const struct weir_store_stats *s)
{
    unsigned percent = s->max_bytes > 0 ? (unsigned)(s->used_bytes * 100 / s->max_bytes) : 0;
    const char *outcome = s->writable ? (percent >= 70 ? "warn" : "ok") : "fail";
    const char *hint = NULL;
    if (!s->writable)
        hint = "no write is accepted: delete something, or raise limits.store, or make room on the "
               "disk";
    else if (percent >= 70)
        hint = "writes stop at 80 %: raise limits.store soon";
    weir_doctor_report(d, "store", outcome,
                       weir_arena_printf(&d->arena, "%llu of %llu bytes (%u %%), %llu tenants",
                                         ULL(s->used_bytes), ULL(s->max_bytes), percent,
                                         ULL(s->num_tenants)),
                       hint);
    bool broken = s->damaged || s->num_corrupt > 0;
    weir_doctor_report(
        d, "records", s->damaged ? "fail" : (broken ? "warn" : "ok"),
        weir_arena_printf(&d->arena, "%llu damaged records met since start%s", ULL(s->num_corrupt),
                          s->damaged ? ", and a page that does not hold" : ""),
        broken ? "apply the tenants named in the log again; a restart repairs pages" : NULL);
    bool tight = s->readers_max > 0 && s->readers_used * 100ull > s->readers_max * 80ull;
    weir_doctor_report(d, "readers", tight ? "warn" : "ok",
                       weir_arena_printf(&d->arena, "%u of %u reader slots in use", s->readers_used,
                                         s->readers_max),
                       tight ? "another process may have the store open; end it" : NULL);
    weir_doctor_report(d, "conflicts", s->num_conflicts > 0 ? "warn" : "ok",
                       weir_arena_printf(&d->arena, "%llu names claimed by more than one tenant",
                                         ULL(s->num_conflicts)),
                       s->num_conflicts > 0
                           ? "weir get tenants -o wide names them; remove the name "
                             "from one of the tenants"
                           : NULL);
}

static void check_overlaps(struct weir_doctor *d)
{
    struct weir_node *node = d->node;
    struct weir_overlap_count *c = &node->overlaps;
    uint64_t num = 0;
    if (weir_store_read_begin(node->reader) == WEIR_OK) {
        num = weir_overlap_count_step(c, node->reader);
        weir_store_read_end(node->reader);
    }
    const char *least = c->whole ? "" : "at least ";
    if (num == 0)
        weir_doctor_report(d, "overlaps", "ok", "no name lies below another tenant's wildcard",
                           NULL);
    else
        weir_doctor_report(d, "overlaps", "warn",
                           weir_arena_printf(&d->arena,
                                             "%s%llu name%s below wildcards of other tenants, "
                                             "for example %s of tenant %s below %s of tenant %s",
                                             least, ULL(num), num == 1 ? " lies" : "s lie", c->name,
                                             c->tenant, c->wildcard_name, c->owner),
                           "if that is wanted, list the tenant in allow_overlap of the wildcard's "
                           "owner; else remove one of the names");
}

/* As the last pass over the store has counted them, a second or so ago. */
static void check_certificates(struct weir_doctor *d)
{
    struct weir_cert_watch *w = &d->node->certs;
    const struct weir_cert_counts *c = &w->counts;
    if (c->expired + c->expiring + c->damaged == 0) {
        weir_doctor_report(
            d, "certificates", "ok",
            weir_arena_printf(&d->arena, "%llu, none expires within 14 days", ULL(c->num)), NULL);
        return;
    }
    weir_doctor_report(
        d, "certificates", "warn",
        weir_arena_printf(&d->arena, "%llu expired%s%s%s, %llu expire within 14 days%s%s%s%s",
                          ULL(c->expired), c->expired > 0 ? ": " : "",
                          c->expired > 0 && w->expired.at != NULL ? w->expired.at : "",
                          c->expired > WEIR_CERT_WATCH_SHOWN ? ", ..." : "", ULL(c->expiring),
                          c->expiring > 0 ? ": " : "",
                          c->expiring > 0 && w->expiring.at != NULL ? w->expiring.at : "",
                          c->expiring > WEIR_CERT_WATCH_SHOWN ? ", ..." : "",
                          c->damaged > 0 ? ", some are damaged" : ""),
        "get new ones and add them with weir cert add; until then the old ones are served");
}

static void check_disk(struct weir_doctor *d)
{
    struct statvfs v;
    const char *folder = d->node->config->data;
    if (statvfs(folder, &v) < 0) {
        weir_doctor_report(d, "disk", "fail",
                           weir_arena_printf(&d->arena, "%s cannot be checked", folder),
                           "see whether its file system is mounted");
        return;
    }
    uint64_t left = (uint64_t)v.f_bavail * v.f_frsize;
    weir_doctor_report(d, "disk", left < FREE_MIN ? "warn" : "ok",
                       weir_arena_printf(&d->arena, "%llu bytes free for %s", ULL(left), folder),
                       left < FREE_MIN ? "make room: a full disk stops every write" : NULL);
}

/* Versions carry wall time: a clock that was never set makes every write of this node seem old. */
static void check_clock(struct weir_doctor *d)
{
    char text[WEIR_RFC3339_LEN + 1];
    uint64_t now_ms = weir_clock_wall_ms();
    bool unset = now_ms / 1000 < CLOCK_MIN_S;
    weir_clock_rfc3339(now_ms, text);
    weir_doctor_report(d, "clock", unset ? "fail" : "ok",
                       weir_arena_printf(&d->arena, "%.*s", WEIR_RFC3339_LEN, text),
                       unset ? "set the clock: run an NTP client" : NULL);
}

static void check_listeners(struct weir_doctor *d)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    char addr[WEIR_ADDR_TEXT_MAX];
    for (size_t i = 0; i < d->node->config->num_http + d->node->config->num_https; i++) {
        weir_addr_text(weir_workers_bound(d->node->workers, i), addr);
        weir_strbuf_printf(&text, "%s%s", i > 0 ? ", " : "", addr);
    }
    weir_doctor_report(d, "listeners", "ok",
                       text.failed || text.len == 0
                           ? weir_arena_printf(&d->arena, "none")
                           : weir_arena_strdup(&d->arena, weir_span(text.at, text.len)),
                       NULL);
    weir_strbuf_deinit(&text);
}

/* What admin.listen presents. Clients refuse it when it is over, unless they know its fingerprint.
 */
static void check_certificate(struct weir_doctor *d)
{
    int64_t left_s = d->node->certificate_ends_s - (int64_t)(weir_clock_wall_ms() / 1000);
    if (d->node->certificate[0] == '\0')
        return;
    weir_doctor_report(
        d, "admin certificate",
        left_s < 0                     ? "fail"
        : left_s < CERTIFICATE_LEAST_S ? "warn"
                                       : "ok",
        left_s < 0 ? weir_arena_printf(&d->arena, "it has expired")
                   : weir_arena_printf(&d->arena, "%lld days left", (long long)(left_s / DAY_S)),
        left_s < CERTIFICATE_LEAST_S
            ? "renew the files of admin.tls, or let the node make another, and "
              "`weir reload`"
            : NULL);
}

static void check_access_log(struct weir_doctor *d)
{
    const struct weir_metrics *blocks[WEIR_BLOCKS_MAX];
    size_t num = weir_node_blocks(d->node, blocks);
    uint64_t dropped = weir_metrics_sum(blocks, num, WEIR_M_ACCESS_LOG_DROPPED);
    weir_doctor_report(d, "access log", dropped > 0 ? "warn" : "ok",
                       weir_arena_printf(&d->arena, "%llu records lost since start", ULL(dropped)),
                       dropped > 0
                           ? "the log is written too slowly: use a faster disk, or log.access: "
                             "off"
                           : NULL);
}

void weir_doctor_node(struct weir_doctor *d)
{
    struct weir_store_stats stats;
    check_clock(d);
    check_descriptors(d);
    check_pipes(d);
    check_listeners(d);
    check_certificate(d);
    check_disk(d);
    if (weir_store_stats(d->node->reader, &stats) == WEIR_OK)
        check_store(d, &stats);
    check_overlaps(d);
    check_certificates(d);
    check_access_log(d);
}

/* -- endpoints -- */

/** While endpoints are collected. */
struct gather {
    struct weir_arena *arena;
    struct weir_hashmap seen;
    struct weir_doctor_endpoint *out;
    size_t num;
    enum weir_err err;
};

static bool gather_endpoint(struct gather *g, const char *text, struct weir_span tenant)
{
    if (g->num == WEIR_DOCTOR_ENDPOINTS_MAX)
        return false;
    if (text == NULL || weir_hashmap_find(&g->seen, weir_span_cstr(text)) != NULL)
        return true;
    struct weir_doctor_endpoint *e = &g->out[g->num];
    e->text = weir_arena_strdup(g->arena, weir_span_cstr(text));
    e->tenant = weir_arena_strdup(g->arena, tenant);
    if (e->text == NULL || e->tenant == NULL)
        g->err = WEIR_ENOMEM;
    else
        g->err = weir_hashmap_add(&g->seen, weir_span_cstr(e->text), e);
    g->num += g->err == WEIR_OK ? 1 : 0;
    return g->err == WEIR_OK;
}

static bool gather_tenant(void *arg, const struct weir_record *rec)
{
    struct gather *g = arg;
    struct weir_arena arena;
    Weir__V1__StoredTenant *stored = NULL;
    bool more = true;
    weir_stored_tenant_arena_init(&arena);
    enum weir_err err = weir_stored_tenant_read(rec->value, &arena, &stored);
    size_t num = err == WEIR_OK ? stored->tenant->n_upstreams : 0;
    for (size_t i = 0; i < num && more; i++) {
        const Weir__V1__Upstream *u = stored->tenant->upstreams[i]->value;
        for (size_t j = 0; u != NULL && j < u->n_endpoints && more; j++)
            more = gather_endpoint(g, u->endpoints[j]->address, rec->key);
    }
    weir_arena_deinit(&arena);
    return more;
}

enum weir_err weir_doctor_endpoints(struct weir_doctor *d, struct weir_doctor_endpoint *out,
                                    size_t *ret_len)
{
    struct gather g = { .arena = &d->arena, .out = out };
    struct weir_store_reader *r = d->node->reader;
    uint64_t seed = 0;
    enum weir_err err = weir_rng_secret(&seed, sizeof(seed));
    if (err == WEIR_OK)
        err = weir_store_read_begin(r);
    if (err < 0)
        return err;
    weir_hashmap_init(&g.seen, seed, WEIR_DOCTOR_ENDPOINTS_MAX);
    err = weir_store_list(r, WEIR_CLASS_TENANT, WEIR_SPAN_EMPTY, TENANTS_MAX, gather_tenant, &g);
    weir_store_read_end(r);
    weir_hashmap_deinit(&g.seen);
    if (err == WEIR_OK)
        err = g.err;
    if (err == WEIR_OK)
        *ret_len = g.num;
    return err;
}
