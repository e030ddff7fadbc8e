/* SPDX-License-Identifier: Apache-2.0
 *
 * query.c - see query.h. Decoded bytes go to the query's own buffer, so that a request's bytes stay
 * as received.
 */
#include "node/ctl/admin/query.h"

#include "node/wire/bytes.h"

#define U64_DIGITS_MAX 19 /* 10^19 - 1 fits 64 bits */

static enum weir_err decode(struct weir_query *q, struct weir_span text, struct weir_span *ret)
{
    size_t from = q->len;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t b = text.at[i];
        if (b == '%') {
            if (text.len - i < 3)
                return WEIR_EINVAL;
            int high = weir_hex_digit(text.at[i + 1]);
            int low = weir_hex_digit(text.at[i + 2]);
            if (high < 0 || low < 0)
                return WEIR_EINVAL;
            b = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (b == 0)
            return WEIR_EINVAL;
        if (q->len == WEIR_QUERY_BYTES_MAX)
            return WEIR_ELIMIT;
        q->bytes[q->len++] = b;
    }
    *ret = weir_span(q->bytes + from, q->len - from);
    return WEIR_OK;
}

static struct weir_query_param *param_of(struct weir_query *q, struct weir_span name)
{
    for (size_t i = 0; i < q->num; i++)
        if (weir_span_eq(q->params[i].name, name))
            return &q->params[i];
    return NULL;
}

static enum weir_err pair_parse(struct weir_query *q, struct weir_span pair)
{
    const uint8_t *equals = pair.len > 0 ? memchr(pair.at, '=', pair.len) : NULL;
    if (equals == NULL)
        return WEIR_EINVAL;
    if (q->num == WEIR_QUERY_PARAMS_MAX)
        return WEIR_ELIMIT;
    size_t name_len = (size_t)(equals - pair.at);
    struct weir_query_param p;
    enum weir_err err = decode(q, weir_span(pair.at, name_len), &p.name);
    if (err == WEIR_OK)
        err = decode(q, weir_span_from(pair, name_len + 1), &p.value);
    if (err < 0)
        return err;
    if (p.name.len == 0 || param_of(q, p.name) != NULL)
        return WEIR_EINVAL;
    q->params[q->num++] = p;
    return WEIR_OK;
}

enum weir_err weir_query_parse(struct weir_query *q, struct weir_span text)
{
    q->num = 0;
    q->len = 0;
    bool more = text.len > 0;
    while (more) {
        const uint8_t *end = text.len > 0 ? memchr(text.at, '&', text.len) : NULL;
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        enum weir_err err = pair_parse(q, weir_span(text.at, len));
        if (err < 0)
            return err;
        more = end != NULL;
        text = weir_span_from(text, len + 1);
    }
    return WEIR_OK;
}

const struct weir_span *weir_query_find(const struct weir_query *q, const char *name)
{
    struct weir_span wanted = weir_span_cstr(name);
    for (size_t i = 0; i < q->num; i++)
        if (weir_span_eq(q->params[i].name, wanted))
            return &q->params[i].value;
    return NULL;
}

bool weir_decimal_parse(struct weir_span text, uint64_t *ret)
{
    uint64_t n = 0;
    if (text.len == 0 || text.len > U64_DIGITS_MAX || (text.len > 1 && text.at[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!weir_byte_is(text.at[i], WEIR_BYTE_DIGIT))
            return false;
        n = n * 10 + (uint64_t)(text.at[i] - '0');
    }
    *ret = n;
    return true;
}

enum weir_err weir_query_u64(const struct weir_query *q, const char *name, uint64_t *ret)
{
    const struct weir_span *v = weir_query_find(q, name);
    if (v == NULL)
        return WEIR_OK;
    return weir_decimal_parse(*v, ret) ? WEIR_OK : WEIR_EINVAL;
}

enum weir_err weir_query_bool(const struct weir_query *q, const char *name, bool *ret)
{
    const struct weir_span *v = weir_query_find(q, name);
    *ret = false;
    if (v == NULL || weir_span_eq(*v, WEIR_SPAN_LIT("0")) ||
        weir_span_eq(*v, WEIR_SPAN_LIT("false")))
        return WEIR_OK;
    if (!weir_span_eq(*v, WEIR_SPAN_LIT("1")) && !weir_span_eq(*v, WEIR_SPAN_LIT("true")))
        return WEIR_EINVAL;
    *ret = true;
    return WEIR_OK;
}
