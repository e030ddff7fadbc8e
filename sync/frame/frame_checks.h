/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_checks.h - private to the frame room: the two checks of a message, before and after it is
 * unpacked. Pure.
 */
#ifndef WEIR_SYNC_FRAME_FRAME_CHECKS_H
#define WEIR_SYNC_FRAME_FRAME_CHECKS_H

#include "sync/frame/frame.h"

#define FRAME_ALIGN 16 /* of everything that is unpacked */

/**
 * The first check, of the wire form: every length, count and range. It does not descend into fields
 * that it does not know. In frame_scan.c.
 *
 * @param ret_memory  what protobuf-c will ask of its allocator, each piece rounded up to
 * FRAME_ALIGN; of no meaning when anything is wrong
 * @return WEIR_FRAME_OK, or the first fault
 */
WEIR_MUST_USE enum weir_frame_fault weir_frame_scan(const ProtobufCMessageDescriptor *desc,
                                                    struct weir_span body, size_t *ret_memory);
/**
 * The second check, of the unpacked message: what must fit together. In frame_check.c.
 * @return WEIR_FRAME_OK, or the first fault
 */
WEIR_MUST_USE enum weir_frame_fault weir_frame_check(const struct weir_frame *f);

#endif
