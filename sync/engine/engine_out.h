/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_out.h - private to the engine: the outputs of a turn, and the pieces of messages. All of
 * it lives until the next turn.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_OUT_H
#define WEIR_SYNC_ENGINE_ENGINE_OUT_H

#include "sync/engine/engine_state.h"

/** No outputs yet, and no memory for them. */
void weir_engine_out_init(struct weir_engine *e);

/** Free the outputs and their memory. */
void weir_engine_out_deinit(struct weir_engine *e);

/**
 * Memory that lasts until the next turn, for messages under construction.
 * @return NULL: the turn has failed
 */
void *weir_engine_alloc(struct weir_engine *e, size_t len);

/**
 * Pack a message and send it to one link, or publish it with WEIR_ENGINE_NO_LINK. A message that
 * finds no room is counted and not sent. After a failure of the turn it does nothing: the message
 * may lack parts then.
 */
void weir_engine_send(struct weir_engine *e, uint32_t link, enum weir_frame_topic topic,
                      const ProtobufCMessage *msg);

/** Publish a frame again, as it came. */
void weir_engine_relay(struct weir_engine *e, struct weir_span frame);

/** Add any other output, which stands or falls with the commit of group g. The key is copied. */
void weir_engine_emit(struct weir_engine *e, const struct weir_engine_out *out, enum weir_group g);

/** Add an alarm. It stands even if the turn fails. Without memory there is none. */
void weir_engine_alarm(struct weir_engine *e, enum weir_alarm alarm, uint32_t link);

/**
 * The commit failed: drop the outputs that are no longer true, and acknowledge the writes with
 * `err`.
 * @param bans_stand  group E was committed
 */
void weir_engine_out_undo(struct weir_engine *e, enum weir_err err, bool bans_stand);

/**
 * A list of lanes for a message. The vector may change afterwards.
 * @return NULL: the vector is empty, or the turn has failed
 */
Weir__V1__Lv **weir_engine_lanes(struct weir_engine *e, const struct weir_vector *v);

/** A record with its key, value, signature and extra, in one piece. @return NULL: no memory */
struct weir_stored_record *weir_engine_copy_record(struct weir_arena *a,
                                                   const struct weir_stored_record *rec);

/**
 * A record as a message; in a pull it carries its lane. Borrows key, value and context from
 * `rec`.
 * @return NULL: the turn has failed
 */
Weir__V1__Record *weir_engine_message(struct weir_engine *e, const struct weir_stored_record *rec,
                                      bool with_lane);

/**
 * A key as requests and audits name it: the class byte, then the key.
 * @return with data NULL: the turn has failed
 */
ProtobufCBinaryData weir_engine_key_name(struct weir_engine *e, uint8_t class,
                                         struct weir_span key);

#endif
