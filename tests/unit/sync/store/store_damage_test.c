/* SPDX-License-Identifier: Apache-2.0
 *
 * store_damage_test.c - files that were damaged while the store was closed, or under it while it is
 * open. Each case runs in a forked child: the process must not die, no value may be wrong, what
 * lies elsewhere must be there, and the store must take writes again after at most one restart.
 */
#include <signal.h>
#include <sys/wait.h>

#include "node/base/rng.h"
#include "sync/layout/store_file.h"
#include "sync/version/num.h"
#include "tests/support/failalloc.h"
#include "tests/support/spoil_store_file.h"
#include "tests/support/store_kit.h"

#define NUM_KEYS  240
#define BIG_EVERY 10 /* each tenth value lies in pages of its own */
#define BIG_BYTES 6000
#define PAGE      4096
#define MAX_BYTES (8u << 20)

/* What a child found, in its exit status' stead. Shared with the parent. */
struct found {
    int num_current;
    int num_older;
    int num_missing;
    int num_corrupt;
    int num_wrong;
    int line; /* of the check that failed, 0: none */
    bool rescued;
};

struct golden {
    struct kit k;
    uint8_t *file;
    size_t len;
};

static void key_of(int i, char out[16])
{
    (void)snprintf(out, 16, "t/%03d", i);
}

/* Version `v` (0 or 1) of the value of key i. */
static size_t value_of(int i, int v, char *out, size_t cap)
{
    int len =
        snprintf(out, cap, "value %d of %03d|1host%d.example@%d;2wild%d@7", v, i, i, i + 1, i);
    if (i % BIG_EVERY != 0)
        return (size_t)len;
    /* The rows at the end, behind a long text without a bar. */
    char tail[64];
    int tail_len = snprintf(tail, sizeof(tail), "|1host%d.example@%d;2wild%d@7", i, i + 1, i);
    memset(out, 'a' + v, BIG_BYTES);
    (void)snprintf(out, cap, "big %d of %03d", v, i);
    out[strlen(out)] = ' ';
    memcpy(out + BIG_BYTES - tail_len, tail, (size_t)tail_len);
    return BIG_BYTES;
}

static bool is_deleted(int i)
{
    return i % 16 == 7;
}

/* One commit a write: how writes are grouped depends on the host's load, and the file with it.
 */
static void put_versions(struct kit *k, int v)
{
    for (int i = 0; i < NUM_KEYS; i++) {
        struct kit_write kw;
        char value[BIG_BYTES + 64];
        char key[16];
        key_of(i, key);
        kit_write_init(&kw, weir_span_cstr(key),
                       weir_span(value, value_of(i, v, value, sizeof(value))));
        kw.revision = (uint64_t)v + 1;
        assert_int_equal(kit_run(k, &kw), WEIR_OK);
    }
}

/* The data file, or another of the folder. */
static int group_setup(void **state)
{
    struct golden *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    kit_init_quick(&g->k);
    g->k.cfg.max_bytes = MAX_BYTES;
    kit_open(&g->k);
    put_versions(&g->k, 0);
    put_versions(&g->k, 1);
    for (int i = 0; i < NUM_KEYS; i++) {
        char key[16];
        key_of(i, key);
        if (is_deleted(i))
            assert_int_equal(kit_delete(&g->k, key), WEIR_OK);
    }
    kit_close(&g->k);
    g->file = kit_read_file(&g->k, "conf.mdb", &g->len);
    *state = g;
    return 0;
}

static int group_teardown(void **state)
{
    struct golden *g = *state;

    kit_remove_folder(g->k.folder);
    free(g->file);
    free(g);
    return 0;
}

/* Fill the folder with this file and nothing else. */
static void place(const struct golden *g, const uint8_t *file, size_t len)
{

    kit_remove_folder(g->k.folder);
    assert_int_equal(mkdir(g->k.folder, 0700), 0);
    int fd = kit_open_file(&g->k, "conf.mdb", O_WRONLY | O_CREAT | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, len), len);
    close(fd);
}

#define CHECK(f, cond)                                                                             \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (f)->line = __LINE__;                                                                  \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static void check_key(struct kit *k, int i, struct found *f)
{
    static char value[BIG_BYTES + 64];
    struct weir_record rec;
    struct weir_span owner;
    char key[16];
    char host[32];

    key_of(i, key);
    enum weir_err err = weir_store_get(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
    if (err == WEIR_ENOTFOUND) {
        f->num_missing += !is_deleted(i);
        f->num_current += is_deleted(i);
        return;
    }
    if (err == WEIR_ECORRUPT) {
        f->num_corrupt++;
        return;
    }
    CHECK(f, err == WEIR_OK);
    if (weir_span_eq(rec.value, weir_span(value, value_of(i, 1, value, sizeof(value)))))
        f->num_current += !is_deleted(i);
    else if (weir_span_eq(rec.value, weir_span(value, value_of(i, 0, value, sizeof(value)))))
        f->num_older++;
    else
        f->num_wrong++;
    f->num_older += is_deleted(i);
    /* A name never leads to another record. */
    (void)snprintf(host, sizeof(host), "host%d.example", i);
    err = weir_store_index_owner(k->r, WEIR_INDEX_HOST, weir_span_cstr(host), &owner);
    CHECK(f, err == WEIR_OK || err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT);
    CHECK(f, err != WEIR_OK || weir_span_eq(owner, weir_span_cstr(key)));
}

static bool see_any_revision(void *arg, uint64_t revision, struct weir_span value)
{
    (void)arg;
    (void)revision;
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < value.len; i++)
        sum = (uint8_t)(sum + value.at[i]);
    return true;
}

static bool see_any_record(void *arg, const struct weir_record *rec)
{
    (void)arg;
    return see_any_revision(NULL, rec->version.seq, rec->value);
}

/* Read everything there is in every way. */
static void read_everything(struct kit *k, struct found *f)
{
    struct weir_store_scrub at = { .after_len = 0 };

    *f = (struct found){ .rescued = f->rescued };
    CHECK(f, weir_store_read_begin(k->r) == WEIR_OK);
    for (int i = 0; i < NUM_KEYS && f->line == 0; i++) {
        char key[16];
        key_of(i, key);
        check_key(k, i, f);
        enum weir_err err = weir_store_revision_list(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key),
                                                     see_any_revision, NULL);
        CHECK(f, err == WEIR_OK || err == WEIR_ECORRUPT);
    }
    enum weir_err err =
        weir_store_list(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_EMPTY, SIZE_MAX, see_any_record, NULL);
    CHECK(f, err == WEIR_OK || err == WEIR_ECORRUPT);
    weir_store_read_end(k->r);
    err = weir_store_scrub_step(k->r, &at, 10 * NUM_KEYS);
    CHECK(f, err == WEIR_OK || err == WEIR_ECORRUPT);
}

/* Write every key at once, deletions again as deletions. @return the number refused */
static int write_all(struct kit *k)
{
    static struct kit_write kw[NUM_KEYS];
    static char value[NUM_KEYS][BIG_BYTES + 64];
    static char key[NUM_KEYS][16];
    int num_refused = 0;

    for (int i = 0; i < NUM_KEYS; i++) {
        key_of(i, key[i]);
        kit_write_init(&kw[i], weir_span_cstr(key[i]),
                       weir_span(value[i], value_of(i, 1, value[i], sizeof(value[i]))));
        kw[i].w.delete = is_deleted(i);
        kw[i].revision = 3;
        if (weir_store_submit(k->s, &kw[i].w) != WEIR_OK)
            return NUM_KEYS + 1;
    }
    for (int i = 0; i < NUM_KEYS; i++) {
        enum weir_err err = kit_wait(&kw[i]);
        if (err != WEIR_OK && err != WEIR_ECORRUPT && err != WEIR_EIO)
            return NUM_KEYS + 1;
        num_refused += err != WEIR_OK;
    }
    return num_refused;
}

static bool reopen(struct kit *k)
{
    if (k->s != NULL)
        kit_close(k);
    if (weir_store_open(&k->cfg, &k->s) != WEIR_OK)
        return false;
    return weir_store_reader_new(k->s, &k->r) == WEIR_OK;
}

/* Every key can be written again, after a restart at the latest; then everything is there. */
static void heal(struct kit *k, struct found *f)
{
    struct found healed = { .line = 0 };
    int num_refused = write_all(k);

    CHECK(f, num_refused <= NUM_KEYS);
    CHECK(f, reopen(k));
    CHECK(f, num_refused == 0 || write_all(k) == 0);
    read_everything(k, &healed);
    CHECK(f, healed.line == 0);
    CHECK(f, healed.num_wrong == 0);
    CHECK(f, healed.num_missing == 0);
    CHECK(f, healed.num_corrupt == 0);
    CHECK(f, healed.num_current == NUM_KEYS);
    for (int i = 0; i < NUM_KEYS; i++) {
        struct weir_span owner;
        char host[32];
        if (is_deleted(i))
            continue;
        (void)snprintf(host, sizeof(host), "host%d.example", i);
        CHECK(f, weir_store_read_begin(k->r) == WEIR_OK);
        enum weir_err err =
            weir_store_index_owner(k->r, WEIR_INDEX_HOST, weir_span_cstr(host), &owner);
        weir_store_read_end(k->r);
        CHECK(f, err == WEIR_OK);
    }
}

static bool was_rescued(const struct kit *k)
{
    bool rescued = false;
    DIR *d = opendir(k->folder);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        rescued = rescued || strncmp(e->d_name, "conf.mdb.damaged-", 17) == 0;
    if (d != NULL)
        closedir(d);
    return rescued;
}

static void open_and_check(struct kit *k, struct found *f)
{
    CHECK(f, reopen(k));
    f->rescued = was_rescued(k);
    read_everything(k, f);
    if (f->line == 0)
        heal(k, f);
    kit_close(k);
}

/* Run `what` in a child; it must end by itself. */
static struct found in_child(const struct golden *g, void (*what)(struct kit *, struct found *))
{
    int fds[2];
    struct found f = { .line = -1 };
    int status = 0;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct kit k = g->k;
        f.line = 0;
        what(&k, &f);
        _exit(write(fds[1], &f, sizeof(f)) == sizeof(f) ? 0 : 1);
    }
    close(fds[1]);
    ssize_t got = read(fds[0], &f, sizeof(f));
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(got, sizeof(f));
    return f;
}

static void check_case(const struct found *f, int lost_max, const char *what, size_t at)
{
    bool bad = f->line != 0 || f->num_wrong > 0 || f->num_older > 0 ||
               f->num_missing + f->num_corrupt > lost_max;
    if (bad)
        fail_msg("%s at %zu: line %d, %d current, %d older, %d missing, %d corrupt, %d wrong%s",
                 what, at, f->line, f->num_current, f->num_older, f->num_missing, f->num_corrupt,
                 f->num_wrong, f->rescued ? ", rescued" : "");
}

static void flip(struct golden *g, uint64_t bit)
{
    g->file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

static void one_flipped_bit(struct golden *g, uint64_t bit, int lost_max)
{
    flip(g, bit);
    place(g, g->file, g->len);
    flip(g, bit);
    struct found f = in_child(g, open_and_check);
    check_case(&f, lost_max, "bit", bit);
}

static void undamaged_file_is_whole(void **state)
{
    struct golden *g = *state;

    place(g, g->file, g->len);
    struct found f = in_child(g, open_and_check);
    check_case(&f, 0, "nothing", 0);
    assert_false(f.rescued);
    assert_int_equal(f.num_current, NUM_KEYS);
}

static void any_flipped_bit_costs_at_most_its_record(void **state)
{
    struct golden *g = *state;
    struct weir_rng rng;

    weir_rng_init(&rng, 1);
    for (int i = 0; i < 300; i++)
        one_flipped_bit(g, weir_rng_below(&rng, g->len * 8), 1);
}

static void flipped_bits_in_page_headers_and_offsets_cost_little(void **state)
{
    struct golden *g = *state;
    struct weir_rng rng;

    weir_rng_init(&rng, 2);
    for (int i = 0; i < 200; i++) {
        uint64_t page = weir_rng_below(&rng, g->len / PAGE);
        one_flipped_bit(g, (page * PAGE + weir_rng_below(&rng, 64)) * 8 + weir_rng_below(&rng, 8),
                        1);
    }
}

static void flipped_bits_in_meta_pages_cost_nothing(void **state)
{
    struct golden *g = *state;
    struct weir_rng rng;

    weir_rng_init(&rng, 3);
    for (int i = 0; i < 200; i++) {
        uint64_t page = weir_rng_below(&rng, 2);
        one_flipped_bit(g, (page * PAGE + weir_rng_below(&rng, 152)) * 8 + weir_rng_below(&rng, 8),
                        0);
    }
}

static void any_zeroed_page_costs_what_was_in_it(void **state)
{
    struct golden *g = *state;
    uint8_t saved[PAGE];

    for (size_t page = 0; page < g->len / PAGE; page++) {
        memcpy(saved, g->file + page * PAGE, PAGE);
        memset(g->file + page * PAGE, 0, PAGE);
        place(g, g->file, g->len);
        memcpy(g->file + page * PAGE, saved, PAGE);
        struct found f = in_child(g, open_and_check);
        check_case(&f, 60, "zeroed page", page);
    }
}

static void any_page_of_garbage_costs_what_was_in_it(void **state)
{
    struct golden *g = *state;
    uint8_t saved[PAGE];
    struct weir_rng rng;

    weir_rng_init(&rng, 4);
    for (size_t page = 0; page < g->len / PAGE; page += 3) {
        uint8_t *at = g->file + page * PAGE;
        memcpy(saved, at, PAGE);
        /* Behind an intact header in every second case. */
        for (size_t i = page % 2 ? 16 : 0; i < PAGE; i++)
            at[i] = (uint8_t)weir_rng_next(&rng);
        place(g, g->file, g->len);
        memcpy(at, saved, PAGE);
        struct found f = in_child(g, open_and_check);
        check_case(&f, 60, "page of garbage", page);
    }
}

static void file_cut_anywhere_opens_with_what_is_left(void **state)
{
    struct golden *g = *state;
    struct weir_rng rng;

    weir_rng_init(&rng, 5);
    for (int i = 0; i < 80; i++) {
        size_t len = weir_rng_below(&rng, g->len);
        if (i % 2 == 0)
            len -= len % PAGE;
        place(g, g->file, len);
        struct found f = in_child(g, open_and_check);
        if (f.line != 0 || f.num_wrong != 0)
            fail_msg("cut at %zu: line %d, %d wrong", len, f.line, f.num_wrong);
    }
}

static void file_that_is_no_database_is_moved_aside(void **state)
{
    struct golden *g = *state;
    struct weir_rng rng;
    uint8_t *junk = malloc(40 * PAGE);

    assert_non_null(junk);
    weir_rng_init(&rng, 6);
    for (int i = 0; i < 10; i++) {
        size_t len = 1 + weir_rng_below(&rng, 40 * PAGE);
        for (size_t j = 0; j < len; j++)
            junk[j] = i == 0 ? 0 : i == 1 ? 0xff : (uint8_t)weir_rng_next(&rng);
        place(g, junk, len);
        struct found f = in_child(g, open_and_check);
        assert_int_equal(f.line, 0);
        assert_int_equal(f.num_current, NUM_KEYS / 16);
        assert_true(f.rescued);
    }
    free(junk);
    place(g, (const uint8_t *)"", 0);
    struct found f = in_child(g, open_and_check);
    assert_int_equal(f.line, 0);
    assert_false(f.rescued);
}

/* -- under the running store -- */

static uint64_t running_seed;

static void damage_while_running(struct kit *k, struct found *f)
{
    struct weir_rng rng;
    struct stat st;

    weir_rng_init(&rng, running_seed);
    CHECK(f, reopen(k));
    int fd = kit_open_file(k, "conf.mdb", O_RDWR);
    CHECK(f, fd >= 0);
    CHECK(f, fstat(fd, &st) == 0);
    /* Any page but the meta pages and the few that every commit reads and writes anew. */
    for (int i = 0; i < 4; i++) {
        uint8_t junk[64];
        off_t page = (off_t)(2 + weir_rng_below(&rng, (uint64_t)st.st_size / PAGE - 2));
        off_t in = (off_t)weir_rng_below(&rng, i % 2 ? 32 : PAGE - sizeof(junk));
        for (size_t j = 0; j < sizeof(junk); j++)
            junk[j] = (uint8_t)weir_rng_next(&rng);
        size_t len = 1 + weir_rng_below(&rng, sizeof(junk));
        CHECK(f, pwrite(fd, junk, len, page * PAGE + in) == (ssize_t)len);
    }
    close(fd);
    if (weir_store_read_begin(k->r) == WEIR_OK) {
        weir_store_read_end(k->r);
        read_everything(k, f);
        CHECK(f, f->line == 0);
    }
    CHECK(f, f->num_wrong == 0);
    heal(k, f);
    kit_close(k);
}

static void damage_under_a_running_store_is_survived_and_repaired(void **state)
{
    struct golden *g = *state;

    for (running_seed = 1; running_seed <= 60; running_seed++) {
        place(g, g->file, g->len);
        struct found f = in_child(g, damage_while_running);
        if (f.line != 0 || f.num_wrong != 0)
            fail_msg("seed %d: line %d, %d wrong", (int)running_seed, f.line, f.num_wrong);
    }
}

/* Spoil the last leaf of the index under a running store: the rows of index 2 end there. */
static bool spoil_last_index_leaf(struct kit *k)
{
    struct store_file f = STORE_FILE_ZERO;
    struct weir_tree_cursor c;
    struct weir_span last = WEIR_SPAN_LIT("\xff");
    int folder = open(k->folder, O_RDONLY | O_DIRECTORY);
    bool ok = folder >= 0 && weir_store_file_open(folder, "conf.mdb", &f) == WEIR_OK &&
              weir_store_file_check(&f, true) == WEIR_OK &&
              weir_tree_locate(&c, &f.pages, &f.tree[STORE_IDX], last) == WEIR_OK && c.depth > 1;
    off_t at = ok ? c.level[c.depth - 1].page - f.pages.map : 0;

    weir_store_file_close(&f);
    close(folder);
    int fd = kit_open_file(k, "conf.mdb", O_WRONLY);
    ok = ok && fd >= 0 && pwrite(fd, "\xff\xff", 2, at + 12) == 2;
    close(fd);
    return ok;
}

static _Atomic bool gate_entered;
static _Atomic bool gate_open;

static enum weir_err gate_build(struct weir_write *w, const struct weir_record *current,
                                uint64_t hlc, struct weir_strbuf *value)
{
    atomic_store(&gate_entered, true);
    while (!atomic_load(&gate_open))
        usleep(1000);
    return kit_build(w, current, hlc, value);
}

/* The middle one of three adds a row that it can and one that it cannot. */
static void fail_half_way(struct kit *k, struct found *f)
{
    static const char *const values[] = { "x|1a@1", "x|1b@1;2zzzzzzzzzzzzzzzz@1", "x|1c@1" };
    static const char *const keys[] = { "t/a", "t/b", "t/c" };
    struct kit_write gate;
    struct kit_write kw[3];
    struct weir_span owner;

    CHECK(f, reopen(k));
    CHECK(f, spoil_last_index_leaf(k));
    kit_write_init(&gate, WEIR_SPAN_LIT("gate"), WEIR_SPAN_LIT("v"));
    gate.w.build = gate_build;
    CHECK(f, weir_store_submit(k->s, &gate.w) == WEIR_OK);
    while (!atomic_load(&gate_entered))
        usleep(1000);
    for (int i = 0; i < 3; i++) {
        kit_write_init(&kw[i], weir_span_cstr(keys[i]), weir_span_cstr(values[i]));
        CHECK(f, weir_store_submit(k->s, &kw[i].w) == WEIR_OK);
    }
    atomic_store(&gate_open, true);
    CHECK(f, kit_wait(&gate) == WEIR_OK);
    CHECK(f, kit_wait(&kw[0]) == WEIR_OK);
    CHECK(f, kit_wait(&kw[1]) == WEIR_ECORRUPT);
    CHECK(f, kit_wait(&kw[2]) == WEIR_OK);
    CHECK(f, kw[0].num_builds == 2);
    CHECK(f, kw[1].num_builds == 2);
    CHECK(f, kw[2].num_builds == 1);
    CHECK(f, kw[2].w.version.seq == kw[0].w.version.seq + 1);
    CHECK(f, weir_store_read_begin(k->r) == WEIR_OK);
    CHECK(f, weir_store_index_owner(k->r, WEIR_INDEX_HOST, WEIR_SPAN_LIT("a"), &owner) == WEIR_OK);
    CHECK(f, weir_store_index_owner(k->r, WEIR_INDEX_HOST, WEIR_SPAN_LIT("b"), &owner) ==
                 WEIR_ENOTFOUND);
    CHECK(f, weir_store_index_owner(k->r, WEIR_INDEX_HOST, WEIR_SPAN_LIT("c"), &owner) == WEIR_OK);
    weir_store_read_end(k->r);
    struct weir_store_stats st;
    CHECK(f, weir_store_stats(k->r, &st) == WEIR_OK);
    CHECK(f, st.damaged);
    kit_close(k);
}

static void write_that_fails_half_way_is_undone_and_its_group_carried_out(void **state)
{
    struct golden *g = *state;

    place(g, g->file, g->len);
    struct found f = in_child(g, fail_half_way);
    assert_int_equal(f.line, 0);
    /* The next start rebuilds the index out of the records. */
    f = in_child(g, open_and_check);
    check_case(&f, 0, "after failing half-way", 0);
    assert_true(f.rescued);
}

static void newer_format_is_refused_and_left_alone(void **state)
{
    struct golden *g = *state;
    struct weir_store *s = NULL;
    uint32_t version = 2;

    /* LMDB's own version, in both meta pages. */
    uint8_t *copy = malloc(g->len);
    assert_non_null(copy);
    memcpy(copy, g->file, g->len);
    memcpy(copy + 20, &version, 4);
    memcpy(copy + PAGE + 20, &version, 4);
    place(g, copy, g->len);
    assert_int_equal(weir_store_open(&g->k.cfg, &s), WEIR_EUNSUPPORTED);
    int fd = kit_open_file(&g->k, "conf.mdb", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, copy, g->len), g->len);
    close(fd);
    assert_memory_equal(copy + 20, &version, 4);
    free(copy);
}

/* Our own format number, in every copy of its row, with a sum that holds. */
static void format_of_tomorrow_is_refused_and_left_alone(void **state)
{
    struct golden *g = *state;
    struct weir_store *s = NULL;
    struct weir_span key = WEIR_SPAN_LIT("format");
    uint8_t *copy = malloc(g->len);
    int num = 0;

    assert_non_null(copy);
    memcpy(copy, g->file, g->len);
    for (size_t at = 0; at + 14 < g->len; at++) {
        struct weir_span row = weir_span(copy + at + key.len, 8);
        struct weir_span payload;
        if (memcmp(copy + at, key.at, key.len) != 0 ||
            weir_store_row_check(STORE_META, key, row, &payload) < 0)
            continue;
        uint8_t *number = copy + at + key.len;
        weir_num_write_le(number, STORE_FORMAT + 1, 4);
        weir_num_write_le(number + 4, weir_store_row_sum(STORE_META, key, weir_span(number, 4)), 4);
        num++;
    }
    assert_true(num > 0);
    place(g, copy, g->len);
    free(copy);
    assert_int_equal(weir_store_open(&g->k.cfg, &s), WEIR_EUNSUPPORTED);
    assert_false(was_rescued(&g->k));
}

/* -- the rescue itself -- */

/* More than the free pages that may lie at the end: a file without those is still whole. */
static void cut_off_the_tail(struct golden *g)
{
    place(g, g->file, g->len - 8 * PAGE);
}

static void rescue_that_is_killed_begins_again(void **state)
{
    struct golden *g = *state;
    struct weir_rng rng;

    weir_rng_init(&rng, 7);
    for (int i = 0; i < 30; i++) {
        cut_off_the_tail(g);
        for (int kills = 0; kills < 3; kills++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                struct kit k = g->k;
                (void)reopen(&k);
                _exit(0);
            }
            usleep((useconds_t)weir_rng_below(&rng, 20000));
            (void)kill(pid, SIGKILL);
            assert_int_equal(waitpid(pid, NULL, 0), pid);
        }
        struct found f = in_child(g, open_and_check);
        check_case(&f, 60, "killed rescue", (size_t)i);
        assert_true(f.rescued);
    }
}

/* The new file was moved to its place and the old one is not yet out of the way. */
static void damaged_file_left_by_a_killed_exchange_is_moved_aside(void **state)
{
    struct golden *g = *state;
    char from[256];
    char to[256];

    cut_off_the_tail(g);
    (void)snprintf(from, sizeof(from), "%s/conf.mdb", g->k.folder);
    (void)snprintf(to, sizeof(to), "%s/conf.mdb.new", g->k.folder);
    assert_int_equal(rename(from, to), 0);
    int fd = open(from, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, g->file, g->len), g->len);
    close(fd);
    struct found f = in_child(g, open_and_check);
    check_case(&f, 0, "exchange", 0);
    assert_true(f.rescued);
    assert_int_not_equal(access(to, F_OK), 0);
}

/* A file system that cannot exchange: the old file was moved, the complete new one not yet named.
 */
static void complete_new_file_is_used_when_there_is_no_other(void **state)
{
    struct golden *g = *state;
    char from[256];
    char to[256];

    place(g, g->file, g->len);
    (void)snprintf(from, sizeof(from), "%s/conf.mdb", g->k.folder);
    (void)snprintf(to, sizeof(to), "%s/conf.mdb.new", g->k.folder);
    assert_int_equal(rename(from, to), 0);
    struct found f = in_child(g, open_and_check);
    check_case(&f, 0, "new", 0);
    assert_int_equal(f.num_current, NUM_KEYS);
}

static void rescue_survives_every_failing_allocation(void **state)
{
    struct golden *g = *state;
    struct kit k = g->k;
    enum weir_err err = WEIR_ENOMEM;
    long n = 1;

    for (; err < 0 && n < 200; n++) {
        cut_off_the_tail(g);
        weir_failalloc_once(n);
        err = weir_store_open(&k.cfg, &k.s);
        weir_failalloc_once(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
    }
    assert_int_equal(err, WEIR_OK);
    assert_true(n > 10);
    weir_store_close(&k.s);
    struct found f = in_child(g, open_and_check);
    check_case(&f, 60, "after failing allocations", (size_t)n);
}

static void mark_of_a_suspicion_that_was_wrong_goes_away(void **state)
{
    struct golden *g = *state;

    place(g, g->file, g->len);
    int fd = kit_open_file(&g->k, "conf.mdb.suspect", O_WRONLY | O_CREAT);
    assert_true(fd >= 0);
    close(fd);
    struct found f = in_child(g, open_and_check);
    check_case(&f, 0, "mark", 0);
    assert_false(f.rescued);
    assert_int_equal(kit_open_file(&g->k, "conf.mdb.suspect", O_RDONLY), -1);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undamaged_file_is_whole),
        cmocka_unit_test(any_flipped_bit_costs_at_most_its_record),
        cmocka_unit_test(flipped_bits_in_page_headers_and_offsets_cost_little),
        cmocka_unit_test(flipped_bits_in_meta_pages_cost_nothing),
        cmocka_unit_test(any_zeroed_page_costs_what_was_in_it),
        cmocka_unit_test(any_page_of_garbage_costs_what_was_in_it),
        cmocka_unit_test(file_cut_anywhere_opens_with_what_is_left),
        cmocka_unit_test(file_that_is_no_database_is_moved_aside),
        cmocka_unit_test(damage_under_a_running_store_is_survived_and_repaired),
        cmocka_unit_test(write_that_fails_half_way_is_undone_and_its_group_carried_out),
        cmocka_unit_test(newer_format_is_refused_and_left_alone),
        cmocka_unit_test(format_of_tomorrow_is_refused_and_left_alone),
        cmocka_unit_test(rescue_that_is_killed_begins_again),
        cmocka_unit_test(damaged_file_left_by_a_killed_exchange_is_moved_aside),
        cmocka_unit_test(complete_new_file_is_used_when_there_is_no_other),
        cmocka_unit_test(rescue_survives_every_failing_allocation),
        cmocka_unit_test(mark_of_a_suspicion_that_was_wrong_goes_away),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
