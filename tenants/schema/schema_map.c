/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_map.c - maps and lists of a tree become messages and lists of them.
 * Limits: the items of a rule; what is beyond is reported and not read.
 */
#include "tenants/schema/schema_map.h"

#include <stdio.h>

#include "tenants/schema/schema_check.h"
#include "tenants/schema/schema_reflect.h"

/* Reported once: the inside of a value of the wrong kind is not read. */
static void report_kind(struct weir_mapper *m, struct weir_tree *value, const struct weir_trail *at,
                        const char *wanted)
{
    if (value->kind == WEIR_TREE_SCALAR && value->text.len > 0)
        weir_report_add(m->report, at, "%s is not %s", weir_schema_text_show(value->text).text,
                        wanted);
    else if (value->kind == WEIR_TREE_SCALAR)
        weir_report_add(m->report, at, "is empty, must be %s", wanted);
    else
        weir_report_add(m->report, at, "is %s, must be %s", weir_tree_kind_name(value->kind),
                        wanted);
    value->reported = true;
}

/* -- unknown keys -- */

/* A name one level down: the key is right and stands in the wrong place. */
static struct weir_shown moved_text(const ProtobufCMessageDescriptor *desc, struct weir_span word)
{
    struct weir_shown shown = { "" };

    for (unsigned i = 0; i < desc->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &desc->fields[i];
        if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        const ProtobufCFieldDescriptor *inner = weir_reflect_find(f->descriptor, word);
        if (inner == NULL)
            continue;
        snprintf(shown.text, sizeof(shown.text), ", did you mean \"%s.%s\"?", f->name, inner->name);
        return shown;
    }
    return shown;
}

/* All keys of a message, for a key that is near to none. */
static void known_text(const ProtobufCMessageDescriptor *desc, const struct weir_rule_set *set,
                       char *out, size_t out_len)
{
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < desc->n_fields && len < out_len; i++) {
        if (weir_rules_field(set, &desc->fields[i])->hidden)
            continue;
        int more = snprintf(out + len, out_len - len, "%s%s", len > 0 ? ", " : ": known are ",
                            desc->fields[i].name);
        len += (size_t)more;
    }
}

/** The keys of a map on their way into a message. */
struct keys {
    const ProtobufCMessageDescriptor *desc;
    const struct weir_rule_set *set; /* NULL: the message is no part of a file */
    const struct weir_tree *map;
    const struct weir_tree *seen[WEIR_MESSAGE_FIELDS_MAX]; /* by field: its key */
};

static void report_unknown(struct weir_mapper *m, const struct keys *keys, struct weir_tree *key,
                           const struct weir_trail *at)
{
    const ProtobufCMessageDescriptor *desc = keys->desc;
    const struct weir_rule_set *set = keys->set;
    struct weir_suggest suggest = weir_suggest_begin(key->text);
    struct weir_shown hint;
    char known[256] = "";

    key->next->reported = true;
    if (weir_report_is_full(m->report)) {
        weir_report_at(m->report, at, key, "unknown key");
        return;
    }
    for (unsigned i = 0; i < desc->n_fields; i++)
        if (!weir_rules_field(set, &desc->fields[i])->hidden)
            weir_suggest_offer(&suggest, weir_span_cstr(desc->fields[i].name));
    hint = weir_suggest_text(&suggest);
    if (hint.text[0] == '\0')
        hint = moved_text(desc, key->text);
    if (hint.text[0] == '\0')
        known_text(desc, set, known, sizeof(known));
    weir_report_at(m->report, at, key, "unknown key%s%s", hint.text, known);
    /* From here on the key stands for the one that was meant: that one is not missing. */
    if (suggest.best.len > 0 && weir_tree_member(keys->map, suggest.best, NULL) == NULL)
        key->text = suggest.best;
}

/* -- lists and maps -- */

/* Room for the items of a list. What is beyond the rule's bound is reported here, and not read. */
static enum weir_err items_make(struct weir_mapper *m, const struct weir_slot *slot,
                                struct weir_tree *value, const struct weir_trail *at)
{
    size_t num = value->num;

    if (!m->lenient && num > slot->rule->num_max) {
        weir_report_add(m->report, at, "has %zu entries, at most %u are allowed", num,
                        slot->rule->num_max);
        num = slot->rule->num_max;
        value->cut = true;
    }
    void *items = NULL;
    if (num > 0) {
        items = weir_arena_calloc(m->arena, num, weir_reflect_item_len(slot->field));
        if (items == NULL)
            return WEIR_ENOMEM;
    }
    *(void **)weir_reflect_member(slot->msg, slot->field) = items;
    *weir_reflect_num(slot->msg, slot->field) = num;
    return WEIR_OK;
}

static enum weir_err list_map(struct weir_mapper *m, const struct weir_slot *slot,
                              struct weir_tree *value, const struct weir_trail *at)
{
    const ProtobufCFieldDescriptor *f = slot->field;
    enum weir_err err = items_make(m, slot, value, at);
    size_t num = *weir_reflect_num(slot->msg, f);
    void **items = *(void ***)weir_reflect_member(slot->msg, f);
    struct weir_tree *item = value->first;

    for (size_t i = 0; err == WEIR_OK && i < num; i++, item = item->next) {
        struct weir_trail step = weir_trail_index(at, i);
        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            err = weir_map_message(m, f->descriptor, item, &step, (ProtobufCMessage **)&items[i]);
        else
            err = weir_map_text(m, slot->rule, item, &step, (char **)&items[i]);
    }
    return err;
}

/* One key and its value into an entry of a map. */
static enum weir_err entry_map(struct weir_mapper *m, const struct weir_slot *slot,
                               struct weir_tree *key, const struct weir_trail *at,
                               ProtobufCMessage **ret)
{
    const ProtobufCMessageDescriptor *desc = slot->field->descriptor;
    const ProtobufCFieldDescriptor *f = &desc->fields[1];
    ProtobufCMessage *entry = weir_arena_alloc(m->arena, desc->sizeof_message);
    if (entry == NULL)
        return WEIR_ENOMEM;
    desc->message_init(entry);

    struct weir_trail step = weir_trail_name(at, key->text);
    void *member = weir_reflect_member(entry, f);
    enum weir_err err =
        weir_map_text(m, NULL, key, &step, weir_reflect_member(entry, &desc->fields[0]));
    if (err < 0)
        return err;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        err = weir_map_message(m, f->descriptor, key->next, &step, member);
    else
        err = weir_map_text(m, slot->rule, key->next, &step, member);
    if (err == WEIR_OK)
        *ret = entry;
    return err;
}

/* Whether a key of a map stood there before; the number of keys is bounded by the rule. */
static bool key_is_new(struct weir_mapper *m, struct weir_tree *map, struct weir_tree *key,
                       const struct weir_trail *at)
{
    const struct weir_tree *first = NULL;

    if (key->kind != WEIR_TREE_SCALAR) {
        weir_report_at(m->report, at, key, "a key must be text, not %s",
                       weir_tree_kind_name(key->kind));
        map->cut = true;
        return false;
    }
    weir_tree_member(map, key->text, &first);
    if (first == key)
        return true;
    struct weir_trail step = weir_trail_name(at, key->text);
    weir_report_at(m->report, &step, key, "is given twice, first in line %u", first->line);
    key->next->reported = true;
    return false;
}

static enum weir_err entries_map(struct weir_mapper *m, const struct weir_slot *slot,
                                 struct weir_tree *value, const struct weir_trail *at)
{
    enum weir_err err = items_make(m, slot, value, at);
    size_t *num_items = weir_reflect_num(slot->msg, slot->field);
    ProtobufCMessage **items = *(ProtobufCMessage ***)weir_reflect_member(slot->msg, slot->field);
    struct weir_tree *key = value->first;
    size_t num = 0;

    for (size_t i = 0; err == WEIR_OK && i < *num_items; i++, key = key->next->next) {
        if (!m->lenient && !key_is_new(m, value, key, at))
            continue;
        err = entry_map(m, slot, key, at, &items[num]);
        num++;
    }
    *num_items = err == WEIR_OK ? num : 0;
    return err;
}

enum weir_err weir_map_items(struct weir_mapper *m, const struct weir_slot *slot,
                             struct weir_tree *value, const struct weir_trail *at)
{
    bool is_map = weir_reflect_is_map(slot->field);

    if (value->kind != (is_map ? WEIR_TREE_MAP : WEIR_TREE_LIST)) {
        report_kind(m, value, at, is_map ? "a map" : "a list");
        return WEIR_OK;
    }
    return is_map ? entries_map(m, slot, value, at) : list_map(m, slot, value, at);
}

/* -- messages -- */

/* A field whose rule is hidden gives the whole message a scalar spelling: its name. */
static const ProtobufCFieldDescriptor *scalar_spelling(const ProtobufCMessageDescriptor *desc,
                                                       const struct weir_rule_set *set)
{
    for (unsigned i = 0; set != NULL && i < desc->n_fields; i++)
        if (set->rules[i].hidden)
            return &desc->fields[i];
    return NULL;
}

/* A scalar in the place of a map. */
static void scalar_message(struct weir_mapper *m, const ProtobufCMessageDescriptor *desc,
                           struct weir_tree *value, const struct weir_trail *at,
                           ProtobufCMessage *msg)
{
    const ProtobufCFieldDescriptor *f = scalar_spelling(desc, weir_rules_of(desc));
    char wanted[64] = "a map";

    if (f != NULL && value->kind == WEIR_TREE_SCALAR) {
        if (weir_span_eq(value->text, weir_span_cstr(f->name))) {
            *(protobuf_c_boolean *)weir_reflect_member(msg, f) = 1;
            *(protobuf_c_boolean *)weir_reflect_at(msg, f->quantifier_offset) = 1;
            return;
        }
        snprintf(wanted, sizeof(wanted), "a map or \"%s\"", f->name);
    }
    report_kind(m, value, at, wanted);
}

static bool is_envelope(const struct weir_trail *at, const struct weir_tree *key)
{
    return at == NULL && (weir_span_eq(key->text, WEIR_SPAN_LIT("apiVersion")) ||
                          weir_span_eq(key->text, WEIR_SPAN_LIT("kind")));
}

static enum weir_err field_map(struct weir_mapper *m, const struct weir_slot *slot,
                               struct weir_tree *value, const struct weir_trail *at)
{
    const ProtobufCFieldDescriptor *f = slot->field;

    if (!m->lenient && weir_check_is_refused(slot->rule)) {
        weir_report_add(m->report, at, WEIR_NOT_SUPPORTED);
        value->reported = true;
        return WEIR_OK;
    }
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return weir_map_items(m, slot, value, at);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return weir_map_message(m, f->descriptor, value, at, weir_reflect_member(slot->msg, f));
    return weir_map_scalar(m, slot, value, at);
}

/* Which field a key names, or NULL: it is unknown, or given before, and that is reported. */
static const ProtobufCFieldDescriptor *key_field(struct weir_mapper *m, struct keys *keys,
                                                 struct weir_tree *key, const struct weir_trail *at)
{
    const ProtobufCFieldDescriptor *f = weir_reflect_find(keys->desc, key->text);

    if (m->lenient)
        return f;
    WEIR_ASSERT(keys->set != NULL);
    if (f == NULL || weir_rules_field(keys->set, f)->hidden) {
        report_unknown(m, keys, key, at);
        return NULL;
    }
    const struct weir_tree **first = &keys->seen[f - keys->desc->fields];
    if (*first != NULL) {
        weir_report_at(m->report, at, key, "is given twice, first in line %u", (*first)->line);
        key->next->reported = true;
        return NULL;
    }
    *first = key;
    return f;
}

static enum weir_err fields_map(struct weir_mapper *m, ProtobufCMessage *msg,
                                struct weir_tree *value, const struct weir_trail *at)
{
    struct keys keys = { .desc = msg->descriptor,
                         .set = weir_rules_of(msg->descriptor),
                         .map = value };
    enum weir_err err = WEIR_OK;

    WEIR_ASSERT(keys.desc->n_fields <= WEIR_MESSAGE_FIELDS_MAX);
    for (struct weir_tree *key = value->first; err == WEIR_OK && key != NULL;
         key = key->next->next) {
        if (key->kind != WEIR_TREE_SCALAR) {
            weir_report_at(m->report, at, key, "a key must be text, not %s",
                           weir_tree_kind_name(key->kind));
            continue;
        }
        if (!m->lenient && is_envelope(at, key))
            continue;
        struct weir_trail step = weir_trail_name(at, key->text);
        struct weir_slot slot = { .msg = msg, .field = key_field(m, &keys, key, &step) };
        if (slot.field == NULL)
            continue;
        slot.rule = keys.set != NULL ? weir_rules_field(keys.set, slot.field) : NULL;
        err = field_map(m, &slot, key->next, &step);
    }
    return err;
}

enum weir_err weir_map_message(struct weir_mapper *m, const ProtobufCMessageDescriptor *desc,
                               struct weir_tree *value, const struct weir_trail *at,
                               ProtobufCMessage **ret)
{
    enum weir_err err = WEIR_OK;
    ProtobufCMessage *msg = weir_arena_alloc(m->arena, desc->sizeof_message);
    if (msg == NULL)
        return WEIR_ENOMEM;

    desc->message_init(msg);
    if (value->kind == WEIR_TREE_MAP)
        err = fields_map(m, msg, value, at);
    else
        scalar_message(m, desc, value, at, msg);
    if (err == WEIR_OK)
        *ret = msg;
    return err;
}
