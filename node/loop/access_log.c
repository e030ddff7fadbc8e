/* SPDX-License-Identifier: Apache-2.0
 *
 * access_log.c - buffers that travel between workers and the log thread, the file, and the tail.
 * A buffer has one owner at a time: its worker while it fills, the log thread between `handed` and
 * `given_back`. Each direction is a ring with one producer and one consumer and never overflows,
 * because it has a place for every buffer. After a failed write the rest of the buffer is dropped
 * and its records are counted; a newline ends a line that was cut before the next one is written.
 */
#include "node/loop/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/base/log.h"

#define LOG_MAGIC      0x61636c67u
#define PIPE_PIECE     4096 /* bytes that a writable pipe or socket takes without blocking */
#define POLL_MS        100
#define CLOSE_GRACE_MS 2000 /* how long an ending node waits for a reader of stdout */

_Static_assert(WEIR_ACCESS_LINE_MAX <= WEIR_ACCESS_BUFFER, "a line fits an empty buffer");
_Static_assert(WEIR_ACCESS_BUFFER <= WEIR_ACCESS_TAIL_MAX / 4, "the tail holds several buffers");
_Static_assert((WEIR_ACCESS_BUFFERS & (WEIR_ACCESS_BUFFERS - 1)) == 0, "rings index by a mask");

struct access_buffer {
    uint32_t len;
    uint8_t bytes[WEIR_ACCESS_BUFFER];
};

/** One producer, one consumer. */
struct buffer_ring {
    _Atomic uint32_t pushed; /* the producer's; release, paired with acquire in ring_take */
    _Atomic uint32_t took;   /* written by the consumer; relaxed: see ring_take */
    struct access_buffer *slots[WEIR_ACCESS_BUFFERS];
};

/** Owner: worker, except the ends of the rings that belong to the log thread. */
struct weir_access_writer {
    struct weir_access_log *log;
    struct weir_metrics *metrics;
    struct access_buffer *current; /* NULL: none is free */
    struct access_buffer *free[WEIR_ACCESS_BUFFERS];
    uint32_t num_free;
    bool reserved;
    struct access_buffer *buffers;     /* owns all of them */
    _Atomic uint64_t dropped;          /* by the log thread; moved to `metrics` by the worker */
    struct buffer_ring handed;         /* worker -> log thread */
    struct buffer_ring given_back;     /* log thread -> worker */
    char padding[2 * WEIR_CACHE_LINE]; /* the next writer belongs to another thread */
};

/** The last records, for `weir logs`. Positions count bytes from 1, so that a new cursor is 0. */
struct tail {
    pthread_mutex_t lock;
    uint8_t *bytes; /* owns; byte `p` of the stream is at p % WEIR_ACCESS_TAIL_MAX */
    uint64_t from;  /* begin of the oldest whole line */
    uint64_t end;
    uint32_t num_readers;
};

/** Where records go. Owner: control until the log thread has it. */
struct weir_access_target {
    char *path;    /* owns; NULL: stdout or off */
    char *reopen;  /* owns; the same path, for control to have while the log thread has this */
    bool is_off;   /* records go nowhere, and none is lost */
    int fd;        /* -1: off, or its reader is gone */
    bool paced;    /* a blocking descriptor: ask before each small write */
    bool mid_line; /* a failure cut a line */
};

struct weir_access_log {
    uint32_t magic;
    uint32_t num_writers;
    _Atomic bool wanted; /* relaxed: one record more or less at a change does no harm */
    char *path;          /* owns; control's: the file to open anew, NULL: stdout or off */
    bool is_off;         /* control */
    struct weir_access_writer *writers; /* owns */
    struct tail tail;

    /* log thread */
    pthread_t thread;
    sem_t work;
    _Atomic bool stopping; /* paired with acquire in thread_main */
    /* The next target, or NULL; the thread that exchanges it out owns it. */
    _Atomic(struct weir_access_target *) next;
    struct weir_access_target *to; /* owns */
    uint64_t stop_deadline_ns;     /* when the grace ends, 0 while running */
    struct weir_log_limit limit;
};

/* -- rings -- */

static void ring_push(struct buffer_ring *r, struct access_buffer *b)
{
    uint32_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);
    r->slots[pushed & (WEIR_ACCESS_BUFFERS - 1)] = b;
    atomic_store_explicit(&r->pushed, pushed + 1, memory_order_release);
}

static struct access_buffer *ring_take(struct buffer_ring *r)
{
    uint32_t took = atomic_load_explicit(&r->took, memory_order_relaxed);
    if (took == atomic_load_explicit(&r->pushed, memory_order_acquire))
        return NULL;
    /* The slot is written again only after this buffer has passed through the other ring, whose
     * release and acquire order that write after this read. */
    struct access_buffer *b = r->slots[took & (WEIR_ACCESS_BUFFERS - 1)];
    atomic_store_explicit(&r->took, took + 1, memory_order_relaxed);
    return b;
}

/* -- the tail -- */

static void tail_copy_in(struct tail *t, struct weir_span s)
{
    size_t at = (size_t)(t->end % WEIR_ACCESS_TAIL_MAX);
    size_t first = WEIR_ACCESS_TAIL_MAX - at < s.len ? WEIR_ACCESS_TAIL_MAX - at : s.len;
    memcpy(t->bytes + at, s.at, first);
    memcpy(t->bytes, s.at + first, s.len - first);
    t->end += s.len;
}

static void tail_add(struct tail *t, struct weir_span s)
{
    pthread_mutex_lock(&t->lock);
    tail_copy_in(t, s);
    if (t->end - t->from > WEIR_ACCESS_TAIL_MAX) {
        t->from = t->end - WEIR_ACCESS_TAIL_MAX;
        /* Every record ends in a newline, so one is found within a line's length. */
        while (t->from < t->end && t->bytes[t->from % WEIR_ACCESS_TAIL_MAX] != '\n')
            t->from++;
        if (t->from < t->end)
            t->from++;
    }
    pthread_mutex_unlock(&t->lock);
}

static void wanted_update(struct weir_access_log *l)
{
    atomic_store_explicit(&l->wanted, !l->is_off || l->tail.num_readers > 0, memory_order_relaxed);
}

void weir_access_tail_begin(struct weir_access_log *l)
{
    pthread_mutex_lock(&l->tail.lock);
    l->tail.num_readers++;
    wanted_update(l);
    pthread_mutex_unlock(&l->tail.lock);
}

void weir_access_tail_end(struct weir_access_log *l)
{
    pthread_mutex_lock(&l->tail.lock);
    WEIR_ASSERT(l->tail.num_readers > 0);
    l->tail.num_readers--;
    wanted_update(l);
    pthread_mutex_unlock(&l->tail.lock);
}

uint64_t weir_access_tail_read(struct weir_access_log *l, uint64_t *cursor, struct weir_strbuf *out)
{
    struct tail *t = &l->tail;
    uint64_t lost = 0;
    pthread_mutex_lock(&t->lock);
    uint64_t from = *cursor;
    if (from < t->from) {
        lost = from == 0 ? 0 : t->from - from;
        from = t->from;
    }
    size_t len = (size_t)(t->end - from);
    size_t at = (size_t)(from % WEIR_ACCESS_TAIL_MAX);
    size_t first = WEIR_ACCESS_TAIL_MAX - at < len ? WEIR_ACCESS_TAIL_MAX - at : len;
    weir_strbuf_add(out, weir_span(t->bytes + at, first));
    weir_strbuf_add(out, weir_span(t->bytes, len - first));
    *cursor = t->end;
    pthread_mutex_unlock(&t->lock);
    return lost;
}

/* -- the log thread -- */

static uint64_t count_lines(struct weir_span s)
{
    uint64_t num = 0;
    while (s.len > 0) {
        const uint8_t *end = memchr(s.at, '\n', s.len);
        if (end == NULL)
            break;
        num++;
        s = weir_span_from(s, (size_t)(end - s.at) + 1);
    }
    return num;
}

/* Waits until the descriptor takes bytes. While the node runs it waits until there is another
 * target, and the workers drop records meanwhile; when the node ends it waits CLOSE_GRACE_MS. */
static bool wait_writable(struct weir_access_log *l)
{
    for (;;) {
        struct pollfd p = { .fd = l->to->fd, .events = POLLOUT };
        bool grace_over = l->stop_deadline_ns != 0 && weir_clock_mono_ns() >= l->stop_deadline_ns;
        int n = poll(&p, 1, grace_over ? 0 : POLL_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true; /* the write returns the error */
        if (atomic_load_explicit(&l->next, memory_order_acquire) != NULL) {
            errno = ECANCELED;
            return false;
        }
        if (!atomic_load_explicit(&l->stopping, memory_order_acquire))
            continue;
        if (l->stop_deadline_ns == 0)
            l->stop_deadline_ns = weir_clock_mono_ns() + CLOSE_GRACE_MS * UINT64_C(1000000);
        if (grace_over) {
            errno = ETIMEDOUT;
            return false;
        }
    }
}

/* Returns how much of `s` went out; errno is the reason when that is not all. */
static size_t write_out(struct weir_access_log *l, struct weir_span s)
{
    size_t done = 0;
    while (done < s.len) {
        if (l->to->paced && !wait_writable(l))
            break;
        size_t len = s.len - done;
        if (l->to->paced && len > PIPE_PIECE)
            len = PIPE_PIECE;
        ssize_t n = write(l->to->fd, s.at + done, len);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            errno = EIO; /* a write of 0 bytes sets no errno; it does not happen on Linux */
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            break;
        if (n < 0 && errno == EAGAIN && !wait_writable(l))
            break;
    }
    return done;
}

static void target_close(struct weir_access_target *t)
{
    if (t->fd >= 0 && t->path != NULL)
        close(t->fd);
    t->fd = -1;
}

void weir_access_target_discard(struct weir_access_target **tp)
{
    struct weir_access_target *t = *tp;
    if (t == NULL)
        return;
    target_close(t);
    free(t->path);
    free(t->reopen);
    free(t);
    *tp = NULL;
}

static void report_write_failure(struct weir_access_log *l, uint64_t num_lost)
{
    int err = errno;
    const char *target = l->to->path != NULL ? l->to->path : "stdout";
    if (err == EPIPE && l->to->path == NULL) {
        /* The other end of this pipe cannot be opened again. */
        target_close(l->to);
        log_warn("access_log.reader_gone", "target=stdout err=%s: records are dropped from now on",
                 strerrorname_np(err));
        return;
    }
    uint32_t suppressed = 0;
    if (weir_log_allowed(&l->limit, 1, &suppressed))
        log_warn("access_log.write_failed", "target=%s err=%s records=%llu suppressed=%u", target,
                 strerrorname_np(err), (unsigned long long)num_lost, suppressed);
}

/* Returns the number of records that were lost. */
static uint64_t write_records(struct weir_access_log *l, struct weir_span s)
{
    struct weir_access_target *to = l->to;
    if (to->fd < 0)
        return to->is_off ? 0 : count_lines(s);
    if (to->mid_line && write_out(l, WEIR_SPAN_LIT("\n")) == 1)
        to->mid_line = false;
    size_t done = to->mid_line ? 0 : write_out(l, s);
    if (done == s.len)
        return 0;
    uint64_t num_lost = count_lines(weir_span_from(s, done));
    if (done > 0)
        to->mid_line = s.at[done - 1] != '\n';
    report_write_failure(l, num_lost);
    return num_lost;
}

static void take_target(struct weir_access_log *l)
{
    struct weir_access_target *next =
        atomic_exchange_explicit(&l->next, NULL, memory_order_acq_rel);
    if (next == NULL)
        return;
    weir_access_target_discard(&l->to);
    l->to = next;
}

static void take_buffers(struct weir_access_log *l, struct weir_access_writer *w)
{
    for (;;) {
        struct access_buffer *b = ring_take(&w->handed);
        if (b == NULL)
            return;
        take_target(l);
        struct weir_span s = weir_span(b->bytes, b->len);
        tail_add(&l->tail, s);
        uint64_t num_lost = write_records(l, s);
        if (num_lost > 0)
            atomic_fetch_add_explicit(&w->dropped, num_lost, memory_order_relaxed);
        b->len = 0;
        ring_push(&w->given_back, b);
    }
}

static void *thread_main(void *arg)
{
    struct weir_access_log *l = arg;
    WEIR_ASSERT(l->magic == LOG_MAGIC);
    bool stopping = false;
    while (!stopping) {
        while (sem_wait(&l->work) != 0)
            WEIR_ASSERT(errno == EINTR);
        /* Read before the rings: what was handed over before the stop is then seen below. */
        stopping = atomic_load_explicit(&l->stopping, memory_order_acquire);
        take_target(l);
        for (uint32_t i = 0; i < l->num_writers; i++)
            take_buffers(l, &l->writers[i]);
    }
    return NULL;
}

/* -- open and close -- */

/* O_NONBLOCK: opening a FIFO without a reader is an error at once, instead of a start that hangs.
 * It has no effect on regular files. */
static enum weir_err file_open(const char *path, int *ret_fd)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (fd < 0) {
        int err = errno;
        log_error("access_log.open_failed", "file=%s err=%s", path, strerrorname_np(err));
        errno = err;
        return err == EACCES || err == EPERM || err == EROFS ? WEIR_EPERM : WEIR_EIO;
    }
    *ret_fd = fd;
    return WEIR_OK;
}

static enum weir_err target_open_stdout(struct weir_access_target *t)
{
    struct stat st;
    t->fd = STDOUT_FILENO;
    bool known = fstat(t->fd, &st) == 0;
    t->paced = known && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(t->fd));
    return WEIR_OK;
}

static enum weir_err target_open_file(struct weir_access_target *t, const char *path)
{
    t->path = strdup(path);
    t->reopen = strdup(path);
    return t->path == NULL || t->reopen == NULL ? WEIR_ENOMEM : file_open(path, &t->fd);
}

enum weir_err weir_access_target_open(const char *target, struct weir_access_target **ret)
{
    enum weir_err err = WEIR_OK;
    struct weir_access_target *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return WEIR_ENOMEM;
    t->fd = -1;
    t->is_off = strcmp(target, "off") == 0;
    if (strcmp(target, "stdout") == 0)
        err = target_open_stdout(t);
    else if (!t->is_off)
        err = target_open_file(t, target);
    if (err < 0) {
        int cause = errno;
        weir_access_target_discard(&t);
        errno = cause;
    } else {
        *ret = t;
    }
    return err;
}

static enum weir_err writers_new(struct weir_access_log *l, uint32_t num)
{
    l->writers = calloc(num, sizeof(*l->writers));
    if (l->writers == NULL)
        return WEIR_ENOMEM;
    l->num_writers = num;
    for (uint32_t i = 0; i < num; i++) {
        struct weir_access_writer *w = &l->writers[i];
        w->log = l;
        /* Pages without a record use no memory. */
        w->buffers = calloc(WEIR_ACCESS_BUFFERS, sizeof(*w->buffers));
        if (w->buffers == NULL)
            return WEIR_ENOMEM;
        for (uint32_t k = 0; k < WEIR_ACCESS_BUFFERS; k++)
            w->free[w->num_free++] = &w->buffers[k];
    }
    return WEIR_OK;
}

/* The node's signals belong to its main thread, and a broken pipe is an error number here. */
static enum weir_err thread_start(struct weir_access_log *l)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&l->thread, NULL, thread_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err == 0 ? WEIR_OK : WEIR_ENOMEM;
}

static void log_free(struct weir_access_log *l)
{
    struct weir_access_target *unused =
        atomic_exchange_explicit(&l->next, NULL, memory_order_acq_rel);
    weir_access_target_discard(&unused);
    weir_access_target_discard(&l->to);
    for (uint32_t i = 0; i < l->num_writers; i++)
        free(l->writers[i].buffers);
    free(l->writers);
    free(l->tail.bytes);
    free(l->path);
    sem_destroy(&l->work);
    pthread_mutex_destroy(&l->tail.lock);
    l->magic = 0;
    free(l);
}

/* What control knows of the target: its path to open it anew, and whether records are wanted. */
static void note_target(struct weir_access_log *l, struct weir_access_target *t)
{
    pthread_mutex_lock(&l->tail.lock);
    free(l->path);
    l->path = t->reopen;
    t->reopen = NULL;
    l->is_off = t->is_off;
    wanted_update(l);
    pthread_mutex_unlock(&l->tail.lock);
}

enum weir_err weir_access_log_open(const char *target, uint32_t num_writers,
                                   struct weir_access_log **ret)
{
    WEIR_ASSERT(num_writers >= 1 && num_writers <= WEIR_WORKERS_MAX);
    struct weir_access_log *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return WEIR_ENOMEM;
    l->magic = LOG_MAGIC;
    l->is_off = true; /* until there is a target */
    l->tail.from = 1;
    l->tail.end = 1;
    atomic_init(&l->next, NULL);
    WEIR_ASSERT(pthread_mutex_init(&l->tail.lock, NULL) == 0); /* cannot fail on Linux */
    WEIR_ASSERT(sem_init(&l->work, 0, 0) == 0);

    enum weir_err err = weir_access_target_open(target, &l->to);
    if (err == WEIR_OK)
        note_target(l, l->to);
    if (err == WEIR_OK)
        err = writers_new(l, num_writers);
    if (err == WEIR_OK) {
        l->tail.bytes = malloc(WEIR_ACCESS_TAIL_MAX);
        err = l->tail.bytes != NULL ? WEIR_OK : WEIR_ENOMEM;
    }
    wanted_update(l);
    if (err == WEIR_OK)
        err = thread_start(l);
    if (err < 0) {
        int cause = errno;
        log_free(l);
        errno = cause;
        return err;
    }
    *ret = l;
    return WEIR_OK;
}

void weir_access_log_close(struct weir_access_log **l)
{
    struct weir_access_log *log = *l;
    if (log == NULL)
        return;
    WEIR_ASSERT(log->magic == LOG_MAGIC);
    for (uint32_t i = 0; i < log->num_writers; i++) {
        struct weir_access_writer *w = &log->writers[i];
        WEIR_ASSERT(w->current == NULL || w->current->len == 0);
    }
    atomic_store_explicit(&log->stopping, true, memory_order_release);
    WEIR_ASSERT(sem_post(&log->work) == 0);
    WEIR_ASSERT(pthread_join(log->thread, NULL) == 0);
    log_free(log);
    *l = NULL;
}

/* The log thread takes it soon, also when no record comes. */
static void give_target(struct weir_access_log *l, struct weir_access_target *t)
{
    struct weir_access_target *unused = atomic_exchange_explicit(&l->next, t, memory_order_acq_rel);
    weir_access_target_discard(&unused);
    WEIR_ASSERT(sem_post(&l->work) == 0);
}

enum weir_err weir_access_log_reopen(struct weir_access_log *l)
{
    struct weir_access_target *t = NULL;
    if (l->path == NULL)
        return WEIR_OK;
    enum weir_err err = weir_access_target_open(l->path, &t);
    if (err == WEIR_OK)
        give_target(l, t);
    return err;
}

void weir_access_log_switch(struct weir_access_log *l, struct weir_access_target **t)
{
    WEIR_ASSERT(*t != NULL);
    note_target(l, *t);
    give_target(l, *t);
    *t = NULL;
}

struct weir_access_writer *weir_access_log_writer(struct weir_access_log *l, uint32_t i,
                                                  struct weir_metrics *metrics)
{
    WEIR_ASSERT(l->magic == LOG_MAGIC);
    WEIR_ASSERT(i < l->num_writers);
    l->writers[i].metrics = metrics;
    return &l->writers[i];
}

/* -- the worker's side -- */

bool weir_access_wanted(const struct weir_access_writer *w)
{
    return w != NULL && atomic_load_explicit(&w->log->wanted, memory_order_relaxed);
}

const _Atomic bool *weir_access_wanted_flag(const struct weir_access_writer *w)
{
    return w != NULL ? &w->log->wanted : NULL;
}

/* Uses the buffer that came back last: its bytes are still in the cache. */
static struct access_buffer *buffer_next(struct weir_access_writer *w)
{
    for (;;) {
        struct access_buffer *b = ring_take(&w->given_back);
        if (b == NULL)
            break;
        w->free[w->num_free++] = b;
    }
    return w->num_free > 0 ? w->free[--w->num_free] : NULL;
}

static void buffer_hand_over(struct weir_access_writer *w)
{
    ring_push(&w->handed, w->current);
    w->current = NULL;
    WEIR_ASSERT(sem_post(&w->log->work) == 0);
}

uint8_t *weir_access_reserve(struct weir_access_writer *w)
{
    WEIR_DCHECK(!w->reserved);
    if (w->current != NULL && WEIR_ACCESS_BUFFER - w->current->len < WEIR_ACCESS_LINE_MAX)
        buffer_hand_over(w);
    if (w->current == NULL)
        w->current = buffer_next(w);
    if (WEIR_UNLIKELY(w->current == NULL)) {
        weir_metric_add(w->metrics, WEIR_M_ACCESS_LOG_DROPPED, 1);
        return NULL;
    }
    w->reserved = true;
    return w->current->bytes + w->current->len;
}

void weir_access_commit(struct weir_access_writer *w, size_t len)
{
    WEIR_DCHECK(w->reserved);
    WEIR_ASSERT(len <= WEIR_ACCESS_LINE_MAX);
    w->reserved = false;
    w->current->len += (uint32_t)len;
}

void weir_access_flush(struct weir_access_writer *w)
{
    if (w == NULL)
        return;
    if (w->current != NULL && w->current->len > 0)
        buffer_hand_over(w);
    uint64_t dropped = atomic_exchange_explicit(&w->dropped, 0, memory_order_relaxed);
    if (dropped > 0)
        weir_metric_add(w->metrics, WEIR_M_ACCESS_LOG_DROPPED, dropped);
}
