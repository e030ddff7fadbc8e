/* SPDX-License-Identifier: Apache-2.0
 *
 * named_files.c - see named_files.h.
 */
#include "node/cli/docs/named_files.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "node/base/limits.h"
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

/* @param why  of weir_file_read_beneath */
static void fault_write(struct weir_named_files *p, enum weir_err err, const char *file,
                        const char *why, size_t max)
{
    struct weir_shown shown = weir_schema_text_bare(weir_span_cstr(file));
    if (err == WEIR_ELIMIT)
        snprintf(p->why, sizeof(p->why), "%s is longer than %zu KiB", shown.text, max / 1024);
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

/* The text belongs to the arena: a message and its strings are never freed one by one. */
static enum weir_err text_copy(struct weir_named_files *p, struct weir_span text,
                               ProtobufCBinaryData *ret)
{
    char *copy = weir_arena_strdup(p->arena, text);
    if (copy == NULL)
        return WEIR_ENOMEM;
    *ret = (ProtobufCBinaryData){ .len = text.len, .data = (uint8_t *)copy };
    return WEIR_OK;
}

/**
 * Read a file of UTF-8.
 * @param instead  what may be given instead of a file
 * @return NULL: *ret is set | what is wrong
 */
static const char *file_read(struct weir_named_files *p, const char *file, size_t max,
                             const char *instead, ProtobufCBinaryData *ret)
{
    const char *why = "out of memory";
    struct weir_strbuf bytes = WEIR_STRBUF_ZERO;
    if (file[0] == '\0') {
        snprintf(p->why, sizeof(p->why), "the name of the file is empty: name a file, or give %s",
                 instead);
        return p->why;
    }
    enum weir_err err = weir_file_read_beneath(&p->roots, file, max, &bytes, &why);
    struct weir_span text = weir_span(bytes.at, bytes.len);
    p->why[0] = '\0';
    if (err < 0)
        fault_write(p, err, file, why, max);
    else if (!weir_schema_text_is_utf8(text))
        snprintf(p->why, sizeof(p->why), "%s is not UTF-8",
                 weir_schema_text_bare(weir_span_cstr(file)).text);
    else if (text_copy(p, text, ret) < 0)
        snprintf(p->why, sizeof(p->why), "out of memory");
    weir_strbuf_deinit(&bytes);
    return p->why[0] != '\0' ? p->why : NULL;
}

static const char *page_read(void *arg, Weir__V1__ErrorPage *page)
{
    struct weir_named_files *p = arg;
    WEIR_ASSERT(page->file != NULL);
    const char *type = content_type_of(page->file);
    const char *why =
        file_read(p, page->file, WEIR_ERROR_PAGE_MAX, "the page as body", &page->body);
    if (why != NULL)
        return why;
    if (page->content_type == NULL && type != NULL) {
        page->content_type = weir_arena_strdup(p->arena, weir_span_cstr(type));
        if (page->content_type == NULL)
            return "out of memory";
    }
    page->has_body = 1;
    page->file = NULL;
    return NULL;
}

static const char *ca_read(void *arg, Weir__V1__Authorities *ca)
{
    WEIR_ASSERT(ca->file != NULL);
    const char *why = file_read(arg, ca->file, WEIR_CA_MAX, "the certificates as pem", &ca->pem);
    if (why != NULL)
        return why;
    ca->has_pem = 1;
    ca->file = NULL;
    return NULL;
}

const struct weir_schema_files weir_named_files_readers = { .read_page = page_read,
                                                            .read_ca = ca_read };
