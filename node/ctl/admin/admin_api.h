/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_api.h - between the admin server and the handlers of its paths: a request, its response,
 * the table of paths. Owner: control. A handler owns its request until it ends it by exactly one
 * response, at once or in a later callback; the client may be gone by then; the response
 * functions allow that.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_API_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_API_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/ctl/access/token.h"
#include "node/ctl/admin/admin_http.h"
#include "node/ctl/admin/query.h"
#include "node/ctl/node.h"
#include "tenants/schema/schema.h"
#include "weir/v1/admin.pb-c.h"

#define WEIR_ADMIN_USER_MAX     64
#define WEIR_ADMIN_RESPONSE_MAX 67108864 /* bytes of one response */

struct weir_admin;
struct weir_admin_conn;
struct weir_admin_route;

struct weir_admin_request {
    struct weir_node *node;
    struct weir_admin *admin;
    struct weir_admin_conn *conn;       /* NULL: the client has gone */
    struct weir_admin_message *message; /* owns once whole; before that the connection does */
    bool whole;                         /* the body is there, too */
    size_t body_counted;                /* bytes of its body, in the server's sum */
    const struct weir_admin_route *route;
    struct weir_span name; /* {name} of the path */
    struct weir_span id;   /* {id} of the path */
    uint64_t number;       /* {number} of the path */
    struct weir_query query;
    char user[WEIR_ADMIN_USER_MAX]; /* for applied_by */
    struct weir_grant grant;        /* what its client may do */
    struct weir_strbuf fields;      /* further field lines of the response */
    struct weir_strbuf body;        /* of the response */
    void *work;                     /* the handler's own */
    /** The client has gone before the response; NULL when the handler does not care. It must still
     * end the request. */
    void (*gone)(struct weir_admin_request *r);
};

enum weir_admin_takes {
    WEIR_ADMIN_TAKES_NOTHING,   /* a body is read and dropped */
    WEIR_ADMIN_TAKES_DOCUMENTS, /* JSON or YAML; a length or chunked coding is required */
};

/** Who may use a path. Tokens for admin may use each; those for reading GET of each but ADMIN. */
enum weir_admin_access {
    WEIR_ACCESS_OPEN,      /* everybody, without a token */
    WEIR_ACCESS_NODE,      /* it is about the node or all tenants */
    WEIR_ACCESS_NAME,      /* also tokens of the tenant that is the {name} of the path */
    WEIR_ACCESS_PARAM,     /* also tokens of the tenant that the query's `tenant` names */
    WEIR_ACCESS_DOCUMENTS, /* also tokens of a tenant; the handler asks weir_admin_may_touch for
                              each document */
    WEIR_ACCESS_ADMIN,     /* admin alone, also for GET */
};

struct weir_admin_route {
    const char *method;
    const char *path;   /* exact; {name} stands for one segment, {number} for a decimal number */
    const char *params; /* names that its query may have, each with a space behind it */
    enum weir_admin_takes takes;
    bool health; /* also served in clear on admin.metrics */
    enum weir_admin_access access;
    void (*run)(struct weir_admin_request *r);
};

/** All paths. */
const struct weir_admin_route *weir_admin_route_all(size_t *ret_num);

/** The result of the search for a path in the table. */
enum weir_admin_found { WEIR_ADMIN_FOUND, WEIR_ADMIN_NO_PATH, WEIR_ADMIN_NO_METHOD };

/**
 * Find the route and set r->route, r->name and r->number from r->message. HEAD is handled as
 * GET.
 *
 * @param health_only  a request from admin.listen: other paths do not exist
 * On NO_METHOD the Allow line is in r->fields.
 */
WEIR_MUST_USE enum weir_admin_found weir_admin_route_find(struct weir_admin_request *r,
                                                          bool health_only);

/**
 * Find what the client may do: by its listener, or by the token of the request.
 *
 * @return false: responded with 401, or with 429 to an address that has failed too often
 */
WEIR_MUST_USE bool weir_admin_authenticate(struct weir_admin_request *r);
/** Whether the route is not for what the client may do. Also for no route: then only the method
 * counts. @return true: responded with 403 */
WEIR_MUST_USE bool weir_admin_access_refused(struct weir_admin_request *r);
/** Whether the client may read and change what belongs to this tenant. @return false: respond with
 * 403, weir_admin_response_forbidden */
bool weir_admin_may_touch(const struct weir_admin_request *r, struct weir_span tenant);
/** 403: the token is for another tenant. */
void weir_admin_response_forbidden(struct weir_admin_request *r, const char *what);

/** Refuse by the content of the head: query, content type, length. @return true: responded, the
 * body is not wanted */
WEIR_MUST_USE bool weir_admin_head_refused(struct weir_admin_request *r);

/** The media type without its parameters; empty when there is none, or several: then a document is
 * JSON. */
struct weir_span weir_admin_media_type(const struct weir_admin_message *m);
bool weir_admin_is_json(struct weir_span type);
bool weir_admin_is_yaml(struct weir_span type);

/* -- responses: each ends the request -- */

/** r->body as it is. */
void weir_admin_response(struct weir_admin_request *r, uint16_t status, const char *content_type);
void weir_admin_response_text(struct weir_admin_request *r, uint16_t status, const char *text);
/** A message of admin.proto as JSON. */
void weir_admin_response_message(struct weir_admin_request *r, uint16_t status,
                                 const ProtobufCMessage *m);
void weir_admin_response_error(struct weir_admin_request *r, uint16_t status, const char *code,
                               const char *fmt, ...) WEIR_PRINTF(4, 5);
/** 400 `invalid` with all details. */
void weir_admin_response_invalid(struct weir_admin_request *r, const struct weir_diags *diags);
/** 400 `invalid` with these details. */
void weir_admin_response_details(struct weir_admin_request *r, const Weir__V1__ErrorDetail *details,
                                 size_t num);
/** The status and code that belong to an error of the store or of a push. */
void weir_admin_response_err(struct weir_admin_request *r, enum weir_err err, const char *what);
/** 404: the tenant of r->name has no such revision; names those that it has. */
void weir_admin_response_no_revision(struct weir_admin_request *r, uint64_t revision);
/** What an error means to a client. @return the sentence; never NULL */
const char *weir_admin_err_text(enum weir_err err, uint16_t *ret_status, const char **ret_code);
/** Add `ETag: "revision"` to the response. */
void weir_admin_etag(struct weir_admin_request *r, uint64_t revision);

/* -- streams: begin, then any number of sends, each when ready, then end -- */

/** Send the head of a response without known length. */
void weir_admin_stream_begin(struct weir_admin_request *r, const char *content_type);
/** The piece before has been taken by the client, or there is no client any more. */
bool weir_admin_stream_ready(const struct weir_admin_request *r);
/** Only when ready. Takes the bytes; `bytes` is empty afterwards. */
void weir_admin_stream_send(struct weir_admin_request *r, struct weir_strbuf *bytes);
/** Ends the request. */
void weir_admin_stream_end(struct weir_admin_request *r);

/* -- the handlers: each owns the request that it is given; its responses are in API.md -- */

/** GET /healthz. */
void weir_admin_healthz(struct weir_admin_request *r);
/** GET /readyz. */
void weir_admin_readyz(struct weir_admin_request *r);
/** GET /metrics. */
void weir_admin_metrics(struct weir_admin_request *r);
/** GET /v1/status. */
void weir_admin_status(struct weir_admin_request *r);
/** POST /v1/drain: with follow=1 a stream that ends with the drain. */
void weir_admin_drain(struct weir_admin_request *r);
/** GET /v1/drain. */
void weir_admin_drain_get(struct weir_admin_request *r);
/** POST /v1/undrain. */
void weir_admin_undrain(struct weir_admin_request *r);
/** POST /v1/reload: responds when it is done. */
void weir_admin_reload(struct weir_admin_request *r);
/** GET /v1/log-level. */
void weir_admin_log_level_get(struct weir_admin_request *r);
/** PUT /v1/log-level: the general level, or one tenant's or some clients'. */
void weir_admin_log_level_put(struct weir_admin_request *r);
/** DELETE /v1/log-level: back to the node file's. */
void weir_admin_log_level_delete(struct weir_admin_request *r);
/** GET /v1/doctor: responds when all endpoints were tried. */
void weir_admin_doctor(struct weir_admin_request *r);
/** GET /v1/logs: with follow=1 a stream that the client ends. */
void weir_admin_logs(struct weir_admin_request *r);
/** GET /v1/tokens. */
void weir_admin_token_list(struct weir_admin_request *r);
/** POST /v1/tokens: responds when the write is durable. */
void weir_admin_token_create(struct weir_admin_request *r);
/** DELETE /v1/tokens/ID: responds when the write is durable. */
void weir_admin_token_revoke(struct weir_admin_request *r);
/** GET /v1/tenants. */
void weir_admin_tenant_list(struct weir_admin_request *r);
/** GET /v1/tenants/NAME. */
void weir_admin_tenant_get(struct weir_admin_request *r);
/** PUT /v1/tenants/NAME: responds when the write is durable. */
void weir_admin_tenant_put(struct weir_admin_request *r);
/** DELETE /v1/tenants/NAME: responds when the write is durable. */
void weir_admin_tenant_delete(struct weir_admin_request *r);
/** POST /v1/apply: responds when every write is durable. */
void weir_admin_apply(struct weir_admin_request *r);
/** GET /v1/tenants/NAME/history. */
void weir_admin_history(struct weir_admin_request *r);
/** GET /v1/tenants/NAME/revisions/N. */
void weir_admin_revision(struct weir_admin_request *r);
/** POST /v1/certificates: responds when every write is durable. */
void weir_admin_cert_add(struct weir_admin_request *r);
/** GET /v1/certificates. */
void weir_admin_cert_list(struct weir_admin_request *r);
/** GET /v1/tenants/NAME/certificates/ID. */
void weir_admin_cert_get(struct weir_admin_request *r);
/** DELETE /v1/tenants/NAME/certificates/ID: responds when the write is durable. */
void weir_admin_cert_delete(struct weir_admin_request *r);
/** POST /v1/tenants/NAME/certificates/ID/links: responds when the write is durable. */
void weir_admin_cert_link(struct weir_admin_request *r);
/** POST /v1/export: the same with the keys of certificates in clear. */
void weir_admin_export_keys(struct weir_admin_request *r);
/** GET /v1/export: a stream that ends with its last line. */
void weir_admin_export(struct weir_admin_request *r);
/** POST /v1/tenants/NAME/rollback: responds when the write is durable. */
void weir_admin_rollback(struct weir_admin_request *r);
/** GET /v1/test/route. */
void weir_admin_test_route(struct weir_admin_request *r);
/** GET /v1/test/redirect. */
void weir_admin_test_redirect(struct weir_admin_request *r);

#endif
