/* SPDX-License-Identifier: Apache-2.0
 *
 * completion.c - weir completion: scripts for bash and zsh. They only hand the words of the command
 * line to this program (complete.h) and give what it offers to their shell.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "node/cli/command.h"
#include "node/cli/complete.h"
#include "node/cli/text/render.h"
#include "tenants/schema/schema_text.h"

/* bash parts words at ":" and "=", which weir does not, and replaces only the last part. So the
 * parts are joined again, and what is offered loses what stands before the last part. Names of
 * files are marked as such only where files are meant: otherwise a folder called like a command
 * would get a slash behind it. */
static const char bash_script[] =
    "    local -a joined=() lines=()\n"
    "    local part='' before='' lead='' line i blank=no\n"
    "    local program=${COMP_WORDS[0]-weir}\n"
    "    [[ ${COMP_LINE-} == *[[:space:]] ]] && blank=yes\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        part=${COMP_WORDS[i]-}\n"
    "        if ((${#joined[@]} > 0)) && [[ $part =~ ^[:=]+$ || $before =~ ^[:=]+$ ]] &&\n"
    "            [[ -n $part || $blank == no ]]; then\n"
    "            lead=${joined[-1]}\n"
    "            joined[-1]+=$part\n"
    "        else\n"
    "            lead=''\n"
    "            joined+=(\"$part\")\n"
    "        fi\n"
    "        before=$part\n"
    "    done\n"
    "    if [[ $part =~ ^[:=]+$ ]]; then\n"
    "        lead=${joined[-1]}\n"
    "        part=''\n"
    "    fi\n"
    "    type -P \"$program\" >/dev/null 2>&1 || program=$made_by\n"
    "    mapfile -t lines < <(\"$program\" " WEIR_COMPLETE_WORD " \"${joined[@]}\" 2>/dev/null)\n"
    "    COMPREPLY=()\n"
    "    case ${lines[0]-} in\n"
    "    files)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$part\") ;;\n"
    "    folders)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$part\") ;;\n"
    "    words)\n"
    "        for line in \"${lines[@]:1}\"; do\n"
    "            [[ $line == *: ]] && compopt -o nospace 2>/dev/null\n"
    "            COMPREPLY+=(\"${line#\"$lead\"}\")\n"
    "        done ;;\n"
    "    esac\n"
    "    return 0\n"
    "}\n"
    "complete -F _weir weir\n";

/* As a file of $fpath the script is the body of _weir itself at the first call: it defines the
 * function, and must then do what it was called for. Sourced, it registers the function. */
static const char zsh_script[] =
    "    local program=${(Q)words[1]} kind\n"
    "    local -a given lines\n"
    "    given=(\"${(@Q)words[2,CURRENT-1]}\")\n"
    "    (( CURRENT > 2 )) || given=()\n"
    "    whence -- \"$program\" >/dev/null 2>&1 || program=$made_by\n"
    "    lines=(\"${(@f)$(\"$program\" " WEIR_COMPLETE_WORD
    " \"${given[@]}\" \"${(Q)PREFIX}\" 2>/dev/null)}\")\n"
    "    kind=${lines[1]}\n"
    "    lines=(\"${(@)lines[2,-1]}\")\n"
    "    case $kind in\n"
    "    files|folders)\n"
    "        compset -P '--*='\n"
    "        compset -P 'unix:'\n"
    "        if [[ $kind == folders ]]; then _files -/; else _files; fi ;;\n"
    "    words)\n"
    "        lines=(\"${(@)lines:#}\")\n"
    "        if (( $#lines == 1 )) && [[ ${lines[1]} == *: ]]; then\n"
    "            compadd -S '' -- \"${lines[@]}\"\n"
    "        else\n"
    "            compadd -- \"${lines[@]}\"\n"
    "        fi ;;\n"
    "    esac\n"
    "}\n"
    "if [[ ${funcstack[1]-} == _weir ]]; then\n"
    "    _weir \"$@\"\n"
    "else\n"
    "    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"
    "    compdef _weir weir\n"
    "fi\n";

/* Where this program is, as one word of a shell: for a command line whose first word is an alias or
 * does not lead to it. */
static void program_write(struct weir_strbuf *out)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    weir_strbuf_putc(out, '\'');
    for (const char *at = len > 0 ? path : "weir"; *at != '\0'; at++) {
        if (*at == '\'')
            weir_strbuf_puts(out, "'\\'");
        weir_strbuf_putc(out, *at);
    }
    weir_strbuf_putc(out, '\'');
}

enum weir_exit weir_cmd_completion(struct weir_cli *cli)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    const char *shell = cli->args[0];
    bool zsh = strcmp(shell, "zsh") == 0;
    if (!zsh && strcmp(shell, "bash") != 0)
        return weir_cli_usage(cli, "%s: only bash and zsh are known",
                              weir_schema_text_show(weir_span_cstr(shell)).text);
    weir_strbuf_printf(&out, "%s_weir()\n{\n    local made_by=", zsh ? "#compdef weir\n" : "");
    program_write(&out);
    weir_strbuf_putc(&out, '\n');
    weir_strbuf_puts(&out, zsh ? zsh_script : bash_script);
    return weir_render_out(cli, &out);
}
