/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_node.c - the paths about the node itself: health, metrics, status.
 */
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/status.h"

void weir_admin_healthz(struct weir_admin_request *r)
{
    weir_admin_response_text(r, 200, "ok");
}

void weir_admin_readyz(struct weir_admin_request *r)
{
    struct weir_node *node = r->node;
    if (node->state != WEIR_NODE_SERVING) {
        weir_admin_response_text(r, 503,
                                 node->state == WEIR_NODE_DRAINING ? "draining" : "starting");
        return;
    }
    if (weir_store_read_begin(node->reader) < 0) {
        weir_admin_response_text(r, 503, "the store cannot be read");
        return;
    }
    weir_store_read_end(node->reader);
    weir_admin_response_text(r, 200, "ready");
}

void weir_admin_metrics(struct weir_admin_request *r)
{
    enum weir_err err = weir_status_metrics(r->node, &r->body);
    if (err < 0)
        weir_admin_response_err(r, err, "metrics");
    else
        weir_admin_response(r, 200, "text/plain; version=0.0.4; charset=utf-8");
}

void weir_admin_status(struct weir_admin_request *r)
{
    struct weir_arena arena;
    Weir__V1__StatusResponse response = WEIR__V1__STATUS_RESPONSE__INIT;
    weir_arena_init(&arena, 4096, 65536);
    enum weir_err err = weir_status_fill(r->node, &arena, &response);
    if (err < 0)
        weir_admin_response_err(r, err, "status");
    else
        weir_admin_response_message(r, 200, &response.base);
    weir_arena_deinit(&arena);
}
