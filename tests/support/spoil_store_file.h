/* SPDX-License-Identifier: Apache-2.0
 *
 * spoil_store_file.h - the files of a kit's store, for tests that read or damage them.
 */
#ifndef WEIR_TESTS_SUPPORT_SPOIL_STORE_FILE_H
#define WEIR_TESTS_SUPPORT_SPOIL_STORE_FILE_H

#include "tests/support/store_kit.h"

/* A file of the folder. -1: as open returns. */
static inline int kit_open_file(const struct kit *k, const char *name, int flags)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", k->folder, name);
    return open(path, flags, 0600);
}

/* All of a file of the folder, to be freed. */
static inline uint8_t *kit_read_file(const struct kit *k, const char *name, size_t *ret_len)
{
    struct stat st;
    int fd = kit_open_file(k, name, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    *ret_len = (size_t)st.st_size;
    uint8_t *bytes = malloc(*ret_len);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *ret_len), *ret_len);
    close(fd);
    return bytes;
}

#endif
