/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant.h - a tenant compiled for serving: one block of memory, read-only but for the balance
 * state of its worker. Owner: one worker; reference-counted on that worker, so that an exchange
 * uses one tenant from its begin to its end. Made from a StoredTenant by weir_tenant_compile when
 * traffic first asks for it.
 */
#ifndef WEIR_TENANTS_TENANT_H
#define WEIR_TENANTS_TENANT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/siphash.h"
#include "node/base/span.h"
#include "sync/store/store.h"
#include "tenants/tls_words.h"

struct weir_endpoint {
    struct weir_span text; /* as configured: "10.0.0.1:8080" or "origin.example:80" */
    struct weir_span host; /* the name to resolve, a NUL behind it; empty for an address */
    struct weir_addr addr; /* with port; for a name only the port is set */
    /* Its identity over pushes: two hashes of tenant, upstream, text and protocol. `key` is secret
     * to this process, so that no tenant can choose an equal one; never 0. `stable_hash` is the
     * same on every node, but anybody can make two equal ones: only IP hash uses it. */
    uint64_t key;
    uint64_t stable_hash;
    uint16_t weight; /* 0: no new work */
    bool backup;
    uint16_t index;     /* in its upstream */
    int32_t rr_current; /* smooth weighted round robin; this worker's */
    /* The pool that its worker made for it (node/loop/endpoint_pool.h), and when that was known:
     * the worker's count of pools freed by then, from 1. 0: no pool was sought yet. */
    void *pool;
    uint64_t pool_known_at;
};

enum weir_balance { WEIR_BALANCE_ROUND_ROBIN, WEIR_BALANCE_IP_HASH };

/** How connections to an upstream's endpoints are secured. */
struct weir_upstream_tls {
    /* SHA-256 over all that makes two connections different, but for the address. */
    uint8_t identity[WEIR_TLS_IDENTITY_LEN];
    struct weir_span sni; /* a NUL behind it; empty: the endpoint's name */
    bool verify;
    uint8_t versions;                        /* enum weir_tls_version, without a gap */
    uint16_t num_pins;                       /* 0: any key */
    const uint8_t (*pins)[WEIR_TLS_PIN_LEN]; /* SHA-256 of a SubjectPublicKeyInfo */
    struct weir_span ca;                     /* PEM; empty: what the system trusts */
    struct weir_span ciphers;                /* names with ":" between, a NUL behind; empty: all */
    struct weir_span client_certificate;     /* its ID, of the store; empty: none */
    struct weir_span client_tenant;          /* whose it is; empty without one */
};

struct weir_upstream {
    struct weir_span name;
    const struct weir_upstream_tls *tls; /* NULL: clear text */
    enum weir_balance balance;
    uint32_t connect_timeout_ms;
    uint32_t connect_total_ms; /* of all tries of one request */
    uint32_t body_timeout_ms;  /* of an endpoint whose turn it is */
    uint32_t response_timeout_ms;
    uint32_t http10_buffer; /* bytes, 0 = refuse; 0..WEIR_HTTP10_BUFFER_MAX */
    uint32_t pool_min_idle;
    uint32_t pool_max_idle;
    uint32_t pool_max;
    uint32_t pool_idle_timeout_ms;
    uint32_t pool_max_age_ms;
    uint16_t num_endpoints; /* 1..WEIR_ENDPOINTS_MAX */
    uint16_t num_backups;
    struct weir_endpoint *endpoints;
};

struct weir_route {
    struct weir_span path; /* normalised, without "=" */
    bool exact;
    uint16_t index; /* in the document, for "routes[3]" */
    struct weir_upstream *upstream;
};

struct weir_header {
    struct weir_span name;
    struct weir_span value;
};

enum weir_underscores { WEIR_UNDERSCORES_DROP, WEIR_UNDERSCORES_KEEP, WEIR_UNDERSCORES_REFUSE };

struct weir_error_page {
    uint16_t status; /* 400..599 */
    struct weir_span content_type;
    struct weir_span body;
};

struct weir_redirect_set; /* tenants/redirect.h */
struct weir_tls_trust;    /* node/wire/tls_trust.h */
struct weir_path_node;    /* tenants/paths.h */

struct weir_tenant {
    uint32_t refs;
    bool stale; /* replaced or deleted: finish what runs, start nothing */
    struct weir_span name;
    uint64_t revision;

    uint8_t scope[16]; /* of its TLS sessions: a hash of its name, and of whom it asks for what */
    uint8_t tls_versions;       /* enum weir_tls_version; never 0 */
    bool http2;                 /* is offered */
    uint8_t tls_ask;            /* enum weir_tls_ask: whether clients are asked for a certificate */
    struct weir_span client_ca; /* with it: who may vouch for them, PEM */
    struct weir_tls_trust
        *client_trust;       /* owns; the same, read at the first handshake; else NULL */
    const char *tls_ciphers; /* up to TLS 1.2, separated by ":"; NULL: weir's own choice */
    uint16_t tls_suites;     /* the same as a set of weir_tls_suite_bit */

    uint32_t max_header; /* bytes */
    uint16_t max_fields; /* 1..WEIR_FIELDS_MAX */
    uint64_t max_body;   /* bytes, 0 = no limit */
    uint32_t head_timeout_ms;
    uint32_t body_timeout_ms; /* of a client whose turn it is */
    bool finish_closed;       /* http.on_client_close: finish */
    uint32_t min_rate;        /* bytes per second, 0 = off */
    uint32_t idle_timeout_ms;
    bool trace; /* TRACE is passed on */
    bool server_push;
    bool early_hints;

    enum weir_underscores underscores;
    uint16_t num_add_request, num_remove_request, num_add_response, num_remove_response;
    const struct weir_header *add_request;
    const struct weir_span *remove_request; /* lower case */
    uint32_t remove_request_ids; /* of these, the fields that weir knows: 1 << weir_field_id */
    struct weir_span via;        /* what stands in Via; empty: nothing is appended */
    const struct weir_header *add_response;
    const struct weir_span *remove_response; /* lower case */

    uint16_t num_upstreams, num_routes, num_error_pages;
    struct weir_upstream *upstreams;
    const struct weir_route *routes;           /* exact first, then longest prefix first */
    uint16_t num_exact;                        /* of the routes */
    const struct weir_path_node *route_nodes;  /* private to route.c; NULL: few enough to scan */
    const struct weir_redirect_set *redirects; /* NULL: none */
    const struct weir_error_page *error_pages;
    size_t block_len; /* bytes of the whole block */
    /* Where the worker that owns this tenant counts for it (node/exchange/counters.h); 0: not
     * known. */
    uint32_t counters_row, counters_version;
    bool links; /* set by that worker: a response over HTTP/2 has linked what may be hinted */
};

/**
 * Compile the packed StoredTenant. Applies defaults; one upstream and no route gives "/".
 * @param value borrowed for the call   @param ret refs = 1
 * @param secret what endpoint keys are made with; the same for all workers that share pools or
 * failure marks
 * @return WEIR_OK | WEIR_ECORRUPT (does not unpack) | WEIR_EINVAL (is not valid: the old one still
 * serves) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tenant_compile(struct weir_span value,
                                                const struct weir_siphash_key *secret,
                                                struct weir_tenant **ret);

#define WEIR_TENANT_WHY_MAX 256
/** As weir_tenant_compile. @param ret_why written on WEIR_EINVAL and WEIR_ECORRUPT: what does not
 * hold, for the log */
WEIR_MUST_USE enum weir_err weir_tenant_compile_why(struct weir_span value,
                                                    const struct weir_siphash_key *secret,
                                                    struct weir_tenant **ret,
                                                    char ret_why[WEIR_TENANT_WHY_MAX]);

/** One more reference. Contract: there is one already. */
static inline struct weir_tenant *weir_tenant_ref(struct weir_tenant *t)
{
    WEIR_ASSERT(t->refs > 0); /* a reference to a freed tenant */
    t->refs++;
    return t;
}

/** Drops a reference, frees at the last. NULL is legal. */
void weir_tenant_unref(struct weir_tenant *t);

/**
 * The route of a normalised path: "=" exact beats the longest prefix. A prefix matches whole bytes
 * ("/api" matches "/apis", as in nginx; write "/api/" to mean the folder). NULL: none.
 */
const struct weir_route *weir_tenant_route(const struct weir_tenant *t, struct weir_span path);

/** Index rows of a StoredTenant: the store's weir_index_fn. */
enum weir_err weir_tenant_index(enum weir_class class, struct weir_span key, struct weir_span value,
                                struct weir_index_rows *rows);
/** The revision number of a StoredTenant: the store's weir_revision_number_fn. 0: it has none, or
 * does not unpack. */
uint64_t weir_tenant_revision(enum weir_class class, struct weir_span key, struct weir_span value);

#endif
