/* SPDX-License-Identifier: Apache-2.0
 *
 * completion.c - weir completion: scripts for bash and zsh, made from the table of commands, so
 * that they know what this program knows. zsh runs the script of bash by its own emulation.
 */
#include "node/cli/command.h"

#include <string.h>

#include "node/cli/args.h"
#include "node/cli/render.h"
#include "tenants/schema/schema_text.h"

static void flags_write(struct weir_strbuf *out, const struct weir_command *c)
{
    uint64_t mask = c->flags | WEIR_FLAG_BIT(WEIR_FLAG_HELP);
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++) {
        const struct weir_flag_def *f = weir_args_flag((enum weir_flag)i);
        if ((mask & WEIR_FLAG_BIT(i)) == 0)
            continue;
        if (f->letter != 0)
            weir_strbuf_printf(out, " -%c", f->letter);
        weir_strbuf_printf(out, " --%s", f->name);
    }
}

/* Words that may stand behind a command as its first argument. */
static const char *words_of(const struct weir_command *c)
{
    static const struct {
        const char *command;
        const char *words;
    } words[] = {
        { "get", "tenant" },       { "delete", "tenant" },       { "history", "tenant" },
        { "rollback", "tenant" },  { "route", "test" },          { "redirect", "test" },
        { "help", "tenant node" }, { "completion", "bash zsh" },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++)
        if (strcmp(words[i].command, c->name) == 0)
            return words[i].words;
    return "";
}

static void commands_write(struct weir_strbuf *out)
{
    size_t num = 0;
    const struct weir_command *all = weir_command_all(&num);
    weir_strbuf_puts(out, "    local commands='node");
    for (size_t i = 0; i < num; i++)
        weir_strbuf_printf(out, " %s", all[i].name);
    weir_strbuf_puts(out, "'\n    case $command in\n");
    for (size_t i = 0; i < num; i++) {
        weir_strbuf_printf(out, "    %s) words='%s'; flags='", all[i].name, words_of(&all[i]));
        flags_write(out, &all[i]);
        weir_strbuf_puts(out, "' ;;\n");
    }
    weir_strbuf_puts(out, "    node) flags=' --config --check --help' ;;\n    esac\n");
}

static const char head[] = "_weir()\n"
                           "{\n"
                           "    local current=${COMP_WORDS[COMP_CWORD]}\n"
                           "    local before=${COMP_WORDS[COMP_CWORD-1]}\n"
                           "    local command=${COMP_WORDS[1]} words='' flags=''\n";

static const char tail[] =
    "    COMPREPLY=()\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$current\"))\n"
    "        return\n"
    "    fi\n"
    "    case $before in\n"
    "    -o|--output)\n"
    "        COMPREPLY=($(compgen -W 'table wide name json yaml' -- \"$current\"))\n"
    "        return ;;\n"
    "    --wait)\n"
    "        COMPREPLY=($(compgen -W 'local quorum all' -- \"$current\"))\n"
    "        return ;;\n"
    "    -f|--file|--config|--ca)\n"
    "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
    "        return ;;\n"
    "    tenant|tenants|--tenant)\n"
    "        if [ \"$command\" != help ]; then\n"
    "            COMPREPLY=($(compgen -W \"$(weir get tenant -o name --timeout 1s 2>/dev/null |\n"
    "                sed 's,^tenant/,,')\" -- \"$current\"))\n"
    "        fi\n"
    "        return ;;\n"
    "    esac\n"
    "    if [ \"$command\" = help ]; then\n"
    "        words=\"$words $commands\"\n"
    "    fi\n"
    "    if [ \"$command\" = fmt ]; then\n"
    "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
    "    fi\n"
    "    COMPREPLY+=($(compgen -W \"$words$flags\" -- \"$current\"))\n"
    "}\n"
    "complete -o filenames -F _weir weir\n";

enum weir_exit weir_cmd_completion(struct weir_cli *cli)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    const char *shell = cli->args[0];
    bool zsh = strcmp(shell, "zsh") == 0;
    if (!zsh && strcmp(shell, "bash") != 0)
        return weir_cli_usage(cli, "%s: only bash and zsh are known",
                              weir_schema_text_show(weir_span_cstr(shell)).text);
    if (zsh)
        weir_strbuf_puts(&out, "#compdef weir\nautoload -U +X bashcompinit && bashcompinit\n");
    weir_strbuf_puts(&out, head);
    commands_write(&out);
    weir_strbuf_puts(&out, tail);
    return weir_render_out(cli, &out);
}
