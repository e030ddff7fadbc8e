/* SPDX-License-Identifier: Apache-2.0
 *
 * run_cli.h - one run of weir's client as a process of its own, with what it wrote and its exit
 * code. The leak check of the sanitizer runs at its end and shows as exit code 23.
 */
#ifndef WEIR_TESTS_SUPPORT_RUN_CLI_H
#define WEIR_TESTS_SUPPORT_RUN_CLI_H

#include <stdbool.h>

#include "tests/support/unix_server.h"

struct run_result {
    int code; /* of the exit; 256: ended by a signal */
    char *out;
    char *err;
};

/**
 * Run the program behind this test with arguments, and wait. By spawn, because the server's thread
 * may hold the allocator's lock at the moment of a fork.
 *
 * @param line  words parted by blanks, without the program's name; "$" begins a word that means the
 *              server's folder, as in "$/shop.yaml"
 * @param stdin_text  NULL: nothing
 */
struct run_result run_cli(const struct unix_server *s, const char *line, const char *stdin_text);
/** As run_cli, but the n-th allocation of the run fails. */
struct run_result run_cli_failing(const struct unix_server *s, const char *line,
                                  const char *stdin_text, unsigned n);
/** As run_cli, and interrupt it (SIGINT) when it has had 300 ms. */
struct run_result run_cli_interrupted(const struct unix_server *s, const char *line,
                                      const char *stdin_text);
/** As run_cli, with standard output into a file that is there, such as /dev/full. */
struct run_result run_cli_into(const struct unix_server *s, const char *line, const char *out_path);
/**
 * As run_cli, on a terminal: what the run and the terminal wrote is `out`.
 *
 * @param prompt  when the run has written it, `typed` is typed, once
 */
struct run_result run_cli_on_terminal(const struct unix_server *s, const char *line,
                                      const char *prompt, const char *typed);
void run_result_free(struct run_result *r);

/**
 * The other side, first thing in main: when this process is a run, run `entry` with the arguments.
 *
 * @return whether it was one; *ret_code is then for main to return
 */
bool run_cli_is_run(int (*entry)(int, char **), int argc, char **argv, int *ret_code);

/** Write a file into the server's folder. */
void run_file_put(const struct unix_server *s, const char *name, const char *text);
/** Its content, which the caller frees. */
char *run_file_get(const struct unix_server *s, const char *name);
/** Remove all files and folders of the server's folder but the socket. */
void run_files_remove(const struct unix_server *s);

#endif
