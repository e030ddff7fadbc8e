/* SPDX-License-Identifier: Apache-2.0
 *
 * token.h - a token of the admin API: its text, what it grants, and what of it is stored. Pure.
 *
 * "weir_" ID "_" SECRET: 12 hex digits that name it, 48 (192 bits) that nobody guesses. The store
 * has the SHA-256 of the whole text: a secret of that length needs no slow hash. A record of class
 * SETTING under "token/" ID: a class of its own would have to be known to the checks, audits and
 * sums of every node that replicates it, and tokens need nothing of that.
 * Owner: control.
 */
#ifndef WEIR_NODE_CTL_ACCESS_TOKEN_H
#define WEIR_NODE_CTL_ACCESS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "weir/v1/record.pb-c.h"

#define WEIR_TOKEN_ID_LEN      12
#define WEIR_TOKEN_SECRET_LEN  48
#define WEIR_TOKEN_TEXT_LEN    (5 + WEIR_TOKEN_ID_LEN + 1 + WEIR_TOKEN_SECRET_LEN)
#define WEIR_TOKEN_KEY_PREFIX  "token/"
#define WEIR_TOKEN_KEY_LEN     (6 + WEIR_TOKEN_ID_LEN)
#define WEIR_TOKEN_SCOPE_MAX   (sizeof("tenant:") + WEIR_TENANT_NAME_MAX) /* with its NUL */
#define WEIR_TOKEN_COMMENT_MAX 200                                        /* bytes */
#define WEIR_TOKEN_RECORD_MAX  4096                                       /* bytes of a value */
#define WEIR_TOKEN_TTL_MAX_MS  UINT64_C(315360000000)                     /* ten years */
#define WEIR_TOKENS_MAX        1000                                       /* of a cluster */

/** What a client may do. */
enum weir_grant_scope {
    WEIR_GRANT_NONE,   /* only what is open to everybody */
    WEIR_GRANT_ADMIN,  /* all */
    WEIR_GRANT_READ,   /* GET and HEAD of all that is not for admin alone */
    WEIR_GRANT_TENANT, /* what belongs to one tenant */
};
struct weir_grant {
    enum weir_grant_scope scope;
    char tenant[WEIR_TENANT_NAME_MAX + 1]; /* of WEIR_GRANT_TENANT */
};

/** "admin", "read" or "tenant:NAME". @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_grant_parse(struct weir_span text, struct weir_grant *ret);
/** The text that weir_grant_parse reads. @param g  not WEIR_GRANT_NONE (contract) */
void weir_grant_text(const struct weir_grant *g, char out[WEIR_TOKEN_SCOPE_MAX]);

/** Whether it is 12 lower-case hex digits. */
bool weir_token_id_is_valid(struct weir_span id);
/** Draw a new token. @param out  its text with a NUL; wipe it after use  @return WEIR_OK | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_token_make(char out[WEIR_TOKEN_TEXT_LEN + 1]);
/** The id in a token's text. @return false: it is no token */
bool weir_token_id_of(struct weir_span text, struct weir_span *ret_id);
/** The key of the record. @param id  valid (contract)  @param out  WEIR_TOKEN_KEY_LEN bytes */
void weir_token_key(struct weir_span id, char *out);

/** Memory for weir_token_read. */
void weir_token_arena_init(struct weir_arena *a);
/** Unpack a record's value within bounds. @param ret  lives as long as the arena
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_token_read(struct weir_span value, struct weir_arena *arena,
                                            Weir__V1__AccessToken **ret);

/** Why a token is refused, from the first check to the last. */
enum weir_token_outcome {
    WEIR_TOKEN_GOOD,
    WEIR_TOKEN_MALFORMED, /* no token's text */
    WEIR_TOKEN_UNKNOWN,   /* no such id, another secret, or revoked */
    WEIR_TOKEN_DAMAGED,   /* its record cannot be read */
    WEIR_TOKEN_EXPIRED,
    WEIR_TOKEN_OUTCOMES
};
/**
 * Judge a token by its record. The time taken does not depend on how much of the secret is right.
 *
 * @param stored  NULL: there is no record
 * @param ret     what it grants; written for WEIR_TOKEN_GOOD
 */
enum weir_token_outcome weir_token_check(struct weir_span text, const Weir__V1__AccessToken *stored,
                                         uint64_t wall_ms, struct weir_grant *ret);

#endif
