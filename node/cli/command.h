/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - what a subcommand is: its words, its flags, its help page, its function; and the one
 * run of the program that it is called with. Private to node/cli.
 * Owner: the main thread.   Limits: WEIR_CLI_FILES_MAX files named on the command line.
 */
#ifndef WEIR_NODE_CLI_COMMAND_H
#define WEIR_NODE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/cli/link/client.h"

#define WEIR_CLI_FILES_MAX       1024
#define WEIR_CLI_TIMEOUT_MS      30000 /* for a response, without --timeout */
#define WEIR_CLI_SOCKET          "unix:/run/weir/admin.sock"
#define WEIR_CLI_ARGS_ANY        UINT8_MAX
#define WEIR_CLI_NOT_SUPPORTED   "not supported by this version"
#define WEIR_CLI_LIMIT_MAX       1000000000 /* of --limit */
#define WEIR_CLI_TENANT_LIST_MAX 1000       /* tenants of one page, the most that the API gives */

/** The contract with scripts. */
enum weir_exit {
    WEIR_EXIT_OK = 0,
    WEIR_EXIT_FAILED = 1, /* or a difference */
    WEIR_EXIT_USAGE = 2,
    WEIR_EXIT_DEGRADED = 3, /* a node or the cluster cannot do all that it should */
    WEIR_EXIT_CONFLICT = 4, /* the revision is another one */
    WEIR_EXIT_TIMEOUT = 5,
};

enum weir_flag {
    WEIR_FLAG_HELP,
    WEIR_FLAG_NODE,
    WEIR_FLAG_TOKEN,
    WEIR_FLAG_CA,
    WEIR_FLAG_TIMEOUT,
    WEIR_FLAG_OUTPUT,
    WEIR_FLAG_NO_HEADERS,
    WEIR_FLAG_WAIT,
    WEIR_FLAG_IF_REVISION,
    WEIR_FLAG_DRY_RUN,
    WEIR_FLAG_FILE,
    WEIR_FLAG_ALLOW_FILES,
    WEIR_FLAG_WRITE,
    WEIR_FLAG_DROP_COMMENTS,
    WEIR_FLAG_PREFIX,
    WEIR_FLAG_WATCH,
    WEIR_FLAG_METHOD,
    WEIR_FLAG_CLIENT,
    WEIR_FLAG_TENANT,
    WEIR_FLAG_DEADLINE,
    WEIR_FLAG_FOLLOW,
    WEIR_FLAG_SORT,
    WEIR_FLAG_LIMIT,
    WEIR_FLAG_YES,
    WEIR_FLAG_ALLOW_OVERLAP,
    WEIR_FLAG_DIGEST,
    WEIR_FLAG_TAIL,
    WEIR_FLAG_SINCE,
    WEIR_FLAG_WAIT_DONE,
    WEIR_FLAG_ADDRESS,
    WEIR_FLAG_RESET,
    WEIR_FLAG_SCOPE,
    WEIR_FLAG_COMMENT,
    WEIR_FLAG_TTL,
    WEIR_FLAG_CERT,
    WEIR_FLAG_KEY,
    WEIR_FLAG_CHAIN,
    WEIR_FLAG_DIR,
    WEIR_FLAG_PASSWORD_FILE,
    WEIR_FLAG_FORCE,
    WEIR_FLAG_DEFAULT,
    WEIR_FLAG_REMOVE,
    WEIR_FLAG_WITH_KEYS,
    WEIR_FLAG_COUNT
};

#define WEIR_FLAG_BIT(flag) (UINT64_C(1) << (flag))
_Static_assert(WEIR_FLAG_COUNT <= 64, "a mask holds all flags");

/* Groups of flags that go together. */
#define WEIR_FLAGS_SOURCE (WEIR_FLAG_BIT(WEIR_FLAG_FILE) | WEIR_FLAG_BIT(WEIR_FLAG_ALLOW_FILES))
#define WEIR_FLAGS_NODE                                                                            \
    (WEIR_FLAG_BIT(WEIR_FLAG_NODE) | WEIR_FLAG_BIT(WEIR_FLAG_TOKEN) |                              \
     WEIR_FLAG_BIT(WEIR_FLAG_CA) | WEIR_FLAG_BIT(WEIR_FLAG_TIMEOUT))
#define WEIR_FLAGS_OUTPUT (WEIR_FLAG_BIT(WEIR_FLAG_OUTPUT) | WEIR_FLAG_BIT(WEIR_FLAG_NO_HEADERS))
#define WEIR_FLAGS_WRITE                                                                           \
    (WEIR_FLAG_BIT(WEIR_FLAG_WAIT) | WEIR_FLAG_BIT(WEIR_FLAG_IF_REVISION) |                        \
     WEIR_FLAG_BIT(WEIR_FLAG_DRY_RUN))

enum weir_output {
    WEIR_OUTPUT_TABLE,
    WEIR_OUTPUT_WIDE,
    WEIR_OUTPUT_NAME,
    WEIR_OUTPUT_JSON,
    WEIR_OUTPUT_YAML
};

/** What a list is sorted by. */
enum weir_sort {
    WEIR_SORT_NAME,
    WEIR_SORT_REVISION,
    WEIR_SORT_HOSTS,
    WEIR_SORT_UPSTREAMS,
    WEIR_SORT_APPLIED,
    WEIR_SORT_CONFLICTS
};

enum weir_wait { WEIR_WAIT_LOCAL, WEIR_WAIT_QUORUM, WEIR_WAIT_ALL };

/** The values of the flags, checked. */
struct weir_options {
    const char *node;        /* never NULL */
    const char *node_source; /* what named it: "--node" or "WEIR_NODE" */
    const char *token;       /* for a remote node; NULL: none */
    const char *ca;          /* what vouches for it; NULL: what the system trusts */
    uint64_t timeout_ms;
    enum weir_output output;
    enum weir_wait wait;
    bool no_headers;
    bool dry_run;
    bool has_if_revision;
    uint64_t if_revision;
    const char *files[WEIR_CLI_FILES_MAX];
    size_t num_files;
    const char *allow_files[WEIR_CLI_FILES_MAX]; /* folders */
    size_t num_allow_files;
    bool write;
    bool drop_comments;
    const char *prefix;
    bool watch;
    const char *method;
    const char *client;
    const char *tenant;
    bool has_deadline;
    uint64_t deadline_ms;
    bool follow;
    enum weir_sort sort;
    bool sort_descending;
    uint64_t limit; /* 0: none */
    bool yes;
    bool allow_overlap;
    bool digest;
    bool has_tail;
    uint64_t tail;
    bool has_since;
    uint64_t since_ms; /* before now */
    bool wait_done;
    const char *address;
    bool reset;
    const char *scope;
    const char *comment;
    bool has_ttl;
    uint64_t ttl_ms;
    const char *cert, *key, *chain, *dir; /* files, and a folder */
    const char *password_file;
    bool force;
    bool fallback; /* of --default */
    bool remove;
    bool with_keys;
    bool help;
};

struct weir_command;

/** One run of the program. */
struct weir_cli {
    FILE *out;
    FILE *err;
    const struct weir_command *command; /* NULL before it is known */
    struct weir_options options;
    char **args; /* owns; behind the command's name, without flags; the texts are argv's */
    size_t num_args;
    struct weir_client client; /* connected at the first call */
    bool client_ready;
    uint16_t refused_status; /* of the last response that was no 2xx; 0: none */
    bool node_failed;        /* a call got no response: the next would not either */
};

/** One subcommand. Examples and exit codes are lines with their newlines. */
struct weir_command {
    const char *name;
    const char *usage;       /* behind the name; other ways to write it behind line ends */
    const char *summary;     /* half a line, for the screen of help */
    const char *description; /* what it does; wrapped by the page */
    const char *examples;
    const char *exits; /* which exit codes, and when, beyond 0 and 2 */
    uint64_t flags;    /* WEIR_FLAG_BIT of each; --help is always there */
    uint8_t num_args_min;
    uint8_t num_args_max;
    /** @return after it has written what is wrong, if anything is */
    enum weir_exit (*run)(struct weir_cli *cli);
};

/** All subcommands in the order of the screen of help. */
const struct weir_command *weir_command_all(size_t *ret_num);
/** By name, or NULL. */
const struct weir_command *weir_command_find(const char *name);
/** Whether `name` is a subcommand of the interface whose feature this version lacks. */
bool weir_command_is_planned(const char *name);

/** Whether -o asks for a message, and not for words or columns. */
static inline bool weir_cli_is_message_output(const struct weir_cli *cli)
{
    return cli->options.output == WEIR_OUTPUT_JSON || cli->options.output == WEIR_OUTPUT_YAML;
}

/** Write one line of error: `weir NAME: ...`, with what does not show escaped. */
void weir_cli_error(struct weir_cli *cli, const char *fmt, ...) WEIR_PRINTF(2, 3);
/** The same for a text that is escaped already, and may have several lines. */
void weir_cli_error_escaped(struct weir_cli *cli, const char *text);
/** As weir_cli_error, for wrong use: points to the help page. @return WEIR_EXIT_USAGE */
enum weir_exit weir_cli_usage(struct weir_cli *cli, const char *fmt, ...) WEIR_PRINTF(2, 3);
/** Report that there is no memory. @return WEIR_EXIT_FAILED */
enum weir_exit weir_cli_no_memory(struct weir_cli *cli);

/* The subcommands: weir_command.run of each. */
enum weir_exit weir_cmd_apply(struct weir_cli *cli);
enum weir_exit weir_cmd_diff(struct weir_cli *cli);
enum weir_exit weir_cmd_validate(struct weir_cli *cli);
enum weir_exit weir_cmd_fmt(struct weir_cli *cli);
enum weir_exit weir_cmd_get(struct weir_cli *cli);
enum weir_exit weir_cmd_edit(struct weir_cli *cli);
enum weir_exit weir_cmd_delete(struct weir_cli *cli);
enum weir_exit weir_cmd_export(struct weir_cli *cli);
enum weir_exit weir_cmd_import(struct weir_cli *cli);
enum weir_exit weir_cmd_history(struct weir_cli *cli);
enum weir_exit weir_cmd_rollback(struct weir_cli *cli);
enum weir_exit weir_cmd_route(struct weir_cli *cli);
enum weir_exit weir_cmd_redirect(struct weir_cli *cli);
enum weir_exit weir_cmd_status(struct weir_cli *cli);
enum weir_exit weir_cmd_doctor(struct weir_cli *cli);
enum weir_exit weir_cmd_drain(struct weir_cli *cli);
enum weir_exit weir_cmd_undrain(struct weir_cli *cli);
enum weir_exit weir_cmd_reload(struct weir_cli *cli);
enum weir_exit weir_cmd_log_level(struct weir_cli *cli);
enum weir_exit weir_cmd_logs(struct weir_cli *cli);
enum weir_exit weir_cmd_token(struct weir_cli *cli);
enum weir_exit weir_cmd_cert(struct weir_cli *cli);
enum weir_exit weir_cmd_completion(struct weir_cli *cli);
enum weir_exit weir_cmd_version(struct weir_cli *cli);
enum weir_exit weir_cmd_help(struct weir_cli *cli);

#endif
