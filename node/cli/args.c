/* SPDX-License-Identifier: Apache-2.0
 *
 * args.c - the command line. One table of flags; a command has a mask of those that it knows.
 * Flags before the command are read with the mask of all commands, and checked again when the
 * command is known, so that `weir -o json get` and `weir get -o json` are the same.
 */
#include "node/cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/span.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_text.h"

#define DURATION_MAX_MS 86400000
#define TTL_MAX_MS      UINT64_C(315360000000) /* ten years */

static const struct weir_flag_def flag_defs[] = {
    [WEIR_FLAG_HELP] = { 'h', "help", NULL, "print this page" },
    [WEIR_FLAG_NODE] = { 0, "node", "URL",
                         "the node to use, unix:PATH or https://HOST:PORT; else $WEIR_NODE, else "
                         "unix:/run/weir/admin.sock" },
    [WEIR_FLAG_TOKEN] = { 0, "token", "TOKEN", "token for a remote node, else $WEIR_TOKEN" },
    [WEIR_FLAG_CA] = { 0, "ca", "FILE",
                       "what vouches for a remote node: a file with its certificate or its "
                       "issuer's, or sha256:HEX, its fingerprint; else $WEIR_CA, else what this "
                       "host trusts" },
    [WEIR_FLAG_TIMEOUT] = { 0, "timeout", "D",
                            "how long to wait for a response, for example 500ms or 1m; "
                            "default 30s" },
    [WEIR_FLAG_OUTPUT] = { 'o', "output", "FORM",
                           "table, wide, name, json or yaml; default table" },
    [WEIR_FLAG_NO_HEADERS] = { 0, "no-headers", NULL, "tables without their first line" },
    [WEIR_FLAG_WAIT] = { 0, "wait", "FOR",
                         "local, quorum or all: which nodes must have it; default local" },
    [WEIR_FLAG_IF_REVISION] = { 0, "if-revision", "N",
                                "only if the tenant's revision is N; 0: only if it is new" },
    [WEIR_FLAG_DRY_RUN] = { 0, "dry-run", NULL, "do everything but write" },
    [WEIR_FLAG_FILE] = { 'f', "file", "FILE",
                         "file, folder (all *.yaml, *.yml, *.json below it), or - for "
                         "standard input; may be given many times" },
    [WEIR_FLAG_ALLOW_FILES] = { 0, "allow-files", "DIR",
                                "error pages may be read from below this folder as well as from "
                                "their document's; may be given many times" },
    [WEIR_FLAG_WRITE] = { 'w', "write", NULL, "write the result back to the file" },
    [WEIR_FLAG_DROP_COMMENTS] = { 0, "drop-comments", NULL, "write back also what had comments" },
    [WEIR_FLAG_PREFIX] = { 0, "prefix", "TEXT", "only names that begin so" },
    [WEIR_FLAG_WATCH] = { 'w', "watch", NULL,
                          "go on until interrupted: get shows what changes, status all, every "
                          "two seconds" },
    [WEIR_FLAG_METHOD] = { 0, "method", "METHOD", "method of the request; default GET" },
    [WEIR_FLAG_CLIENT] = { 0, "client", "ADDRESS",
                           "address of the client, which decides with balance: ip_hash" },
    [WEIR_FLAG_TENANT] = { 0, "tenant", "NAME", "of this tenant" },
    [WEIR_FLAG_DEADLINE] = { 0, "deadline", "D",
                             "cut what is still running after this time; default 30s" },
    [WEIR_FLAG_FOLLOW] = { 'f', "follow", NULL, "go on with new records until interrupted" },
    [WEIR_FLAG_SORT] = { 0, "sort", "FIELD",
                         "name, revision, hosts, upstreams, applied or conflicts; -FIELD: the "
                         "largest first" },
    [WEIR_FLAG_LIMIT] = { 0, "limit", "N", "at most so many" },
    [WEIR_FLAG_YES] = { 'y', "yes", NULL, "do not ask before deleting what --prefix finds" },
    [WEIR_FLAG_ALLOW_OVERLAP] = { 0, "allow-overlap", NULL,
                                  "take names below another tenant's wildcard, or a wildcard over "
                                  "another tenant's names" },
    [WEIR_FLAG_DIGEST] = { 0, "digest", NULL, "write the digest of all documents alone" },
    [WEIR_FLAG_TAIL] = { 0, "tail", "N", "only the last N records of those there are" },
    [WEIR_FLAG_SINCE] = { 0, "since", "D", "only records of the last D, for example 15m" },
    [WEIR_FLAG_WAIT_DONE] = { 0, "wait", NULL, "show the progress, and return when it is over" },
    [WEIR_FLAG_ADDRESS] = { 0, "address", "PREFIX",
                            "of the clients of this address or prefix, for example 198.51.100.7 or "
                            "10.0.0.0/8" },
    [WEIR_FLAG_RESET] = { 0, "reset", NULL, "back to the level of the node file" },
    [WEIR_FLAG_SCOPE] = { 0, "scope", "SCOPE",
                          "what it may do: admin, read or tenant:NAME; default admin" },
    [WEIR_FLAG_COMMENT] = { 0, "comment", "TEXT", "what it is for, one line" },
    [WEIR_FLAG_TTL] = { 0, "ttl", "D", "how long it lasts, for example 720h; default: for ever" },
    [WEIR_FLAG_CERT] = { 0, "cert", "FILE",
                         "the certificate, alone or with its chain and its key; - is standard "
                         "input" },
    [WEIR_FLAG_KEY] = { 0, "key", "FILE", "its private key, when it is in a file of its own" },
    [WEIR_FLAG_CHAIN] = { 0, "chain", "FILE", "intermediate certificates, in a file of their own" },
    [WEIR_FLAG_DIR] = { 0, "dir", "DIR",
                        "all certificates below this folder that have their keys in it" },
    [WEIR_FLAG_PASSWORD_FILE] = { 0, "password-file", "FILE",
                                  "its first line opens encrypted keys and P12 files" },
    [WEIR_FLAG_FORCE] = { 0, "force", NULL,
                          "add also what clients will refuse, such as an expired certificate" },
    [WEIR_FLAG_DEFAULT] = { 0, "default", NULL,
                            "for clients that name no host, in place of a HOST" },
    [WEIR_FLAG_WITH_KEYS] = { 0, "with-keys", NULL,
                              "private keys of certificates in clear, not sealed" },
    [WEIR_FLAG_REMOVE] = { 0, "remove", NULL, "take the link away" },
};
_Static_assert(WEIR_ARRAY_LEN(flag_defs) == WEIR_FLAG_COUNT, "a row for each flag");

/** Where the reading stands. */
struct parse {
    struct weir_cli *cli;
    char **argv;
    int argc;
    int at;
    uint64_t seen; /* WEIR_FLAG_BIT of what was given */
};

const struct weir_flag_def *weir_args_flag(enum weir_flag flag)
{
    WEIR_ASSERT((size_t)flag < WEIR_FLAG_COUNT);
    return &flag_defs[flag];
}

/* -- values -- */

static struct weir_shown shown(const char *text)
{
    return weir_schema_text_show(weir_span_cstr(text));
}

static enum weir_exit choice_read(struct weir_cli *cli, const char *flag, const char *value,
                                  const char *const *choices, size_t *ret)
{
    struct weir_suggest suggest = weir_suggest_begin(weir_span_cstr(value));
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(value, choices[i]) == 0) {
            *ret = i;
            return WEIR_EXIT_OK;
        }
        weir_suggest_offer(&suggest, weir_span_cstr(choices[i]));
    }
    return weir_cli_usage(cli, "--%s: %s is unknown%s", flag, shown(value).text,
                          weir_suggest_text(&suggest).text);
}

static enum weir_exit duration_read(struct weir_cli *cli, const char *flag, const char *value,
                                    uint64_t *ret_ms)
{
    uint64_t ms = 0;
    if (weir_schema_parse_duration(weir_span_cstr(value), &ms) < 0)
        return weir_cli_usage(cli, "--%s: %s is not a duration; write 500ms, 5s, 15m or 24h", flag,
                              shown(value).text);
    if (ms > DURATION_MAX_MS)
        return weir_cli_usage(cli, "--%s: %s is out of range 0s..24h", flag, shown(value).text);
    *ret_ms = ms;
    return WEIR_EXIT_OK;
}

static enum weir_exit ttl_read(struct weir_cli *cli, const char *value)
{
    uint64_t ms = 0;
    if (weir_schema_parse_duration(weir_span_cstr(value), &ms) < 0)
        return weir_cli_usage(cli, "--ttl: %s is not a duration; write 15m, 24h or 720h",
                              shown(value).text);
    if (ms == 0 || ms > TTL_MAX_MS)
        return weir_cli_usage(cli, "--ttl: %s is out of range 1ms..87600h", shown(value).text);
    cli->options.has_ttl = true;
    cli->options.ttl_ms = ms;
    return WEIR_EXIT_OK;
}

static enum weir_exit number_read(struct weir_cli *cli, enum weir_flag flag, const char *value,
                                  uint64_t *ret)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0)
        return weir_cli_usage(cli, "--%s: %s is not a number", flag_defs[flag].name,
                              shown(value).text);
    *ret = n;
    return WEIR_EXIT_OK;
}

static enum weir_exit limit_read(struct weir_cli *cli, const char *value)
{
    uint64_t n = 0;
    enum weir_exit code = number_read(cli, WEIR_FLAG_LIMIT, value, &n);
    if (code == WEIR_EXIT_OK && (n == 0 || n > WEIR_CLI_LIMIT_MAX))
        return weir_cli_usage(cli, "--limit: %s is out of range 1..%d", shown(value).text,
                              WEIR_CLI_LIMIT_MAX);
    cli->options.limit = n;
    return code;
}

static enum weir_exit sort_read(struct weir_cli *cli, const char *value)
{
    static const char *const fields[] = { [WEIR_SORT_NAME] = "name",
                                          [WEIR_SORT_REVISION] = "revision",
                                          [WEIR_SORT_HOSTS] = "hosts",
                                          [WEIR_SORT_UPSTREAMS] = "upstreams",
                                          [WEIR_SORT_APPLIED] = "applied",
                                          [WEIR_SORT_CONFLICTS] = "conflicts",
                                          NULL };
    size_t index = 0;
    bool descending = value[0] == '-';
    enum weir_exit code = choice_read(cli, "sort", value + descending, fields, &index);
    cli->options.sort = (enum weir_sort)index;
    cli->options.sort_descending = descending;
    return code;
}

static enum weir_exit file_add(struct weir_cli *cli, enum weir_flag flag, const char *value)
{
    struct weir_options *o = &cli->options;
    bool is_file = flag == WEIR_FLAG_FILE;
    const char **list = is_file ? o->files : o->allow_files;
    size_t *num = is_file ? &o->num_files : &o->num_allow_files;
    if (*num == WEIR_CLI_FILES_MAX)
        return weir_cli_usage(cli, "more than %d of --%s; name their folder instead",
                              WEIR_CLI_FILES_MAX, flag_defs[flag].name);
    if (value[0] == '\0')
        return weir_cli_usage(cli, "--%s: a name is missing", flag_defs[flag].name);
    list[(*num)++] = value;
    return WEIR_EXIT_OK;
}

static enum weir_exit enum_read(struct weir_cli *cli, enum weir_flag flag, const char *value)
{
    static const char *const outputs[] = {
        [WEIR_OUTPUT_TABLE] = "table", [WEIR_OUTPUT_WIDE] = "wide", [WEIR_OUTPUT_NAME] = "name",
        [WEIR_OUTPUT_JSON] = "json",   [WEIR_OUTPUT_YAML] = "yaml", NULL
    };
    static const char *const waits[] = {
        [WEIR_WAIT_LOCAL] = "local", [WEIR_WAIT_QUORUM] = "quorum", [WEIR_WAIT_ALL] = "all", NULL
    };
    size_t index = 0;
    bool output = flag == WEIR_FLAG_OUTPUT;
    enum weir_exit code =
        choice_read(cli, flag_defs[flag].name, value, output ? outputs : waits, &index);
    if (code != WEIR_EXIT_OK)
        return code;
    if (output)
        cli->options.output = (enum weir_output)index;
    else
        cli->options.wait = (enum weir_wait)index;
    return WEIR_EXIT_OK;
}

/* The field for the text of a flag that needs no check; NULL: it is another flag. */
static const char **text_slot(struct weir_options *o, enum weir_flag flag)
{
    static const struct {
        enum weir_flag flag;
        size_t offset;
    } texts[] = {
        { WEIR_FLAG_NODE, offsetof(struct weir_options, node) },
        { WEIR_FLAG_TOKEN, offsetof(struct weir_options, token) },
        { WEIR_FLAG_CA, offsetof(struct weir_options, ca) },
        { WEIR_FLAG_PREFIX, offsetof(struct weir_options, prefix) },
        { WEIR_FLAG_METHOD, offsetof(struct weir_options, method) },
        { WEIR_FLAG_CLIENT, offsetof(struct weir_options, client) },
        { WEIR_FLAG_TENANT, offsetof(struct weir_options, tenant) },
        { WEIR_FLAG_ADDRESS, offsetof(struct weir_options, address) },
        { WEIR_FLAG_SCOPE, offsetof(struct weir_options, scope) },
        { WEIR_FLAG_COMMENT, offsetof(struct weir_options, comment) },
        { WEIR_FLAG_CERT, offsetof(struct weir_options, cert) },
        { WEIR_FLAG_KEY, offsetof(struct weir_options, key) },
        { WEIR_FLAG_CHAIN, offsetof(struct weir_options, chain) },
        { WEIR_FLAG_DIR, offsetof(struct weir_options, dir) },
        { WEIR_FLAG_PASSWORD_FILE, offsetof(struct weir_options, password_file) },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++)
        if (texts[i].flag == flag)
            return (const char **)((char *)o + texts[i].offset);
    return NULL;
}

static bool *switch_slot(struct weir_options *o, enum weir_flag flag)
{
    static const struct {
        enum weir_flag flag;
        size_t offset;
    } switches[] = {
        { WEIR_FLAG_HELP, offsetof(struct weir_options, help) },
        { WEIR_FLAG_NO_HEADERS, offsetof(struct weir_options, no_headers) },
        { WEIR_FLAG_DRY_RUN, offsetof(struct weir_options, dry_run) },
        { WEIR_FLAG_WRITE, offsetof(struct weir_options, write) },
        { WEIR_FLAG_DROP_COMMENTS, offsetof(struct weir_options, drop_comments) },
        { WEIR_FLAG_WATCH, offsetof(struct weir_options, watch) },
        { WEIR_FLAG_FOLLOW, offsetof(struct weir_options, follow) },
        { WEIR_FLAG_YES, offsetof(struct weir_options, yes) },
        { WEIR_FLAG_ALLOW_OVERLAP, offsetof(struct weir_options, allow_overlap) },
        { WEIR_FLAG_DIGEST, offsetof(struct weir_options, digest) },
        { WEIR_FLAG_WAIT_DONE, offsetof(struct weir_options, wait_done) },
        { WEIR_FLAG_RESET, offsetof(struct weir_options, reset) },
        { WEIR_FLAG_FORCE, offsetof(struct weir_options, force) },
        { WEIR_FLAG_DEFAULT, offsetof(struct weir_options, fallback) },
        { WEIR_FLAG_REMOVE, offsetof(struct weir_options, remove) },
        { WEIR_FLAG_WITH_KEYS, offsetof(struct weir_options, with_keys) },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(switches); i++)
        if (switches[i].flag == flag)
            return (bool *)((char *)o + switches[i].offset);
    return NULL;
}

static enum weir_exit value_read(struct weir_cli *cli, enum weir_flag flag, const char *value)
{
    struct weir_options *o = &cli->options;
    const char **text = text_slot(o, flag);
    if (text != NULL) {
        *text = value;
        o->node_source = flag == WEIR_FLAG_NODE ? "--node" : o->node_source;
        return WEIR_EXIT_OK;
    }
    if (flag == WEIR_FLAG_FILE || flag == WEIR_FLAG_ALLOW_FILES)
        return file_add(cli, flag, value);
    if (flag == WEIR_FLAG_OUTPUT || flag == WEIR_FLAG_WAIT)
        return enum_read(cli, flag, value);
    if (flag == WEIR_FLAG_IF_REVISION) {
        o->has_if_revision = true;
        return number_read(cli, flag, value, &o->if_revision);
    }
    if (flag == WEIR_FLAG_SORT)
        return sort_read(cli, value);
    if (flag == WEIR_FLAG_LIMIT)
        return limit_read(cli, value);
    if (flag == WEIR_FLAG_TAIL) {
        o->has_tail = true;
        return number_read(cli, flag, value, &o->tail);
    }
    if (flag == WEIR_FLAG_SINCE) {
        o->has_since = true;
        return duration_read(cli, "since", value, &o->since_ms);
    }
    if (flag == WEIR_FLAG_TTL)
        return ttl_read(cli, value);
    if (flag == WEIR_FLAG_TIMEOUT)
        return duration_read(cli, "timeout", value, &o->timeout_ms);
    WEIR_ASSERT(flag == WEIR_FLAG_DEADLINE);
    o->has_deadline = true;
    return duration_read(cli, "deadline", value, &o->deadline_ms);
}

/* -- flags -- */

static uint64_t mask_of(const struct weir_cli *cli)
{
    if (cli->command != NULL)
        return cli->command->flags | WEIR_FLAG_BIT(WEIR_FLAG_HELP);
    size_t num = 0;
    uint64_t mask = WEIR_FLAG_BIT(WEIR_FLAG_HELP);
    const struct weir_command *all = weir_command_all(&num);
    for (size_t i = 0; i < num; i++)
        mask |= all[i].flags;
    return mask;
}

static bool flag_by_name(uint64_t mask, struct weir_span name, enum weir_flag *ret)
{
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++) {
        if ((mask & WEIR_FLAG_BIT(i)) == 0)
            continue;
        if (weir_span_eq(weir_span_cstr(flag_defs[i].name), name)) {
            *ret = (enum weir_flag)i;
            return true;
        }
    }
    return false;
}

static bool flag_by_letter(uint64_t mask, char letter, enum weir_flag *ret)
{
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++) {
        if ((mask & WEIR_FLAG_BIT(i)) != 0 && flag_defs[i].letter == letter) {
            *ret = (enum weir_flag)i;
            return true;
        }
    }
    return false;
}

static enum weir_exit flag_unknown(struct weir_cli *cli, uint64_t mask, struct weir_span name)
{
    struct weir_suggest suggest = weir_suggest_begin(name);
    enum weir_flag flag = WEIR_FLAG_COUNT;
    struct weir_shown bare = weir_schema_text_bare(name);
    if (cli->command != NULL && flag_by_name(UINT64_MAX, name, &flag))
        return weir_cli_usage(cli, "--%s means nothing here", bare.text);
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++)
        if ((mask & WEIR_FLAG_BIT(i)) != 0)
            weir_suggest_offer(&suggest, weir_span_cstr(flag_defs[i].name));
    if (suggest.best.len == 0)
        return weir_cli_usage(cli, "unknown flag --%s", bare.text);
    return weir_cli_usage(cli, "unknown flag --%s, did you mean --%.*s?", bare.text,
                          (int)suggest.best.len, (const char *)suggest.best.at);
}

/* @param value  what stands behind "=" or behind the letter; NULL: it may be the next argument */
static enum weir_exit flag_read(struct parse *p, enum weir_flag flag, const char *value)
{
    const struct weir_flag_def *def = &flag_defs[flag];
    p->seen |= WEIR_FLAG_BIT(flag);
    if (def->value == NULL) {
        if (value != NULL)
            return weir_cli_usage(p->cli, "--%s takes no value", def->name);
        *switch_slot(&p->cli->options, flag) = true;
        return WEIR_EXIT_OK;
    }
    if (value == NULL) {
        if (p->at == p->argc)
            return weir_cli_usage(p->cli, "--%s: %s is missing", def->name, def->value);
        value = p->argv[p->at++];
    }
    return value_read(p->cli, flag, value);
}

static enum weir_exit long_flag(struct parse *p, const char *text)
{
    const char *equals = strchr(text, '=');
    struct weir_span name =
        equals != NULL ? weir_span(text, (size_t)(equals - text)) : weir_span_cstr(text);
    enum weir_flag flag = WEIR_FLAG_COUNT;
    uint64_t mask = mask_of(p->cli);
    if (!flag_by_name(mask, name, &flag))
        return flag_unknown(p->cli, mask, name);
    return flag_read(p, flag, equals != NULL ? equals + 1 : NULL);
}

/* A letter can stand for two flags; which one depends on the command. */
static bool is_letter_of_two(uint64_t mask, char letter)
{
    unsigned num = 0;
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++)
        num += (mask & WEIR_FLAG_BIT(i)) != 0 && flag_defs[i].letter == letter;
    return num > 1;
}

/* "-f x", "-fx", and letters without values in one word: "-wh". */
static enum weir_exit short_flags(struct parse *p, const char *text)
{
    enum weir_exit code = WEIR_EXIT_OK;
    while (*text != '\0' && code == WEIR_EXIT_OK) {
        enum weir_flag flag = WEIR_FLAG_COUNT;
        if (is_letter_of_two(mask_of(p->cli), *text))
            return weir_cli_usage(p->cli,
                                  "-%c means something else for each command; write it "
                                  "behind the command",
                                  *text);
        if (!flag_by_letter(mask_of(p->cli), *text, &flag))
            return weir_cli_usage(p->cli, "unknown flag -%s",
                                  weir_schema_text_bare(weir_span(text, 1)).text);
        text++;
        bool takes = flag_defs[flag].value != NULL;
        code = flag_read(p, flag, takes && *text != '\0' ? text : NULL);
        if (takes)
            break;
    }
    return code;
}

/* -- the command -- */

static enum weir_exit command_read(struct weir_cli *cli, const char *name)
{
    size_t num = 0;
    const struct weir_command *all = weir_command_all(&num);
    struct weir_suggest suggest = weir_suggest_begin(weir_span_cstr(name));
    cli->command = weir_command_find(name);
    if (cli->command != NULL)
        return WEIR_EXIT_OK;
    if (weir_command_is_planned(name)) {
        fprintf(cli->err, "weir %s: " WEIR_CLI_NOT_SUPPORTED "\n", name);
        return WEIR_EXIT_USAGE;
    }
    if (strcmp(name, "node") == 0)
        return weir_cli_usage(cli, "flags of node stand behind it: weir node --config FILE");
    weir_suggest_offer(&suggest, WEIR_SPAN_LIT("node"));
    for (size_t i = 0; i < num; i++)
        weir_suggest_offer(&suggest, weir_span_cstr(all[i].name));
    return weir_cli_usage(cli, "unknown command %s%s", shown(name).text,
                          weir_suggest_text(&suggest).text);
}

static enum weir_exit word_read(struct parse *p, char *word, bool flags_ended)
{
    struct weir_cli *cli = p->cli;
    if (!flags_ended && word[0] == '-' && word[1] == '-')
        return long_flag(p, word + 2);
    if (!flags_ended && word[0] == '-' && word[1] != '\0')
        return short_flags(p, word + 1);
    if (cli->command == NULL)
        return command_read(cli, word);
    cli->args[cli->num_args++] = word;
    return WEIR_EXIT_OK;
}

/* Flags of the command that cannot apply to this line. */
static enum weir_exit flags_check(const struct parse *p)
{
    struct weir_cli *cli = p->cli;
    const struct weir_options *o = &cli->options;
    static const enum weir_flag remote[] = { WEIR_FLAG_TOKEN, WEIR_FLAG_CA };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(remote); i++)
        if ((p->seen & WEIR_FLAG_BIT(remote[i])) != 0 && strncmp(o->node, "unix:", 5) == 0)
            return weir_cli_usage(cli, "--%s is for remote nodes, and %s is a socket of this host",
                                  flag_defs[remote[i]].name, shown(o->node).text);
    bool has_output = (p->seen & WEIR_FLAG_BIT(WEIR_FLAG_OUTPUT)) != 0;
    if (has_output && o->digest)
        return weir_cli_usage(cli, "-o means nothing with --digest, which writes one line");
    if (has_output && cli->command->run == weir_cmd_export && !weir_cli_is_message_output(cli))
        return weir_cli_usage(cli, "-o takes yaml or json here");
    if (has_output && cli->command->run == weir_cmd_import && o->output != WEIR_OUTPUT_TABLE &&
        o->output != WEIR_OUTPUT_NAME)
        return weir_cli_usage(cli, "-o takes table, for the summary, or name, for none, here");
    if (o->watch && o->output == WEIR_OUTPUT_YAML)
        return weir_cli_usage(cli, "-o yaml means nothing with --watch; -o json gives a line each");
    if (o->drop_comments && !o->write)
        return weir_cli_usage(cli, "--drop-comments is for --write: what is printed has none");
    return WEIR_EXIT_OK;
}

/* Checks that need the whole line. */
static enum weir_exit line_check(const struct parse *p)
{
    struct weir_cli *cli = p->cli;
    const struct weir_command *c = cli->command;
    if (c == NULL || cli->options.help)
        return WEIR_EXIT_OK;
    uint64_t strange = p->seen & ~mask_of(cli);
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++)
        if ((strange & WEIR_FLAG_BIT(i)) != 0)
            return weir_cli_usage(cli, "--%s means nothing here", flag_defs[i].name);
    if (cli->num_args < c->num_args_min)
        return weir_cli_usage(cli, "an argument is missing: weir %s %.*s", c->name,
                              (int)strcspn(c->usage, "\n"), c->usage);
    if (c->num_args_max != WEIR_CLI_ARGS_ANY && cli->num_args > c->num_args_max)
        return weir_cli_usage(cli, "%s is one argument too many",
                              shown(cli->args[c->num_args_max]).text);
    return flags_check(p);
}

/* Of the environment; NULL: it is not set, or empty. */
static const char *text_of(const char *name)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

void weir_args_init(struct weir_cli *cli)
{
    const char *node = text_of("WEIR_NODE");
    cli->options.node = node != NULL ? node : WEIR_CLI_SOCKET;
    cli->options.node_source = node != NULL ? "WEIR_NODE" : "--node";
    cli->options.token = text_of("WEIR_TOKEN");
    cli->options.ca = text_of("WEIR_CA");
    cli->options.timeout_ms = WEIR_CLI_TIMEOUT_MS;
}

enum weir_exit weir_args_parse(struct weir_cli *cli, int argc, char **argv)
{
    struct parse p = { .cli = cli, .argv = argv, .argc = argc, .at = 1 };
    enum weir_exit code = WEIR_EXIT_OK;
    bool flags_ended = false;

    weir_args_init(cli);
    cli->args = calloc((size_t)argc + 1, sizeof(*cli->args));
    if (cli->args == NULL)
        return weir_cli_no_memory(cli);
    while (code == WEIR_EXIT_OK && p.at < argc) {
        char *word = argv[p.at++];
        if (!flags_ended && strcmp(word, "--") == 0)
            flags_ended = true;
        else
            code = word_read(&p, word, flags_ended);
    }
    return code == WEIR_EXIT_OK ? line_check(&p) : code;
}

void weir_args_deinit(struct weir_cli *cli)
{
    free(cli->args);
    cli->args = NULL;
    cli->num_args = 0;
}
