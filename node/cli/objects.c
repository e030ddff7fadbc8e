/* SPDX-License-Identifier: Apache-2.0
 *
 * objects.c - words of the command line to names of tenants.
 */
#include "node/cli/objects.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/rng.h"
#include "node/cli/api.h"
#include "node/cli/docs/source.h"

#define ARENA_BLOCK 4096
#define ARENA_MAX   ((size_t)1 << 28)

enum weir_exit weir_objects_init(struct weir_objects *n, struct weir_cli *cli)
{
    uint64_t seed = 0;
    *n = (struct weir_objects){ .items = NULL };
    enum weir_err err = weir_rng_secret(&seed, sizeof(seed));
    weir_arena_init(&n->arena, ARENA_BLOCK, ARENA_MAX);
    weir_hashmap_init(&n->seen, seed, WEIR_SOURCE_DOCS_MAX);
    return err == WEIR_OK ? WEIR_EXIT_OK : weir_cli_no_memory(cli);
}

void weir_objects_deinit(struct weir_objects *n)
{
    weir_hashmap_deinit(&n->seen);
    free(n->items);
    n->items = NULL;
    n->len = 0;
    weir_arena_deinit(&n->arena);
}

static enum weir_err name_append(struct weir_objects *n, const char *name)
{
    if (weir_hashmap_find(&n->seen, weir_span_cstr(name)) != NULL)
        return WEIR_OK;
    char *copy = weir_arena_strdup(&n->arena, weir_span_cstr(name));
    if (n->len == n->max) {
        size_t max = n->max == 0 ? 16 : n->max * 2;
        const char **items = realloc(n->items, max * sizeof(*items));
        if (items == NULL)
            return WEIR_ENOMEM;
        n->items = items;
        n->max = max;
    }
    enum weir_err err =
        copy != NULL ? weir_hashmap_add(&n->seen, weir_span_cstr(copy), copy) : WEIR_ENOMEM;
    if (err == WEIR_OK)
        n->items[n->len++] = copy;
    return err;
}

enum weir_exit weir_objects_add(struct weir_objects *n, struct weir_cli *cli, const char *name)
{
    enum weir_err err = name_append(n, name);
    if (err == WEIR_OK)
        return WEIR_EXIT_OK;
    if (err != WEIR_ELIMIT)
        return weir_cli_no_memory(cli);
    weir_cli_error(cli, "more than %d tenants at once", WEIR_SOURCE_DOCS_MAX);
    return WEIR_EXIT_FAILED;
}

/* @param is_name  whether a word without a slash is a name, since a kind stood before it */
static enum weir_exit word_read(struct weir_objects *n, struct weir_cli *cli, const char *word,
                                bool is_name)
{
    const char *slash = strchr(word, '/');
    const char *name = slash != NULL ? slash + 1 : word;
    if (slash != NULL) {
        char *kind = weir_arena_strdup(&n->arena, weir_span(word, (size_t)(slash - word)));
        if (kind == NULL)
            return weir_cli_no_memory(cli);
        if (!weir_api_is_kind(cli, kind))
            return WEIR_EXIT_USAGE;
    } else if (!is_name) {
        return weir_api_is_kind(cli, word) ? WEIR_EXIT_OK : WEIR_EXIT_USAGE;
    }
    if (!weir_api_is_tenant(cli, name))
        return WEIR_EXIT_USAGE;
    return weir_objects_add(n, cli, name);
}

enum weir_exit weir_objects_read(struct weir_objects *n, struct weir_cli *cli, size_t num_args)
{
    bool kind_given = false;
    enum weir_exit code = WEIR_EXIT_OK;
    WEIR_ASSERT(num_args <= cli->num_args);
    for (size_t i = 0; i < num_args && code == WEIR_EXIT_OK; i++) {
        code = word_read(n, cli, cli->args[i], kind_given);
        kind_given = kind_given || strchr(cli->args[i], '/') == NULL;
    }
    return code;
}

enum weir_exit weir_objects_read_one(struct weir_objects *n, struct weir_cli *cli, size_t num_args)
{
    enum weir_exit code = weir_objects_read(n, cli, num_args);
    if (code == WEIR_EXIT_OK && n->len == 0)
        code = weir_cli_usage(cli, "a name is missing: weir %s %.*s", cli->command->name,
                              (int)strcspn(cli->command->usage, "\n"), cli->command->usage);
    else if (code == WEIR_EXIT_OK && n->len > 1)
        code = weir_cli_usage(cli, "this is for one tenant, and %zu are named", n->len);
    return code;
}

enum weir_exit weir_objects_read_files(struct weir_objects *n, struct weir_cli *cli)
{
    struct weir_source source;
    if (cli->options.num_files == 0)
        return WEIR_EXIT_OK;
    weir_source_init(&source, cli);
    source.names_only = true;
    enum weir_exit code = weir_source_read(&source, true);
    for (size_t i = 0; i < source.num_docs && code == WEIR_EXIT_OK; i++)
        code = weir_objects_add(n, cli, source.docs[i].tenant->name);
    weir_source_deinit(&source);
    return code;
}
