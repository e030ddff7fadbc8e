/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_fuzz.c - messages between nodes, whatever bytes come.
 * 1. What passes the scan unpacks, in the memory that the scan has computed. 2. What is accepted
 * packs to a frame that is accepted and packs to the same bytes. 3. Its lanes make a vector that
 * has each of them. 4. Its bans make the same columns.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/frame/frame.h"
#include "sync/frame/frame_bans.h"
#include "tests/fuzz/head_fuzz.h"

static void lanes_come_back(Weir__V1__Lv *const *list, size_t num)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;

    FUZZ_CHECK(weir_frame_vector(list, num, &v) == WEIR_OK);
    FUZZ_CHECK(v.num == num);
    for (size_t i = 0; i < num; i++)
        FUZZ_CHECK(weir_vector_get(&v, list[i]->lane.data) == list[i]->seq);
    weir_vector_deinit(&v);
}

/* Without the fields of later versions, which columns made anew do not have. */
static size_t packed_bans(Weir__V1__BanCols *cols, uint8_t **ret)
{
    unsigned num = cols->base.n_unknown_fields;

    cols->base.n_unknown_fields = 0;
    cols->has_v6 = cols->v6.len > 0;
    size_t len = protobuf_c_message_get_packed_size(&cols->base);
    *ret = malloc(len);
    FUZZ_CHECK(*ret != NULL);
    protobuf_c_message_pack(&cols->base, *ret);
    cols->base.n_unknown_fields = num;
    return len;
}

static void bans_come_back(const Weir__V1__Batch *batch)
{
    struct weir_frame_cols *cols = NULL;
    struct weir_frame_bans b;
    struct weir_frame_ban ban;
    uint8_t *came;
    uint8_t *made;

    FUZZ_CHECK(weir_frame_cols_new(batch->bans->plen.len, &cols) == WEIR_OK);
    weir_frame_cols_reset(cols, batch->sent_ms);
    weir_frame_bans_begin(&b, batch);
    while (weir_frame_bans_next(&b, &ban))
        FUZZ_CHECK(weir_frame_cols_add(cols, &ban.rec) == WEIR_OK);
    size_t came_len = packed_bans(batch->bans, &came);
    size_t made_len = packed_bans(weir_frame_cols_msg(cols), &made);
    FUZZ_CHECK(came_len == made_len && memcmp(came, made, came_len) == 0);
    free(came);
    free(made);
    weir_frame_cols_free(&cols);
}

static void parts_come_back(const struct weir_frame *f)
{
    if (f->topic == WEIR_FRAME_HELLO) {
        lanes_come_back(f->msg.hello->vv, f->msg.hello->n_vv);
        lanes_come_back(f->msg.hello->floor, f->msg.hello->n_floor);
    } else if (f->topic == WEIR_FRAME_PULL_REP) {
        lanes_come_back(f->msg.pull_rep->cursor, f->msg.pull_rep->n_cursor);
    } else if (f->topic == WEIR_FRAME_BATCH_E && f->msg.batch->bans != NULL) {
        bans_come_back(f->msg.batch);
    }
}

static uint8_t *packed(const struct weir_frame *f, size_t *ret_len)
{
    *ret_len = weir_frame_packed_len(f->msg.any);
    uint8_t *out = malloc(*ret_len);

    FUZZ_CHECK(out != NULL);
    weir_frame_pack(f->topic, f->msg.any, out);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum weir_frame_fault fault;
    struct weir_frame f = { 0 };
    struct weir_frame again = { 0 };
    size_t first_len;
    size_t second_len;

    enum weir_err err = weir_frame_decode(weir_span(data, len), &f, &fault);
    FUZZ_CHECK(fault != WEIR_FRAME_BAD_UNPACK);
    FUZZ_CHECK((err == WEIR_OK) == (fault == WEIR_FRAME_OK));
    if (err < 0)
        return 0;
    uint8_t *first = packed(&f, &first_len);
    FUZZ_CHECK(weir_frame_decode(weir_span(first, first_len), &again, &fault) == WEIR_OK);
    uint8_t *second = packed(&again, &second_len);
    FUZZ_CHECK(first_len == second_len && memcmp(first, second, first_len) == 0);
    parts_come_back(&f);
    free(first);
    free(second);
    weir_frame_deinit(&f);
    weir_frame_deinit(&again);
    return 0;
}
