/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_diags.c - see schema_diags.h. The list is filled by schema_report.c.
 */
#include "tenants/schema/schema_diags.h"

#include "tenants/schema/schema_text.h"

#define ARENA_BLOCK 4096
#define ARENA_MAX   (1u << 20) /* bytes: WEIR_DIAGS_MAX texts at their longest fit four times */

_Static_assert(4 * WEIR_DIAGS_MAX * 2 * WEIR_DIAG_TEXT_MAX <= ARENA_MAX, "they fit four times");

void weir_diags_init(struct weir_diags *d)
{
    *d = (struct weir_diags){ .items = NULL };
    weir_arena_init(&d->arena, ARENA_BLOCK, ARENA_MAX);
}

void weir_diags_deinit(struct weir_diags *d)
{
    weir_arena_deinit(&d->arena);
    d->items = NULL;
    d->len = 0;
    d->total = 0;
    d->num_folded = 0;
    d->num_warnings = 0;
}

size_t weir_diags_num_errors(const struct weir_diags *d)
{
    return d->total - d->num_warnings;
}

const struct weir_diag *weir_diags_first_error(const struct weir_diags *d)
{
    for (size_t i = 0; i < d->len; i++)
        if (d->items[i].severity == WEIR_SEVERITY_ERROR)
            return &d->items[i];
    return NULL;
}

void weir_diags_write(const struct weir_diags *d, struct weir_strbuf *out)
{
    for (size_t i = 0; i < d->len; i++) {
        const struct weir_diag *g = &d->items[i];

        if (g->file[0] != '\0') {
            weir_schema_text_escape(out, weir_span_cstr(g->file));
            weir_strbuf_putc(out, ':');
        }
        if (g->line != 0)
            weir_strbuf_printf(out, "%u:%u:", g->line, g->column);
        if (g->file[0] != '\0' || g->line != 0)
            weir_strbuf_putc(out, ' ');
        if (g->severity == WEIR_SEVERITY_WARNING)
            weir_strbuf_puts(out, "warning: ");
        if (g->field[0] != '\0')
            weir_strbuf_printf(out, "%s: ", g->field);
        weir_schema_text_escape(out, weir_span_cstr(g->message)); /* it may name a file */
        if (g->num_more > 0)
            weir_strbuf_printf(out, " (and %zu more like it)", g->num_more);
        weir_strbuf_putc(out, '\n');
    }
    if (d->total > d->len + d->num_folded)
        weir_strbuf_printf(out, "and %zu more\n", d->total - d->len - d->num_folded);
}
