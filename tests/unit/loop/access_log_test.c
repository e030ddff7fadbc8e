/* SPDX-License-Identifier: Apache-2.0
 *
 * access_log_test.c - records of many threads reach the file whole and in order, or are counted;
 * ends of pipes that close or stand still; files that move or are full; the tail.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/log.h"
#include "node/loop/access_log.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

#define NUM_THREADS 4
#define NUM_LINES   20000

struct place {
    char folder[64];
    char file[96];
    struct weir_metrics metrics[NUM_THREADS];
};

static void place_make(struct place *p)
{
    memset(p, 0, sizeof(*p));
    snprintf(p->folder, sizeof(p->folder), "/tmp/weir_access_log_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->file, sizeof(p->file), "%s/access.log", p->folder);
}

static void place_remove(struct place *p)
{
    unlink(p->file);
    assert_int_equal(rmdir(p->folder), 0);
}

static uint64_t dropped(const struct weir_metrics *m)
{
    return atomic_load(&m->cells[WEIR_M_ACCESS_LOG_DROPPED]);
}

/* True when there was room. */
static bool write_line(struct weir_access_writer *w, unsigned writer, unsigned number)
{
    char text[64];
    uint8_t *at = weir_access_reserve(w);
    if (at == NULL)
        return false;
    int len = snprintf(text, sizeof(text), "{\"w\":%u,\"n\":%u}\n", writer, number);
    memcpy(at, text, (size_t)len);
    weir_access_commit(w, (size_t)len);
    return true;
}

static char *file_text(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct stat st;
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *text = malloc((size_t)st.st_size + 1);
    assert_non_null(text);
    *ret_len = fread(text, 1, (size_t)st.st_size, f);
    assert_int_equal(*ret_len, st.st_size);
    text[*ret_len] = '\0';
    fclose(f);
    return text;
}

struct sender {
    pthread_t thread;
    struct weir_access_writer *writer;
    unsigned number;
    unsigned num_written;
};

static void *send_lines(void *arg)
{
    struct sender *s = arg;
    for (unsigned i = 0; i < NUM_LINES; i++) {
        s->num_written += write_line(s->writer, s->number, i);
        if (i % 1000 == 0)
            weir_access_flush(s->writer);
    }
    weir_access_flush(s->writer);
    return NULL;
}

/* Each writer's lines are whole, in order, and as many as it was asked for. */
static void check_lines(const char *text, const struct sender *senders)
{
    unsigned num[NUM_THREADS] = { 0 };
    long last[NUM_THREADS] = { -1, -1, -1, -1 };
    while (*text != '\0') {
        unsigned writer = 0;
        unsigned number = 0;
        int len = 0;
        assert_int_equal(sscanf(text, "{\"w\":%u,\"n\":%u}%n", &writer, &number, &len), 2);
        assert_int_equal(text[len], '\n');
        assert_in_range(writer, 0, NUM_THREADS - 1);
        assert_true((long)number > last[writer]);
        last[writer] = number;
        num[writer]++;
        text += len + 1;
    }
    for (unsigned i = 0; i < NUM_THREADS; i++)
        assert_int_equal(num[i], senders[i].num_written);
}

static void lines_of_many_threads_are_all_in_the_file_or_counted(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    struct sender senders[NUM_THREADS] = { 0 };
    size_t len = 0;

    place_make(&p);
    assert_int_equal(weir_access_log_open(p.file, NUM_THREADS, &l), WEIR_OK);
    for (unsigned i = 0; i < NUM_THREADS; i++) {
        senders[i].number = i;
        senders[i].writer = weir_access_log_writer(l, i, &p.metrics[i]);
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_lines, &senders[i]), 0);
    }
    for (unsigned i = 0; i < NUM_THREADS; i++)
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
    weir_access_log_close(&l);
    assert_null(l);
    char *text = file_text(p.file, &len);
    check_lines(text, senders);
    for (unsigned i = 0; i < NUM_THREADS; i++)
        assert_int_equal(senders[i].num_written + dropped(&p.metrics[i]), NUM_LINES);
    free(text);
    place_remove(&p);
}

static void close_writes_what_was_flushed_last(void **state)
{
    struct place p;
    size_t len = 0;
    place_make(&p);
    for (unsigned round = 0; round < 50; round++) {
        struct weir_access_log *l = NULL;
        assert_int_equal(weir_access_log_open(p.file, 1, &l), WEIR_OK);
        struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);
        assert_true(write_line(w, 0, round));
        weir_access_flush(w);
        weir_access_log_close(&l);
    }
    char *text = file_text(p.file, &len);
    struct sender senders[NUM_THREADS] = { { .num_written = 50 } };
    check_lines(text, senders);
    free(text);
    place_remove(&p);
}

static void file_is_made_for_its_owner_and_group_only(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    struct stat st;
    place_make(&p);
    mode_t before = umask(0);
    assert_int_equal(weir_access_log_open(p.file, 1, &l), WEIR_OK);
    umask(before);
    assert_int_equal(stat(p.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    weir_access_log_close(&l);
    place_remove(&p);
}

static void file_that_cannot_be_opened_is_an_error(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    place_make(&p);
    assert_int_equal(weir_access_log_open("/nonexistent/access.log", 1, &l), WEIR_EIO);
    assert_int_equal(weir_access_log_open(p.folder, 1, &l), WEIR_EIO);
    assert_int_equal(mkfifo(p.file, 0600), 0);
    assert_int_equal(weir_access_log_open(p.file, 1, &l), WEIR_EIO); /* and does not hang */
    assert_null(l);
    place_remove(&p);
}

static void reopen_goes_on_in_a_new_file(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    char moved[128];
    size_t len = 0;
    place_make(&p);
    snprintf(moved, sizeof(moved), "%s/access.log.1", p.folder);
    assert_int_equal(weir_access_log_open(p.file, 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);

    assert_int_equal(rename(p.file, moved), 0);
    assert_int_equal(weir_access_log_reopen(l), WEIR_OK);
    assert_int_equal(weir_access_log_reopen(l), WEIR_OK); /* before the first was taken, or after */
    assert_true(write_line(w, 0, 1));
    weir_access_flush(w);
    weir_access_log_close(&l);

    char *text = file_text(p.file, &len);
    assert_string_equal(text, "{\"w\":0,\"n\":1}\n");
    free(text);
    text = file_text(moved, &len);
    assert_int_equal(len, 0);
    free(text);
    assert_int_equal(unlink(moved), 0);
    place_remove(&p);
}

static void reopen_that_fails_goes_on_with_the_old_file(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    char moved[128];
    char folder[96];
    size_t len = 0;
    place_make(&p);
    snprintf(folder, sizeof(folder), "%s.moved", p.folder);
    snprintf(moved, sizeof(moved), "%s/access.log", folder);
    assert_int_equal(weir_access_log_open(p.file, 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);
    assert_int_equal(rename(p.folder, folder), 0);
    assert_int_equal(weir_access_log_reopen(l), WEIR_EIO);
    assert_true(write_line(w, 0, 7));
    weir_access_flush(w);
    weir_access_log_close(&l);
    assert_int_equal(rename(folder, p.folder), 0);
    char *text = file_text(p.file, &len);
    assert_string_equal(text, "{\"w\":0,\"n\":7}\n");
    free(text);
    place_remove(&p);
}

static void no_records_are_wanted_when_off_until_a_reader_comes(void **state)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    assert_int_equal(weir_access_log_open("off", 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    assert_false(weir_access_wanted(w));
    weir_access_tail_begin(l);
    weir_access_tail_begin(l);
    assert_true(weir_access_wanted(w));
    weir_access_tail_end(l);
    assert_true(weir_access_wanted(w));
    assert_true(write_line(w, 0, 0));
    weir_access_flush(w);
    weir_access_tail_end(l);
    assert_false(weir_access_wanted(w));
    assert_int_equal(weir_access_log_reopen(l), WEIR_OK);
    weir_access_log_close(&l);
    assert_int_equal(dropped(&m), 0);
}

static void pause_ms(unsigned ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

/* Reads the tail until it holds `len` bytes. */
static void tail_wait(struct weir_access_log *l, uint64_t *cursor, struct weir_strbuf *b,
                      size_t len)
{
    for (unsigned i = 0; i < 500 && b->len < len; i++) {
        assert_int_equal(weir_access_tail_read(l, cursor, b), 0);
        if (b->len < len)
            pause_ms(10);
    }
    assert_int_equal(b->len, len);
}

/* From a file to nowhere, to another file and back: a reload of the node file may want any of it.
 */
static void records_go_to_the_target_that_was_switched_to(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    struct weir_access_target *t = NULL;
    struct weir_strbuf tail = WEIR_STRBUF_ZERO;
    uint64_t cursor = 0;
    char other[128];
    size_t len = 0;
    place_make(&p);
    snprintf(other, sizeof(other), "%s/other.log", p.folder);
    assert_int_equal(weir_access_log_open("off", 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);
    const char *targets[] = { p.file, other, "off", other };
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(targets); i++) {
        assert_int_equal(weir_access_target_open(targets[i], &t), WEIR_OK);
        weir_access_log_switch(l, &t);
        assert_null(t);
        assert_int_equal(weir_access_wanted(w), i != 2);
        assert_true(write_line(w, 0, i));
        weir_access_flush(w);
        tail_wait(l, &cursor, &tail, tail.len + strlen("{\"w\":0,\"n\":0}\n"));
    }
    weir_access_log_close(&l);
    assert_int_equal(dropped(&p.metrics[0]), 0);
    weir_strbuf_deinit(&tail);
    char *text = file_text(p.file, &len);
    assert_string_equal(text, "{\"w\":0,\"n\":0}\n");
    free(text);
    text = file_text(other, &len);
    assert_string_equal(text, "{\"w\":0,\"n\":1}\n{\"w\":0,\"n\":3}\n");
    free(text);
    assert_int_equal(unlink(other), 0);
    place_remove(&p);
}

/* logrotate after a reload: the file of now is opened anew, not the one of the start. */
static void reopen_after_a_switch_opens_the_new_file(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    struct weir_access_target *t = NULL;
    size_t len = 0;
    place_make(&p);
    assert_int_equal(weir_access_log_open("off", 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);
    assert_int_equal(weir_access_target_open(p.file, &t), WEIR_OK);
    weir_access_log_switch(l, &t);
    assert_int_equal(unlink(p.file), 0);
    assert_int_equal(weir_access_log_reopen(l), WEIR_OK);
    assert_true(write_line(w, 0, 4));
    weir_access_flush(w);
    weir_access_log_close(&l);
    char *text = file_text(p.file, &len);
    assert_string_equal(text, "{\"w\":0,\"n\":4}\n");
    free(text);
    place_remove(&p);
}

static void a_target_that_cannot_be_opened_or_is_not_used_leaves_nothing(void **state)
{
    struct weir_access_target *t = NULL;
    assert_int_equal(weir_access_target_open("/nowhere/access.log", &t), WEIR_EIO);
    assert_null(t);
    assert_int_equal(weir_access_target_open("stdout", &t), WEIR_OK);
    weir_access_target_discard(&t);
    weir_access_target_discard(&t);
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD) >= 0, 1);
}

/* What a reload is for when nobody reads the pipe any longer: it must not wait for that reader. */
static void a_reader_that_stands_still_does_not_hold_up_a_switch(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    struct weir_access_target *t = NULL;
    char fifo[128];
    struct stat st = { .st_size = 0 };
    place_make(&p);
    snprintf(fifo, sizeof(fifo), "%s/fifo", p.folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(weir_access_log_open(fifo, 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);
    for (unsigned i = 0; write_line(w, 0, i); i++)
        continue; /* until the pipe and all buffers are full */

    assert_int_equal(weir_access_target_open(p.file, &t), WEIR_OK);
    weir_access_log_switch(l, &t);
    for (int tries = 0; tries < 1000 && st.st_size == 0; tries++) {
        pause_ms(20);
        assert_int_equal(stat(p.file, &st), 0);
    }
    assert_true(st.st_size > 0);
    weir_access_flush(w);
    weir_access_log_close(&l);
    close(reader);
    assert_int_equal(unlink(fifo), 0);
    place_remove(&p);
}

static void writer_that_is_not_there_wants_nothing(void **state)
{
    assert_false(weir_access_wanted(NULL));
    weir_access_flush(NULL);
}

static void tail_gives_whole_lines_once(void **state)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    uint64_t cursor = 0;
    assert_int_equal(weir_access_log_open("off", 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    weir_access_tail_begin(l);
    assert_int_equal(weir_access_tail_read(l, &cursor, &b), 0);
    assert_int_equal(b.len, 0);
    assert_int_not_equal(cursor, 0); /* an empty tail was read too */
    for (unsigned i = 0; i < 3; i++)
        assert_true(write_line(w, 0, i));
    weir_access_flush(w);
    tail_wait(l, &cursor, &b, 42);
    assert_string_equal(b.at, "{\"w\":0,\"n\":0}\n{\"w\":0,\"n\":1}\n{\"w\":0,\"n\":2}\n");
    weir_strbuf_reset(&b);
    assert_int_equal(weir_access_tail_read(l, &cursor, &b), 0);
    assert_int_equal(b.len, 0);
    weir_access_tail_end(l);
    weir_access_log_close(&l);
    weir_strbuf_deinit(&b);
}

/* Lines of 4,000 bytes fill the tail more than twice, past its wrap at every possible offset. */
static void slow_reader_of_the_tail_gets_the_number_of_bytes_it_missed(void **state)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    uint64_t early = 0;
    uint64_t late = 0;
    const size_t line = 4000;
    const unsigned num = 600;
    assert_int_equal(weir_access_log_open("off", 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    weir_access_tail_begin(l);
    assert_int_equal(weir_access_tail_read(l, &early, &b), 0);
    for (unsigned i = 0; i < num;) {
        uint8_t *at = weir_access_reserve(w);
        if (at == NULL) {
            pause_ms(1);
            continue;
        }
        memset(at, 'a' + i % 26, line - 1);
        at[line - 1] = '\n';
        weir_access_commit(w, line);
        weir_access_flush(w);
        i++;
    }
    for (unsigned i = 0; i < 500; i++) { /* the log thread may still have some of them */
        weir_strbuf_reset(&b);
        late = 0;
        assert_int_equal(weir_access_tail_read(l, &late, &b), 0);
        if (late == 1 + num * line)
            break;
        pause_ms(10);
    }
    assert_int_equal(late, 1 + num * line);
    const size_t num_lines = WEIR_ACCESS_TAIL_MAX / line;
    assert_int_equal(b.len, num_lines * line);
    for (size_t i = 0; i < num_lines; i++) {
        const char *at = b.at + i * line;
        assert_int_equal(at[0], 'a' + (num - num_lines + i) % 26);
        assert_int_equal(at[line - 2], at[0]);
        assert_int_equal(at[line - 1], '\n');
    }
    weir_strbuf_reset(&b);
    assert_int_equal(weir_access_tail_read(l, &early, &b), (num - num_lines) * line);
    assert_int_equal(b.len, num_lines * line);
    weir_access_tail_end(l);
    weir_access_log_close(&l);
    weir_strbuf_deinit(&b);
}

/* -- a process's standard output -- */

struct stdout_pipe {
    int fds[2];
    int saved_stdout;
    int log[2];
};

static void stdout_begin(struct stdout_pipe *s)
{
    fflush(stdout);
    assert_int_equal(pipe(s->fds), 0);
    assert_int_equal(pipe2(s->log, O_NONBLOCK), 0);
    s->saved_stdout = dup(STDOUT_FILENO);
    assert_int_equal(dup2(s->fds[1], STDOUT_FILENO), STDOUT_FILENO);
    close(s->fds[1]);
    weir_log_init(WEIR_LOG_WARN, s->log[1]);
}

/* Ends the redirection, and counts the lines that the node logged. */
static unsigned stdout_end(struct stdout_pipe *s, const char *event)
{
    char text[16384];
    unsigned num = 0;
    dup2(s->saved_stdout, STDOUT_FILENO);
    close(s->saved_stdout);
    weir_log_init(WEIR_LOG_INFO, STDERR_FILENO);
    ssize_t n = read(s->log[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    for (const char *at = text; (at = strstr(at, event)) != NULL; at++)
        num++;
    close(s->log[0]);
    close(s->log[1]);
    return num;
}

static void closed_pipe_drops_counts_and_warns_once(void **state)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    struct stdout_pipe s;
    unsigned num_written = 0;
    stdout_begin(&s);
    int opened = weir_access_log_open("stdout", 1, &l);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    close(s.fds[0]);
    for (unsigned i = 0; i < 20; i++) {
        num_written += write_line(w, 0, i);
        weir_access_flush(w);
        pause_ms(5);
    }
    for (unsigned i = 0; i < 500 && dropped(&m) < 20; i++) {
        pause_ms(10);
        weir_access_flush(w);
    }
    weir_access_log_close(&l);
    unsigned num_warnings = stdout_end(&s, "access_log.reader_gone");
    assert_int_equal(opened, WEIR_OK);
    assert_int_equal(num_written, 20);
    assert_int_equal(dropped(&m), 20);
    assert_int_equal(num_warnings, 1);
}

static void pipe_gets_all_lines_through_short_writes(void **state)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    struct stdout_pipe s;
    struct sender senders[NUM_THREADS] = { 0 };
    const size_t max = 1024 * 1024;
    char *text = malloc(max);
    assert_non_null(text);
    size_t len = 0;
    stdout_begin(&s);
    fcntl(s.fds[0], F_SETPIPE_SZ, 4096);
    int opened = weir_access_log_open("stdout", 1, &l);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    for (unsigned i = 0; i < 10000; i++)
        senders[0].num_written += write_line(w, 0, i);
    weir_access_flush(w);
    /* An odd size makes the pipe's pages unevenly full. */
    ssize_t n = 0;
    struct pollfd p = { .fd = s.fds[0], .events = POLLIN };
    while (poll(&p, 1, 500) > 0 && (n = read(s.fds[0], text + len, 777)) > 0)
        len += (size_t)n;
    weir_access_log_close(&l);
    close(s.fds[0]);
    unsigned num_warnings = stdout_end(&s, "access_log.");
    assert_int_equal(opened, WEIR_OK);
    assert_int_equal(num_warnings, 0);
    text[len] = '\0';
    check_lines(text, senders);
    assert_int_equal(senders[0].num_written + dropped(&m), 10000);
    free(text);
}

static void reader_that_stands_still_makes_workers_drop_and_does_not_hold_up_the_end(void **state)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    struct stdout_pipe s;
    unsigned num_written = 0;
    const unsigned num = 60000; /* 840 KB and more: over all buffers and the pipe */
    stdout_begin(&s);
    int opened = weir_access_log_open("stdout", 1, &l);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    for (unsigned i = 0; i < num; i++)
        num_written += write_line(w, 0, i);
    weir_access_flush(w);
    uint64_t dropped_while_running = dropped(&m);
    uint64_t start_ns = weir_clock_mono_ns();
    weir_access_log_close(&l);
    uint64_t took_ms = (weir_clock_mono_ns() - start_ns) / 1000000;
    close(s.fds[0]);
    unsigned num_warnings = stdout_end(&s, "err=ETIMEDOUT");
    assert_int_equal(opened, WEIR_OK);
    assert_true(dropped_while_running > 0);
    assert_int_equal(num_written + dropped_while_running, num);
    assert_in_range(took_ms, 1000, 10000);
    assert_int_equal(num_warnings, 1);
}

/* RLIMIT_FSIZE stands for a full disk: the write that reaches it is short, the next fails. */
static void full_file_loses_counted_lines_and_then_goes_on_whole(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    struct stdout_pipe s;
    struct rlimit before;
    size_t len = 0;
    place_make(&p);
    stdout_begin(&s);
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = { .rlim_cur = 20, .rlim_max = before.rlim_max };
    int opened = weir_access_log_open(p.file, 1, &l);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &p.metrics[0]);
    setrlimit(RLIMIT_FSIZE, &small);
    for (unsigned i = 0; i < 3; i++)
        write_line(w, 0, i);
    weir_access_flush(w);
    for (unsigned i = 0; i < 500 && dropped(&p.metrics[0]) < 2; i++) {
        pause_ms(10);
        weir_access_flush(w);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    write_line(w, 0, 3);
    weir_access_flush(w);
    weir_access_log_close(&l);
    close(s.fds[0]);
    unsigned num_warnings = stdout_end(&s, "access_log.write_failed");
    assert_int_equal(opened, WEIR_OK);
    assert_int_equal(num_warnings, 1);
    assert_int_equal(dropped(&p.metrics[0]), 2);
    char *text = file_text(p.file, &len);
    assert_string_equal(text, "{\"w\":0,\"n\":0}\n{\"w\":0\n{\"w\":0,\"n\":3}\n");
    free(text);
    place_remove(&p);
}

static void no_memory_at_any_point_is_an_error_without_a_leak(void **state)
{
    struct place p;
    struct weir_access_log *l = NULL;
    place_make(&p);
    weir_failalloc_after(-1);
    assert_int_equal(weir_access_log_open(p.file, 2, &l), WEIR_OK);
    unsigned long num = weir_failalloc_count();
    weir_access_log_close(&l);
    assert_true(num >= 5);
    for (unsigned long i = 1; i <= 6; i++) {
        weir_failalloc_once((long)i);
        enum weir_err err = weir_access_log_open(p.file, 2, &l);
        weir_failalloc_after(-1);
        assert_true(err == WEIR_ENOMEM || i > num);
        weir_access_log_close(&l);
    }
    place_remove(&p);
}

static void close_with_unflushed(void *arg)
{
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    if (weir_access_log_open("off", 1, &l) < 0)
        return;
    write_line(weir_access_log_writer(l, 0, &m), 0, 0);
    weir_access_log_close(&l);
}

static void close_before_a_flush_breaks_the_contract(void **state)
{
    assert_true(weir_death_by_contract(close_with_unflushed, NULL, "w->current->len == 0"));
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN); /* as the node does: a file at its limit is an error number */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_before_a_flush_breaks_the_contract),
        cmocka_unit_test(lines_of_many_threads_are_all_in_the_file_or_counted),
        cmocka_unit_test(close_writes_what_was_flushed_last),
        cmocka_unit_test(file_is_made_for_its_owner_and_group_only),
        cmocka_unit_test(file_that_cannot_be_opened_is_an_error),
        cmocka_unit_test(reopen_goes_on_in_a_new_file),
        cmocka_unit_test(reopen_that_fails_goes_on_with_the_old_file),
        cmocka_unit_test(no_records_are_wanted_when_off_until_a_reader_comes),
        cmocka_unit_test(records_go_to_the_target_that_was_switched_to),
        cmocka_unit_test(reopen_after_a_switch_opens_the_new_file),
        cmocka_unit_test(a_target_that_cannot_be_opened_or_is_not_used_leaves_nothing),
        cmocka_unit_test(a_reader_that_stands_still_does_not_hold_up_a_switch),
        cmocka_unit_test(writer_that_is_not_there_wants_nothing),
        cmocka_unit_test(tail_gives_whole_lines_once),
        cmocka_unit_test(slow_reader_of_the_tail_gets_the_number_of_bytes_it_missed),
        cmocka_unit_test(closed_pipe_drops_counts_and_warns_once),
        cmocka_unit_test(pipe_gets_all_lines_through_short_writes),
        cmocka_unit_test(reader_that_stands_still_makes_workers_drop_and_does_not_hold_up_the_end),
        cmocka_unit_test(full_file_loses_counted_lines_and_then_goes_on_whole),
        cmocka_unit_test(no_memory_at_any_point_is_an_error_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
