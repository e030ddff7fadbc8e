/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h2_push.c - server push and early hints. What a response links is promised before its
 * head is given, and requested once the promise is sent: as an exchange of its own, admitted like
 * any other. Clients that take no pushes are told in a 103 what earlier responses of the path
 * linked. Ref: RFC 9113 8.4 (push), RFC 8297 (103).
 */
#include <string.h>

#include "node/base/hash.h"
#include "node/exchange/exchange.h"
#include "node/flow/link.h"
#include "node/loop/loop.h"
#include "node/loop/session/session_h2.h"

#define PUSHES_MAX  16   /* for one response */
#define LINKS_MAX   64   /* of one response that are looked at */
#define OPEN_MAX    32   /* pushes of a connection that are not over */
#define REQUEST_MAX 8192 /* bytes of the request that is promised */

static struct weir_worker *worker_of(const struct weir_h2_link *l)
{
    return weir_worker_of(weir_h2_conn_of(l));
}

static void count(const struct weir_h2_link *l, enum weir_metric metric)
{
    weir_metric_add(worker_of(l)->metrics, metric, 1);
}

static bool is_https(const struct weir_h2_stream *s)
{
    return s->side.ops->tls(&s->side) != NULL;
}

/* -- what the client has already -- */

/* Note a path of a host. @return false: it was noted before. A later one may take its place. */
static bool note_path(struct weir_h2_pushes *p, const struct weir_authority *authority,
                      struct weir_span path)
{
    uint64_t seed = weir_hash64(authority->port, authority->host, authority->host_len);
    uint64_t hash = weir_hash64(seed, path.at, path.len) | 1;
    uint64_t *noted = &p->paths[(hash >> 1) % WEIR_H2_PUSHED_PATHS];
    bool is_new = *noted != hash;
    *noted = hash;
    return is_new;
}

void weir_h2_push_asked(struct weir_h2_stream *s, const struct weir_h1_head *head,
                        const uint8_t *bytes)
{
    if (s->l->pushes != NULL && head->authority_len > 0)
        (void)note_path(s->l->pushes, &head->authority,
                        weir_span(bytes + head->path_at, head->path_len));
}

static struct weir_h2_pushes *pushes_of(struct weir_h2_link *l)
{
    if (l->pushes != NULL)
        return l->pushes;
    l->pushes = weir_pool_get(&l->common->pushes);
    if (l->pushes != NULL)
        memset(l->pushes, 0, sizeof(*l->pushes));
    return l->pushes;
}

/* -- the request that is promised -- */

/* The request whose response links, as it went to the endpoint. */
struct page {
    struct weir_link_base base;
    struct weir_span authority;
    size_t num; /* of those below */
    struct weir_span_pair fields[WEIR_H2_PROMISE_FIELDS_MAX];
    size_t fields_len;
};

#define NUM_PSEUDO 4

/*
 * Fields of the page's request that a push repeats: what decides about the form of a response, and
 * Cookie, without which a site would take the client for another one, and tell it so by Set-Cookie.
 * Authorization is not repeated: a path that needs it is not pushed, since only what was served
 * without an error is.
 */
static bool is_repeated(struct weir_span name)
{
    static const struct weir_span names[] = {
        WEIR_SPAN_LIT("accept-encoding"),
        WEIR_SPAN_LIT("accept-language"),
        WEIR_SPAN_LIT("user-agent"),
        WEIR_SPAN_LIT("cookie"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (weir_span_eq_nocase(name, names[i]))
            return true;
    return false;
}

/* @return false: there is none that could be repeated in full */
static bool read_page(const struct weir_h2_stream *s, struct page *page)
{
    struct weir_span text = weir_stash_span(s->side.x->head);
    struct weir_h1_head *head = &s->l->common->head;
    weir_h1_head_init(head, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    if (weir_h1_head_feed(head, text) != WEIR_STEP_DONE || head->authority_len == 0)
        return false;
    page->base =
        (struct weir_link_base){ .https = is_https(s),
                                 .authority = &head->authority,
                                 .path = weir_span(text.at + head->path_at, head->path_len) };
    page->authority = weir_span(text.at + head->authority_at, head->authority_len);
    page->num = NUM_PSEUDO;
    page->fields_len = page->authority.len;
    for (size_t i = 0; i < head->num_fields; i++) {
        struct weir_span name = weir_h1_name(text.at, &head->fields[i]);
        struct weir_span value = weir_h1_value(text.at, &head->fields[i]);
        if (!is_repeated(name))
            continue;
        page->fields_len += name.len + value.len + 4;
        if (page->num == WEIR_H2_PROMISE_FIELDS_MAX || page->fields_len > REQUEST_MAX)
            return false;
        page->fields[page->num++] = (struct weir_span_pair){ name, value };
    }
    return true;
}

/* The request as it will be served. NULL: no memory */
static struct weir_stash *write_request(struct weir_h2_link *l, const struct page *page,
                                        struct weir_span path)
{
    struct weir_buffers *b = weir_h2_conn_of(l)->env->buffers;
    struct weir_stash *to = NULL;
    enum weir_err err = weir_stash_append(b, &to, WEIR_SPAN_LIT("GET "));
    const struct weir_span first[] = { path, WEIR_SPAN_LIT(" HTTP/1.1\r\nhost: "),
                                       page->authority };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(first) && err == WEIR_OK; i++)
        err = weir_stash_append(b, &to, first[i]);
    for (size_t i = NUM_PSEUDO; i < page->num && err == WEIR_OK; i++) {
        const struct weir_span field[] = { WEIR_SPAN_LIT("\r\n"), page->fields[i].name,
                                           WEIR_SPAN_LIT(": "), page->fields[i].value };
        for (size_t k = 0; k < WEIR_ARRAY_LEN(field) && err == WEIR_OK; k++)
            err = weir_stash_append(b, &to, field[k]);
    }
    if (err == WEIR_OK)
        err = weir_stash_append(b, &to, WEIR_SPAN_LIT("\r\n\r\n"));
    if (err == WEIR_OK)
        return to;
    weir_stash_release(b, to);
    return NULL;
}

/* -- promises -- */

/* A client may have asked for no push as soon as it can; work counts, whoever began it. */
static bool may_push(const struct weir_h2_stream *s)
{
    const struct weir_exchange *x = s->side.x;
    return !s->pushed && x->tenant != NULL && x->tenant->server_push && x->head != NULL &&
           (x->req.method == WEIR_METHOD_GET || x->req.method == WEIR_METHOD_HEAD) &&
           s->l->notice_ms == 0 && weir_h2_takes_pushes(s->l->codec);
}

/* Pushes leave half of the streams to what the client asks for itself, and end when it resets what
 * it is pushed. */
static bool has_room(struct weir_h2_link *l)
{
    uint32_t most = weir_h2_pushes_max(l->codec);
    return l->pushes->open < OPEN_MAX && l->pushes->open < most &&
           l->num_streams + weir_h2_debt(l->codec) < WEIR_H2_STREAMS_MAX / 2;
}

static bool is_ascii(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] >= 0x80)
            return false;
    return true;
}

/* @return false: no memory, or the client takes no such promise */
static bool promise(struct weir_h2_stream *of, struct page *page, struct weir_span path)
{
    struct weir_h2_link *l = of->l;
    struct weir_stash *request = write_request(l, page, path);
    struct weir_h2_stream *s = request != NULL ? weir_h2_stream_new(l) : NULL;
    if (s == NULL) {
        count(l, WEIR_M_POOL_EXHAUSTED);
        weir_stash_release(weir_h2_conn_of(l)->env->buffers, request);
        return false;
    }
    page->fields[0] = (struct weir_span_pair){ WEIR_SPAN_LIT(":method"), WEIR_SPAN_LIT("GET") };
    page->fields[1] = (struct weir_span_pair){ WEIR_SPAN_LIT(":scheme"),
                                               page->base.https ? WEIR_SPAN_LIT("https")
                                                                : WEIR_SPAN_LIT("http") };
    page->fields[2] = (struct weir_span_pair){ WEIR_SPAN_LIT(":authority"), page->authority };
    page->fields[3] = (struct weir_span_pair){ WEIR_SPAN_LIT(":path"), path };
    s->pushed = true;
    s->closed = true; /* until it is sent, the codec knows no such stream */
    s->promise = request;
    l->pushes->open++;
    if (weir_h2_promise(l->codec, of->id, page->fields, page->num, &s->id) == WEIR_OK)
        return true;
    weir_h2_stream_end(s);
    return false;
}

/* What came of a link. */
enum push_result {
    PUSH_DONE,
    PUSH_LEFT_OUT,
    PUSH_NO_MORE, /* nor can a further one of the response be pushed */
};

static enum push_result push_one(struct weir_h2_stream *s, struct page *page,
                                 struct weir_span target)
{
    uint8_t path[WEIR_LINK_PATH_MAX];
    size_t len = 0;
    if (weir_link_resolve(&page->base, target, path, &len) < 0 ||
        !is_ascii(weir_span(path, len))) /* a client asks for it in escapes */
        return PUSH_LEFT_OUT;
    if (!has_room(s->l)) {
        count(s->l, WEIR_M_H2_PUSHES_LEFT_OUT);
        return PUSH_NO_MORE;
    }
    if (!note_path(s->l->pushes, page->base.authority, weir_span(path, len)))
        return PUSH_LEFT_OUT;
    return promise(s, page, weir_span(path, len)) ? PUSH_DONE : PUSH_NO_MORE;
}

/* @return false: nothing can be pushed for it */
static bool begin_page(struct weir_h2_stream *s, struct page *page)
{
    if (pushes_of(s->l) == NULL || !read_page(s, page))
        return false;
    (void)note_path(s->l->pushes, page->base.authority, page->base.path);
    return true;
}

void weir_h2_push_links(struct weir_h2_stream *s, const struct weir_response_fields *fields)
{
    struct weir_link_walk walk;
    struct weir_link link;
    struct page page;
    enum push_result result = PUSH_LEFT_OUT;
    size_t num = 0;
    size_t pushed = 0;
    if (!may_push(s))
        return;
    weir_link_walk_init(&walk, fields->fields, fields->num);
    while (result != PUSH_NO_MORE && pushed < PUSHES_MAX && num < LINKS_MAX &&
           weir_link_walk_next(&walk, &link)) {
        if (link.nopush)
            continue;
        if (num++ == 0 && !begin_page(s, &page))
            return;
        result = push_one(s, &page, link.target);
        pushed += result == PUSH_DONE;
    }
}

/* -- pushed streams -- */

static struct weir_h2_stream *find_promised(struct weir_h2_link *l, int32_t id)
{
    for (struct weir_list *at = l->streams.next; at != &l->streams; at = at->next) {
        struct weir_h2_stream *s = weir_container_of(at, struct weir_h2_stream, link);
        if (s->promise != NULL && s->id == id)
            return s;
    }
    return NULL;
}

void weir_h2_push_promised(void *owner, int32_t id, bool sent)
{
    struct weir_h2_link *l = owner;
    struct weir_h2_stream *s = find_promised(l, id);
    if (s == NULL) {
        if (sent)
            weir_h2_reset(l->codec, id, WEIR_H2_CANCEL);
        return;
    }
    if (!sent) {
        count(l, WEIR_M_H2_PUSHES_LEFT_OUT);
        weir_h2_stream_end(s);
        return;
    }
    count(l, WEIR_M_H2_PUSHES);
    s->closed = false;
    weir_h2_attach(l->codec, id, s);
    weir_list_append(&l->woken, &s->wake_link);
    weir_h2_link_schedule(l, true);
}

void weir_h2_push_begin(struct weir_h2_stream *s)
{
    struct weir_h2_link *l = s->l;
    struct weir_stash *request = s->promise;
    struct weir_span text = weir_stash_span(request);
    struct weir_h1_head *head = &worker_of(l)->request_head;
    WEIR_ASSERT(s->pushed && !s->closed);
    weir_h1_head_init(head, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    if (weir_h1_head_feed(head, text) != WEIR_STEP_DONE) {
        weir_h2_reset(l->codec, s->id, WEIR_H2_INTERNAL_ERROR);
        weir_h2_stream_end(s);
        return;
    }
    s->promise = NULL;
    s->request_ended = true;
    l->num_streams++;
    l->begun++;
    weir_h2_stream_begin(s, head, text.at);
    weir_stash_release(weir_h2_conn_of(l)->env->buffers, request);
}

void weir_h2_push_ended(struct weir_h2_stream *s)
{
    struct weir_h2_link *l = s->l;
    WEIR_ASSERT(l->pushes != NULL);
    WEIR_ASSERT_CMP(l->pushes->open, >, 0);
    l->pushes->open--;
    if (s->promise == NULL && !s->last_sent)
        count(l, WEIR_M_H2_PUSHES_CUT);
    weir_stash_release(weir_h2_conn_of(l)->env->buffers, s->promise);
    s->promise = NULL;
}

/* -- early hints -- */

/* Not for a client that takes pushes: it is promised the same when the response is there. */
static bool wants_hints(const struct weir_h2_stream *s)
{
    const struct weir_exchange *x = s->side.x;
    return x->phase < WEIR_PHASE_TRANSFER &&
           !(x->tenant->server_push && weir_h2_takes_pushes(s->l->codec));
}

static void send_hints(struct weir_h2_stream *s)
{
    struct weir_h2_link *l = s->l;
    struct weir_span_pair field = { WEIR_SPAN_LIT("link"), WEIR_SPAN_EMPTY };
    field.value = weir_hints_find(&l->common->hints, &s->hints, weir_h2_conn_of(l)->env->now->ms);
    if (field.value.len == 0)
        return;
    struct weir_h2_response r = { .status = 103, .num = 1, .fields = &field };
    if (weir_h2_respond(l->codec, s->id, &r) < 0)
        return; /* the response itself will meet the same, and report it */
    count(l, WEIR_M_EARLY_HINTS);
    weir_h2_link_schedule(l, false);
}

static void make_key(struct weir_h2_stream *s, const struct weir_authority *authority,
                     struct weir_span path)
{
    struct weir_hints_page page = { .tenant = s->side.x->tenant->name,
                                    .https = is_https(s),
                                    .host = weir_span(authority->host, authority->host_len),
                                    .path = path };
    s->hints = weir_hints_key_of(&s->l->common->hints, &page);
}

/* As long as no response of the tenant has linked anything, there is nothing to look up. */
void weir_h2_hint_begun(struct weir_h2_stream *s, const struct weir_h1_head *head,
                        const uint8_t *bytes)
{
    const struct weir_tenant *t = s->side.x->tenant;
    if (t == NULL || !t->early_hints || s->pushed || head->method != WEIR_METHOD_GET)
        return;
    s->teaches = weir_hints_request_is_public(head, bytes);
    if (!t->links)
        return;
    s->has_key = true;
    make_key(s, &head->authority, weir_span(bytes + head->path_at, head->path_len));
    if (wants_hints(s))
        send_hints(s);
}

static bool links_any(const struct weir_response_fields *fields)
{
    struct weir_link_walk walk;
    struct weir_link unused;
    weir_link_walk_init(&walk, fields->fields, fields->num);
    return weir_link_walk_next(&walk, &unused);
}

void weir_h2_hint_learn(struct weir_h2_stream *s, const struct weir_response_fields *fields)
{
    struct page page;
    if (!s->teaches)
        return;
    if (!s->has_key) {
        if (!links_any(fields) || s->side.x->head == NULL || !read_page(s, &page))
            return;
        s->side.x->tenant->links = true;
        make_key(s, page.base.authority, page.base.path);
    }
    weir_hints_learn(&s->l->common->hints, &s->hints, fields, weir_h2_conn_of(s->l)->env->now->ms);
}
