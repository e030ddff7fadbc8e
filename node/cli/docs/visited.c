/* SPDX-License-Identifier: Apache-2.0
 *
 * visited.c - see visited.h. The key is the pair of device and inode, as bytes.
 */
#include "node/cli/docs/visited.h"

#include <stdlib.h>

struct weir_visited_folder {
    struct weir_visited_folder *next;
    uint64_t id[2]; /* device, inode */
};

void weir_visited_init(struct weir_visited *v)
{
    *v = (struct weir_visited){ .first = NULL };
    weir_hashmap_init(&v->folders, 0, WEIR_VISITED_MAX); /* inodes are the kernel's choice */
}

void weir_visited_deinit(struct weir_visited *v)
{
    while (v->first != NULL) {
        struct weir_visited_folder *f = v->first;
        v->first = f->next;
        free(f);
    }
    weir_hashmap_deinit(&v->folders);
}

enum weir_err weir_visited_add(struct weir_visited *v, const struct stat *st)
{
    WEIR_ASSERT(S_ISDIR(st->st_mode));
    struct weir_visited_folder *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return WEIR_ENOMEM;
    f->id[0] = st->st_dev;
    f->id[1] = st->st_ino;
    enum weir_err err = weir_hashmap_add(&v->folders, weir_span(f->id, sizeof(f->id)), f);
    if (err < 0) {
        free(f);
        return err;
    }
    f->next = v->first;
    v->first = f;
    return WEIR_OK;
}
