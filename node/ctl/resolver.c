/* SPDX-License-Identifier: Apache-2.0
 *
 * resolver.c - see resolver.h. The only user of c-ares. Each look-up that runs has a slot with a
 * channel of its own: so it can be cancelled alone, and its source port is its own, which makes a
 * forged response harder. c-ares reports from inside its calls; what it reports becomes state of
 * the slot, and settle_slot is called after each of those calls.
 */
#include "node/ctl/resolver.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ares.h>

#include "node/base/list.h"
#include "node/base/log.h"
#include "node/base/rng.h"
#include "node/ctl/name_cache.h"

#define TICK_MS        50   /* how exact the limits of time are */
#define TRIES          3    /* of each server, each twice as long as the one before */
#define FIRST_TRY_PART 4    /* the first try has this part of the timeout */
#define QUIET_MS       500  /* one family has come; the other one is not waited for longer */
#define HOSTS_TTL_MS   5000 /* of what needed no server: the hosts file, localhost */
#define FILES_MS       1000 /* how often the files are looked at */
#define SLOTS_KEPT     8    /* channels that stay for the next look-up; each has 100 KiB */
#define ASKS_PER_TURN  1024

#define RESOLVER_MAGIC 0x5245534fu
#define SLOT_MAGIC     0x534c4f54u

/** A socket of c-ares on the loop. Freed by the loop. */
struct socket_watch {
    uv_poll_t poll;
    ares_socket_t fd;
    struct slot *slot;
    struct weir_list link; /* slot->sockets */
};

/** A look-up that runs, or room for one. */
struct slot {
    uint32_t magic;
    uint32_t version; /* of the settings that the channel was made with */
    struct weir_resolver *resolver;
    ares_channel channel;   /* NULL: none yet */
    struct weir_name *name; /* NULL: free */
    struct weir_list link;  /* resolver->running or ->free */
    struct weir_list sockets;
    uint64_t begun_ms;
    uint64_t heard_ms; /* when something came last; 0: nothing has */
    bool heard_once;   /* it was not enough to go without the rest: wait for all */
    bool inside;       /* a call of c-ares runs */
    bool ended;        /* c-ares has reported the result below */
    int status;
    bool at_once;                /* it came without any server */
    struct ares_addrinfo *found; /* owns */
};

/** What tells that a file was changed. */
struct file_state {
    ino_t inode;
    off_t len;
    struct timespec changed;
};

struct weir_resolver {
    uint32_t magic;
    uint32_t version; /* of the settings and of resolv.conf */
    bool stopped;
    uv_loop_t *loop;
    uv_async_t wake;
    uv_timer_t tick;
    struct weir_inbox inbox; /* of weir_lookup.msg */
    struct weir_msg *asks;   /* taken out of the inbox, for a later turn */
    struct weir_resolver_settings settings;
    struct weir_name_cache *names;
    struct weir_list running, free;
    struct slot slots[WEIR_RESOLVER_SLOTS];
    uint64_t files_ms; /* when the files were looked at last */
    struct file_state hosts, resolv_conf;
};

static struct weir_resolver *resolver_of(void *p)
{
    struct weir_resolver *r = p;
    WEIR_ASSERT(r != NULL);
    WEIR_ASSERT(r->magic == RESOLVER_MAGIC);
    return r;
}

static struct slot *slot_of(void *p)
{
    struct slot *s = p;
    WEIR_ASSERT(s != NULL);
    WEIR_ASSERT(s->magic == SLOT_MAGIC);
    return s;
}

/* -- sockets of c-ares on the loop -- */

static void settle_slot(struct slot *s);
static void begin_look_ups(struct weir_resolver *r);

static void on_socket_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *sw = poll->data;
    struct slot *s = slot_of(sw->slot);
    struct weir_resolver *r = resolver_of(s->resolver);
    ares_socket_t none = ARES_SOCKET_BAD;
    bool readable = status < 0 || (events & UV_READABLE) != 0;
    bool writable = status < 0 || (events & UV_WRITABLE) != 0;
    if (s->name == NULL)
        return;
    s->inside = true;
    ares_process_fd(s->channel, readable ? sw->fd : none, writable ? sw->fd : none);
    s->inside = false;
    if (readable)
        s->heard_ms = uv_now(r->loop);
    settle_slot(s);
    begin_look_ups(r);
}

static struct socket_watch *find_socket(struct slot *s, ares_socket_t fd)
{
    for (struct weir_list *l = s->sockets.next; l != &s->sockets; l = l->next) {
        struct socket_watch *sw = weir_container_of(l, struct socket_watch, link);
        if (sw->fd == fd)
            return sw;
    }
    return NULL;
}

static struct socket_watch *watch_socket(struct slot *s, ares_socket_t fd)
{
    struct socket_watch *sw = calloc(1, sizeof(*sw));
    if (sw == NULL)
        return NULL;
    if (uv_poll_init(s->resolver->loop, &sw->poll, fd) < 0) {
        free(sw);
        return NULL;
    }
    sw->poll.data = sw;
    sw->fd = fd;
    sw->slot = s;
    weir_list_append(&s->sockets, &sw->link);
    return sw;
}

/* c-ares wants to know when a socket is ready; neither: it is about to close it. A socket that
 * cannot be watched costs its look-up the timeout. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct slot *s = slot_of(arg);
    struct socket_watch *sw = find_socket(s, fd);
    if (!readable && !writable) {
        if (sw == NULL)
            return;
        weir_list_remove(&sw->link);
        uv_close((uv_handle_t *)&sw->poll, on_socket_closed);
        return;
    }
    if (sw == NULL)
        sw = watch_socket(s, fd);
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (sw == NULL || uv_poll_start(&sw->poll, events, on_socket) < 0)
        log_warn("resolver.socket_failed", "name=%s", weir_name_text(s->name));
}

/* -- slots -- */

static void close_channel(struct slot *s)
{
    if (s->channel != NULL)
        ares_destroy(s->channel);
    s->channel = NULL;
    WEIR_ASSERT(weir_list_empty(&s->sockets));
}

/* @return ARES_SUCCESS or another status of c-ares */
static int set_servers(ares_channel channel, const struct weir_resolver_settings *settings)
{
    char text[WEIR_NAME_SERVERS * (WEIR_ADDR_TEXT_MAX + 1)];
    size_t len = 0;
    if (settings->num_servers == 0)
        return ARES_SUCCESS;
    for (size_t i = 0; i < settings->num_servers; i++) {
        if (i > 0)
            text[len++] = ',';
        len += weir_addr_text(&settings->servers[i], text + len);
    }
    text[len] = '\0';
    return ares_set_servers_ports_csv(channel, text);
}

/* Reads /etc/resolv.conf. @return ARES_SUCCESS or another status of c-ares */
static int open_channel(struct slot *s)
{
    struct weir_resolver *r = s->resolver;
    struct ares_options options = { .timeout = (int)(r->settings.timeout_ms / FIRST_TRY_PART + 1),
                                    .tries = TRIES,
                                    .sock_state_cb = on_socket_state,
                                    .sock_state_cb_data = s };
    if (s->channel != NULL && s->version == r->version)
        return ARES_SUCCESS;
    close_channel(s);
    int status = ares_init_options(&s->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        s->channel = NULL;
        return status;
    }
    s->version = r->version;
    status = set_servers(s->channel, &r->settings);
    if (status != ARES_SUCCESS)
        close_channel(s);
    return status;
}

static void on_found(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct slot *s = slot_of(arg);
    WEIR_ASSERT(s->inside && !s->ended);
    s->ended = true;
    s->status = status;
    s->found = found;
}

static void ask_servers(struct slot *s)
{
    static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
                                                      .ai_socktype = SOCK_STREAM };
    s->inside = true;
    ares_getaddrinfo(s->channel, weir_name_text(s->name), NULL, &hints, on_found, s);
    s->inside = false;
    s->at_once = s->ended;
}

/* Ends what runs in the slot: the result comes now, with whatever has been found so far. */
static void cancel_slot(struct slot *s)
{
    s->inside = true;
    ares_cancel(s->channel);
    if (!s->ended)
        close_channel(s); /* it had begun something new instead */
    s->inside = false;
    WEIR_ASSERT(s->ended);
}

static void begin_slot(struct slot *s, struct weir_name *n)
{
    struct weir_resolver *r = s->resolver;
    WEIR_ASSERT(s->name == NULL && s->found == NULL);
    weir_list_remove(&s->link);
    weir_list_append(&r->running, &s->link);
    s->name = n;
    s->ended = false;
    s->begun_ms = uv_now(r->loop);
    s->heard_ms = 0;
    s->heard_once = false;
    s->at_once = false;
    int status = open_channel(s);
    if (status == ARES_SUCCESS) {
        ask_servers(s);
    } else {
        s->ended = true;
        s->status = status;
    }
}

/* -- results -- */

static enum weir_resolved result_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return WEIR_RESOLVED_FOUND;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_ENONAME:
    case ARES_EBADNAME:
        return WEIR_RESOLVED_NONE;
    default:
        return WEIR_RESOLVED_FAILED;
    }
}

static void add_address(struct weir_name_found *found, const struct ares_addrinfo_node *node)
{
    struct weir_addr *a = &found->addrs[found->num_addrs];
    weir_addr_from_sockaddr(node->ai_addr, a);
    a->port = 0;
    for (uint16_t i = 0; i < found->num_addrs; i++)
        if (weir_addr_eq(&found->addrs[i], a))
            return;
    found->num_addrs++;
}

static uint32_t ttl_ms(int seconds)
{
    return seconds < 0 || seconds > WEIR_NAME_TTL_MAX_MS / 1000 ? WEIR_NAME_TTL_MAX_MS
                                                                : (uint32_t)seconds * 1000;
}

/* The shortest TTL of all records that were followed counts. */
static void read_found(const struct slot *s, struct weir_name_found *ret)
{
    uint32_t ttl = WEIR_NAME_TTL_MAX_MS;
    *ret = (struct weir_name_found){ .result = result_of(s->status) };
    if (ret->result != WEIR_RESOLVED_FOUND)
        return;
    for (const struct ares_addrinfo_cname *c = s->found->cnames; c != NULL; c = c->next)
        ttl = ttl_ms(c->ttl) < ttl ? ttl_ms(c->ttl) : ttl;
    for (const struct ares_addrinfo_node *n = s->found->nodes; n != NULL; n = n->ai_next) {
        if (ret->num_addrs >= WEIR_RESOLVE_MAX)
            break;
        if (n->ai_family != AF_INET && n->ai_family != AF_INET6)
            continue;
        ttl = ttl_ms(n->ai_ttl) < ttl ? ttl_ms(n->ai_ttl) : ttl;
        add_address(ret, n);
    }
    ret->ttl_ms = s->at_once ? HOSTS_TTL_MS : ttl;
    if (ret->num_addrs == 0)
        ret->result = WEIR_RESOLVED_NONE;
}

static void log_result(const struct slot *s, const struct weir_name_found *found)
{
    static struct weir_log_limit limit;
    uint32_t suppressed = 0;
    if (found->result == WEIR_RESOLVED_FOUND)
        log_debug("resolver.found", "name=%s addresses=%u ttl_ms=%u", weir_name_text(s->name),
                  found->num_addrs, found->ttl_ms);
    else if (weir_log_allowed(&limit, 5, &suppressed))
        log_warn("upstream.resolve_failed", "name=%s err=\"%s\" suppressed=%u",
                 weir_name_text(s->name), ares_strerror(s->status), suppressed);
}

static void release_slot(struct slot *s)
{
    struct weir_resolver *r = s->resolver;
    s->name = NULL;
    weir_list_remove(&s->link);
    weir_list_prepend(&r->free, &s->link);
    if (s - r->slots >= SLOTS_KEPT)
        close_channel(s);
}

/* After each call of c-ares: if it has reported, the look-up is over. */
static void settle_slot(struct slot *s)
{
    struct weir_resolver *r = s->resolver;
    struct weir_name_found found;
    WEIR_ASSERT(!s->inside);
    if (!s->ended)
        return;
    read_found(s, &found);
    if (s->found != NULL)
        ares_freeaddrinfo(s->found);
    s->found = NULL;
    if (!r->stopped)
        log_result(s, &found);
    struct weir_name *n = s->name;
    release_slot(s);
    weir_name_cache_end(r->names, n, &found, uv_now(r->loop));
}

/* One of the two families may have come and the other one never will: some servers do not respond
 * to a question for AAAA at all. What there is is used then, if it is anything. */
static void stop_waiting_for_the_rest(struct slot *s)
{
    cancel_slot(s);
    s->heard_once = true;
    if (result_of(s->status) == WEIR_RESOLVED_FOUND)
        return;
    if (s->found != NULL)
        ares_freeaddrinfo(s->found);
    s->found = NULL;
    s->ended = false;
    s->status = open_channel(s);
    if (s->status == ARES_SUCCESS)
        ask_servers(s);
    else
        s->ended = true;
}

/* -- the loop -- */

static void tick_slot(struct slot *s, uint64_t now_ms)
{
    struct weir_resolver *r = s->resolver;
    if (now_ms - s->begun_ms >= r->settings.timeout_ms) {
        cancel_slot(s);
    } else if (s->heard_ms != 0 && !s->heard_once && now_ms - s->heard_ms >= QUIET_MS) {
        stop_waiting_for_the_rest(s);
    } else {
        s->inside = true;
        ares_process_fd(s->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        s->inside = false;
    }
    if (!s->ended && now_ms - s->begun_ms >= WEIR_NAME_STALE_MS)
        weir_name_cache_serve_stale(r->names, s->name);
    settle_slot(s);
}

static void on_tick(uv_timer_t *t)
{
    struct weir_resolver *r = resolver_of(t->data);
    struct weir_list *next;
    uint64_t now_ms = uv_now(r->loop);
    for (struct weir_list *l = r->running.next; l != &r->running; l = next) {
        next = l->next;
        tick_slot(weir_container_of(l, struct slot, link), now_ms);
    }
    begin_look_ups(r);
}

/* Look-ups run until there is no more room or no more to do. */
static void begin_look_ups(struct weir_resolver *r)
{
    while (!r->stopped && !weir_list_empty(&r->free)) {
        struct weir_name *n = weir_name_cache_begin(r->names);
        if (n == NULL)
            break;
        struct slot *s = weir_container_of(r->free.next, struct slot, link);
        begin_slot(s, n);
        settle_slot(s);
    }
    if (weir_list_empty(&r->running))
        (void)uv_timer_stop(&r->tick);
    else if (!r->stopped && !uv_is_active((uv_handle_t *)&r->tick))
        (void)uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
}

/* @return true: it differs from what it was when it was looked at last */
static bool file_has_changed(const char *path, struct file_state *was)
{
    struct stat st;
    struct file_state is = { 0 };
    if (stat(path, &st) == 0)
        is = (struct file_state){ .inode = st.st_ino, .len = st.st_size, .changed = st.st_mtim };
    bool changed = is.inode != was->inode || is.len != was->len ||
                   is.changed.tv_sec != was->changed.tv_sec ||
                   is.changed.tv_nsec != was->changed.tv_nsec;
    *was = is;
    return changed;
}

/* c-ares reads the hosts file at each look-up, and the other one when a channel is made. */
static void look_at_files(struct weir_resolver *r)
{
    uint64_t now_ms = uv_now(r->loop);
    if (r->files_ms != 0 && now_ms - r->files_ms < FILES_MS)
        return;
    bool first = r->files_ms == 0;
    r->files_ms = now_ms;
    bool hosts = file_has_changed("/etc/hosts", &r->hosts);
    bool servers = file_has_changed("/etc/resolv.conf", &r->resolv_conf);
    if (first || (!hosts && !servers))
        return;
    log_info("resolver.files_changed", "hosts=%s resolv_conf=%s", hosts ? "yes" : "no",
             servers ? "yes" : "no");
    r->version++;
    weir_name_cache_expire(r->names);
}

/* The next question, or NULL: the inbox is empty, so that the next one wakes the loop again. */
static struct weir_lookup *next_ask(struct weir_resolver *r)
{
    bool overflowed = false;
    if (r->asks == NULL)
        r->asks = weir_inbox_take(&r->inbox, &overflowed);
    struct weir_msg *m = r->asks;
    if (m == NULL)
        return NULL;
    r->asks = m->next;
    return weir_container_of(m, struct weir_lookup, msg);
}

static void on_wake(uv_async_t *a)
{
    struct weir_resolver *r = resolver_of(a->data);
    struct weir_lookup *l = NULL;
    int budget = ASKS_PER_TURN;
    if (r->stopped)
        return;
    look_at_files(r);
    while (budget-- > 0 && (l = next_ask(r)) != NULL)
        weir_name_cache_ask(r->names, l, uv_now(r->loop));
    begin_look_ups(r);
    if (l != NULL)
        (void)uv_async_send(&r->wake); /* there may be more: in a turn of its own */
}

static void wake(void *arg)
{
    struct weir_resolver *r = resolver_of(arg);
    (void)uv_async_send(&r->wake);
}

/* On any thread. A full inbox is seen by the asker, who tries again later. */
static enum weir_err ask(void *arg, struct weir_lookup *l)
{
    struct weir_resolver *r = resolver_of(arg);
    return weir_inbox_push(&r->inbox, &l->msg);
}

struct weir_resolve weir_resolver_face(struct weir_resolver *r)
{
    return (struct weir_resolve){ .ask = ask, .arg = r };
}

/* -- life -- */

static void init_slots(struct weir_resolver *r)
{
    weir_list_init(&r->running);
    weir_list_init(&r->free);
    for (size_t i = 0; i < WEIR_RESOLVER_SLOTS; i++) {
        struct slot *s = &r->slots[i];
        s->magic = SLOT_MAGIC;
        s->resolver = r;
        weir_list_init(&s->sockets);
        weir_list_init(&s->link);
        weir_list_append(&r->free, &s->link);
    }
}

static enum weir_err init_handles(struct weir_resolver *r, uv_loop_t *loop)
{
    r->loop = loop;
    if (uv_async_init(loop, &r->wake, on_wake) < 0)
        return WEIR_EIO;
    int rc = uv_timer_init(loop, &r->tick);
    WEIR_ASSERT(rc == 0); /* so that no handle is left open here */
    r->tick.data = r;
    r->wake.data = r;
    return WEIR_OK;
}

enum weir_err weir_resolver_new(uv_loop_t *loop, const struct weir_resolver_settings *settings,
                                struct weir_metrics *metrics, struct weir_resolver **ret)
{
    struct weir_rng rng;
    enum weir_err err = weir_rng_init_random(&rng);
    if (err < 0)
        return err;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return WEIR_EIO;
    struct weir_resolver *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        ares_library_cleanup();
        return WEIR_ENOMEM;
    }
    r->magic = RESOLVER_MAGIC;
    init_slots(r);
    r->names = weir_name_cache_new(weir_rng_next(&rng), metrics);
    err = r->names != NULL ? weir_inbox_init(&r->inbox, WEIR_NAMES_ASKS_MAX, wake, r) : WEIR_ENOMEM;
    if (err == WEIR_OK) {
        err = init_handles(r, loop);
        if (err < 0)
            weir_inbox_deinit(&r->inbox);
    }
    if (err < 0) {
        weir_name_cache_free(&r->names);
        free(r);
        ares_library_cleanup();
        return err;
    }
    weir_resolver_change(r, settings);
    *ret = r;
    return WEIR_OK;
}

void weir_resolver_change(struct weir_resolver *r, const struct weir_resolver_settings *settings)
{
    WEIR_ASSERT(r->magic == RESOLVER_MAGIC);
    WEIR_ASSERT(settings->num_servers <= WEIR_NAME_SERVERS);
    WEIR_ASSERT(settings->timeout_ms > 0);
    r->settings = *settings;
    r->version++;
    weir_name_cache_set_limit(r->names, settings->lookups_per_tenant);
    weir_name_cache_expire(r->names);
    begin_look_ups(r);
}

void weir_resolver_stop(struct weir_resolver *r)
{
    WEIR_ASSERT(r->magic == RESOLVER_MAGIC);
    if (r->stopped)
        return;
    r->stopped = true;
    weir_inbox_close(&r->inbox);
    struct weir_lookup *l;
    while ((l = next_ask(r)) != NULL)
        weir_name_cache_ask(r->names, l, uv_now(r->loop));
    while (!weir_list_empty(&r->running)) {
        struct slot *s = weir_container_of(r->running.next, struct slot, link);
        cancel_slot(s);
        settle_slot(s);
    }
    /* Names that wait for their look-up: their askers are told that it failed. */
    weir_name_cache_free(&r->names);
    for (size_t i = 0; i < WEIR_RESOLVER_SLOTS; i++)
        close_channel(&r->slots[i]);
    uv_close((uv_handle_t *)&r->tick, NULL);
    uv_close((uv_handle_t *)&r->wake, NULL);
}

void weir_resolver_free(struct weir_resolver **rp)
{
    struct weir_resolver *r = *rp;
    if (r == NULL)
        return;
    WEIR_ASSERT(r->magic == RESOLVER_MAGIC);
    WEIR_ASSERT(r->stopped);
    weir_inbox_deinit(&r->inbox);
    r->magic = 0;
    free(r);
    ares_library_cleanup();
    *rp = NULL;
}
