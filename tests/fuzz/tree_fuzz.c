/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_fuzz.c - a data file of which nothing is true. The input is the file, with pages of 512
 * bytes so that few bytes make many; page numbers are set right half of the time.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/tree/tree_walk.h"

#define PAGE      512
#define PAGES_MAX 64

static volatile uint8_t sink;

static void on_entry(void *arg, struct weir_span key, struct weir_span value)
{
    (void)arg;
    for (size_t i = 0; i < key.len; i++)
        sink = (uint8_t)(sink + key.at[i]);
    for (size_t i = 0; i < value.len; i++)
        sink = (uint8_t)(sink + value.at[i]);
}

static void read_tree(const struct weir_tree_file *f, const struct weir_tree *t)
{
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span value;

    enum weir_err err = weir_tree_first(&c, f, t);
    for (int i = 0; err == WEIR_OK && i < 1000; i++) {
        if (weir_tree_entry(&c, &key, &value) == WEIR_OK)
            on_entry(NULL, key, value);
        err = weir_tree_next(&c);
    }
    err = weir_tree_seek(&c, f, t, WEIR_SPAN_LIT("k"));
    for (int i = 0;
         (err == WEIR_OK || (i == 0 && err == WEIR_ENOTFOUND && c.depth > 0)) && i < 1000; i++) {
        err = weir_tree_prev(&c);
        if (err == WEIR_OK && weir_tree_entry(&c, &key, &value) == WEIR_OK)
            on_entry(NULL, key, value);
    }
    if (weir_tree_get(f, t, WEIR_SPAN_LIT("key"), &value) == WEIR_OK)
        on_entry(NULL, WEIR_SPAN_EMPTY, value);
}

static void walk_all(const struct weir_tree_file *f, const struct weir_tree *t)
{
    uint8_t seen[PAGES_MAX / 8 + 1] = { 0 };
    struct weir_tree_walk w = { .file = *f, .seen = seen, .entry = on_entry, .loose = true };

    weir_tree_walk(&w, t, true);
    for (uint64_t pgno = 2; pgno < f->len / PAGE; pgno++)
        if (!weir_tree_walk_is_seen(&w, pgno))
            weir_tree_walk_orphan(&w, pgno);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct weir_tree_meta meta;

    if (len < 2)
        return 0;
    size_t file_len = len - 2 < PAGES_MAX * PAGE ? len - 2 : PAGES_MAX * PAGE;
    uint8_t *file = malloc(file_len + 1);
    if (file == NULL)
        return 0;
    memcpy(file, data + 2, file_len);
    if (data[0] & 1)
        for (uint64_t pgno = 0; (pgno + 1) * PAGE <= file_len; pgno++)
            memcpy(file + pgno * PAGE, &pgno, sizeof(pgno));
    struct weir_tree_file f = { file, file_len, PAGE };
    struct weir_tree t = { .root = data[1], .depth = 1 + (data[0] >> 1) % 5, .num_entries = 1 };
    read_tree(&f, &t);
    walk_all(&f, &t);
    for (uint64_t pgno = 0; pgno < 2; pgno++)
        if (weir_tree_meta_read(weir_span(file, file_len), pgno, &meta) == WEIR_OK &&
            meta.page_len == PAGE) {
            read_tree(&f, &meta.main);
            walk_all(&f, &meta.main);
        }
    free(file);
    return 0;
}
