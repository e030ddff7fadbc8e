/* SPDX-License-Identifier: Apache-2.0
 *
 * run_cli.c - standard streams of the child are files in memory, so that nothing can block.
 */
#include "tests/support/run_cli.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/failalloc.h"

#define WORDS_MAX     32
#define WORD_MAX      256
#define TERMINAL_MAX  65536               /* bytes that a run on a terminal may write */
#define RUN_VARIABLE  "WEIR_RUN_CLI"      /* in the environment of a run */
#define FAIL_VARIABLE "WEIR_RUN_CLI_FAIL" /* which allocation fails */

static char *fd_text(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *text = malloc((size_t)st.st_size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
    text[st.st_size] = '\0';
    close(fd);
    return text;
}

static int fd_of(const char *text)
{
    int fd = memfd_create("run_cli", MFD_CLOEXEC);
    assert_true(fd >= 0);
    if (text != NULL) {
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    }
    return fd;
}

static void words_of(const struct unix_server *s, const char *line, char words[WORDS_MAX][WORD_MAX],
                     char *argv[WORDS_MAX + 1])
{
    int argc = 1;
    argv[0] = (char *)"weir";
    line += strspn(line, " ");
    while (*line != '\0') {
        int len = (int)strcspn(line, " ");
        bool folder = line[0] == '$';
        assert_in_range(argc, 1, WORDS_MAX - 1);
        snprintf(words[argc], WORD_MAX, "%s%.*s", folder ? s->folder : "", len - folder,
                 line + folder);
        argv[argc] = words[argc];
        argc++;
        line += len;
        line += strspn(line, " ");
    }
    argv[argc] = NULL;
}

/* The child borrows this process's memory until it is another program, and does nothing meanwhile
 * that could need a lock. */
static pid_t spawn(char *argv[], const int fds[3])
{
    pid_t pid = vfork();
    if (pid == 0) {
        if (dup2(fds[0], 0) == 0 && dup2(fds[1], 1) == 1 && dup2(fds[2], 2) == 2)
            execv("/proc/self/exe", argv);
        _exit(125);
    }
    assert_true(pid > 0);
    return pid;
}

/* Takes `in` and `out`. */
static struct run_result run(const struct unix_server *s, const char *line, int in, int out,
                             bool interrupt)
{
    static char words[WORDS_MAX][WORD_MAX];
    char *argv[WORDS_MAX + 1];
    int status = 0;
    int err = fd_of(NULL);
    words_of(s, line, words, argv);
    setenv("WEIR_NODE", s->node, 1);
    setenv(RUN_VARIABLE, "1", 1);
    pid_t pid = spawn(argv, (const int[]){ in, out, err });
    unsetenv(RUN_VARIABLE);
    if (interrupt) {
        nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
        assert_int_equal(kill(pid, SIGINT), 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(in);
    struct run_result r = { .code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 };
    r.out = fd_text(out);
    r.err = fd_text(err);
    if (r.code > 5)
        print_error("%s", r.err);
    return r;
}

struct run_result run_cli(const struct unix_server *s, const char *line, const char *stdin_text)
{
    return run(s, line, fd_of(stdin_text), fd_of(NULL), false);
}

struct run_result run_cli_interrupted(const struct unix_server *s, const char *line,
                                      const char *stdin_text)
{
    return run(s, line, fd_of(stdin_text), fd_of(NULL), true);
}

/* The child's own session, with the terminal as the one that controls it. */
static pid_t spawn_on(char *argv[], const char *terminal)
{
    pid_t pid = vfork();
    if (pid == 0) {
        setsid();
        int fd = open(terminal, O_RDWR);
        if (fd >= 0 && dup2(fd, 0) == 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2)
            execv("/proc/self/exe", argv);
        _exit(125);
    }
    assert_true(pid > 0);
    return pid;
}

struct run_result run_cli_on_terminal(const struct unix_server *s, const char *line,
                                      const char *prompt, const char *typed)
{
    static char words[WORDS_MAX][WORD_MAX];
    char *argv[WORDS_MAX + 1];
    size_t len = 0;
    int status = 0;
    char *out = calloc(1, TERMINAL_MAX);
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_non_null(out);
    assert_true(fd >= 0);
    assert_int_equal(grantpt(fd), 0);
    assert_int_equal(unlockpt(fd), 0);
    words_of(s, line, words, argv);
    setenv("WEIR_NODE", s->node, 1);
    setenv(RUN_VARIABLE, "1", 1);
    pid_t pid = spawn_on(argv, ptsname(fd));
    unsetenv(RUN_VARIABLE);
    for (;;) { /* to the end of file, which is an error of a terminal */
        ssize_t n = read(fd, out + len, TERMINAL_MAX - len - 1);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (typed != NULL && strstr(out, prompt) != NULL) {
            assert_int_equal(write(fd, typed, strlen(typed)), strlen(typed));
            typed = NULL;
        }
    }
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return (struct run_result){ .code = WIFEXITED(status) ? WEXITSTATUS(status) : 256, .out = out };
}

struct run_result run_cli_into(const struct unix_server *s, const char *line, const char *out_path)
{
    int out = open(out_path, O_RDWR | O_CLOEXEC);
    assert_true(out >= 0);
    return run(s, line, fd_of(NULL), out, false);
}

struct run_result run_cli_failing(const struct unix_server *s, const char *line,
                                  const char *stdin_text, unsigned n)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", n);
    setenv(FAIL_VARIABLE, text, 1);
    struct run_result r = run_cli(s, line, stdin_text);
    unsetenv(FAIL_VARIABLE);
    return r;
}

bool run_cli_is_run(int (*entry)(int, char **), int argc, char **argv, int *ret_code)
{
    const char *fail = getenv(FAIL_VARIABLE);
    if (getenv(RUN_VARIABLE) == NULL)
        return false;
    if (fail != NULL)
        weir_failalloc_once(strtol(fail, NULL, 10));
    *ret_code = entry(argc, argv);
    weir_failalloc_once(-1);
    return true;
}

void run_result_free(struct run_result *r)
{
    free(r->out);
    free(r->err);
}

void run_file_put(const struct unix_server *s, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    for (char *slash = strchr(path + strlen(s->folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

char *run_file_get(const struct unix_server *s, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = fd_text(dup(fileno(f)));
    fclose(f);
    return text;
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return at->level > 0 && !S_ISSOCK(st->st_mode) ? remove(path) : 0;
}

void run_files_remove(const struct unix_server *s)
{
    assert_int_equal(nftw(s->folder, entry_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}
