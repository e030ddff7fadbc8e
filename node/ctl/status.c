/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c - see status.h.
 */
#include "node/ctl/status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/ctl/doctor.h"
#include "node/ctl/node_counters.h"

/* The second number of /proc/self/statm is the resident pages. procfs is memory, so this waits
 * for no disk. */
uint64_t weir_resident_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    const char *second = strchr(text, ' ');
    if (second == NULL)
        return 0;
    return strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

const char *weir_node_state_name(const struct weir_node *node, const struct weir_store_stats *stats)
{
    switch (node->state) {
    case WEIR_NODE_STARTING:
        return "starting";
    case WEIR_NODE_DRAINING:
        return "draining";
    case WEIR_NODE_SERVING:
        return stats->writable ? "serving" : "readonly";
    }
    WEIR_UNREACHABLE();
}

/* How far a drain is. NULL: no memory. */
static char *drain_text(struct weir_node *node, struct weir_arena *arena)
{
    struct weir_workers_progress left;
    uint64_t now = uv_now(node->loop);
    uint64_t until = node->drain_until_ms;
    weir_workers_progress(node->workers, &left);
    return weir_arena_printf(arena,
                             "draining: connections left %u, requests left %u, %llu s to the "
                             "deadline; `weir undrain` takes it back",
                             left.connections, left.requests,
                             (unsigned long long)(until > now ? (until - now + 999) / 1000 : 0));
}

/* A drain, and what the doctor finds beyond "ok", as sentences in the arena: status and doctor have
 * one source. */
static enum weir_err fill_warnings(struct weir_node *node, struct weir_arena *arena,
                                   Weir__V1__NodeStatus *s)
{
    struct weir_doctor d;
    weir_doctor_init(&d, node);
    weir_doctor_node(&d);
    enum weir_err err = d.err;
    s->warnings = weir_arena_calloc(arena, d.num + 1, sizeof(char *));
    if (err == WEIR_OK && s->warnings == NULL)
        err = WEIR_ENOMEM;
    if (err == WEIR_OK && node->state == WEIR_NODE_DRAINING && node->workers != NULL) {
        char *line = drain_text(node, arena);
        if (line == NULL)
            err = WEIR_ENOMEM;
        else
            s->warnings[s->n_warnings++] = line;
    }
    for (size_t i = 0; i < d.num && err == WEIR_OK; i++) {
        const Weir__V1__DoctorCheck *check = d.list[i];
        if (strcmp(check->outcome, "ok") == 0)
            continue;
        char *line = weir_arena_printf(arena, "%s: %s%s%s", check->name, check->message,
                                       check->hint != NULL ? "; " : "",
                                       check->hint != NULL ? check->hint : "");
        if (line == NULL)
            err = WEIR_ENOMEM;
        else
            s->warnings[s->n_warnings++] = line;
    }
    weir_doctor_deinit(&d);
    return err;
}

static enum weir_err read_store_stats(struct weir_node *node, struct weir_store_stats *ret)
{
    enum weir_err err = weir_store_read_begin(node->reader);
    if (err < 0)
        return err;
    err = weir_store_stats(node->reader, ret);
    weir_store_read_end(node->reader);
    return err;
}

static void fill_node(struct weir_node *node, const struct weir_store_stats *stats,
                      Weir__V1__NodeStatus *s)
{
    s->name = (char *)node->config->name;
    s->state = (char *)weir_node_state_name(node, stats);
    s->version = (char *)WEIR_VERSION;
    s->has_uptime_s = 1;
    s->uptime_s = (weir_clock_mono_ns() - node->started_ns) / 1000000000u;
    s->has_workers = 1;
    s->workers = node->workers != NULL ? weir_workers_num(node->workers) : 0;
    s->has_tenants = 1;
    s->tenants = stats->num_tenants;
    s->has_connections = 1;
    s->connections = weir_node_sum(node, WEIR_M_CONNECTIONS_OPEN);
    s->has_requests_per_s = 1;
    s->requests_per_s = weir_rate_per_s(&node->rate);
    s->has_requests_total = 1;
    s->requests_total = weir_node_requests(node);
    s->has_store_used_bytes = 1;
    s->store_used_bytes = stats->used_bytes;
    s->has_store_max_bytes = 1;
    s->store_max_bytes = stats->max_bytes;
    s->has_seq = 1;
    s->seq = stats->seq;
    s->has_lag = 1;
    s->lag = 0; /* a single node is behind nobody */
    s->has_certificates = 1;
    s->certificates = node->certs.counts.num;
    s->has_conflicts = 1;
    s->conflicts = stats->num_conflicts;
    s->admin_certificate = node->certificate[0] != '\0' ? node->certificate : NULL;
    s->has_resident_bytes = 1;
    s->resident_bytes = weir_resident_bytes();
}

static char *lane_text(const uint8_t lane[WEIR_LANE_LEN], struct weir_arena *arena)
{
    char *text = weir_arena_alloc(arena, 2 * WEIR_LANE_LEN + 1);
    for (size_t i = 0; text != NULL && i < WEIR_LANE_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", lane[i]);
    return text;
}

enum weir_err weir_status_fill(struct weir_node *node, struct weir_arena *arena,
                               Weir__V1__StatusResponse *ret)
{
    struct weir_store_stats stats;
    enum weir_err err = read_store_stats(node, &stats);
    if (err < 0)
        return err;
    Weir__V1__NodeStatus *s = weir_arena_alloc(arena, sizeof(*s));
    Weir__V1__NodeStatus **list = weir_arena_alloc(arena, sizeof(Weir__V1__NodeStatus *));
    char *lane = lane_text(stats.lane, arena);
    if (s == NULL || list == NULL || lane == NULL)
        return WEIR_ENOMEM;
    weir__v1__node_status__init(s);
    fill_node(node, &stats, s);
    s->lane = lane;
    err = fill_warnings(node, arena, s);
    if (err < 0)
        return err;
    list[0] = s;
    ret->nodes = list;
    ret->n_nodes = 1;
    return WEIR_OK;
}

static void write_gauge(struct weir_strbuf *out, const char *name, const char *help, uint64_t value)
{
    weir_strbuf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name,
                       (unsigned long long)value);
}

static void write_certificates(struct weir_node *node, struct weir_strbuf *out)
{
    const struct weir_cert_counts *c = &node->certs.counts;
    static const char name[] = "weir_certificate_soonest_expiry_seconds";
    write_gauge(out, "weir_certificates", "Certificates in the store.", c->num);
    write_gauge(out, "weir_certificates_expired",
                "Certificates that have expired and that no newer one stands in for.", c->expired);
    write_gauge(out, "weir_certificates_expiring", "The same that expire within 14 days.",
                c->expiring);
    if (!c->has_soonest)
        return;
    weir_strbuf_printf(out,
                       "# HELP %s Time left of the certificate that expires first, below 0 when it "
                       "has.\n# TYPE %s gauge\n%s %lld\n",
                       name, name, name,
                       (long long)(c->soonest_s - (int64_t)(weir_clock_wall_ms() / 1000)));
}

enum weir_err weir_status_metrics(struct weir_node *node, struct weir_strbuf *out)
{
    const struct weir_metrics *blocks[WEIR_BLOCKS_MAX];
    struct weir_store_stats stats;
    enum weir_err err = read_store_stats(node, &stats);
    if (err < 0)
        return err;
    weir_metrics_write(blocks, weir_node_blocks(node, blocks), out);
    if (node->workers != NULL)
        err = weir_workers_write_counters(node->workers, out);
    if (err < 0)
        return err;
    weir_strbuf_puts(out, "# HELP weir_build_info The version of this node.\n"
                          "# TYPE weir_build_info gauge\n"
                          "weir_build_info{version=\"" WEIR_VERSION "\"} 1\n");
    write_gauge(out, "weir_uptime_seconds", "Time since the node started.",
                (weir_clock_mono_ns() - node->started_ns) / 1000000000u);
    write_gauge(out, "weir_resident_bytes", "Memory of the process.", weir_resident_bytes());
    write_gauge(out, "weir_draining", "1 while the node takes no new work.",
                node->state == WEIR_NODE_DRAINING);
    write_gauge(out, "weir_tenants", "Tenants in the store.", stats.num_tenants);
    write_certificates(node, out);
    write_gauge(out, "weir_conflicts", "Names claimed by more than one tenant.",
                stats.num_conflicts);
    write_gauge(out, "weir_store_used_bytes", "Bytes of the store in use.", stats.used_bytes);
    write_gauge(out, "weir_store_limit_bytes", "Bytes that the store may grow to.",
                stats.max_bytes);
    write_gauge(out, "weir_store_writable", "0 while the store refuses writes.", stats.writable);
    return WEIR_OK;
}
