/* SPDX-License-Identifier: Apache-2.0
 *
 * record_fuzz.c - rows of the store. Input: key length, key, row. The checksum is also set right,
 * so that what lies behind it is reached; what unpacks must pack to the same bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "sync/layout/store_rows.h"
#include "sync/version/num.h"
#include "sync/version/record.h"

#define AT_CRC 28

static void set_sum(uint8_t *row, size_t len, struct weir_span key)
{
    memset(row + AT_CRC, 0, 4);
    uint32_t crc = weir_crc32c(0, row, WEIR_RECORD_HEADER_LEN);
    crc = weir_crc32c(crc, key.at, key.len);
    crc = weir_crc32c(crc, row + WEIR_RECORD_HEADER_LEN, len - WEIR_RECORD_HEADER_LEN);
    weir_num_write_le(row + AT_CRC, crc, 4);
}

static void round_trip(struct weir_span row, struct weir_span key)
{
    struct weir_record_parts p;

    if (weir_record_unpack(row, key, &p) < 0)
        return;
    if (weir_record_packed_len(&p) != row.len)
        abort();
    uint8_t *again = malloc(row.len);
    if (again == NULL)
        return;
    weir_record_pack(&p, key, again);
    if (memcmp(again, row.at, row.len) != 0)
        abort();
    weir_record_ctx_add(&p.head, p.head.lane_idx, p.head.seq);
    free(again);
}

static void other_rows(struct weir_span key, struct weir_span row)
{
    struct store_claim claim;
    struct store_lane lane;
    struct store_tally tally;
    struct weir_span payload;

    if (weir_store_claim_parse(key, &claim) == WEIR_OK) {
        struct store_key rec;
        struct store_key again;
        if (claim.owner.len > WEIR_KEY_MAX)
            return;
        weir_store_key_rec(&rec, claim.class, claim.owner);
        if (weir_store_key_idx_name(&again, claim.index, claim.name) &&
            weir_store_key_idx_claim(&again, claim.since_hlc, store_key_span(&rec)) &&
            !weir_span_eq(store_key_span(&again), key))
            abort();
    }
    for (int tree = 0; tree < STORE_NUM_TREES; tree++)
        if (weir_store_row_check((enum store_tree)tree, key, row, &payload) == WEIR_OK &&
            payload.len + STORE_SUM_LEN != row.len)
            abort();
    if (weir_store_lane_unpack(row, &lane) == WEIR_OK) {
        uint8_t out[STORE_LANE_LEN];
        weir_store_lane_pack(&lane, out);
        if (memcmp(out, row.at, sizeof(out)) != 0)
            abort();
    }
    if (weir_store_counts_unpack(row, &tally) == WEIR_OK) {
        uint8_t out[STORE_COUNTS_LEN];
        weir_store_counts_pack(&tally, out);
        if (memcmp(out, row.at, sizeof(out)) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    size_t key_len = data[0] < len - 1 ? data[0] : len - 1;
    struct weir_span key = weir_span(data + 1, key_len);
    size_t row_len = len - 1 - key_len;
    uint8_t *row = malloc(row_len + 1);
    if (row == NULL)
        return 0;

    memcpy(row, data + 1 + key_len, row_len);
    other_rows(key, weir_span(row, row_len));
    round_trip(weir_span(row, row_len), key);
    if (row_len >= WEIR_RECORD_HEADER_LEN) {
        set_sum(row, row_len, key);
        round_trip(weir_span(row, row_len), key);
    }
    free(row);
    return 0;
}
