/* SPDX-License-Identifier: Apache-2.0
 *
 * pipes.c - see pipes.h. Measured with bodies of 1 MiB: pipes of 64 KiB and more cost about the
 * same and a third less than a copy; pipes of 8 KiB, which the kernel gives beyond its limit, cost
 * three times as much. What counts is that no pipe is smaller than 64 KiB.
 */
#include "node/conn/pipes.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES_MAX   1048576u
#define PIPE_BYTES_MIN   65536u /* what pipe2 gives within the limit */
#define SHARE            16     /* a new pipe takes at most this part of the pages that are left */
#define WAITING_SHARE    4      /* pipes that wait have at most this part of the node's pages */
#define MEMORY_SHARE     4
#define SKIP             64 /* after the kernel has refused a pipe of 64 KiB */
#define USER_PAGES_TAKEN 3 / 4

#define USER_PAGES_DEFAULT 16384
#define PIPE_BYTES_DEFAULT 1048576
#define STATUS_MAX         8192

/* -- what the kernel allows -- */

/* The text of a file of /proc, with a NUL. @return its length, 0: it cannot be read */
static size_t read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static uint64_t read_number(const char *path, uint64_t otherwise)
{
    char text[32];
    char *end = text;
    if (read_text(path, text, sizeof(text)) == 0)
        return otherwise;
    uint64_t n = strtoull(text, &end, 10);
    return end == text ? otherwise : n;
}

bool weir_pipe_limit_is_lifted(struct weir_span status)
{
    static const char name[] = "\nCapEff:\t";
    const char *at = memmem(status.at, status.len, name, sizeof(name) - 1);
    uint64_t bits = 0;
    if (at == NULL)
        return false;
    const char *end = (const char *)status.at + status.len;
    for (at += sizeof(name) - 1; at < end && *at != '\n'; at++) {
        const char *digit = memchr("0123456789abcdef", *at, 16);
        if (digit == NULL)
            return false;
        bits = bits << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return (bits & (UINT64_C(1) << CAP_SYS_RESOURCE | UINT64_C(1) << CAP_SYS_ADMIN)) != 0;
}

void weir_pipe_limit_read(struct weir_pipe_limit *ret)
{
    char status[STATUS_MAX];
    long page = sysconf(_SC_PAGESIZE);
    size_t len = read_text("/proc/self/status", status, sizeof(status));
    ret->page_bytes = page > 0 ? (uint32_t)page : 4096;
    ret->pipe_pages =
        (uint32_t)(read_number("/proc/sys/fs/pipe-max-size", PIPE_BYTES_DEFAULT) / ret->page_bytes);
    ret->user_pages = weir_pipe_limit_is_lifted(weir_span(status, len))
                          ? 0
                          : read_number("/proc/sys/fs/pipe-user-pages-soft", USER_PAGES_DEFAULT);
}

/* -- what the node takes -- */

static uint32_t pages_of(const struct weir_pipe_room *room, uint64_t bytes)
{
    return (uint32_t)((bytes + room->limit.page_bytes - 1) / room->limit.page_bytes);
}

void weir_pipe_room_set(struct weir_pipe_room *room, uint64_t max_memory)
{
    WEIR_ASSERT(room->limit.page_bytes > 0);
    uint64_t pages = max_memory / MEMORY_SHARE / room->limit.page_bytes;
    uint64_t of_user = room->limit.user_pages * USER_PAGES_TAKEN;
    if (room->limit.user_pages > 0 && pages > of_user)
        pages = of_user;
    if (pages > UINT32_MAX / 2)
        pages = UINT32_MAX / 2;
    atomic_store_explicit(&room->max, (uint32_t)pages, memory_order_relaxed);
}

void weir_pipes_init(struct weir_pipes *p, struct weir_pipe_room *room,
                     struct weir_metrics *metrics, uint32_t num_workers)
{
    WEIR_ASSERT(num_workers > 0);
    *p = (struct weir_pipes){ .room = room, .metrics = metrics, .num_workers = num_workers };
}

static void leave_pages(struct weir_pipes *p, uint32_t pages)
{
    atomic_fetch_sub_explicit(&p->room->taken, pages, memory_order_relaxed);
    weir_metric_sub(p->metrics, WEIR_M_PIPE_BYTES, (uint64_t)pages * p->room->limit.page_bytes);
}

/* @return pages taken, 0: fewer are left than a pipe needs */
static uint32_t take_pages(struct weir_pipes *p)
{
    struct weir_pipe_room *room = p->room;
    uint32_t max = atomic_load_explicit(&room->max, memory_order_relaxed);
    uint32_t taken = atomic_load_explicit(&room->taken, memory_order_relaxed);
    uint32_t least = pages_of(room, PIPE_BYTES_MIN);
    uint32_t most = pages_of(room, PIPE_BYTES_MAX);
    uint32_t want = least;
    if (room->limit.pipe_pages < most)
        most = room->limit.pipe_pages;
    while (taken < max && want * 2 <= most && want * 2 <= (max - taken) / SHARE)
        want *= 2;
    if (atomic_fetch_add_explicit(&room->taken, want, memory_order_relaxed) + (uint64_t)want >
        max) {
        atomic_fetch_sub_explicit(&room->taken, want, memory_order_relaxed);
        return 0;
    }
    weir_metric_add(p->metrics, WEIR_M_PIPE_BYTES, (uint64_t)want * room->limit.page_bytes);
    return want;
}

static void close_ends(const struct weir_pipe *pipe)
{
    close(pipe->fd[0]);
    close(pipe->fd[1]);
}

/* A pipe with this many pages, or with fewer when other processes of the user have used up the
 * kernel's limit. @return false: with too few, or no descriptor */
static bool make_pipe(struct weir_pipes *p, uint32_t want, struct weir_pipe *ret)
{
    struct weir_pipe pipe = { .open = true };
    const struct weir_pipe_room *room = p->room;
    if (pipe2(pipe.fd, O_NONBLOCK | O_CLOEXEC) < 0)
        return false;
    int size = fcntl(pipe.fd[1], F_SETPIPE_SZ, (int)(want * room->limit.page_bytes));
    if (size < 0)
        size = fcntl(pipe.fd[1], F_GETPIPE_SZ);
    if (size < (int)PIPE_BYTES_MIN) {
        close_ends(&pipe);
        return false;
    }
    pipe.pages = pages_of(room, (uint64_t)size);
    WEIR_ASSERT(pipe.pages <= want);
    leave_pages(p, want - pipe.pages);
    *ret = pipe;
    return true;
}

/* @return false: none waits and none can be made */
static bool find_pipe(struct weir_pipes *p, struct weir_pipe *ret)
{
    uint32_t want = 0;
    if (p->num > 0) {
        *ret = p->waiting[--p->num];
        p->pages -= ret->pages;
        return true;
    }
    if (p->skip > 0)
        p->skip--;
    else
        want = take_pages(p);
    if (want > 0 && make_pipe(p, want, ret))
        return true;
    if (want > 0) {
        leave_pages(p, want);
        p->skip = SKIP;
    }
    weir_metric_add(p->metrics, WEIR_M_PIPES_NONE, 1);
    return false;
}

bool weir_pipe_open(struct weir_pipes *pool, struct weir_pipe *p, uint64_t left)
{
    WEIR_ASSERT(!p->open);
    if (!find_pipe(pool, p))
        return false;
    p->held = 0;
    p->left = left;
    return true;
}

/* Only large ones, so that a time of many pipes does not leave small ones behind. */
static bool may_wait(const struct weir_pipes *p, const struct weir_pipe *pipe)
{
    uint32_t share =
        atomic_load_explicit(&p->room->max, memory_order_relaxed) / WAITING_SHARE / p->num_workers;
    return p->num < WEIR_PIPES_MAX && p->pages + pipe->pages <= share &&
           pipe->pages * 2 >= pages_of(p->room, PIPE_BYTES_MAX);
}

void weir_pipe_close(struct weir_pipes *pool, struct weir_pipe *p)
{
    if (!p->open)
        return;
    if (p->held == 0 && may_wait(pool, p)) {
        pool->pages += p->pages;
        pool->waiting[pool->num++] = *p;
    } else {
        leave_pages(pool, p->pages);
        close_ends(p);
    }
    p->open = false;
    p->held = 0;
}

void weir_pipes_deinit(struct weir_pipes *p)
{
    while (p->num > 0) {
        struct weir_pipe *pipe = &p->waiting[--p->num];
        leave_pages(p, pipe->pages);
        close_ends(pipe);
    }
    p->pages = 0;
}
