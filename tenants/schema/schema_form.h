/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_form.h - private to the schema: what a text field may hold - names, hosts, addresses,
 * paths, header fields. Pure. A check gives yes or no, and the one spelling that is stored: hosts
 * in lower case without a dot at the end, addresses as RFC 5952 prints them. Paths are not
 * respelled but refused.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_FORM_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"

enum weir_form {
    WEIR_FORM_ANY,         /* printable text */
    WEIR_FORM_LINES,       /* UTF-8 with whatever controls: bodies */
    WEIR_FORM_CHOICE,      /* one of the rule's choices */
    WEIR_FORM_LABEL,       /* a DNS label: tenant names */
    WEIR_FORM_NODE_NAME,   /* a host name of any number of labels */
    WEIR_FORM_UPSTREAM,    /* name of an upstream */
    WEIR_FORM_HOST,        /* host name, or "*." and one of two labels or more */
    WEIR_FORM_HOST_OR_IP,  /* host name, "*." and one, or an address literal */
    WEIR_FORM_TARGET_HOST, /* host name or address literal */
    WEIR_FORM_IP,          /* address without a port */
    WEIR_FORM_PREFIX,      /* address or network */
    WEIR_FORM_ENDPOINT,    /* ip:port, [v6]:port or name:port */
    WEIR_FORM_LISTEN,      /* ip:port; port 0: any free one */
    WEIR_FORM_PEER,        /* ip:port or name:port of another node */
    WEIR_FORM_NAME_SERVER, /* ip or ip:port of a DNS server */
    WEIR_FORM_RULE_PATH,   /* path prefix, or "=" and a path */
    WEIR_FORM_PATH,        /* path */
    WEIR_FORM_TOKEN,       /* token of RFC 9110 */
    WEIR_FORM_VIA,         /* on, off, or a token that is no such word */
    WEIR_FORM_FIELD_NAME,  /* header field that may be added, or removed from responses */
    WEIR_FORM_FIELD_GONE,  /* header field that may be removed from requests */
    WEIR_FORM_FIELD_VALUE, /* header field value */
    WEIR_FORM_MEDIA_TYPE,  /* type/subtype with parameters */
    WEIR_FORM_FILE,        /* absolute path of a file or folder */
    WEIR_FORM_STATUS,      /* 400..599 */
    WEIR_FORM_WORKERS,     /* auto, or a number */
    WEIR_FORM_ACCESS,      /* stdout, off, or an absolute path */
    WEIR_FORM_PIN,         /* sha256/ and base64: of a public key */
    WEIR_FORM_CIPHER,      /* name of a cipher suite of TLS 1.0 to 1.2 */
    WEIR_FORM_NUM,         /* how many there are */
};

#define WEIR_FORM_TEXT_MAX (WEIR_HOST_MAX + 16) /* bytes: "*.", a host, a port */

/** The spelling that is stored. */
struct weir_form_text {
    struct weir_span text; /* the text given, or in buf: the struct must not move */
    uint8_t buf[WEIR_FORM_TEXT_MAX];
};

/**
 * Whether a text has a form. Lengths and choices are the rule's to check, before this: no text here
 * is longer than WEIR_PATH_MAX where its form is respelled or normalised.
 *
 * @param ret_why  why not, as the end of a sentence after the value: `is not ...`; written on
 * false; static, or in ret->buf
 * @param ret the spelling that is stored; written on true
 */
bool weir_form_check(enum weir_form form, struct weir_span text, struct weir_form_text *ret,
                     const char **ret_why);
/** An address to listen on: as weir_addr_parse, and port 0 means any free one. @return WEIR_OK |
 * WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_form_parse_listen(struct weir_span text, struct weir_addr *ret);
/** What it is, for the reference page: `a host name, "*." in front for all names below it`. */
const char *weir_form_name(enum weir_form form);
/** Whether a number is written without quotes in such a field. */
bool weir_form_is_numeric(enum weir_form form);

#endif
