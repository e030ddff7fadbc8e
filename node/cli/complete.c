/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.c - the command line is read as args.c does, but without errors: what is not understood
 * is passed over.
 */
#include "node/cli/complete.h"

#include <stdlib.h>
#include <string.h>

#include "node/cli/api.h"
#include "node/cli/args.h"
#include "node/cli/tenant_list.h"
#include "node/cli/text/render.h"
#include "tenants/schema/schema.h"

#define NODE_TIMEOUT_MS 1000 /* a key was pressed: better nothing than to wait */

/** What stands behind a flag. */
enum value_kind { VALUE_TEXT, VALUE_WORDS, VALUE_FILES, VALUE_FOLDERS, VALUE_TENANTS, VALUE_NODE };

static const struct {
    enum weir_flag flag;
    enum value_kind kind;
    const char *words;
} values[] = {
    { WEIR_FLAG_NODE, VALUE_NODE, NULL },
    { WEIR_FLAG_CA, VALUE_FILES, NULL },
    { WEIR_FLAG_FILE, VALUE_FILES, NULL },
    { WEIR_FLAG_ALLOW_FILES, VALUE_FOLDERS, NULL },
    { WEIR_FLAG_TENANT, VALUE_TENANTS, NULL },
    { WEIR_FLAG_CERT, VALUE_FILES, NULL },
    { WEIR_FLAG_KEY, VALUE_FILES, NULL },
    { WEIR_FLAG_CHAIN, VALUE_FILES, NULL },
    { WEIR_FLAG_DIR, VALUE_FOLDERS, NULL },
    { WEIR_FLAG_PASSWORD_FILE, VALUE_FILES, NULL },
    { WEIR_FLAG_OUTPUT, VALUE_WORDS, "table wide name json yaml" },
    { WEIR_FLAG_WAIT, VALUE_WORDS, "local quorum all" },
    { WEIR_FLAG_SORT, VALUE_WORDS, "name revision hosts upstreams applied conflicts" },
    { WEIR_FLAG_SCOPE, VALUE_WORDS, "admin read tenant:" },
    { WEIR_FLAG_METHOD, VALUE_WORDS, "GET HEAD POST PUT DELETE OPTIONS PATCH" },
};

/* Arguments of commands; the table of commands has their flags alone. */
static const struct {
    const char *command;
    const char *words; /* the first argument */
    bool names;        /* then names of tenants */
    uint8_t num_names; /* at most; WEIR_CLI_ARGS_ANY */
    bool files;        /* files instead */
} arguments[] = {
    { "get", "tenant", true, WEIR_CLI_ARGS_ANY, false },
    { "delete", "tenant", true, WEIR_CLI_ARGS_ANY, false },
    { "history", "tenant", true, 1, false },
    { "rollback", "tenant", true, 1, false },
    { "edit", "tenant", true, 1, false },
    { "route", "test", false, 0, false },
    { "redirect", "test", false, 0, false },
    { "help", "tenant", false, 0, false },
    { "completion", "bash zsh", false, 0, false },
    { "log-level", "error warn info debug trace", false, 0, false },
    { "token", "create list revoke", false, 0, false },
    { "cert", "add list show delete link", false, 0, false },
    { "fmt", NULL, false, 0, true },
    { "export", NULL, false, 0, true },
    { "import", NULL, false, 0, true },
};

/** A command line as far as it is typed. */
struct typed {
    struct weir_cli *cli;
    char *const *words;
    size_t num; /* words before the one to complete */
    const char *current;
    bool is_node; /* the command is `node`, which is not the client's */
    bool has_flag;
    enum weir_flag flag; /* whose value is to be completed */
    size_t lead;         /* bytes of current before its value: "--output=" */
    bool flags_ended;
    struct weir_strbuf out;
};

/* -- reading -- */

static bool flag_find(const struct typed *t, const char *word, enum weir_flag *ret)
{
    size_t len = strcspn(word, "=");
    const struct weir_command *c = t->cli->command;
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++) {
        const struct weir_flag_def *f = weir_args_flag((enum weir_flag)i);
        bool known =
            c == NULL || ((c->flags | WEIR_FLAG_BIT(WEIR_FLAG_HELP)) & WEIR_FLAG_BIT(i)) != 0;
        bool is_long = word[1] == '-' && strlen(f->name) == len - 2 &&
                       strncmp(word + 2, f->name, len - 2) == 0;
        bool is_short = word[1] != '-' && f->letter != 0 && word[1] == f->letter && word[2] == '\0';
        if (known && (is_long || is_short)) {
            *ret = (enum weir_flag)i;
            return true;
        }
    }
    return false;
}

static void value_note(struct typed *t, enum weir_flag flag, const char *value)
{
    if (flag == WEIR_FLAG_NODE)
        t->cli->options.node = value;
}

/* A flag before the current word. Moves *at behind its value. */
static void flag_pass(struct typed *t, size_t *at)
{
    const char *word = t->words[*at];
    const char *equals = strchr(word, '=');
    enum weir_flag flag = WEIR_FLAG_COUNT;
    if (!flag_find(t, word, &flag) || weir_args_flag(flag)->value == NULL)
        return;
    if (equals != NULL) {
        value_note(t, flag, equals + 1);
    } else if (*at + 1 < t->num) {
        value_note(t, flag, t->words[++*at]);
    } else {
        t->has_flag = true;
        t->flag = flag;
    }
}

static void typed_read(struct typed *t)
{
    for (size_t i = 0; i < t->num; i++) {
        char *word = t->words[i];
        if (!t->flags_ended && strcmp(word, "--") == 0)
            t->flags_ended = true;
        else if (!t->flags_ended && word[0] == '-' && word[1] != '\0')
            flag_pass(t, &i);
        else if (t->cli->command != NULL || t->is_node)
            t->cli->args[t->cli->num_args++] = word;
        else if (strcmp(word, "node") == 0)
            t->is_node = true;
        else
            t->cli->command = weir_command_find(word);
    }
    const char *equals = strchr(t->current, '=');
    if (!t->has_flag && !t->flags_ended && equals != NULL && strncmp(t->current, "--", 2) == 0 &&
        flag_find(t, t->current, &t->flag)) {
        t->has_flag = true;
        t->lead = (size_t)(equals - t->current) + 1;
    }
}

/* -- writing -- */

static void word_offer(struct typed *t, const char *before, const char *word)
{
    const char *typed = t->current + t->lead;
    size_t before_len = strlen(before);
    size_t len = strlen(typed);
    size_t same = len < before_len ? len : before_len;
    if (strncmp(before, typed, same) == 0 && strncmp(word, typed + same, len - same) == 0)
        weir_strbuf_printf(&t->out, "%.*s%s%s\n", (int)t->lead, t->current, before, word);
}

static void words_offer(struct typed *t, const char *words)
{
    while (*words != '\0') {
        char word[64];
        size_t len = strcspn(words, " ");
        snprintf(word, sizeof(word), "%.*s", (int)len, words);
        word_offer(t, "", word);
        words += len + (words[len] == ' ');
    }
}

static void flags_offer(struct typed *t)
{
    uint64_t mask = WEIR_FLAGS_NODE | WEIR_FLAGS_OUTPUT;
    if (t->cli->command != NULL)
        mask = t->cli->command->flags;
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++)
        if (((mask | WEIR_FLAG_BIT(WEIR_FLAG_HELP)) & WEIR_FLAG_BIT(i)) != 0)
            word_offer(t, "--", weir_args_flag((enum weir_flag)i)->name);
    if (t->cli->command == NULL)
        word_offer(t, "--", "version");
}

static void commands_offer(struct typed *t)
{
    size_t num = 0;
    const struct weir_command *all = weir_command_all(&num);
    word_offer(t, "", "node");
    for (size_t i = 0; i < num; i++)
        word_offer(t, "", all[i].name);
}

/* "tenant.ro" becomes "tenant.routes": the parts of the reference. */
static void fields_offer(struct typed *t)
{
    struct weir_strbuf names = WEIR_STRBUF_ZERO;
    const char *dot = strrchr(t->current, '.');
    struct weir_span path = weir_span(t->current, (size_t)(dot - t->current));
    char before[256];
    if (path.len + sizeof(".") > sizeof(before))
        return;
    snprintf(before, sizeof(before), "%.*s.", (int)path.len, t->current);
    if (weir_schema_help_fields(path, &names) == WEIR_OK && !names.failed && names.len > 0)
        for (char *save = NULL, *name = strtok_r(names.at, "\n", &save); name != NULL;
             name = strtok_r(NULL, "\n", &save))
            word_offer(t, before, name);
    weir_strbuf_deinit(&names);
}

/** Names of tenants on their way. */
struct offering {
    struct typed *typed;
    const char *before; /* "tenant/" or nothing */
};

static bool is_given(const struct typed *t, const char *before, const char *name)
{
    size_t len = strlen(before);
    for (size_t i = 0; i < t->cli->num_args; i++) {
        const char *arg = t->cli->args[i];
        if (strncmp(arg, before, len) == 0 && strcmp(arg + len, name) == 0)
            return true;
    }
    return false;
}

static enum weir_exit on_page(void *arg, const Weir__V1__TenantList *page, bool last,
                              bool *ret_stop)
{
    struct offering *o = arg;
    for (size_t i = 0; i < page->n_items; i++)
        if (page->items[i]->name != NULL && !is_given(o->typed, o->before, page->items[i]->name))
            word_offer(o->typed, o->before, page->items[i]->name);
    (void)last;
    *ret_stop = true; /* nobody reads a thousand names */
    return WEIR_EXIT_OK;
}

static void tenants_offer(struct typed *t, const char *before)
{
    struct offering o = { t, before };
    const char *typed = t->current + t->lead;
    size_t len = strlen(before);
    const char *prefix = strncmp(typed, before, len) == 0 ? typed + len : "";
    t->cli->options.timeout_ms = NODE_TIMEOUT_MS;
    if (weir_tenant_list_walk(t->cli, prefix, on_page, &o) != WEIR_EXIT_OK)
        return; /* nothing to offer */
}

/* -- deciding -- */

static const char *value_offer(struct typed *t)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(values); i++) {
        if (values[i].flag != t->flag)
            continue;
        switch (values[i].kind) {
        case VALUE_TEXT:
            return "words";
        case VALUE_WORDS:
            words_offer(t, values[i].words);
            return "words";
        case VALUE_FILES:
            return "files";
        case VALUE_FOLDERS:
            return "folders";
        case VALUE_TENANTS:
            tenants_offer(t, "");
            return "words";
        case VALUE_NODE:
            if (strncmp(t->current + t->lead, "unix:", 5) == 0)
                return "files";
            word_offer(t, "", "unix:");
            return "words";
        }
    }
    return "words";
}

static const char *argument_offer(struct typed *t)
{
    const struct weir_cli *cli = t->cli;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(arguments); i++) {
        if (strcmp(arguments[i].command, cli->command->name) != 0)
            continue;
        if (arguments[i].files)
            return "files";
        bool kind_given = cli->num_args > 0 && strchr(cli->args[0], '/') == NULL;
        size_t num_names = cli->num_args - (kind_given ? 1 : 0);
        bool more =
            arguments[i].num_names == WEIR_CLI_ARGS_ANY || num_names < arguments[i].num_names;
        if (cli->num_args == 0)
            words_offer(t, arguments[i].words);
        if (cli->num_args == 0 && strcmp(arguments[i].command, "help") == 0) {
            commands_offer(t);
            if (strchr(t->current, '.') != NULL)
                fields_offer(t);
        }
        if (arguments[i].names && more && strncmp(t->current, "tenant/", 7) == 0)
            tenants_offer(t, "tenant/");
        else if (arguments[i].names && more && kind_given)
            tenants_offer(t, "");
        else if (arguments[i].names && more && cli->num_args > 0)
            tenants_offer(t, "tenant/");
        break;
    }
    return "words";
}

static const char *word_complete(struct typed *t)
{
    bool is_flag = !t->flags_ended && t->current[0] == '-';
    if (t->has_flag)
        return value_offer(t);
    if (t->is_node) {
        words_offer(t, is_flag ? "--config --check --help" : "");
        return t->num > 0 && strcmp(t->words[t->num - 1], "--config") == 0 ? "files" : "words";
    }
    if (is_flag) {
        flags_offer(t);
        return "words";
    }
    if (t->cli->command != NULL)
        return argument_offer(t);
    if (t->cli->num_args == 0)
        commands_offer(t);
    return "words";
}

enum weir_exit weir_complete(struct weir_cli *cli, char *const *words, size_t num)
{
    WEIR_ASSERT(num > 0);
    struct typed t = { .cli = cli,
                       .words = words,
                       .num = num - 1,
                       .current = words[num - 1],
                       .out = WEIR_STRBUF_ZERO };
    struct weir_strbuf all = WEIR_STRBUF_ZERO;
    weir_args_init(cli);
    cli->args = calloc(num, sizeof(*cli->args));
    if (cli->args == NULL)
        return weir_cli_no_memory(cli);
    typed_read(&t);
    const char *kind = word_complete(&t);
    weir_strbuf_printf(&all, "%s\n%s", kind, t.out.len > 0 ? t.out.at : "");
    all.failed = all.failed || t.out.failed;
    weir_strbuf_deinit(&t.out);
    return weir_render_out(cli, &all);
}
