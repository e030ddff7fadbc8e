/* SPDX-License-Identifier: Apache-2.0
 *
 * store_crash_test.c - kill -9 in the middle of writing: every acknowledged write is there, and of
 * the others only such as were under way. 20 rounds; WEIR_CRASH_ROUNDS asks for more.
 * A child writes counters into a few keys and reports each acknowledgement through a pipe; the
 * parent kills it at a random moment, opens the store and compares.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "node/base/rng.h"
#include "tests/support/store_kit.h"

#define NUM_KEYS  16
#define IN_FLIGHT 64

/* One acknowledgement. Small enough for the pipe to write it whole. */
struct ack {
    uint32_t key;
    uint32_t seq; /* the store's, 0: end of the round's start */
    uint64_t counter;
};

struct child_write {
    struct kit_write kw;
    int pipe;
    uint32_t key_no;
    uint64_t counter;
    char key[16];
    char value[3000];
    _Atomic bool busy;
};

static void key_of(uint32_t i, char out[16])
{
    (void)snprintf(out, 16, "k%02u", i);
}

/* The value has its key and counter, claims a name for the counter's last digit, and is large
 * every now and then. */
static size_t value_of(uint32_t key, uint64_t counter, char *out, size_t cap)
{
    size_t len = 0;

    if (counter % 7 == 0) {
        memset(out, 'p', 2500);
        len = 2500;
    }
    return len + (size_t)snprintf(out + len, cap - len, "c%020" PRIu64 "|1n%u-%u@5", counter, key,
                                  (unsigned)(counter % 10));
}

static void child_done(struct weir_write *w)
{
    struct kit_write *kw = weir_container_of(w, struct kit_write, w);
    struct child_write *cw = weir_container_of(kw, struct child_write, kw);
    struct ack a = { cw->key_no, (uint32_t)w->version.seq, cw->counter };

    if (w->err != WEIR_OK || write(cw->pipe, &a, sizeof(a)) != (ssize_t)sizeof(a))
        _exit(3);
    atomic_store(&cw->busy, false);
}

/* Writes until it is killed: each key has its own counter and one write under way at most four. */
static void child_main(struct kit *k, int pipe, const uint64_t *counters, uint64_t seed)
{
    static struct child_write cw[IN_FLIGHT];
    uint64_t next[NUM_KEYS];
    struct weir_rng rng;

    memcpy(next, counters, sizeof(next));
    weir_rng_init(&rng, seed);
    if (weir_store_open(&k->cfg, &k->s) != WEIR_OK)
        _exit(2);
    struct ack started = { 0, 0, 0 };
    if (write(pipe, &started, sizeof(started)) != (ssize_t)sizeof(started))
        _exit(3);
    for (size_t i = 0;; i = (i + 1) % IN_FLIGHT) {
        struct child_write *c = &cw[i];
        while (atomic_load(&c->busy))
            nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
        c->key_no = (uint32_t)weir_rng_below(&rng, NUM_KEYS);
        c->counter = ++next[c->key_no];
        c->pipe = pipe;
        key_of(c->key_no, c->key);
        memset(&c->kw, 0, sizeof(c->kw));
        c->kw.value =
            weir_span(c->value, value_of(c->key_no, c->counter, c->value, sizeof(c->value)));
        c->kw.revision = c->counter;
        c->kw.w = (struct weir_write){
            .class = WEIR_CLASS_TENANT,
            .key = weir_span_cstr(c->key),
            .build = kit_build,
            .done = child_done,
        };
        atomic_store(&c->busy, true);
        if (weir_store_submit(k->s, &c->kw.w) != WEIR_OK)
            _exit(4);
    }
}

static uint64_t counter_in(struct weir_span value)
{
    char digits[24] = "";
    const uint8_t *at = memchr(value.at, 'c', value.len);

    assert_non_null(at);
    memcpy(digits, at + 1, 20);
    return strtoull(digits, NULL, 10);
}

struct newest {
    uint64_t revision;
    size_t num;
};

static bool see_revision(void *arg, uint64_t revision, struct weir_span value)
{
    struct newest *n = arg;

    assert_int_equal(counter_in(value), revision);
    if (n->num++ == 0)
        n->revision = revision;
    return true;
}

/* What is in the store against what was acknowledged; takes over the counters found. */
static void verify(struct kit *k, const uint64_t *acked, uint64_t acked_seq, uint64_t *counters)
{
    static char want[3000];
    struct weir_store_stats st;
    struct weir_span owner;
    uint64_t num_live = 0;

    kit_open(k);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    for (uint32_t i = 0; i < NUM_KEYS; i++) {
        struct weir_record rec;
        struct newest newest = { 0, 0 };
        char key[16];
        char name[16];
        key_of(i, key);
        enum weir_err err = weir_store_get(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
        if (err == WEIR_ENOTFOUND) {
            assert_int_equal(acked[i], 0);
            continue;
        }
        assert_int_equal(err, WEIR_OK);
        num_live++;
        uint64_t found = counter_in(rec.value);
        assert_true(found >= acked[i]);
        assert_true(found <= acked[i] + IN_FLIGHT);
        assert_true(
            weir_span_eq(rec.value, weir_span(want, value_of(i, found, want, sizeof(want)))));
        assert_int_equal(weir_store_revision_list(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key),
                                                  see_revision, &newest),
                         WEIR_OK);
        assert_int_equal(newest.revision, found);
        /* Exactly the name of this very value leads here. */
        for (unsigned d = 0; d < 10; d++) {
            (void)snprintf(name, sizeof(name), "n%u-%u", i, d);
            err = weir_store_index_owner(k->r, WEIR_INDEX_HOST, weir_span_cstr(name), &owner);
            assert_int_equal(err, d == found % 10 ? WEIR_OK : WEIR_ENOTFOUND);
        }
        counters[i] = found;
    }
    assert_int_equal(weir_store_index_count(k->r, WEIR_INDEX_HOST), num_live);
    weir_store_read_end(k->r);
    assert_int_equal(weir_store_stats(k->r, &st), WEIR_OK);
    assert_int_equal(st.num_tenants, num_live);
    assert_true(st.seq >= acked_seq);
    assert_true(st.seq <= acked_seq + IN_FLIGHT);
    assert_int_equal(st.num_corrupt, 0);
    kit_close(k);
}

static void acknowledged_writes_survive_kill_9(void **state)
{
    const char *rounds_env = getenv("WEIR_CRASH_ROUNDS");
    long rounds = rounds_env ? strtol(rounds_env, NULL, 10) : 20;
    uint64_t counters[NUM_KEYS] = { 0 };
    uint64_t acked_seq = 0;
    uint64_t num_acks = 0;
    struct weir_rng rng;
    struct kit k;

    (void)state;
    weir_rng_init(&rng, 9);
    kit_init(&k);
    for (long round = 0; round < rounds; round++) {
        uint64_t acked[NUM_KEYS];
        struct ack a;
        int fds[2];
        memcpy(acked, counters, sizeof(acked));
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            child_main(&k, fds[1], counters, weir_rng_next(&rng));
        }
        close(fds[1]);
        uint64_t acks_before_kill = weir_rng_below(&rng, 1 + 40 * (1 + (uint64_t)round % 8));
        bool killed = false;
        while (true) {
            ssize_t got = read(fds[0], &a, sizeof(a));
            if (got == 0)
                break;
            assert_int_equal(got, sizeof(a));
            if (a.seq != 0) {
                num_acks++;
                acked[a.key] = a.counter;
                acked_seq = a.seq > acked_seq ? a.seq : acked_seq;
            }
            if (!killed && acks_before_kill-- == 0) {
                /* Somewhere inside a commit. */
                nanosleep(&(struct timespec){ .tv_nsec = (long)weir_rng_below(&rng, 3000000) },
                          NULL);
                assert_int_equal(kill(pid, SIGKILL), 0);
                killed = true;
            }
        }
        close(fds[0]);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        (void)weir_rng_next(&rng);
        verify(&k, acked, acked_seq, counters);
    }
    assert_true(num_acks > (uint64_t)rounds);
    kit_remove_folder(k.folder);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_writes_survive_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
