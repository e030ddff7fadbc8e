/* SPDX-License-Identifier: Apache-2.0
 *
 * stored_tenant.h - the next StoredTenant from the present one and a document: is it a change,
 * which revision, which claims. Pure; runs on the writer thread inside the transaction
 * (weir_write.build), or on the control thread for a dry run. A name keeps the stamp at which its
 * tenant first claimed it for as long as each revision claims it.
 */
#ifndef WEIR_NODE_CTL_STORED_TENANT_H
#define WEIR_NODE_CTL_STORED_TENANT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "sync/store/store.h"
#include "weir/v1/tenant.pb-c.h"

/** What must hold of the present record for the change to be made. */
enum weir_precondition {
    WEIR_WHATEVER,
    WEIR_IF_REVISION, /* it exists and has this revision */
    WEIR_IF_PRESENT,  /* it exists */
    WEIR_IF_ABSENT,
};

struct weir_stored_tenant_change {
    const Weir__V1__Tenant *tenant; /* NULL: delete */
    struct weir_span packed;        /* the tenant, packed */
    const char *user;
    const char *why;
    uint64_t now_ms;        /* Unix */
    uint64_t last_revision; /* of a deleted tenant of this name: the new one goes on behind it */
    enum weir_precondition precondition;
    uint64_t expected; /* for WEIR_IF_REVISION */
    /** Asked once for each name that the present record does not claim; NULL: all are fine. Its
     * error is the result. */
    enum weir_err (*name_check)(void *arg, const char *name);
    void *name_check_arg;
    /* results; set whenever the record could be read */
    bool existed;
    bool unchanged;    /* the reason of WEIR_EEXIST: the document is the record's already */
    uint64_t revision; /* of the record afterwards; of a deleted one its last */
};

/**
 * Judge the change against the present record, and append the new record's value.
 *
 * @param current NULL or a tombstone: absent
 * @param hlc     since when names are claimed that are new to this tenant
 * @param value   appended to on WEIR_OK; by a delete the old value with a note of the user that
 *                deleted it, for the list of revisions, or nothing when that would be too long
 * @return WEIR_OK | WEIR_EEXIST (nothing changes, or the record exists against WEIR_IF_ABSENT) |
 * WEIR_ECONFLICT (another revision than WEIR_IF_REVISION, or no record where one shall be) |
 * WEIR_ENOTFOUND (delete of what is not there) | WEIR_ELIMIT (over WEIR_RECORD_MAX) | WEIR_ENOMEM |
 * as name_check
 *
 * A present record that is damaged counts as revision 0, so that it can be replaced or deleted.
 */
WEIR_MUST_USE enum weir_err weir_stored_tenant_build(struct weir_stored_tenant_change *c,
                                                     const struct weir_record *current,
                                                     uint64_t hlc, struct weir_strbuf *value);

/** Pack any message to the end of `out`, whose `failed` is set if that did not work. */
void weir_stored_tenant_pack(const ProtobufCMessage *m, struct weir_strbuf *out);

/** For the arena that weir_stored_tenant_read unpacks into. */
void weir_stored_tenant_arena_init(struct weir_arena *a);
/** Unpack within bounds; the message lives as long as the arena. @return WEIR_OK | WEIR_ECORRUPT |
 * WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_stored_tenant_read(struct weir_span value,
                                                    struct weir_arena *arena,
                                                    Weir__V1__StoredTenant **ret);

/**
 * Every name that a tenant claims, as Claim.name spells it: hosts, addresses, address:port.
 *
 * @param names in the arena, *ret_len of them, without repetition
 */
WEIR_MUST_USE enum weir_err weir_stored_tenant_names(const Weir__V1__Tenant *t,
                                                     struct weir_arena *arena,
                                                     const char ***ret_names, size_t *ret_len);

#endif
