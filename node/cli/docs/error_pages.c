/* SPDX-License-Identifier: Apache-2.0
 *
 * error_pages.c - reads the files that error pages name.
 */
#include "node/cli/docs/error_pages.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

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
static const char *content_type_of(const char *file)
{
    const char *dot = strrchr(file, '.');
    for (size_t i = 0; dot != NULL && i < WEIR_ARRAY_LEN(types); i++)
        if (strcasecmp(dot, types[i].extension) == 0)
            return types[i].content_type;
    return NULL;
}

/* The texts belong to the arena: a message and its strings are never freed one by one. */
static bool page_fill(struct weir_arena *arena, Weir__V1__ErrorPage *page, struct weir_span body)
{
    const char *type = content_type_of(page->file);
    char *copy = weir_arena_strdup(arena, body);
    if (page->content_type == NULL && type != NULL) {
        page->content_type = weir_arena_strdup(arena, weir_span_cstr(type));
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

/* @param why  of weir_file_read_beneath */
static void fault_write(struct weir_error_pages *p, enum weir_err err, const char *file,
                        const char *why)
{
    struct weir_shown shown = weir_schema_text_bare(weir_span_cstr(file));
    if (err == WEIR_ELIMIT)
        snprintf(p->why, sizeof(p->why), "%s is longer than %d KiB", shown.text,
                 WEIR_ERROR_PAGE_MAX / 1024);
    else if (err != WEIR_EPERM)
        snprintf(p->why, sizeof(p->why), "cannot read %s: %s", shown.text, why);
    else if (p->roots.base_allowed)
        snprintf(p->why, sizeof(p->why),
                 "%s is not in the document's folder. Move it there, or allow the folder that has "
                 "it with --allow-files DIR",
                 shown.text);
    else
        snprintf(p->why, sizeof(p->why),
                 "%s is not in an allowed folder: a document from standard input or an editor "
                 "reads files only from folders that --allow-files DIR names",
                 shown.text);
}

const char *weir_error_page_read(void *arg, Weir__V1__ErrorPage *page)
{
    struct weir_error_pages *p = arg;
    const char *why = "out of memory";
    struct weir_strbuf body = WEIR_STRBUF_ZERO;
    WEIR_ASSERT(page->file != NULL);
    if (page->file[0] == '\0')
        return "the name of the file is empty: name a file, or give the page as body";
    enum weir_err err =
        weir_file_read_beneath(&p->roots, page->file, WEIR_ERROR_PAGE_MAX, &body, &why);
    struct weir_span text = weir_span(body.at, body.len);
    p->why[0] = '\0';
    if (err < 0)
        fault_write(p, err, page->file, why);
    else if (!weir_schema_text_is_utf8(text))
        snprintf(p->why, sizeof(p->why), "%s is not UTF-8",
                 weir_schema_text_bare(weir_span_cstr(page->file)).text);
    else if (!page_fill(p->arena, page, text))
        snprintf(p->why, sizeof(p->why), "out of memory");
    weir_strbuf_deinit(&body);
    return p->why[0] != '\0' ? p->why : NULL;
}
