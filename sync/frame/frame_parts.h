/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_parts.h - private to frame.c, frame_scan.c, frame_check.c and member.c: the two looks at a
 * message. Pure.
 */
#ifndef WEIR_SYNC_FRAME_FRAME_PARTS_H
#define WEIR_SYNC_FRAME_FRAME_PARTS_H

#include "sync/frame/frame.h"

#define FRAME_ALIGN 16 /* of everything that is unpacked */

/**
 * The first look, at the wire form: every length, count and range, without recursion into what is
 * not known.
 *
 * @param ret_memory  an upper bound of what protobuf-c will ask of its allocator, each piece
 * rounded up to FRAME_ALIGN; written when nothing is wrong
 * @return WEIR_FRAME_OK, or the first fault
 */
WEIR_MUST_USE enum weir_frame_fault weir_frame_scan(const ProtobufCMessageDescriptor *desc,
                                                    struct weir_span body, size_t *ret_memory);
/**
 * The second look, at the unpacked message: what must fit together.
 * @return WEIR_FRAME_OK, or the first fault
 */
WEIR_MUST_USE enum weir_frame_fault weir_frame_check(const struct weir_frame *f);

#endif
