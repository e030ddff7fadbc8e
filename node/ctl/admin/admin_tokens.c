/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tokens.c - the paths /v1/tokens: who else may use this API over TCP. The text of a token is
 * in the response to its creation alone; the store has its hash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/push.h"
#include "node/ctl/stored_tenant.h"
#include "node/wire/tls_hash.h"
#include "tenants/schema/schema_text.h"

#define ARENA_MAX (8u << 20) /* bytes of the messages of a list of WEIR_TOKENS_MAX */

/** One write on its way. */
struct token_write {
    struct weir_push_single single;
    struct weir_admin_request *request;
    char id[WEIR_TOKEN_ID_LEN + 1];
    char key[WEIR_TOKEN_KEY_LEN];
    char scope[WEIR_TOKEN_SCOPE_MAX];
    char comment[WEIR_TOKEN_COMMENT_MAX + 1];
    char text[WEIR_TOKEN_TEXT_LEN + 1]; /* secret; "" for a revocation */
    uint8_t hash[WEIR_SHA256_LEN];
    uint64_t created_ms;
    uint64_t expires_ms; /* 0: never */
};

/* -- the list -- */

static char *time_text(struct weir_arena *arena, uint64_t wall_ms)
{
    char text[WEIR_RFC3339_LEN + 1] = "";
    if (wall_ms != 0)
        weir_clock_rfc3339(wall_ms, text);
    return weir_arena_strdup(arena, weir_span_cstr(text));
}

/* @return WEIR_OK | WEIR_ENOMEM */
static enum weir_err fill_summary(struct weir_arena *arena, const Weir__V1__AccessToken *t,
                                  uint64_t now_ms, Weir__V1__TokenSummary *out)
{
    weir__v1__token_summary__init(out);
    out->id = t->id;
    out->scope = t->scope;
    out->comment = t->comment;
    out->created_by = t->created_by;
    out->created_at = time_text(arena, t->created_ms);
    out->expires_at = time_text(arena, t->expires_ms);
    out->has_expired = 1;
    out->expired = t->expires_ms != 0 && now_ms >= t->expires_ms;
    return out->created_at == NULL || out->expires_at == NULL ? WEIR_ENOMEM : WEIR_OK;
}

/** The tokens while they are collected, in an arena. */
struct listing {
    struct weir_arena *arena;
    uint64_t now_ms;
    size_t num;
    Weir__V1__TokenSummary **items; /* room for WEIR_TOKENS_MAX; NULL: only count */
    enum weir_err err;
};

static struct weir_span key_prefix(void)
{
    return WEIR_SPAN_LIT(WEIR_TOKEN_KEY_PREFIX);
}

/* A damaged record is listed by its id alone: it is there, and can be revoked. */
static bool add_token(void *arg, const struct weir_record *rec)
{
    struct listing *l = arg;
    Weir__V1__AccessToken damaged = WEIR__V1__ACCESS_TOKEN__INIT;
    Weir__V1__AccessToken *t = &damaged;
    if (!weir_span_starts(rec->key, key_prefix()) || l->num == WEIR_TOKENS_MAX)
        return false;
    if (l->items == NULL) {
        l->num++;
        return true;
    }
    Weir__V1__TokenSummary *item = weir_arena_alloc(l->arena, sizeof(*item));
    l->err = item == NULL ? WEIR_ENOMEM : weir_token_read(rec->value, l->arena, &t);
    if (l->err == WEIR_ECORRUPT) {
        t = &damaged;
        t->id = weir_arena_strdup(l->arena, weir_span_from(rec->key, key_prefix().len));
        l->err = t->id == NULL ? WEIR_ENOMEM : WEIR_OK;
    }
    if (l->err == WEIR_OK)
        l->err = fill_summary(l->arena, t, l->now_ms, item);
    if (l->err == WEIR_OK)
        l->items[l->num++] = item;
    return l->err == WEIR_OK;
}

static enum weir_err list_tokens(struct weir_store_reader *reader, struct listing *l)
{
    enum weir_err err = weir_store_read_begin(reader);
    if (err < 0)
        return err;
    err = weir_store_list(reader, WEIR_CLASS_SETTING, key_prefix(), WEIR_TOKENS_MAX, add_token, l);
    weir_store_read_end(reader);
    return err == WEIR_OK ? l->err : err;
}

void weir_admin_token_list(struct weir_admin_request *r)
{
    Weir__V1__TokenList list = WEIR__V1__TOKEN_LIST__INIT;
    struct weir_arena arena;
    weir_arena_init(&arena, 65536, ARENA_MAX);
    struct listing l = { .arena = &arena, .now_ms = weir_clock_wall_ms() };
    l.items = weir_arena_calloc(&arena, WEIR_TOKENS_MAX, sizeof(*l.items));
    enum weir_err err = l.items == NULL ? WEIR_ENOMEM : list_tokens(r->node->reader, &l);
    list.items = l.items;
    list.n_items = l.num;
    if (err < 0)
        weir_admin_response_err(r, err, "tokens");
    else
        weir_admin_response_message(r, 200, &list.base);
    weir_arena_deinit(&arena);
}

/* -- writes -- */

static void free_write(struct token_write *w)
{
    weir_wipe(w, sizeof(*w));
    free(w);
}

/* On the writer thread. */
static enum weir_err build_token(struct weir_write *write, const struct weir_record *current,
                                 uint64_t hlc, struct weir_strbuf *value)
{
    struct weir_push_single *single = weir_container_of(write, struct weir_push_single, write);
    struct token_write *w = weir_container_of(single, struct token_write, single);
    Weir__V1__AccessToken t = WEIR__V1__ACCESS_TOKEN__INIT;
    (void)hlc;
    if (write->delete)
        return current == NULL ? WEIR_ENOTFOUND : WEIR_OK;
    if (current != NULL)
        return WEIR_EEXIST; /* the id was drawn before: the client tries again */
    t.id = w->id;
    t.has_hash = 1;
    t.hash = (ProtobufCBinaryData){ sizeof(w->hash), w->hash };
    t.scope = w->scope;
    t.comment = w->comment;
    t.created_by = w->request->user;
    t.has_created_ms = 1;
    t.created_ms = w->created_ms;
    t.has_expires_ms = w->expires_ms != 0;
    t.expires_ms = w->expires_ms;
    weir_stored_tenant_pack(&t.base, value);
    return value->failed ? WEIR_ENOMEM : WEIR_OK;
}

static struct token_write *new_write(struct weir_admin_request *r)
{
    struct token_write *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        weir_admin_response_err(r, WEIR_ENOMEM, "token");
        return NULL;
    }
    w->request = r;
    w->single.write.class = WEIR_CLASS_SETTING;
    w->single.write.build = build_token;
    w->created_ms = weir_clock_wall_ms();
    return w;
}

static void start_write(struct token_write *w, struct weir_span id,
                        void (*finished)(struct weir_push_single *))
{
    struct weir_admin_request *r = w->request;
    memcpy(w->id, id.at, WEIR_TOKEN_ID_LEN);
    weir_token_key(id, w->key);
    w->single.write.key = weir_span(w->key, sizeof(w->key));
    enum weir_err err = weir_push_submit(r->node->pushes, &w->single, finished);
    if (err < 0) {
        free_write(w);
        weir_admin_response_err(r, err, "token");
    }
}

/* -- creation -- */

static void on_created(struct weir_push_single *single)
{
    struct token_write *w = weir_container_of(single, struct token_write, single);
    struct weir_admin_request *r = w->request;
    Weir__V1__TokenCreated created = WEIR__V1__TOKEN_CREATED__INIT;
    Weir__V1__TokenSummary summary;
    Weir__V1__AccessToken t = WEIR__V1__ACCESS_TOKEN__INIT;
    struct weir_arena arena;
    weir_token_arena_init(&arena);
    t.id = w->id;
    t.scope = w->scope;
    t.comment = w->comment;
    t.created_by = r->user;
    t.created_ms = w->created_ms;
    t.expires_ms = w->expires_ms;
    enum weir_err err = single->write.err;
    if (err == WEIR_OK)
        log_info("token.created", "id=%s scope=%s by=%s", w->id, w->scope, r->user);
    if (err == WEIR_OK)
        err = fill_summary(&arena, &t, w->created_ms, &summary);
    r->body.secret = true;
    created.token = w->text;
    created.summary = &summary;
    if (err < 0)
        weir_admin_response_err(r, err, "token");
    else
        weir_admin_response_message(r, 201, &created.base);
    weir_arena_deinit(&arena);
    free_write(w);
}

static void refuse_parameter(struct weir_admin_request *r, const char *field, const char *message)
{
    Weir__V1__ErrorDetail detail = WEIR__V1__ERROR_DETAIL__INIT;
    detail.field = (char *)field;
    detail.message = (char *)message;
    weir_admin_response_details(r, &detail, 1);
}

/* @return false: it has its response */
static bool read_scope(struct weir_admin_request *r, struct token_write *w)
{
    const struct weir_span *text = weir_query_find(&r->query, "scope");
    struct weir_grant grant = { .scope = WEIR_GRANT_ADMIN };
    if (text != NULL && weir_grant_parse(*text, &grant) < 0) {
        refuse_parameter(r, "scope", "takes admin, read or tenant:NAME");
        return false;
    }
    weir_grant_text(&grant, w->scope);
    return true;
}

/* The comment is text for people: one line, and UTF-8 as JSON has it.
 * @return false: it has its response */
static bool read_comment(struct weir_admin_request *r, struct token_write *w)
{
    const struct weir_span *text = weir_query_find(&r->query, "comment");
    if (text == NULL)
        return true;
    bool good = text->len <= WEIR_TOKEN_COMMENT_MAX && weir_schema_text_is_utf8(*text);
    for (size_t i = 0; i < text->len && good; i++)
        good = text->at[i] >= 0x20 && text->at[i] != 0x7f;
    if (!good) {
        refuse_parameter(r, "comment", "takes one line of 0..200 bytes");
        return false;
    }
    memcpy(w->comment, text->at, text->len);
    return true;
}

/* @return false: it has its response */
static bool read_ttl(struct weir_admin_request *r, struct token_write *w)
{
    uint64_t ttl_ms = 0;
    if (weir_query_u64(&r->query, "ttl_ms", &ttl_ms) < 0 || ttl_ms > WEIR_TOKEN_TTL_MAX_MS ||
        (ttl_ms == 0 && weir_query_find(&r->query, "ttl_ms") != NULL)) {
        refuse_parameter(r, "ttl_ms", "takes 1..315360000000, which is ten years");
        return false;
    }
    w->expires_ms = ttl_ms == 0 ? 0 : w->created_ms + ttl_ms;
    return true;
}

static bool has_room(struct weir_admin_request *r)
{
    struct listing l = { .items = NULL };
    enum weir_err err = list_tokens(r->node->reader, &l);
    if (err == WEIR_OK && l.num < WEIR_TOKENS_MAX)
        return true;
    if (err < 0)
        weir_admin_response_err(r, err, "tokens");
    else
        weir_admin_response_error(r, 409, "limit",
                                  "there are %d tokens already: revoke some, such as those that "
                                  "have expired",
                                  WEIR_TOKENS_MAX);
    return false;
}

void weir_admin_token_create(struct weir_admin_request *r)
{
    struct weir_span id;
    struct token_write *w = has_room(r) ? new_write(r) : NULL;
    if (w == NULL)
        return;
    if (!read_scope(r, w) || !read_comment(r, w) || !read_ttl(r, w)) {
        free_write(w);
        return;
    }
    enum weir_err err = weir_token_make(w->text);
    if (err < 0) {
        free_write(w);
        weir_admin_response_err(r, err, "random numbers");
        return;
    }
    weir_sha256(weir_span_cstr(w->text), w->hash);
    bool is_token = weir_token_id_of(weir_span_cstr(w->text), &id);
    WEIR_ASSERT(is_token);
    start_write(w, id, on_created);
}

/* -- revocation -- */

static void on_revoked(struct weir_push_single *single)
{
    struct token_write *w = weir_container_of(single, struct token_write, single);
    struct weir_admin_request *r = w->request;
    Weir__V1__TokenSummary summary = WEIR__V1__TOKEN_SUMMARY__INIT;
    summary.id = w->id;
    if (single->write.err == WEIR_OK) {
        log_info("token.revoked", "id=%s by=%s", w->id, r->user);
        weir_admin_response_message(r, 200, &summary.base);
    } else {
        weir_admin_response_err(r, single->write.err, "token");
    }
    free_write(w);
}

void weir_admin_token_revoke(struct weir_admin_request *r)
{
    if (!weir_token_id_is_valid(r->name)) {
        weir_admin_response_error(r, 404, "not_found",
                                  "no such token; its id is 12 hex digits, see weir token list");
        return;
    }
    struct token_write *w = new_write(r);
    if (w == NULL)
        return;
    w->single.write.delete = true;
    start_write(w, r->name, on_revoked);
}
