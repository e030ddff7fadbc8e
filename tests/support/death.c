/* SPDX-License-Identifier: Apache-2.0
 *
 * death.c - fork, catch what the child writes to stderr, check how it ended.
 */
#include "tests/support/death.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(int fd, void (*fn)(void *arg), void *arg)
{
    struct rlimit no_core = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &no_core);
    /* cmocka catches these: its handler would go on with the next test in this process. */
    static const int caught[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        (void)signal(caught[i], SIG_DFL);
    if (dup2(fd, STDERR_FILENO) < 0)
        _exit(2);
    fn(arg);
    _exit(0);
}

/* Run fn(arg) in a child. @return its status as waitpid gives it, or -1 */
static int run_to_death(void (*fn)(void *arg), void *arg, char *report, size_t max)
{
    size_t len = 0;
    int fds[2];
    int status = 0;
    char rest[512];

    if (pipe(fds) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        run_child(fds[1], fn, arg);
    (void)close(fds[1]);
    while (pid > 0) {
        /* What does not fit is read as well: the child must not end by a closed pipe. */
        bool fits = len < max - 1;
        ssize_t n = read(fds[0], fits ? report + len : rest, fits ? max - 1 - len : sizeof(rest));
        if (n <= 0)
            break;
        len += fits ? (size_t)n : 0;
    }
    report[len] = '\0';
    (void)close(fds[0]);
    return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

bool weir_death_by_contract(void (*fn)(void *arg), void *arg, const char *what)
{
    char report[WEIR_DEATH_TEXT_MAX];

    return weir_death_by_signal(fn, arg, SIGABRT, report) &&
           strstr(report, "contract broken: ") != NULL && strstr(report, what) != NULL;
}

bool weir_death_by_signal(void (*fn)(void *arg), void *arg, int sig,
                          char report[WEIR_DEATH_TEXT_MAX])
{
    int status = run_to_death(fn, arg, report, WEIR_DEATH_TEXT_MAX);

    return status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == sig;
}
