/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_reflect.h - private to the schema: the members of a message by their descriptors. Header
 * only. What proto2 and protobuf-c 1.4 make of a field: a has_ flag, or a pointer that may be NULL,
 * or a count and an array. A map is a repeated message of a key and a value.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_REFLECT_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_REFLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "node/base/contract.h"
#include "node/base/span.h"

#define WEIR_MESSAGE_FIELDS_MAX 32 /* of one message of proto/ */

static inline void *weir_reflect_at(const ProtobufCMessage *m, unsigned offset)
{
    return (uint8_t *)(uintptr_t)m + offset;
}

/** The member itself; of a list the pointer to its array. */
static inline void *weir_reflect_member(const ProtobufCMessage *m,
                                        const ProtobufCFieldDescriptor *f)
{
    return weir_reflect_at(m, f->offset);
}

/** Items of a list or map. */
static inline size_t *weir_reflect_num(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    WEIR_DCHECK(f->label == PROTOBUF_C_LABEL_REPEATED);
    return weir_reflect_at(m, f->quantifier_offset);
}

static inline bool weir_reflect_is_pointer(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;
}

/** Whether the field is there; of a list: whether it has items. */
static inline bool weir_reflect_has(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return *weir_reflect_num(m, f) > 0;
    if (weir_reflect_is_pointer(f))
        return *(void **)weir_reflect_member(m, f) != NULL;
    return *(protobuf_c_boolean *)weir_reflect_at(m, f->quantifier_offset) != 0;
}

/** Bytes of one item of a list in its array. */
static inline size_t weir_reflect_item_len(const ProtobufCFieldDescriptor *f)
{
    WEIR_ASSERT(weir_reflect_is_pointer(f)); /* lists of numbers are not used in proto/ */
    return sizeof(void *);
}

/** Item `i` of a list of messages. */
static inline ProtobufCMessage *
weir_reflect_message_item(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
    return (*(ProtobufCMessage ***)weir_reflect_member(m, f))[i];
}

/** The message of a field, NULL when it is not there. */
static inline ProtobufCMessage *weir_reflect_message(const ProtobufCMessage *m,
                                                     const ProtobufCFieldDescriptor *f)
{
    return *(ProtobufCMessage **)weir_reflect_member(m, f);
}

/** Whether the items of a list field are the entries of a map: fields 0 and 1 are key and value. */
static inline bool weir_reflect_is_map(const ProtobufCFieldDescriptor *f)
{
    if (f->label != PROTOBUF_C_LABEL_REPEATED || f->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const ProtobufCMessageDescriptor *d = f->descriptor;
    return d->n_fields == 2 && strcmp(d->fields[0].name, "key") == 0 &&
           strcmp(d->fields[1].name, "value") == 0;
}

/** The key of a map entry; an entry that came without one has the empty key. */
static inline struct weir_span weir_reflect_key(const ProtobufCMessage *entry)
{
    return weir_span_cstr(*(char **)weir_reflect_member(entry, &entry->descriptor->fields[0]));
}

/** The field of a name, or NULL. */
static inline const ProtobufCFieldDescriptor *weir_reflect_find(const ProtobufCMessageDescriptor *d,
                                                                struct weir_span name)
{
    for (unsigned i = 0; i < d->n_fields; i++)
        if (weir_span_eq(weir_span_cstr(d->fields[i].name), name))
            return &d->fields[i];
    return NULL;
}

/** The enum value of a name, or NULL. */
static inline const ProtobufCEnumValue *weir_reflect_enum_find(const ProtobufCFieldDescriptor *f,
                                                               struct weir_span name)
{
    const ProtobufCEnumDescriptor *d = f->descriptor;

    for (unsigned i = 0; i < d->n_values; i++)
        if (weir_span_eq(weir_span_cstr(d->values[i].name), name))
            return &d->values[i];
    return NULL;
}

/** The enum value of a number, or NULL. */
static inline const ProtobufCEnumValue *weir_reflect_enum_value(const ProtobufCFieldDescriptor *f,
                                                                int number)
{
    const ProtobufCEnumDescriptor *d = f->descriptor;

    for (unsigned i = 0; i < d->n_values; i++)
        if (d->values[i].value == number)
            return &d->values[i];
    return NULL;
}

#endif
