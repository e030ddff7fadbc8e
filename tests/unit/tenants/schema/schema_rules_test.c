/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_rules_test.c - the table against proto/, and the check against the table: each bound of
 * each row, and one beyond it. Messages are made by reflection, so a new row is tested without a
 * new test.
 */
#include <stdio.h>

#include "tenants/schema/schema_check.h"
#include "tenants/schema/schema_reflect.h"
#include "tenants/schema/schema_rules.h"
#include "tests/support/schemas.h"

/** One message of the set's type, and what is reported of it. */
struct probe {
    const struct weir_rule_set *set;
    ProtobufCMessage *m;
    struct weir_arena arena;
    struct weir_diags diags;
};

static void probe_begin(struct probe *p, const struct weir_rule_set *set)
{
    p->set = set;
    weir_arena_init(&p->arena, 65536, 256u << 20);
    weir_diags_init(&p->diags);
    p->m = weir_arena_alloc(&p->arena, set->message->sizeof_message);
    assert_non_null(p->m);
    set->message->message_init(p->m);
}

static void probe_end(struct probe *p)
{
    weir_diags_deinit(&p->diags);
    weir_arena_deinit(&p->arena);
}

/** Check the message; the first message about this field that contains `part`, or NULL. */
static const char *probe_reported(struct probe *p, const char *field, const char *part)
{
    struct weir_report report;
    struct weir_checker c = { .report = &report, .scratch = &p->arena };

    weir_diags_deinit(&p->diags);
    weir_diags_init(&p->diags);
    weir_report_init(&report, &p->diags, NULL);
    weir_check_message(&c, p->m, NULL);
    assert_false(c.failed);
    assert_false(report.failed);
    for (size_t i = 0; i < p->diags.len; i++)
        if (strcmp(p->diags.items[i].field, field) == 0 && strstr(p->diags.items[i].message, part))
            return p->diags.items[i].message;
    return NULL;
}

static void set_has(struct probe *p, const ProtobufCFieldDescriptor *f)
{
    *(protobuf_c_boolean *)weir_reflect_at(p->m, f->quantifier_offset) = 1;
}

static void set_number(struct probe *p, const ProtobufCFieldDescriptor *f, uint64_t n)
{
    void *member = weir_reflect_member(p->m, f);

    set_has(p, f);
    if (f->type == PROTOBUF_C_TYPE_UINT32)
        *(uint32_t *)member = (uint32_t)n;
    else
        *(uint64_t *)member = n;
}

static bool is_number(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_UINT64;
}

/** Call `test` for each row that is not refused as a whole and has a key of its own. */
static void each_row(void (*test)(struct probe *p, const ProtobufCFieldDescriptor *f,
                                  const struct weir_rule *rule))
{
    size_t num;
    const struct weir_rule_set *sets = weir_rules_all(&num);

    for (size_t i = 0; i < num; i++) {
        for (unsigned k = 0; k < sets[i].num; k++) {
            struct probe p;
            if (sets[i].rules[k].hidden || weir_check_is_refused(&sets[i].rules[k]))
                continue;
            probe_begin(&p, &sets[i]);
            test(&p, &sets[i].message->fields[k], &sets[i].rules[k]);
            probe_end(&p);
        }
    }
}

static void rows_stand_in_the_order_of_the_fields(void **state)
{
    size_t num;
    const struct weir_rule_set *sets = weir_rules_all(&num);

    (void)state;
    assert_ptr_equal(sets[0].message, &weir__v1__tenant__descriptor);
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(sets[i].num, sets[i].message->n_fields);
        assert_true(sets[i].num <= WEIR_MESSAGE_FIELDS_MAX);
        for (unsigned k = 0; k < sets[i].num; k++) {
            assert_string_equal(sets[i].rules[k].field, sets[i].message->fields[k].name);
            assert_ptr_equal(weir_rules_field(&sets[i], &sets[i].message->fields[k]),
                             &sets[i].rules[k]);
        }
    }
}

static void check_row(const ProtobufCFieldDescriptor *f, const struct weir_rule *r)
{
    bool is_list = f->label == PROTOBUF_C_LABEL_REPEATED;

    assert_true(r->help != NULL && r->help[0] != '\0');
    assert_true(r->min <= r->max || r->max == 0);
    assert_true(r->form < WEIR_FORM_NUM);
    assert_int_equal(is_list, r->num_max > 0);
    assert_true(r->num_min <= r->num_max);
    assert_int_equal(weir_reflect_is_map(f), r->key_name != NULL);
    if (is_number(f))
        assert_true(r->max > 0 && (f->type != PROTOBUF_C_TYPE_UINT32 || r->max <= UINT32_MAX));
    else
        assert_false(r->has_preset);
    if (r->has_preset)
        assert_true(r->preset >= r->min && r->preset <= r->max);
    if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES)
        assert_true(r->max > 0);
    if (r->refused != NULL && !weir_check_is_refused(r))
        assert_true(f->type == PROTOBUF_C_TYPE_ENUM
                        ? weir_reflect_enum_find(f, weir_span_cstr(r->refused)) != NULL
                        : f->type == PROTOBUF_C_TYPE_BOOL && strcmp(r->refused, "true") == 0);
}

/** The reflection reads and writes no other types than those. */
static void check_type(const ProtobufCFieldDescriptor *f)
{
    static const ProtobufCType types[] = { PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_MESSAGE,
                                           PROTOBUF_C_TYPE_BOOL,   PROTOBUF_C_TYPE_ENUM,
                                           PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_UINT64,
                                           PROTOBUF_C_TYPE_BYTES };
    bool known = false;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++)
        known |= f->type == types[i];
    assert_true(known);
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        assert_true(weir_reflect_is_pointer(f));
}

static void check_reachable(const ProtobufCMessageDescriptor *m, int depth)
{
    const struct weir_rule_set *set = weir_rules_of(m);

    assert_non_null(set);
    assert_true(depth < 8);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->fields[i];
        const ProtobufCMessageDescriptor *inner = f->descriptor;

        check_type(f);
        check_row(f, &set->rules[i]);
        if (weir_reflect_is_map(f)) {
            check_type(&inner->fields[1]);
            inner = inner->fields[1].descriptor;
        }
        if (f->type == PROTOBUF_C_TYPE_MESSAGE && inner != NULL)
            check_reachable(inner, depth + 1);
    }
}

static void every_field_of_both_files_has_a_sound_row(void **state)
{
    (void)state;
    check_reachable(&weir__v1__tenant__descriptor, 0);
    check_reachable(&weir__v1__node__descriptor, 0);
    assert_null(weir_rules_of(&weir__v1__stored_tenant__descriptor));
}

static bool is_allowed(const struct weir_rule *r, uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    for (size_t i = 0; r->choices != NULL && r->choices[i] != NULL; i++)
        if (strcmp(r->choices[i], text) == 0)
            return true;
    return r->choices == NULL && n >= r->min && n <= r->max;
}

static void test_number(struct probe *p, const ProtobufCFieldDescriptor *f,
                        const struct weir_rule *r)
{
    const uint64_t values[] = { 0,      1,          r->min - 1, r->min,     r->min + 1,
                                r->max, r->max + 1, r->max - 1, UINT32_MAX, UINT64_MAX };

    if (!is_number(f))
        return;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(values); i++) {
        uint64_t n = f->type == PROTOBUF_C_TYPE_UINT32 ? (uint32_t)values[i] : values[i];
        set_number(p, f, n);
        const char *reported = probe_reported(p, f->name, "");
        assert_int_equal(reported == NULL, is_allowed(r, n));
        if (reported != NULL)
            assert_non_null(strstr(reported, weir_check_range(r).text));
    }
}

static void numbers_hold_at_their_bounds_and_not_beyond(void **state)
{
    (void)state;
    each_row(test_number);
}

/** The same through a text: the reader accepts what the check accepts. */
static void test_number_text(struct probe *p, const ProtobufCFieldDescriptor *f,
                             const struct weir_rule *r)
{
    static const enum weir_kind kinds[] = { WEIR_KIND_TENANT, WEIR_KIND_NODE };
    const uint64_t values[] = { r->min, r->max, r->max + 1 };

    if (!is_number(f) || r->choices != NULL)
        return;
    /* Only messages that stand right below the document have a path without names of their own. */
    for (size_t k = 0; k < WEIR_ARRAY_LEN(kinds); k++) {
        const ProtobufCMessageDescriptor *top = weir_rules_message(kinds[k]);
        for (unsigned i = 0; i < top->n_fields; i++) {
            if (top->fields[i].descriptor != p->set->message ||
                top->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
                continue;
            for (size_t v = 0; v < WEIR_ARRAY_LEN(values); v++) {
                struct weir_strbuf text = WEIR_STRBUF_ZERO;
                struct schemas s;
                weir_strbuf_printf(&text, "%s%s: { %s: %s }\n",
                                   kinds[k] == WEIR_KIND_NODE ? SCHEMAS_NODE : SCHEMAS_TENANT,
                                   top->fields[i].name, f->name,
                                   weir_unit_text(r->unit, values[v]).text);
                schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
                if ((s.err == WEIR_OK) != is_allowed(r, values[v]))
                    print_error("%s%s", text.at, s.reported.at);
                assert_int_equal(s.err, is_allowed(r, values[v]) ? WEIR_OK : WEIR_EINVAL);
                schemas_end(&s);
                weir_strbuf_deinit(&text);
            }
        }
    }
}

static void numbers_in_texts_hold_at_the_same_bounds(void **state)
{
    (void)state;
    each_row(test_number_text);
}

static void test_text(struct probe *p, const ProtobufCFieldDescriptor *f, const struct weir_rule *r)
{
    bool is_list = f->label == PROTOBUF_C_LABEL_REPEATED;
    char path[80];

    if (f->type != PROTOBUF_C_TYPE_STRING || r->choices != NULL)
        return;
    snprintf(path, sizeof(path), "%s%s", f->name, is_list ? "[0]" : "");
    for (size_t len = r->min > 0 ? r->min - 1 : 0; len <= r->max + 1; len++) {
        char *text = weir_arena_calloc(&p->arena, len + 1, 1);
        memset(text, 'a', len);
        if (is_list) {
            char **items = weir_arena_calloc(&p->arena, 1, sizeof(*items));
            items[0] = text;
            *(char ***)weir_reflect_member(p->m, f) = items;
            *weir_reflect_num(p->m, f) = 1;
        } else {
            *(char **)weir_reflect_member(p->m, f) = text;
        }
        bool short_or_long = len < r->min || len > r->max;
        bool reported =
            probe_reported(p, path, "bytes long") || probe_reported(p, path, "must not be empty");
        assert_int_equal(reported, short_or_long);
        if (len == r->min + 2 && r->max > 300)
            len = r->max - 2; /* what lies between tests nothing new */
    }
}

static void texts_hold_at_their_lengths_and_not_beyond(void **state)
{
    (void)state;
    each_row(test_text);
}

static void *some_item(struct probe *p, const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *d = f->descriptor;

    if (f->type == PROTOBUF_C_TYPE_STRING)
        return weir_arena_strdup(&p->arena, WEIR_SPAN_LIT("a"));
    ProtobufCMessage *m = weir_arena_alloc(&p->arena, d->sizeof_message);
    d->message_init(m);
    return m;
}

static void test_items(struct probe *p, const ProtobufCFieldDescriptor *f,
                       const struct weir_rule *r)
{
    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return;
    void **items = weir_arena_calloc(&p->arena, r->num_max + 1, sizeof(*items));
    void *item = some_item(p, f);
    const size_t nums[] = { r->num_min, r->num_max, r->num_max + 1 };

    for (size_t i = 0; i <= r->num_max; i++)
        items[i] = item;
    *(void ***)weir_reflect_member(p->m, f) = items;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(nums); i++) {
        *weir_reflect_num(p->m, f) = nums[i];
        assert_int_equal(probe_reported(p, f->name, "entries") != NULL, nums[i] > r->num_max);
    }
    if (r->num_min > 0) {
        *weir_reflect_num(p->m, f) = r->num_min - 1;
        assert_non_null(probe_reported(p, f->name, "is missing or empty"));
    }
}

static void lists_and_maps_hold_as_many_as_their_rules_allow(void **state)
{
    (void)state;
    each_row(test_items);
}

static void test_enum(struct probe *p, const ProtobufCFieldDescriptor *f, const struct weir_rule *r)
{
    if (f->type != PROTOBUF_C_TYPE_ENUM)
        return;
    set_has(p, f);
    for (int n = -2; n < 10; n++) {
        const ProtobufCEnumValue *value = weir_reflect_enum_value(f, n);
        *(int *)weir_reflect_member(p->m, f) = n;
        bool refused = value != NULL && r->refused != NULL && strcmp(r->refused, value->name) == 0;
        assert_int_equal(probe_reported(p, f->name, "is not one of") != NULL, value == NULL);
        assert_int_equal(probe_reported(p, f->name, WEIR_NOT_SUPPORTED) != NULL, refused);
    }
}

static void enums_hold_only_what_they_name(void **state)
{
    (void)state;
    each_row(test_enum);
}

static void test_required(struct probe *p, const ProtobufCFieldDescriptor *f,
                          const struct weir_rule *r)
{
    assert_int_equal(probe_reported(p, f->name, "is missing") != NULL,
                     r->required || r->num_min > 0);
}

static void required_fields_are_missed_and_others_are_not(void **state)
{
    (void)state;
    each_row(test_required);
}

static void what_is_refused_is_refused_in_messages_as_well(void **state)
{
    size_t num, num_refused = 0;
    const struct weir_rule_set *sets = weir_rules_all(&num);

    (void)state;
    for (size_t i = 0; i < num; i++) {
        for (unsigned k = 0; k < sets[i].num; k++) {
            const ProtobufCFieldDescriptor *f = &sets[i].message->fields[k];
            struct probe p;
            if (!weir_check_is_refused(&sets[i].rules[k]))
                continue;
            probe_begin(&p, &sets[i]);
            assert_null(probe_reported(&p, f->name, ""));
            if (f->label == PROTOBUF_C_LABEL_REPEATED) {
                void **items = weir_arena_calloc(&p.arena, 1, sizeof(*items));
                items[0] = some_item(&p, f);
                *(void ***)weir_reflect_member(p.m, f) = items;
                *weir_reflect_num(p.m, f) = 1;
            } else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
                *(void **)weir_reflect_member(p.m, f) = some_item(&p, f);
            } else if (f->type == PROTOBUF_C_TYPE_STRING) {
                *(char **)weir_reflect_member(p.m, f) = some_item(&p, f);
            } else {
                set_has(&p, f);
            }
            assert_string_equal(probe_reported(&p, f->name, ""), WEIR_NOT_SUPPORTED);
            probe_end(&p);
            num_refused++;
        }
    }
    assert_true(num_refused > 0);
}

/** The page has a paragraph for this path, with its range and its default. */
static void page_has(const char *page, const char *path, const char *const *parts)
{
    char line[128];

    snprintf(line, sizeof(line), "\n  %s\n", path);
    const char *at = strstr(page, line);
    assert_non_null(at);
    const char *end = strstr(at + 1, "\n\n");
    for (size_t i = 0; parts[i] != NULL; i++) {
        const char *part = strstr(at, parts[i]);
        assert_true(part != NULL && (end == NULL || part < end));
    }
}

static void the_reference_page_has_every_field(void **state)
{
    struct weir_strbuf page = WEIR_STRBUF_ZERO;

    (void)state;
    weir_schema_help(WEIR_KIND_TENANT, &page);
    page_has(page.at, "name", (const char *const[]){ "required", "1..63", NULL });
    page_has(page.at, "tcp", (const char *const[]){ "not supported by this version", NULL });
    page_has(page.at, "upstreams.NAME.endpoints[].weight",
             (const char *const[]){ "number 0..65535", "default 100", NULL });
    page_has(page.at, "upstreams.NAME.connect_timeout",
             (const char *const[]){ "duration 10ms..10m", "default 5s", NULL });
    page_has(page.at, "http.max_header",
             (const char *const[]){ "size 1KiB..63KiB", "default 32KiB", NULL });
    page_has(page.at, "http.max_fields",
             (const char *const[]){ "number 16..256", "default 128", "431", "502", NULL });
    page_has(page.at, "upstreams.NAME.http10_buffer",
             (const char *const[]){ "size 0..64KiB", "default 0", "411", "413", NULL });
    page_has(page.at, "http.trace", (const char *const[]){ "default false", "405", NULL });
    page_has(page.at, "http.min_rate", (const char *const[]){ "default 500B/s", NULL });
    page_has(page.at, "routes[].websocket",
             (const char *const[]){ "true is not supported by this version", NULL });
    page_has(page.at, "redirects[].to.code",
             (const char *const[]){ "one of 301, 302, 303, 307, 308", "default 301", NULL });
    page_has(page.at, "error_pages.STATUS.body", (const char *const[]){ "0..65536 bytes", NULL });
    assert_null(strstr(page.at, ".none\n"));
    for (char *at = page.at, *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
        assert_true(end - at <= 100);
    weir_strbuf_reset(&page);
    weir_schema_help(WEIR_KIND_NODE, &page);
    page_has(page.at, "data", (const char *const[]){ "default /var/lib/weir", NULL });
    page_has(page.at, "log.level",
             (const char *const[]){ "error, warn, info, debug, trace", NULL });
    weir_strbuf_deinit(&page);
}

/** What a path of the reference gives: a part of the page, or why it leads nowhere. */
static void assert_help(const char *path, enum weir_err expected, const char *text)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO, why = WEIR_STRBUF_ZERO;
    enum weir_err err = weir_schema_help_path(weir_span_cstr(path), &out, &why);

    if (err != expected)
        print_error("%s: %s\n", path, why.len > 0 ? why.at : "");
    assert_int_equal(err, expected);
    assert_int_equal(out.len > 0, err == WEIR_OK);
    assert_int_equal(why.len > 0, err != WEIR_OK);
    if (err == WEIR_OK && strstr(out.at, text) == NULL)
        print_error("%s\n", out.at);
    if (err == WEIR_OK)
        assert_non_null(strstr(out.at, text));
    else
        assert_string_equal(why.at, text);
    weir_strbuf_deinit(&out);
    weir_strbuf_deinit(&why);
}

static void one_part_of_the_reference_is_a_field_and_what_is_below_it(void **state)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO, why = WEIR_STRBUF_ZERO;

    (void)state;
    assert_int_equal(weir_schema_help_path(WEIR_SPAN_LIT("tenant.routes"), &out, &why), WEIR_OK);
    assert_string_equal(
        out.at, "Part of the Tenant file; `weir help tenant` shows the whole.\n"
                "\n  routes\n"
                "      list, 0..1024 entries; default path \"/\" to the upstream, when there is "
                "exactly one\n"
                "      Which upstream serves which path. An exact path beats the longest prefix.\n"
                "\n  routes[].path\n"
                "      path prefix, or \"=\" and a path; required\n"
                "      Requests whose path begins with this; with \"=\" in front: whose path is\n"
                "      exactly this.\n"
                "\n  routes[].upstream\n"
                "      text, 1..63 bytes; required\n"
                "      Name of the upstream that serves it.\n"
                "\n  routes[].websocket\n"
                "      true or false; default false; true is not supported by this version\n"
                "      Whether a client may turn the connection into a WebSocket.\n");
    weir_strbuf_deinit(&out);
    weir_strbuf_deinit(&why);
    assert_help("tenant.upstreams.health", WEIR_OK, "\n  upstreams.NAME.health\n");
    assert_help("tenant.upstreams.NAME.health.url", WEIR_OK, "\n  upstreams.NAME.health.url\n");
    assert_help("tenant.upstreams.web.endpoints[0].weight", WEIR_OK, "number 0..65535");
    assert_help("tenant.upstreams.NAME", WEIR_OK, "\n  upstreams.NAME.balance\n");
    assert_help("tenant.routes[].path", WEIR_OK, "\n  routes[].path\n");
    assert_help("tenant.headers.add_request.X-A", WEIR_ENOTFOUND,
                "\"X-A\" is no field of tenant.headers.add_request.HEADER");
    assert_help("tenant.redirects.to.code", WEIR_OK, "default 301");
    assert_help("tenant", WEIR_OK, "Tenant file: YAML or JSON");
    assert_help("node", WEIR_OK, "Node file: YAML or JSON");
    assert_help("node.limits", WEIR_OK, "\n  limits.memory\n");
}

static void an_unknown_part_of_the_reference_names_the_nearest(void **state)
{
    (void)state;
    assert_help("tenant.rutes", WEIR_ENOTFOUND,
                "\"rutes\" is no field of tenant, did you mean \"tenant.routes\"?");
    assert_help("tenant.routes.pth", WEIR_ENOTFOUND,
                "\"pth\" is no field of tenant.routes[], did you mean \"tenant.routes[].path\"?");
    assert_help("tenant.health", WEIR_ENOTFOUND,
                "\"health\" is no field of tenant, did you mean "
                "\"tenant.upstreams.NAME.health\"?");
    assert_help("tenant.upstreams.helth", WEIR_ENOTFOUND,
                "\"helth\" is no field of tenant.upstreams.NAME, did you mean "
                "\"tenant.upstreams.NAME.health\"?");
    assert_help("tenant.upstreams.a.b.health", WEIR_ENOTFOUND,
                "\"b\" is no field of tenant.upstreams.NAME: known are balance, protocol, tls, "
                "pool, connect_timeout, response_timeout, endpoints, health, connect_total, "
                "body_timeout, http10_buffer");
    assert_help("tenant.redirects.to.coed", WEIR_ENOTFOUND,
                "\"coed\" is no field of tenant.redirects[].to, did you mean "
                "\"tenant.redirects[].to.code\"?");
    assert_help("routes", WEIR_ENOTFOUND,
                "\"routes\" is none of \"tenant\", \"node\", \"certificate\", did you mean "
                "\"tenant.routes\"?");
    assert_help("workers", WEIR_ENOTFOUND,
                "\"workers\" is none of \"tenant\", \"node\", \"certificate\", did you mean "
                "\"node.workers\"?");
    assert_help(
        "tennant.routes", WEIR_ENOTFOUND,
        "\"tennant\" is none of \"tenant\", \"node\", \"certificate\", did you mean \"tenant\"?");
    assert_help("", WEIR_ENOTFOUND, "\"\" is none of \"tenant\", \"node\", \"certificate\"");
    assert_help("node.workers.x", WEIR_ENOTFOUND, "\"x\" is no field of node.workers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_in_the_order_of_the_fields),
        cmocka_unit_test(every_field_of_both_files_has_a_sound_row),
        cmocka_unit_test(numbers_hold_at_their_bounds_and_not_beyond),
        cmocka_unit_test(numbers_in_texts_hold_at_the_same_bounds),
        cmocka_unit_test(texts_hold_at_their_lengths_and_not_beyond),
        cmocka_unit_test(lists_and_maps_hold_as_many_as_their_rules_allow),
        cmocka_unit_test(enums_hold_only_what_they_name),
        cmocka_unit_test(required_fields_are_missed_and_others_are_not),
        cmocka_unit_test(what_is_refused_is_refused_in_messages_as_well),
        cmocka_unit_test(the_reference_page_has_every_field),
        cmocka_unit_test(one_part_of_the_reference_is_a_field_and_what_is_below_it),
        cmocka_unit_test(an_unknown_part_of_the_reference_names_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
