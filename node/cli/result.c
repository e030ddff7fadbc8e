/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c - what became of a write, in one line.
 */
#include "node/cli/result.h"

#include "node/cli/text/render.h"
#include "node/cli/text/table.h"

enum weir_exit weir_result_show(struct weir_cli *cli, const Weir__V1__ApplyResult *r,
                                const char *name)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_output o = cli->options.output;
    if (o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML)
        return weir_render_response(cli, &r->base);
    weir_strbuf_printf(&out, "tenant/%s", name);
    if (o != WEIR_OUTPUT_NAME) {
        weir_strbuf_putc(&out, ' ');
        weir_table_escape(&out, weir_span_cstr(r->outcome != NULL ? r->outcome : "done"));
        if (r->has_revision)
            weir_strbuf_printf(&out, " (revision %llu)", (unsigned long long)r->revision);
        if (cli->options.dry_run)
            weir_strbuf_puts(&out, ", if it were no dry run");
        else if (r->has_nodes_total)
            weir_strbuf_printf(&out, ", on %u/%u nodes", r->nodes_durable, r->nodes_total);
    }
    weir_strbuf_putc(&out, '\n');
    for (size_t i = 0; i < r->n_warnings; i++) {
        struct weir_strbuf line = WEIR_STRBUF_ZERO;
        weir_table_escape(&line, weir_span_cstr(r->warnings[i]));
        if (!line.failed)
            fprintf(cli->err, "tenant/%s: warning: %s\n", name, line.at);
        weir_strbuf_deinit(&line);
    }
    return weir_render_out(cli, &out);
}
