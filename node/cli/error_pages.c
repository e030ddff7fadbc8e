/* SPDX-License-Identifier: Apache-2.0
 *
 * error_pages.c - reads the files that error pages name.
 */
#include "node/cli/error_pages.h"

#include <string.h>
#include <strings.h>

#include "node/cli/file.h"
#include "node/cli/table.h"
#include "tenants/schema/schema_text.h"

static const struct {
    const char *extension;
    const char *content_type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".htm", "text/html; charset=utf-8" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".json", "application/json" },
    { ".xhtml", "application/xhtml+xml" },
    { ".xml", "application/xml" },
    { ".svg", "image/svg+xml" },
};

/* NULL: the node's default holds. */
static const char *type_of(const char *file)
{
    const char *dot = strrchr(file, '.');
    for (size_t i = 0; dot != NULL && i < WEIR_ARRAY_LEN(types); i++)
        if (strcasecmp(dot, types[i].extension) == 0)
            return types[i].content_type;
    return NULL;
}

/* The file as seen from the folder of its document; NULL: out of memory. */
static char *path_of(struct weir_source *s, const struct weir_source_doc *doc, const char *file)
{
    const char *slash = strrchr(doc->file, '/');
    if (file[0] == '/' || slash == NULL)
        return weir_arena_strdup(&s->arena, weir_span_cstr(file));
    return weir_arena_printf(&s->arena, "%.*s/%s", (int)(slash - doc->file), doc->file, file);
}

/* The page's texts become the source's: the message and its strings are never freed one by one. */
static bool page_fill(struct weir_source *s, Weir__V1__ErrorPage *page, struct weir_span body)
{
    const char *type = type_of(page->file);
    char *copy = weir_arena_strdup(&s->arena, body);
    if (page->content_type == NULL && type != NULL) {
        page->content_type = weir_arena_strdup(&s->arena, weir_span_cstr(type));
        if (page->content_type == NULL)
            return false;
    }
    if (copy == NULL)
        return false;
    page->has_body = 1;
    page->body.data = (uint8_t *)copy;
    page->body.len = body.len;
    page->file = NULL;
    return true;
}

static void page_read(struct weir_source *s, struct weir_source_doc *doc, const char *status,
                      Weir__V1__ErrorPage *page)
{
    const char *why = "out of memory";
    const char *file = page->file;
    struct weir_strbuf body = WEIR_STRBUF_ZERO;
    char *path = path_of(s, doc, file);
    enum weir_err err =
        path != NULL ? weir_file_read(path, WEIR_ERROR_PAGE_MAX, &body, &why) : WEIR_ENOMEM;
    struct weir_span text = weir_span(body.at, body.len);
    if (err == WEIR_ELIMIT)
        weir_source_fault(s, doc, "error_pages.%s.file: %s is longer than %d KiB", status, file,
                          WEIR_ERROR_PAGE_MAX / 1024);
    else if (err < 0)
        weir_source_fault(s, doc, "error_pages.%s.file: cannot read %s: %s", status,
                          path != NULL ? path : file, why);
    else if (!weir_schema_text_is_utf8(text))
        weir_source_fault(s, doc, "error_pages.%s.file: %s is not UTF-8", status, file);
    else if (!page_fill(s, page, text))
        weir_source_fault(s, doc, "error_pages.%s.file: out of memory", status);
    weir_strbuf_deinit(&body);
}

void weir_error_pages_read(struct weir_source *s, struct weir_source_doc *doc)
{
    size_t num_before = s->num_errors;
    bool any = false;
    for (size_t i = 0; i < doc->tenant->n_error_pages; i++) {
        const Weir__V1__Tenant__ErrorPagesEntry *entry = doc->tenant->error_pages[i];
        if (entry->value == NULL || entry->value->file == NULL || entry->value->has_body)
            continue;
        any = true;
        page_read(s, doc, entry->key, entry->value);
    }
    if (!any || s->num_errors > num_before)
        return;
    /* All pages together have a limit of their own, which only shows now. */
    struct weir_diags diags;
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_check(WEIR_KIND_TENANT, doc->message, &diags);
    for (size_t i = 0; i < diags.len; i++)
        if (diags.items[i].severity == WEIR_SEVERITY_ERROR)
            weir_source_fault(s, doc, "%s: %s", diags.items[i].field, diags.items[i].message);
    if (err == WEIR_ENOMEM)
        weir_source_fault(s, doc, "out of memory");
    weir_diags_deinit(&diags);
}
