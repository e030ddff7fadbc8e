/* SPDX-License-Identifier: Apache-2.0
 *
 * run_program.h - one run of a program that only prints: its exit status, its first line and its
 * last. A program that serves is for run_cli.h.   Header only.
 */
#ifndef WEIR_TESTS_SUPPORT_RUN_PROGRAM_H
#define WEIR_TESTS_SUPPORT_RUN_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

struct ran {
    int status;
    unsigned num_lines;
    char first[512]; /* lines of standard output, without their ends */
    char last[512];
};

/** Run it with these arguments. Its complaints are not read. */
static inline struct ran run_program(const char *path, const char *arguments)
{
    struct ran ran = { .status = -1 };
    char command[1024];
    char line[512];

    int len = snprintf(command, sizeof(command), "'%s' %s 2>/dev/null", path, arguments);
    assert_in_range(len, 1, sizeof(command) - 1);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (ran.num_lines++ == 0)
            memcpy(ran.first, line, sizeof(line));
        memcpy(ran.last, line, sizeof(line));
    }
    int status = pclose(out);
    assert_true(WIFEXITED(status));
    ran.status = WEXITSTATUS(status);
    return ran;
}

#endif
