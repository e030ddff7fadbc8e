/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_upload.c - see cert_upload.h. Keys are in clear in the batch's arena and in the request's
 * body; both are wiped when the response is there.
 */
#include "node/cli/certs/cert_upload.h"

#include <string.h>

#include "node/cli/api.h"
#include "tenants/base64.h"
#include "tenants/schema/schema.h"

#define ARENA_BLOCK 65536
#define ARENA_MAX   (8u << 20) /* bytes: a batch and its response's copy */

static const char *const outcomes[WEIR_CERT_OUTCOMES] = { "created", "changed", "unchanged",
                                                          "refused" };

void weir_cert_uploads_init(struct weir_cert_uploads *u, struct weir_cli *cli,
                            void (*done)(void *arg, const Weir__V1__CertificateResult *result),
                            void *arg)
{
    *u = (struct weir_cert_uploads){
        .cli = cli, .done = done, .arg = arg, .force = cli->options.force
    };
    weir_arena_init(&u->arena, ARENA_BLOCK, ARENA_MAX);
}

static void batch_drop(struct weir_cert_uploads *u)
{
    weir_arena_wipe(&u->arena);
    weir_arena_reset(&u->arena);
    u->num = 0;
    u->bytes = 0;
}

void weir_cert_uploads_deinit(struct weir_cert_uploads *u)
{
    weir_arena_wipe(&u->arena);
    weir_arena_deinit(&u->arena);
}

static bool bytes_copy(struct weir_arena *arena, ProtobufCBinaryData from, ProtobufCBinaryData *ret)
{
    uint8_t *at = weir_arena_alloc(arena, from.len);

    if (at == NULL)
        return false;
    if (from.len > 0)
        memcpy(at, from.data, from.len);
    *ret = (ProtobufCBinaryData){ from.len, at };
    return true;
}

/* @return NULL: out of memory */
static char *base64_of(struct weir_arena *arena, struct weir_span der)
{
    size_t len = weir_base64_len(der.len);
    char *text = weir_arena_alloc(arena, len + 1);

    if (text == NULL)
        return NULL;
    weir_base64_encode(der, text);
    text[len] = '\0';
    return text;
}

static bool files_fill(struct weir_arena *arena, const struct weir_cert_bundle *b,
                       Weir__V1__CertificateUpload *to)
{
    to->files = weir_arena_calloc(arena, b->num + 1, sizeof(char *));
    if (to->files == NULL)
        return false;
    for (size_t i = 0; i < b->num + (b->pkcs8.len > 0); i++) {
        to->files[i] = base64_of(arena, i < b->num ? b->chain[i] : b->pkcs8);
        if (to->files[i] == NULL)
            return false;
        to->n_files++;
    }
    return true;
}

static char *text_copy(struct weir_arena *arena, const char *text, bool *ret_good)
{
    char *copy = text != NULL ? weir_arena_strdup(arena, weir_span_cstr(text)) : NULL;

    *ret_good = *ret_good && (text == NULL || copy != NULL);
    return copy;
}

static bool texts_copy(struct weir_arena *arena, const Weir__V1__CertificateUpload *in,
                       Weir__V1__CertificateUpload *to)
{
    bool good = true;

    to->files = weir_arena_calloc(arena, in->n_files, sizeof(char *));
    if (to->files == NULL)
        return false;
    for (size_t i = 0; good && i < in->n_files; i++)
        to->files[to->n_files++] = text_copy(arena, in->files[i], &good);
    return good;
}

/* @return NULL: out of memory */
static Weir__V1__CertificateUpload *upload_copy(struct weir_arena *arena,
                                                const Weir__V1__CertificateUpload *in,
                                                const struct weir_cert_bundle *bundle)
{
    Weir__V1__CertificateUpload *to = weir_arena_calloc(arena, 1, sizeof(*to));
    bool good = to != NULL;

    if (!good)
        return NULL;
    weir__v1__certificate_upload__init(to);
    to->tenant = text_copy(arena, in->tenant, &good);
    to->label = text_copy(arena, in->label, &good);
    to->links = weir_arena_calloc(arena, in->n_links, sizeof(char *));
    good = good && to->links != NULL;
    if (good && bundle != NULL)
        good = files_fill(arena, bundle, to);
    else if (good)
        good = texts_copy(arena, in, to);
    for (size_t i = 0; good && i < in->n_links; i++)
        to->links[to->n_links++] = text_copy(arena, in->links[i], &good);
    to->has_sealed_key = in->has_sealed_key;
    if (good && in->has_sealed_key)
        good = bytes_copy(arena, in->sealed_key, &to->sealed_key);
    to->has_fallback = in->has_fallback;
    to->fallback = in->fallback;
    return good ? to : NULL;
}

enum weir_exit weir_cert_uploads_add(struct weir_cert_uploads *u,
                                     const Weir__V1__CertificateUpload *in,
                                     const struct weir_cert_bundle *bundle)
{
    size_t bytes = in->sealed_key.len;
    enum weir_exit code = WEIR_EXIT_OK;

    for (size_t i = 0; bundle == NULL && i < in->n_files; i++)
        bytes += strlen(in->files[i]);
    for (size_t i = 0; bundle != NULL && i < bundle->num; i++)
        bytes += bundle->chain[i].len;
    if (u->num == WEIR_CERT_BATCH_MAX || (u->num > 0 && u->bytes + bytes > WEIR_CERT_BATCH_BYTES))
        code = weir_cert_uploads_send(u);
    if (code != WEIR_EXIT_OK)
        return code;
    u->items[u->num] = upload_copy(&u->arena, in, bundle);
    if (u->items[u->num] == NULL)
        return weir_cli_no_memory(u->cli);
    u->num++;
    u->bytes += bytes;
    return WEIR_EXIT_OK;
}

static enum weir_exit results_take(struct weir_cert_uploads *u,
                                   const Weir__V1__CertificateResults *a)
{
    for (size_t i = 0; i < a->n_results; i++) {
        const char *outcome = a->results[i]->outcome;
        size_t o = 0;
        while (o < WEIR_CERT_OUTCOMES && (outcome == NULL || strcmp(outcomes[o], outcome) != 0))
            o++;
        if (o == WEIR_CERT_OUTCOMES) {
            weir_cli_error(u->cli, "the node's response has an outcome that is not known here. "
                                   "Compare `weir version` on both sides");
            return WEIR_EXIT_FAILED;
        }
        u->counts[o]++;
        u->done(u->arg, a->results[i]);
    }
    u->nodes_durable = a->nodes_durable;
    u->nodes_total = a->nodes_total;
    return WEIR_EXIT_OK;
}

/* A request of one certificate that is refused has its faults as an error of the request. */
static enum weir_exit refused_one(struct weir_cert_uploads *u,
                                  const struct weir_client_response *response)
{
    if (u->num != 1 || response->status != 400)
        return weir_api_refused(u->cli, response);
    u->counts[WEIR_CERT_REFUSED]++;
    (void)weir_api_refused(u->cli, response);
    return WEIR_EXIT_OK;
}

enum weir_exit weir_cert_uploads_send(struct weir_cert_uploads *u)
{
    Weir__V1__CertificateUploads m = WEIR__V1__CERTIFICATE_UPLOADS__INIT;
    const struct weir_options *o = &u->cli->options;
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    struct weir_strbuf body = WEIR_STRBUF_ZERO;
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    char target[64];

    if (u->num == 0)
        return WEIR_EXIT_OK;
    body.secret = true;
    m.certificates = u->items;
    m.n_certificates = u->num;
    weir_api_arena_init(&arena);
    snprintf(target, sizeof(target), "/v1/certificates?force=%d%s", u->force,
             o->dry_run ? "&dry_run=1" : "");
    enum weir_exit code = WEIR_EXIT_OK;
    if (weir_schema_write_json(&m.base, &body) < 0 || body.failed)
        code = weir_cli_no_memory(u->cli);
    struct weir_client_request request = { .method = "POST",
                                           .target = target,
                                           .content_type = "application/json",
                                           .body = weir_span(body.at, body.len) };
    struct weir_api_want want = { &weir__v1__certificate_results__descriptor, &arena, false };
    if (code == WEIR_EXIT_OK) {
        enum weir_err err = weir_client_call(&u->cli->client, &request, &response);
        if (err < 0)
            code = weir_api_failed(u->cli, err);
        else if (response.status / 100 != 2)
            code = refused_one(u, &response);
        else
            code = weir_api_response_read(u->cli, &response, &want, &message);
    }
    if (code == WEIR_EXIT_OK && message != NULL)
        code = results_take(u, (const Weir__V1__CertificateResults *)message);
    weir_strbuf_deinit(&body);
    weir_strbuf_deinit(&response.body);
    weir_arena_deinit(&arena);
    batch_drop(u);
    return code;
}

void weir_cert_uploads_summary(const struct weir_cert_uploads *u, struct weir_strbuf *out)
{
    uint64_t all = 0;
    const char *separator = ": ";

    for (size_t i = 0; i < WEIR_CERT_OUTCOMES; i++)
        all += u->counts[i];
    weir_strbuf_printf(out, "%llu certificate%s", (unsigned long long)all, all == 1 ? "" : "s");
    for (size_t i = 0; i < WEIR_CERT_OUTCOMES; i++) {
        if (u->counts[i] == 0)
            continue;
        weir_strbuf_printf(out, "%s%llu %s", separator, (unsigned long long)u->counts[i],
                           outcomes[i]);
        separator = ", ";
    }
}
