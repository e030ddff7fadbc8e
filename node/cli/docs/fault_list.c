/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_list.c - see fault_list.h. An equal fault is found by a walk: there are few.
 */
#include "node/cli/docs/fault_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenants/schema/schema_text.h"

void weir_fault_list_deinit(struct weir_fault_list *l)
{
    for (size_t i = 0; i < l->len; i++) {
        free(l->items[i].place);
        free(l->items[i].text);
    }
    l->len = 0;
}

static void place_write(const struct weir_fault_place *at, struct weir_strbuf *out)
{
    weir_schema_text_escape(out, weir_span_cstr(at->file));
    if (at->line > 0)
        weir_strbuf_printf(out, ":%u:1", at->line);
    if (at->tenant == NULL)
        return;
    weir_strbuf_puts(out, ": tenant ");
    weir_schema_text_escape(out, weir_span_cstr(at->tenant));
}

/* @return NULL: out of memory */
static WEIR_PRINTF(1, 0) char *text_make(const char *fmt, va_list args)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    char *text = NULL;
    size_t len = 0;
    int text_len = vasprintf(&text, fmt, args);
    if (text_len < 0)
        return NULL;
    weir_schema_text_escape(&out, weir_span(text, (size_t)text_len));
    free(text);
    char *escaped = weir_strbuf_take(&out, &len);
    weir_strbuf_deinit(&out);
    return escaped;
}

/* @param text  given away on WEIR_OK only */
static enum weir_err fault_append(struct weir_fault_list *l, const struct weir_fault_place *at,
                                  char *text)
{
    struct weir_strbuf place = WEIR_STRBUF_ZERO;
    size_t len = 0;
    place_write(at, &place);
    struct weir_fault *f = &l->items[l->len];
    *f = (struct weir_fault){ .place = weir_strbuf_take(&place, &len), .text = text };
    weir_strbuf_deinit(&place);
    if (f->place == NULL)
        return WEIR_ENOMEM;
    l->len++;
    return WEIR_OK;
}

enum weir_err weir_fault_list_add(struct weir_fault_list *l, const struct weir_fault_place *at,
                                  const char *fmt, va_list args)
{
    enum weir_err err = WEIR_OK;
    size_t i = 0;
    WEIR_ASSERT(at->file != NULL);
    char *text = text_make(fmt, args);
    if (text == NULL)
        return WEIR_ENOMEM;
    l->num_total++;
    while (i < l->len && strcmp(l->items[i].text, text) != 0)
        i++;
    if (i < l->len) {
        l->items[i].num_more++;
    } else if (l->len == WEIR_FAULTS_MAX) {
        l->num_unnoted++;
    } else {
        err = fault_append(l, at, text);
        text = err == WEIR_OK ? NULL : text;
    }
    free(text);
    return err;
}

void weir_fault_list_write(const struct weir_fault_list *l, struct weir_strbuf *out)
{
    for (size_t i = 0; i < l->len; i++) {
        const struct weir_fault *f = &l->items[i];
        weir_strbuf_printf(out, "%s: %s", f->place, f->text);
        if (f->num_more > 0)
            weir_strbuf_printf(out, " (and %zu more like it)", f->num_more);
        weir_strbuf_putc(out, '\n');
    }
}
