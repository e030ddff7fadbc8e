/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_response.c - the bodies of responses: JSON of admin.proto, text, and errors in their one
 * form. Every way through here ends in weir_admin_response, which ends the request.
 */
#include <stdarg.h>
#include <stdio.h>

#include "node/ctl/admin/admin_api.h"

#define ERROR_TEXT_MAX 1024

static const char json_type[] = "application/json";

void weir_admin_response_text(struct weir_admin_request *r, uint16_t status, const char *text)
{
    weir_strbuf_reset(&r->body);
    weir_strbuf_puts(&r->body, text);
    weir_strbuf_putc(&r->body, '\n');
    weir_admin_response(r, status, "text/plain; charset=utf-8");
}

void weir_admin_response_message(struct weir_admin_request *r, uint16_t status,
                                 const ProtobufCMessage *m)
{
    weir_strbuf_reset(&r->body);
    if (weir_schema_write_json(m, &r->body) < 0)
        r->body.failed = true;
    weir_strbuf_putc(&r->body, '\n');
    weir_admin_response(r, status, json_type);
}

static void error_begin(struct weir_strbuf *b, const char *code, const char *message)
{
    weir_strbuf_reset(b);
    weir_strbuf_puts(b, "{\"error\":{\"code\":");
    weir_strbuf_json(b, weir_span_cstr(code));
    weir_strbuf_puts(b, ",\"message\":");
    weir_strbuf_json(b, weir_span_cstr(message));
}

void weir_admin_response_error(struct weir_admin_request *r, uint16_t status, const char *code,
                               const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    error_begin(&r->body, code, text);
    weir_strbuf_puts(&r->body, "}}\n");
    weir_admin_response(r, status, json_type);
}

static void detail_begin(struct weir_strbuf *b, const char *field, const char *message)
{
    weir_strbuf_puts(b, "{\"field\":");
    weir_strbuf_json(b, weir_span_cstr(field));
    weir_strbuf_puts(b, ",\"message\":");
    weir_strbuf_json(b, weir_span_cstr(message));
}

static void detail_add(struct weir_strbuf *b, const char *field, const char *message)
{
    detail_begin(b, field, message);
    weir_strbuf_putc(b, '}');
}

static void diag_add(struct weir_strbuf *b, const struct weir_diag *d)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    if (d->line > 0)
        weir_strbuf_printf(&text, "line %u:%u: ", d->line, d->column);
    weir_strbuf_puts(&text, d->message);
    if (text.failed) {
        b->failed = true;
    } else {
        detail_begin(b, d->field, text.at);
        if (d->severity == WEIR_SEVERITY_WARNING)
            weir_strbuf_puts(b, ",\"severity\":\"warning\"");
        weir_strbuf_putc(b, '}');
    }
    weir_strbuf_deinit(&text);
}

static void invalid_begin(struct weir_strbuf *b, size_t num)
{
    char message[64];
    snprintf(message, sizeof(message), "%zu error%s; nothing was applied", num,
             num == 1 ? "" : "s");
    error_begin(b, "invalid", message);
    weir_strbuf_puts(b, ",\"details\":[");
}

void weir_admin_response_invalid(struct weir_admin_request *r, const struct weir_diags *diags)
{
    invalid_begin(&r->body, weir_diags_num_errors(diags));
    for (size_t i = 0; i < diags->len; i++) {
        if (i > 0)
            weir_strbuf_putc(&r->body, ',');
        diag_add(&r->body, &diags->items[i]);
    }
    weir_strbuf_puts(&r->body, "]}}\n");
    weir_admin_response(r, 400, json_type);
}

void weir_admin_response_details(struct weir_admin_request *r, const Weir__V1__ErrorDetail *details,
                                 size_t num)
{
    invalid_begin(&r->body, num);
    for (size_t i = 0; i < num; i++) {
        if (i > 0)
            weir_strbuf_putc(&r->body, ',');
        detail_add(&r->body, details[i].field, details[i].message);
    }
    weir_strbuf_puts(&r->body, "]}}\n");
    weir_admin_response(r, 400, json_type);
}

struct err_response {
    enum weir_err err;
    uint16_t status;
    const char *code;
    const char *text;
};

static const struct err_response err_responses[] = {
    { WEIR_ENOMEM, 503, "busy", "the node is out of memory; try again" },
    { WEIR_ELIMIT, 400, "invalid", "the record would be longer than 1048576 bytes" },
    { WEIR_EINVAL, 400, "invalid", "does not validate" },
    { WEIR_ENOTFOUND, 404, "not_found", "does not exist" },
    { WEIR_EEXIST, 412, "conflict", "exists already" },
    { WEIR_ECONFLICT, 412, "conflict",
      "its revision is another one; get it anew and decide again" },
    { WEIR_EPERM, 409, "overlap", "a name overlaps one of another tenant" },
    { WEIR_EIO, 500, "io", "the disk failed; see the node's log" },
    { WEIR_EFULL, 507, "full",
      "the store is full; delete something or raise limits.store, then try again" },
    { WEIR_ECORRUPT, 500, "corrupt", "its stored record is damaged; apply it again" },
    { WEIR_EBUSY, 503, "busy", "too many writes are waiting; try again" },
    { WEIR_ECLOSED, 503, "busy", "the node is stopping" },
};

const char *weir_admin_err_text(enum weir_err err, uint16_t *ret_status, const char **ret_code)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(err_responses); i++) {
        if (err_responses[i].err != err)
            continue;
        *ret_status = err_responses[i].status;
        *ret_code = err_responses[i].code;
        return err_responses[i].text;
    }
    *ret_status = 500;
    *ret_code = "internal";
    return weir_err_name(err);
}

void weir_admin_response_err(struct weir_admin_request *r, enum weir_err err, const char *what)
{
    uint16_t status = 0;
    const char *code = NULL;
    const char *text = weir_admin_err_text(err, &status, &code);
    if (status == 503)
        weir_strbuf_puts(&r->fields, "Retry-After: 1\r\n");
    weir_admin_response_error(r, status, code, "%s: %s", what, text);
}

void weir_admin_etag(struct weir_admin_request *r, uint64_t revision)
{
    weir_strbuf_printf(&r->fields, "ETag: \"%llu\"\r\n", (unsigned long long)revision);
}
