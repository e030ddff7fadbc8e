/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_text.c - UTF-8 and values shown in messages.
 * A message is one line whatever the value holds, so that no file can forge a second message.
 */
#include "tenants/schema/schema_text.h"

#include <stdio.h>
#include <string.h>

#include "node/base/contract.h"

size_t weir_schema_text_next(struct weir_span s, uint32_t *ret_point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    WEIR_DCHECK(s.len > 0);
    uint8_t c = s.at[0];
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (len == 0 || len > s.len)
        return 0;
    uint32_t point = len == 1 ? c : c & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s.at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s.at[i] & 0x3f);
    }
    if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return len;
}

size_t weir_schema_text_encode(uint32_t point, uint8_t out[4])
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (uint8_t)((0xf00u >> len & 0xff) | point);
    return len;
}

bool weir_schema_text_is_utf8(struct weir_span s)
{
    while (s.len > 0) {
        uint32_t point;
        size_t len = weir_schema_text_next(s, &point);
        if (len == 0)
            return false;
        s = weir_span_from(s, len);
    }
    return true;
}

bool weir_schema_text_is_shown(uint32_t point)
{
    if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xfeff)
        return false;
    /* Line and paragraph separators, and the marks that turn the direction of what follows. */
    if ((point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
        return false;
    return point != 0xfffe && point != 0xffff;
}

void weir_schema_text_escape(struct weir_strbuf *out, struct weir_span s)
{
    while (s.len > 0) {
        uint32_t point = 0;
        size_t len = weir_schema_text_next(s, &point);

        if (len == 0) {
            weir_strbuf_printf(out, "\\x%02X", s.at[0]);
            len = 1;
        } else if (weir_schema_text_is_shown(point)) {
            weir_strbuf_add(out, weir_span(s.at, len));
        } else {
            weir_strbuf_printf(out, "\\u{%X}", (unsigned)point);
        }
        s = weir_span_from(s, len);
    }
}

/* One step of showing: what stands at the start of s, as it is or escaped. @return bytes of s */
static size_t show_step(struct weir_span s, bool quoted, char out[16])
{
    uint32_t point = s.at[0];
    size_t len = weir_schema_text_next(s, &point);

    if (len == 0) {
        snprintf(out, 16, "\\x%02x", s.at[0]);
        return 1;
    }
    if (!weir_schema_text_is_shown(point)) {
        snprintf(out, 16, point > 0xffff ? "\\U%08x" : "\\u%04x", point);
    } else if (quoted && (point == '"' || point == '\\')) {
        snprintf(out, 16, "\\%c", (char)point);
    } else {
        memcpy(out, s.at, len);
        out[len] = '\0';
    }
    return len;
}

static struct weir_shown show(struct weir_span s, bool quoted)
{
    static const char cut[] = "...";
    struct weir_shown shown;
    size_t len = 0;
    size_t room = sizeof(shown.text) - sizeof(cut) - 1; /* for the mark of a cut and a quote */

    if (quoted)
        shown.text[len++] = '"';
    while (s.len > 0) {
        char piece[16];
        size_t used = show_step(s, quoted, piece);
        size_t piece_len = strlen(piece);

        if (piece_len > room - len) {
            memcpy(shown.text + len, cut, sizeof(cut) - 1);
            len += sizeof(cut) - 1;
            break;
        }
        memcpy(shown.text + len, piece, piece_len);
        len += piece_len;
        s = weir_span_from(s, used);
    }
    if (quoted)
        shown.text[len++] = '"';
    shown.text[len] = '\0';
    return shown;
}

struct weir_shown weir_schema_text_show(struct weir_span s)
{
    return show(s, true);
}

struct weir_shown weir_schema_text_bare(struct weir_span s)
{
    return show(s, false);
}
