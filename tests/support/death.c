/* SPDX-License-Identifier: Apache-2.0
 *
 * death.c - fork, catch what the child says on stderr, look at how it ended.
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
    (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
    if (dup2(fd, STDERR_FILENO) < 0)
        _exit(2);
    fn(arg);
    _exit(0);
}

bool weir_death_by_contract(void (*fn)(void *arg), void *arg, const char *what)
{
    char said[1024];
    size_t len = 0;
    int fds[2];
    int status = 0;

    if (pipe(fds) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        run_child(fds[1], fn, arg);
    (void)close(fds[1]);
    while (pid > 0 && len < sizeof(said) - 1) {
        ssize_t n = read(fds[0], said + len, sizeof(said) - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    said[len] = '\0';
    (void)close(fds[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
           strstr(said, "contract broken: ") != NULL && strstr(said, what) != NULL;
}
