/* SPDX-License-Identifier: Apache-2.0
 *
 * control_main.c - the command line of `weir node`.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/ctl/control.h"

static const char help[] =
    "weir node - run a node\n"
    "\n"
    "Usage:\n"
    "  weir node --config FILE [--check]\n"
    "\n"
    "Runs a node in the foreground: events to stderr, the access log to the\n"
    "target of log.access.\n"
    "\n"
    "Flags:\n"
    "  --config FILE  the node file; without it the WEIR_... variables alone count\n"
    "  --check        validate the file and the host (ports, sockets, data folder\n"
    "                 and its lock, log, descriptors), then exit; nothing is changed.\n"
    "                 What a node that runs with this file holds is no fault: its pid\n"
    "                 is named, and the check shows whether weir reload would succeed\n"
    "  --help         print this page\n"
    "\n"
    "Signals:\n"
    "  SIGTERM, SIGINT  drain, then end, after 30 s at the latest; a second one does\n"
    "                   not wait\n"
    "  SIGHUP           open the access log anew and read the node file again, as\n"
    "                   weir reload does\n"
    "  SIGUSR1          open the access log anew\n"
    "\n"
    "A reload takes over listen.http, admin.metrics, limits.connections,\n"
    "limits.memory, limits.store (up to four times that of the start), log.access,\n"
    "log.level, trusted_proxies, resolver and clients. Other keys need a\n"
    "restart and are named in the log. A file with a fault, or an address that cannot\n"
    "be listened on, changes nothing.\n"
    "\n"
    "Examples:\n"
    "  weir node --config /etc/weir/node.yaml\n"
    "  weir node --check --config /etc/weir/node.yaml && weir reload\n"
    "  WEIR_LISTEN_HTTP=0.0.0.0:8080 WEIR_DATA=/tmp/weir weir node\n"
    "\n"
    "Exit codes:\n"
    "  0  ended by its operator; --check: the node would start, or take the file over\n"
    "  1  it could not start; --check: something is wrong\n"
    "  2  the command line is wrong\n";

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "weir node: %s \"%s\"; try `weir node --help`\n", what, arg);
    return 2;
}

int weir_control_main(int argc, char **argv)
{
    struct weir_control_options o = { .env = (const char *const *)environ };
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            fputs(help, stdout);
            return 0;
        }
        if (strcmp(arg, "--check") == 0) {
            o.check = true;
        } else if (strncmp(arg, "--config=", 9) == 0) {
            o.config = arg + 9;
        } else if (strcmp(arg, "--config") == 0 || strcmp(arg, "-c") == 0) {
            if (++i == argc)
                return usage("a file is missing behind", arg);
            o.config = argv[i];
        } else {
            return usage(arg[0] == '-' ? "unknown option" : "unexpected argument", arg);
        }
    }
    return weir_control_run(&o);
}
