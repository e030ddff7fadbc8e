/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c - from the command line to the function of a subcommand, and the form of errors.
 */
#include "node/cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/args.h"
#include "node/cli/command.h"
#include "node/cli/complete.h"
#include "node/cli/help.h"
#include "tenants/schema/schema_text.h"

#define USAGE_TEXT_MAX 1024

static void error_begin(struct weir_cli *cli)
{
    fflush(cli->out); /* what was done comes before what was not */
    if (cli->command != NULL)
        fprintf(cli->err, "weir %s: ", cli->command->name);
    else
        fputs("weir: ", cli->err);
}

/* What an error names (files, words of the command line) may hold anything: it is shown escaped. */
void weir_cli_error(struct weir_cli *cli, const char *fmt, ...)
{
    struct weir_strbuf shown = WEIR_STRBUF_ZERO;
    char *text = NULL;
    va_list args;
    error_begin(cli);
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len >= 0)
        weir_schema_text_escape(&shown, weir_span(text, (size_t)len));
    fprintf(cli->err, "%s\n",
            len < 0 || shown.failed ? "out of memory"
            : shown.at != NULL      ? shown.at
                                    : "");
    weir_strbuf_deinit(&shown);
    if (len >= 0)
        free(text);
}

void weir_cli_error_escaped(struct weir_cli *cli, const char *text)
{
    error_begin(cli);
    fprintf(cli->err, "%s\n", text);
}

enum weir_exit weir_cli_usage(struct weir_cli *cli, const char *fmt, ...)
{
    char text[USAGE_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    bool whole = len > 0 && (size_t)len < sizeof(text);
    const char *stop = whole && text[len - 1] == '?' ? "" : ".";
    const char *name = cli->command != NULL ? cli->command->name : "";
    weir_cli_error(cli, "%s%s See weir %s%s--help", text, stop, name, name[0] != '\0' ? " " : "");
    return WEIR_EXIT_USAGE;
}

enum weir_exit weir_cli_no_memory(struct weir_cli *cli)
{
    weir_cli_error(cli, "out of memory");
    return WEIR_EXIT_FAILED;
}

static enum weir_exit run(struct weir_cli *cli, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return weir_cmd_version(cli);
    if (argc >= 3 && strcmp(argv[1], WEIR_COMPLETE_WORD) == 0)
        return weir_complete(cli, argv + 2, (size_t)argc - 2);
    enum weir_exit code = weir_args_parse(cli, argc, argv);
    if (code != WEIR_EXIT_OK)
        return code;
    if (cli->command == NULL)
        return weir_help_screen(cli);
    return cli->options.help ? weir_help_page(cli, cli->command) : cli->command->run(cli);
}

int weir_cli_main(int argc, char **argv)
{
    struct weir_cli cli = { .out = stdout, .err = stderr, .client = { .fd = -1 } };
    enum weir_exit code = run(&cli, argc, argv);
    weir_client_deinit(&cli.client);
    weir_args_deinit(&cli);
    return (int)code;
}
