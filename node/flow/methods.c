/* SPDX-License-Identifier: Apache-2.0
 *
 * methods.c - see methods.h.
 */
#include "node/flow/methods.h"

#include <string.h>

#include "node/base/contract.h"

struct weir_span weir_methods_allowed(bool trace)
{
    return trace ? WEIR_SPAN_LIT("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")
                 : WEIR_SPAN_LIT("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

/* Names of credentials contain one of these. RFC 9110 9.3.8 names cookies and authorization; the
 * others are habits of APIs and of the proxies in front of weir. */
static const struct weir_span credential_words[] = {
    WEIR_SPAN_LIT("auth"),     WEIR_SPAN_LIT("cookie"), WEIR_SPAN_LIT("token"),
    WEIR_SPAN_LIT("secret"),   WEIR_SPAN_LIT("key"),    WEIR_SPAN_LIT("session"),
    WEIR_SPAN_LIT("password"), WEIR_SPAN_LIT("cred"),   WEIR_SPAN_LIT("sign"),
};

static bool contains_nocase(struct weir_span s, struct weir_span word)
{
    for (size_t at = 0; at + word.len <= s.len; at++)
        if (weir_span_eq_nocase(weir_span(s.at + at, word.len), word))
            return true;
    return false;
}

static bool is_credential(struct weir_span name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(credential_words); i++)
        if (contains_nocase(name, credential_words[i]))
            return true;
    return false;
}

static size_t append(uint8_t *out, size_t len, struct weir_span s)
{
    memcpy(out + len, s.at, s.len);
    return len + s.len;
}

size_t weir_trace_echo(const struct weir_h1_head *head, const uint8_t *bytes, uint8_t *out)
{
    WEIR_ASSERT(head->kind == WEIR_H1_REQUEST);
    WEIR_ASSERT_CMP(head->head_len, >, 0); /* complete */
    size_t line_end = (size_t)head->target_at + head->target_len;
    size_t len = append(out, 0, weir_span(bytes + head->method_at, line_end - head->method_at));
    len =
        append(out, len,
               head->minor == 0 ? WEIR_SPAN_LIT(" HTTP/1.0\r\n") : WEIR_SPAN_LIT(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct weir_h1_field *f = &head->fields[i];
        if (is_credential(weir_h1_name(bytes, f)))
            continue;
        size_t value_end = (size_t)f->value_at + f->value_len;
        len = append(out, len, weir_span(bytes + f->name_at, value_end - f->name_at));
        len = append(out, len, WEIR_SPAN_LIT("\r\n"));
    }
    len = append(out, len, WEIR_SPAN_LIT("\r\n"));
    WEIR_ASSERT_CMP(len, <=, head->head_len);
    return len;
}
