/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.c - see identity.h.
 */
#include "node/flow/identity.h"

#include "node/base/span.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* @return true: the list's element begins with the scheme */
static bool begins_with_scheme(struct weir_span element, struct weir_span scheme)
{
    if (element.len < scheme.len || !weir_span_eq_nocase(weir_span(element.at, scheme.len), scheme))
        return false;
    return element.len == scheme.len || element.at[scheme.len] == ',' ||
           is_space(element.at[scheme.len]);
}

/* WWW-Authenticate is a list of challenges whose parameters are separated by commas too. A
 * parameter has "=" behind its name, so it is never taken for a scheme. A comma inside a quoted
 * string can make text look like an element: the connection then is bound without need, which is
 * safe. */
static bool names_bound_scheme(struct weir_span value)
{
    size_t at = 0;
    while (at < value.len) {
        while (at < value.len && (is_space(value.at[at]) || value.at[at] == ','))
            at++;
        struct weir_span element = weir_span_from(value, at);
        if (begins_with_scheme(element, WEIR_SPAN_LIT("ntlm")) ||
            begins_with_scheme(element, WEIR_SPAN_LIT("negotiate")))
            return true;
        while (at < value.len && value.at[at] != ',')
            at++;
    }
    return false;
}

bool weir_identity_binds(const struct weir_h1_head *head, const uint8_t *bytes)
{
    WEIR_ASSERT_CMP(head->head_len, >, 0); /* complete */
    struct weir_span name = head->kind == WEIR_H1_REQUEST ? WEIR_SPAN_LIT("authorization")
                                                          : WEIR_SPAN_LIT("www-authenticate");
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct weir_h1_field *f = &head->fields[i];
        if (WEIR_LIKELY(f->name_len != name.len) ||
            !weir_span_eq_nocase(weir_h1_name(bytes, f), name))
            continue;
        if (names_bound_scheme(weir_h1_value(bytes, f)))
            return true;
    }
    return false;
}
