/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - every bound of the node in one place, with its unit and where it comes from.
 * A limit that a user can set is a range in tenants/schema/schema_rules.c; this page holds the ones
 * that are fixed.
 */
#ifndef WEIR_NODE_BASE_LIMITS_H
#define WEIR_NODE_BASE_LIMITS_H

/* wire */
#define WEIR_HEAD_MAX       65535 /* bytes of a message head; offsets in it fit 16 bits */
#define WEIR_FIELDS_MAX     256   /* fields of one head; tenants choose less */
#define WEIR_METHOD_MAX     32    /* bytes of a method: twice the longest that is registered */
#define WEIR_FIELD_NAME_MAX 256   /* bytes of a field's name */
#define WEIR_HOST_MAX       253   /* bytes of a host name, RFC 1035 2.3.4 */
#define WEIR_CHUNK_LINE_MAX 256   /* bytes of a chunk-size line with its extensions */
#define WEIR_TRAILERS_MAX   4096  /* bytes of a trailer section */
#define WEIR_HTTP10_BUFFER_MAX                                                                     \
    65536 /* bytes of a chunked request that are stored to find its length; one stash */
#define WEIR_INTERIM_MAX      16 /* 1xx responses before the final one */
#define WEIR_LEADING_CRLF_MAX 2  /* bytes of one empty line before a request, RFC 9112 2.2 */

/* loop */
#define WEIR_IO_CHUNK                    65536 /* bytes of one read; the worker's only read buffer */
#define WEIR_WORKERS_MAX                 64
#define WEIR_LISTENERS_MAX               64
#define WEIR_ACCEPT_BUDGET               64 /* accepts in one turn of the loop */
#define WEIR_PIPELINE_BUDGET             32 /* exchanges of one connection in one turn */
#define WEIR_DRAIN_BODY_MAX              262144 /* bytes of a body read and dropped after an early response */
#define WEIR_DRAIN_LISTEN_MS             1200 /* ms a draining node still accepts connections */
#define WEIR_INBOX_MAX                   4096 /* messages to one worker; then one "drop your caches" */
#define WEIR_RESOLVE_MAX                 8    /* addresses used of one name */
#define WEIR_LOOKUPS_MAX                 4096  /* names that one worker has looked up at once */
#define WEIR_CONNECTIONS_PER_ADDRESS_MAX 60000 /* to a node; the count has 16 bits */

/* tenants */
#define WEIR_TENANT_NAME_MAX  63          /* bytes: a DNS label */
#define WEIR_CLIENT_CERT_MAX  4096        /* bytes of a certificate that a client presents, DER */
#define WEIR_TLS_CIPHERS_MAX  64          /* suites that a tenant names */
#define WEIR_TENANT_CACHE_MAX 16384       /* compiled tenants in a worker's cache */
#define WEIR_CERT_CACHE_MAX   16384       /* certificates with their keys in a worker's cache */
#define WEIR_CERT_CACHE_BYTES (64u << 20) /* bytes that they may take */
#define WEIR_CERT_NAMES_MAX   1024        /* names of one certificate, and hosts linked to one */
#define WEIR_HOSTS_MAX        1024        /* of one tenant */
#define WEIR_ROUTES_MAX       1024
#define WEIR_REDIRECTS_MAX    4096
#define WEIR_UPSTREAMS_MAX    64
#define WEIR_ENDPOINTS_MAX    256  /* of one upstream */
#define WEIR_PATH_MAX         2048 /* bytes of a path in a route or redirect */
#define WEIR_REVISIONS_KEPT   16
#define WEIR_ADD_REQUEST_MAX  8192  /* bytes of fields that a tenant adds to a request */
#define WEIR_ADD_RESPONSE_MAX 16384 /* to a response: as a rule more than clients accept at all */
#define WEIR_ERROR_PAGE_MAX   65536 /* bytes of one page */
#define WEIR_CA_MAX           65536 /* bytes of the authorities of one upstream */

/* sync */
#define WEIR_RECORD_MAX       1048576              /* bytes of one record's value */
#define WEIR_KEY_MAX          400                  /* bytes of a record's key without its class */
#define WEIR_WRITER_QUEUE_MAX 65536                /* writes that wait for the writer thread */
#define WEIR_WRITE_GROUP_MAX  4096                 /* writes of one commit */
#define WEIR_LANES_MAX        65536                /* lanes of a version vector */
#define WEIR_FRAME_MAX        4194304              /* bytes of a message between nodes */
#define WEIR_FRAME_MEMORY_MAX (8 * WEIR_FRAME_MAX) /* bytes that one message may unpack to */
#define WEIR_FRAME_RECORDS    16384                /* records, bans or versions of one message */
#define WEIR_FRAME_UNKNOWN    16384 /* fields of a later version that a message may carry */
#define WEIR_BAN_TTL_MAX      86400 /* seconds; longer bans belong in a LIST */

/* ctl */
#define WEIR_ADMIN_BODY_MAX  8388608 /* bytes of an admin request */
#define WEIR_ADMIN_CONNS_MAX 256
#define WEIR_NAMES_MAX       16384 /* names whose addresses a node remembers */
#define WEIR_NAMES_WAIT_MAX  256   /* names of one tenant that wait for their look-up */
#define WEIR_NAMES_ASKS_MAX  65536 /* questions that wait for the control loop */
#define WEIR_NAME_SERVERS    8     /* DNS servers in the node file */

#endif
