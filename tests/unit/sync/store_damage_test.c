/* SPDX-License-Identifier: Apache-2.0
 *
 * store_damage_test.c - files that were damaged while the store was closed, or under it while it is
 * open. Each case runs in a forked child: the process must not die, no value may be wrong, what
 * lies elsewhere must be there, and the store must take writes again after at most one restart.
 */
#include "tests/support/store_kit.h"

#include <sys/wait.h>

#include "node/base/rng.h"

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

static void put_versions(struct kit *k, int v)
{
    static struct kit_write kw[NUM_KEYS];
    static char value[NUM_KEYS][BIG_BYTES + 64];
    static char key[NUM_KEYS][16];

    for (int i = 0; i < NUM_KEYS; i++) {
        key_of(i, key[i]);
        kit_write_init(&kw[i], weir_span_cstr(key[i]),
                       weir_span(value[i], value_of(i, v, value[i], sizeof(value[i]))));
        kw[i].revision = (uint64_t)v + 1;
        assert_int_equal(weir_store_submit(k->s, &kw[i].w), WEIR_OK);
    }
    for (int i = 0; i < NUM_KEYS; i++)
        assert_int_equal(kit_wait(&kw[i]), WEIR_OK);
}

static int group_setup(void **state)
{
    struct golden *g = calloc(1, sizeof(*g));
    char path[256];

    assert_non_null(g);
    kit_init(&g->k);
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
    (void)snprintf(path, sizeof(path), "%s/conf.mdb", g->k.folder);
    int fd = open(path, O_RDONLY);
    struct stat st;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    g->len = (size_t)st.st_size;
    g->file = malloc(g->len);
    assert_non_null(g->file);
    assert_int_equal(read(fd, g->file, g->len), g->len);
    close(fd);
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
    char path[256];

    kit_remove_folder(g->k.folder);
    assert_int_equal(mkdir(g->k.folder, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/conf.mdb", g->k.folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
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

static void look_at_key(struct kit *k, int i, struct found *f)
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
    /* Names never lead to somebody else. */
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
static void look(struct kit *k, struct found *f)
{
    struct weir_store_scrub at = { .after_len = 0 };

    *f = (struct found){ .rescued = f->rescued };
    CHECK(f, weir_store_read_begin(k->r) == WEIR_OK);
    for (int i = 0; i < NUM_KEYS && f->line == 0; i++) {
        char key[16];
        key_of(i, key);
        look_at_key(k, i, f);
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
    look(k, &healed);
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

static void open_and_look(struct kit *k, struct found *f)
{
    CHECK(f, reopen(k));
    f->rescued = was_rescued(k);
    look(k, f);
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
    struct found f = in_child(g, open_and_look);
    check_case(&f, lost_max, "bit", bit);
}

static void undamaged_file_is_whole(void **state)
{
    struct golden *g = *state;

    place(g, g->file, g->len);
    struct found f = in_child(g, open_and_look);
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
        struct found f = in_child(g, open_and_look);
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
        struct found f = in_child(g, open_and_look);
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
        struct found f = in_child(g, open_and_look);
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
        struct found f = in_child(g, open_and_look);
        assert_int_equal(f.line, 0);
        assert_int_equal(f.num_current, NUM_KEYS / 16);
        assert_true(f.rescued);
    }
    free(junk);
    place(g, (const uint8_t *)"", 0);
    struct found f = in_child(g, open_and_look);
    assert_int_equal(f.line, 0);
    assert_false(f.rescued);
}

/* ---- under the running store ---- */

static uint64_t running_seed;

static void damage_while_running(struct kit *k, struct found *f)
{
    struct weir_rng rng;
    char path[256];
    struct stat st;

    weir_rng_init(&rng, running_seed);
    CHECK(f, reopen(k));
    (void)snprintf(path, sizeof(path), "%s/conf.mdb", k->folder);
    int fd = open(path, O_RDWR);
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
        look(k, f);
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

static void newer_format_is_refused_and_left_alone(void **state)
{
    struct golden *g = *state;
    struct weir_store *s = NULL;
    char path[256];
    uint32_t version = 2;

    /* LMDB's own version, in both meta pages. */
    uint8_t *copy = malloc(g->len);
    assert_non_null(copy);
    memcpy(copy, g->file, g->len);
    memcpy(copy + 20, &version, 4);
    memcpy(copy + PAGE + 20, &version, 4);
    place(g, copy, g->len);
    assert_int_equal(weir_store_open(&g->k.cfg, &s), WEIR_EUNSUPPORTED);
    (void)snprintf(path, sizeof(path), "%s/conf.mdb", g->k.folder);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, copy, g->len), g->len);
    close(fd);
    assert_memory_equal(copy + 20, &version, 4);
    free(copy);
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
        cmocka_unit_test(newer_format_is_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
