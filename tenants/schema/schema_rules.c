/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_rules.c - the table. One array a message, rows in the order of the fields in proto/.
 * Times are milliseconds, sizes bytes. Fixed bounds come from limits.h, defaults from defaults.h.
 * To add a field: proto/, one row here, and what compile or the node does with it.
 */
#include "tenants/schema/schema_rules.h"

#include "node/base/limits.h"
#include "tenants/defaults.h"
#include "tenants/tls_words.h"
#include "weir/v1/node.pb-c.h"
#include "weir/v1/tenant.pb-c.h"

#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define KIB    (1ull << 10)
#define MIB    (1ull << 20)
#define GIB    (1ull << 30)
#define TIB    (1ull << 40)

#define FIELDS_OF_LIST_MAX 64   /* header names of one list: WEIR_FIELDS_MAX is of a head */
#define FIELD_NAME_MAX     256  /* bytes */
#define FIELD_VALUE_MAX    4096 /* bytes */
#define FILE_MAX           4095 /* bytes: PATH_MAX of Linux without its NUL */
#define SOCKET_MAX         107  /* bytes: sun_path of Linux without its NUL */
#define PREFIXES_MAX       1024
#define ALLOW_OVERLAP_MAX  256 /* tenants */

#define NUMBER(lo, hi)     .min = (lo), .max = (hi)
#define DURATION(lo, hi)   .unit = WEIR_UNIT_MS, .min = (lo), .max = (hi)
#define SIZE(lo, hi)       .unit = WEIR_UNIT_BYTES, .min = (lo), .max = (hi)
#define TEXT(what, lo, hi) .form = (what), .min = (lo), .max = (hi)
#define ITEMS(lo, hi)      .num_min = (lo), .num_max = (hi)
#define PRESET(value)      .has_preset = true, .preset = (value)
#define KEYS(what, name)   .key_form = (what), .key_name = (name)
#define NOT_YET            .refused = WEIR_REFUSED_WHOLE

static const char *const schemes[] = { "http", "https", NULL };
static const char *const redirect_codes[] = { "301", "302", "303", "307", "308", NULL };
static const char *const tls_policies[] = { "modern", "compatible", "legacy", NULL };
static const char *const tls_versions[] = { "1.0", "1.1", "1.2", "1.3", NULL };
static const char *const log_levels[] = { "error", "warn", "info", "debug", "trace", NULL };

static const struct weir_rule tenant_rules[] = {
    { .field = "name",
      TEXT(WEIR_FORM_LABEL, 1, WEIR_TENANT_NAME_MAX),
      .required = true,
      .help = "The tenant's name, one in the cluster." },
    { .field = "hosts",
      TEXT(WEIR_FORM_HOST, 1, WEIR_HOST_MAX + 2),
      ITEMS(0, WEIR_HOSTS_MAX),
      .unique = true,
      .help = "Host names that this tenant serves on the shared addresses. An exact name beats a "
              "wildcard. A tenant has at least one host or address." },
    { .field = "addresses",
      TEXT(WEIR_FORM_IP, 1, WEIR_ADDR_TEXT_MAX),
      ITEMS(0, WEIR_HOSTS_MAX),
      .unique = true,
      .help = "Dedicated destination addresses: all that arrives there is this tenant's." },
    { .field = "tls", .help = "TLS towards clients." },
    { .field = "upstreams",
      ITEMS(0, WEIR_UPSTREAMS_MAX),
      KEYS(WEIR_FORM_UPSTREAM, "NAME"),
      .help = "Groups of origin servers, by name. An endpoint is out at once when a connect to it "
              "fails, and until one succeeds or for 1 s, doubled each time up to 60 s. A response "
              "that fails (closed, late, malformed, cut, stalled) counts: 5 of them within 10 s, "
              "more than half of all, for 2 clients or more and for as many as are served, take it "
              "out for such a time. So no single client can. Clients are told apart by address, "
              "IPv6 by /64. When all are out, all are tried." },
    { .field = "routes",
      ITEMS(0, WEIR_ROUTES_MAX),
      .preset_text = "path \"/\" to the upstream, when there is exactly one",
      .help = "Which upstream serves which path. An exact path beats the longest prefix." },
    { .field = "redirects",
      ITEMS(0, WEIR_REDIRECTS_MAX),
      .help = "Requests that weir redirects, before routes. The most specific rule "
              "wins whatever the order: path, then host, then port, then scheme." },
    { .field = "headers", .help = "Changes to header fields." },
    { .field = "http", .help = "Limits of size and time for requests and responses." },
    { .field = "tcp", NOT_YET, ITEMS(0, WEIR_HOSTS_MAX), .help = "TCP ports that are proxied." },
    { .field = "limits", NOT_YET, .help = "Limits for what clients may do." },
    { .field = "error_pages",
      ITEMS(0, 200),
      KEYS(WEIR_FORM_STATUS, "STATUS"),
      .help = "Pages for the error responses that weir itself makes, by status." },
    { .field = "allow_overlap",
      TEXT(WEIR_FORM_LABEL, 1, WEIR_TENANT_NAME_MAX),
      ITEMS(0, ALLOW_OVERLAP_MAX),
      .unique = true,
      .preset_text = "nobody",
      .help = "Tenants that may claim names below this tenant's wildcards. A name that is claimed "
              "below a wildcard gets the requests that the wildcard would get." },
};

static const struct weir_rule tls_rules[] = {
    { .field = "http2",
      .preset_text = "false",
      .help = "Whether HTTP/2 is offered, to clients over TLS alone." },
    { .field = "policy",
      TEXT(WEIR_FORM_CHOICE, 1, 16),
      .choices = tls_policies,
      .preset_text = "compatible",
      .help = "modern: 1.3 alone; compatible: 1.2 and up; legacy: 1.0 and up." },
    { .field = "min_version",
      TEXT(WEIR_FORM_CHOICE, 1, 3),
      .choices = tls_versions,
      .preset_text = "by policy",
      .help = "Lowest version of TLS." },
    { .field = "max_version",
      TEXT(WEIR_FORM_CHOICE, 1, 3),
      .choices = tls_versions,
      .preset_text = "1.3",
      .help = "Highest version of TLS." },
    { .field = "ciphers",
      TEXT(WEIR_FORM_ANY, 1, 64),
      ITEMS(0, WEIR_TLS_CIPHERS_MAX),
      .unique = true,
      .preset_text = "by policy",
      .help = "Cipher suites up to TLS 1.2, by name; those of TLS 1.3 cannot be chosen." },
    { .field = "certificates",
      TEXT(WEIR_FORM_ANY, 1, 64),
      NOT_YET,
      .preset_text = "those added with weir cert add",
      .help = "auto: issued by ACME for the exact hosts." },
    { .field = "redirect_http",
      .preset_text = "false",
      .help = "Redirect every request in clear to https, by a 301; a carve-out (to: none) goes "
              "before it." },
    { .field = "client_certificates",
      .preset_text = "none are asked for",
      .help = "Certificates of clients. The upstream gets the one that was accepted in Client-Cert "
              "(RFC 9440); that field and Client-Cert-Chain are never passed on from a client." },
};

static const struct weir_rule upstream_rules[] = {
    { .field = "balance",
      .preset_text = "round_robin",
      .help = "round_robin: in turn, by weight; ip_hash: the same client to the same endpoint." },
    { .field = "protocol",
      .preset_text = "http",
      .help = "The protocol of the endpoints: http in clear text; https as tls says, by default "
              "with any certificate." },
    { .field = "tls", .help = "TLS towards the endpoints, with protocol https." },
    { .field = "pool",
      .help = "Connections to each endpoint. The numbers are the node's; its workers share them "
              "evenly." },
    { .field = "connect_timeout",
      DURATION(10, 10 * MINUTE),
      PRESET(WEIR_DEFAULT_CONNECT_TIMEOUT_MS),
      .help =
          "How long an endpoint may take to accept a connection. A request that waits for a free "
          "connection waits as long, on a clock of its own." },
    { .field = "response_timeout",
      DURATION(10, 24 * HOUR),
      PRESET(WEIR_DEFAULT_RESPONSE_TIMEOUT_MS),
      .help = "How long an endpoint may take from the end of the request to its first byte." },
    { .field = "endpoints", ITEMS(1, WEIR_ENDPOINTS_MAX), .help = "The origin servers." },
    { .field = "health", NOT_YET, .help = "Active checks of the endpoints." },
    { .field = "connect_total",
      DURATION(10, HOUR),
      .preset_text = "3 x connect_timeout",
      .help = "How long a request may take to find a connection, over all its tries. At most 8 "
              "endpoints are tried for one request." },
    { .field = "body_timeout",
      DURATION(100, 24 * HOUR),
      PRESET(WEIR_DEFAULT_UPSTREAM_BODY_TIMEOUT_MS),
      .help =
          "How long an endpoint may pause inside a body, when it is its turn to send or take. Its "
          "rate has no lower limit: events and long polls may trickle." },
    { .field = "http10_buffer",
      SIZE(0, WEIR_HTTP10_BUFFER_MAX),
      PRESET(WEIR_DEFAULT_HTTP10_BUFFER),
      .help = "An endpoint whose last response was HTTP/1.0 cannot read chunks. A chunked request "
              "to it is read up to this size and sent with its length; a longer one gets a 413. "
              "0: it gets a 411." },
};

static const struct weir_rule upstream_tls_rules[] = {
    { .field = "sni",
      TEXT(WEIR_FORM_NODE_NAME, 1, WEIR_HOST_MAX),
      .preset_text = "the endpoint's name, none for an address",
      .help = "The server name in the handshake, and the name that the certificate must have when "
              "it is verified." },
    { .field = "verify",
      .preset_text = "false",
      .help = "Whether the certificate is verified: its chain, its dates and its name, which is "
              "sni, else the endpoint's name or address." },
    { .field = "ca",
      .preset_text = "those that the node's system trusts",
      .help = "Certificates that a verified chain must lead to." },
    { .field = "pins",
      TEXT(WEIR_FORM_PIN, 1, WEIR_TLS_PIN_TEXT_LEN),
      ITEMS(0, 16),
      .unique = true,
      .preset_text = "any key",
      .help = "The endpoint's own certificate must have one of these public keys, verified or not. "
              "A pin is the SHA-256 of the SubjectPublicKeyInfo." },
    { .field = "client_certificate",
      TEXT(WEIR_FORM_TOKEN, WEIR_TLS_CERTIFICATE_LEN, WEIR_TLS_CERTIFICATE_LEN),
      .preset_text = "none",
      .help = "The certificate that weir shows to an endpoint that asks for one: the ID of one "
              "that was added with weir cert add, and --force if it is for clients alone. Without "
              "it in the store no connection is made." },
    { .field = "min_version",
      TEXT(WEIR_FORM_CHOICE, 1, 3),
      .choices = tls_versions,
      .preset_text = "1.0",
      .help = "Lowest version of TLS." },
    { .field = "max_version",
      TEXT(WEIR_FORM_CHOICE, 1, 3),
      .choices = tls_versions,
      .preset_text = "1.3",
      .help = "Highest version of TLS." },
    { .field = "ciphers",
      TEXT(WEIR_FORM_CIPHER, 1, WEIR_TLS_CIPHER_MAX),
      ITEMS(0, 32),
      .unique = true,
      .preset_text = "all that there are",
      .help = "Cipher suites of TLS 1.0 to 1.2 by name, the preferred first. Those of TLS 1.3 are "
              "always offered." },
};

static const struct weir_rule pool_rules[] = {
    { .field = "min_idle",
      NUMBER(0, 1024),
      PRESET(WEIR_DEFAULT_POOL_MIN_IDLE),
      .help = "Idle connections that are opened ahead of demand, while requests have come within "
              "idle_timeout. An endpoint that ends or refuses them gets none until a request was "
              "served on a connection that stays open, nor before a back-off of 1 s to 1 min." },
    { .field = "max_idle",
      NUMBER(0, 65536),
      PRESET(WEIR_DEFAULT_POOL_MAX_IDLE),
      .help = "Idle connections at most. Not below min_idle." },
    { .field = "max",
      NUMBER(1, 65536),
      PRESET(WEIR_DEFAULT_POOL_MAX),
      .help = "Connections at most, busy ones included. Not below max_idle. Each worker has one at "
              "least, so that a number below that of the workers counts as theirs." },
    { .field = "idle_timeout",
      DURATION(SECOND, 24 * HOUR),
      PRESET(WEIR_DEFAULT_POOL_IDLE_MS),
      .help = "How long an idle connection stays open." },
    { .field = "max_age",
      DURATION(SECOND, 24 * HOUR),
      PRESET(WEIR_DEFAULT_POOL_MAX_AGE_MS),
      .help = "How long after its begin a connection is used for new requests, give or take a "
              "tenth. One to an address that the endpoint's name no longer has is not used for "
              "them at all." },
};

static const struct weir_rule endpoint_rules[] = {
    { .field = "address",
      TEXT(WEIR_FORM_ENDPOINT, 1, WEIR_HOST_MAX + 7),
      .required = true,
      .help = "Where it listens. A name is resolved and followed; all its addresses (8 at most) "
              "are one endpoint, which has failed when none of them accepts a connection. The last "
              "one that did is tried first, each further one after 250 ms." },
    { .field = "weight",
      NUMBER(0, 65535),
      PRESET(WEIR_DEFAULT_WEIGHT),
      .help = "Its share of the work, relative to the others. 0: no new work." },
    { .field = "backup",
      .preset_text = "false",
      .help = "Used only when no other endpoint is available." },
};

static const struct weir_rule health_rules[] = {
    { .field = "url",
      TEXT(WEIR_FORM_ANY, 1, WEIR_PATH_MAX),
      .required = true,
      .help = "What is asked for, like \"http:///healthz\": no host means the endpoint itself." },
    { .field = "method",
      TEXT(WEIR_FORM_ANY, 1, 32),
      .preset_text = "GET",
      .help = "The request's method." },
    { .field = "headers",
      TEXT(WEIR_FORM_FIELD_VALUE, 0, FIELD_VALUE_MAX),
      ITEMS(0, FIELDS_OF_LIST_MAX),
      KEYS(WEIR_FORM_ANY, "HEADER"),
      .help = "The request's header fields." },
    { .field = "body", TEXT(WEIR_FORM_LINES, 0, 64 * KIB), .help = "The request's body." },
    { .field = "interval",
      DURATION(SECOND, 24 * HOUR),
      PRESET(15 * SECOND),
      .help = "From one check to the next." },
    { .field = "timeout",
      DURATION(100, 10 * MINUTE),
      PRESET(5 * SECOND),
      .help = "How long one attempt may take." },
    { .field = "fail_status",
      TEXT(WEIR_FORM_ANY, 3, 3),
      ITEMS(0, 200),
      .unique = true,
      .preset_text = "5xx",
      .help = "Statuses that are failures: 503, 5xx." },
    { .field = "expect_body",
      TEXT(WEIR_FORM_LINES, 0, 4096),
      .help = "What the response's body must contain." },
    { .field = "verify_certificate",
      .preset_text = "false",
      .help = "Whether the certificate is verified." },
    { .field = "attempts", .help = "Attempts within one check." },
};

static const struct weir_rule attempts_rules[] = {
    { .field = "succeed", NUMBER(1, 10), PRESET(1), .help = "Good attempts that end a check." },
    { .field = "fail", NUMBER(1, 10), PRESET(1), .help = "Failed attempts that end a check." },
    { .field = "delay", DURATION(0, MINUTE), PRESET(0), .help = "Between two attempts." },
};

static const struct weir_rule route_rules[] = {
    { .field = "path",
      TEXT(WEIR_FORM_RULE_PATH, 1, WEIR_PATH_MAX),
      .required = true,
      .help = "Requests whose path begins with this; with \"=\" in front: whose path is exactly "
              "this." },
    { .field = "upstream",
      TEXT(WEIR_FORM_ANY, 1, WEIR_TENANT_NAME_MAX),
      .required = true,
      .help = "Name of the upstream that serves it." },
    { .field = "websocket",
      .preset_text = "false",
      .refused = "true",
      .help = "Whether a client may turn the connection into a WebSocket." },
};

static const struct weir_rule redirect_rules[] = {
    { .field = "scheme",
      TEXT(WEIR_FORM_CHOICE, 0, 5),
      .choices = schemes,
      .preset_text = "any",
      .help = "Only requests that came by this scheme." },
    { .field = "host",
      TEXT(WEIR_FORM_HOST_OR_IP, 0, WEIR_HOST_MAX + 2),
      .preset_text = "any",
      .help = "Only requests for this host." },
    { .field = "port",
      NUMBER(1, 65535),
      .preset_text = "any",
      .help = "Only requests that arrived at this port." },
    { .field = "path",
      TEXT(WEIR_FORM_RULE_PATH, 0, WEIR_PATH_MAX),
      .preset_text = "any",
      .help =
          "Only requests whose path begins with this; with \"=\" in front: whose path is exactly "
          "this." },
    { .field = "to",
      .required = true,
      .help = "Where to; \"none\" in its place is a carve-out: no redirect for such requests." },
};

static const struct weir_rule redirect_to_rules[] = {
    { .field = "none", .hidden = true, .help = "The text form is `to: none`." },
    { .field = "code",
      NUMBER(301, 308),
      .choices = redirect_codes,
      PRESET(301),
      .help = "The status." },
    { .field = "scheme",
      TEXT(WEIR_FORM_CHOICE, 0, 5),
      .choices = schemes,
      .preset_text = "the request's",
      .help = "Scheme of the new address." },
    { .field = "host",
      TEXT(WEIR_FORM_TARGET_HOST, 0, WEIR_HOST_MAX),
      .preset_text = "the request's",
      .help = "Host of the new address." },
    { .field = "port",
      NUMBER(1, 65535),
      .preset_text = "the request's, or the usual one of a new scheme",
      .help = "Port of the new address. The request's is the one in its Host, or none." },
    { .field = "path",
      TEXT(WEIR_FORM_PATH, 0, WEIR_PATH_MAX),
      .preset_text = "the request's",
      .help = "Replaces the rule's path; what follows it is appended." },
    { .field = "query",
      .preset_text = "true",
      .help = "Whether the query of the request is appended." },
};

static const struct weir_rule headers_rules[] = {
    { .field = "underscores",
      .preset_text = "drop",
      .help = "What is done with request headers that have a \"_\" in their names: drop them, keep "
              "them, or refuse the request." },
    { .field = "add_request",
      TEXT(WEIR_FORM_FIELD_VALUE, 0, FIELD_VALUE_MAX),
      ITEMS(0, FIELDS_OF_LIST_MAX),
      KEYS(WEIR_FORM_FIELD_NAME, "HEADER"),
      .help = "Added to requests on their way to the upstream; 8 KiB in all." },
    { .field = "remove_request",
      TEXT(WEIR_FORM_FIELD_GONE, 1, FIELD_NAME_MAX),
      ITEMS(0, FIELDS_OF_LIST_MAX),
      .unique = true,
      .help = "Taken out of requests, those that weir itself writes included (X-Forwarded-For, "
              "X-Real-IP, Via, ...). Not Host and what frames a request, and not CDN-Loop." },
    { .field = "add_response",
      TEXT(WEIR_FORM_FIELD_VALUE, 0, FIELD_VALUE_MAX),
      ITEMS(0, FIELDS_OF_LIST_MAX),
      KEYS(WEIR_FORM_FIELD_NAME, "HEADER"),
      .help = "Added to responses on their way to the client; 16 KiB in all." },
    { .field = "remove_response",
      TEXT(WEIR_FORM_FIELD_NAME, 1, FIELD_NAME_MAX),
      ITEMS(0, FIELDS_OF_LIST_MAX),
      .unique = true,
      .help = "Taken out of responses." },
    { .field = "via",
      TEXT(WEIR_FORM_VIA, 1, 64),
      .preset_text = "on",
      .help = "What weir appends to Via of requests and responses: on (\"1.1 weir\", as RFC 9110 "
              "asks of a gateway), another pseudonym, or off. It costs compression: an nginx with "
              "its default gzip_proxied (off) sends uncompressed what is asked for with a Via, "
              "three times the bytes of a page. Set gzip_proxied any there, or off here." },
};

static const struct weir_rule http_rules[] = {
    { .field = "max_header",
      SIZE(KIB, 63 * KIB),
      PRESET(WEIR_DEFAULT_MAX_HEADER),
      .help = "Bytes of a request's head." },
    { .field = "max_body",
      SIZE(0, TIB),
      PRESET(WEIR_DEFAULT_MAX_BODY),
      .help = "Bytes of a request's body; 0: no limit." },
    { .field = "head_timeout",
      DURATION(100, 10 * MINUTE),
      PRESET(WEIR_DEFAULT_HEAD_TIMEOUT_MS),
      .help = "From a request's first byte to the end of its head." },
    { .field = "body_timeout",
      DURATION(100, HOUR),
      PRESET(WEIR_DEFAULT_BODY_TIMEOUT_MS),
      .help =
          "How long a client may pause when bytes of a body are awaited from it, or it has bytes "
          "to take." },
    { .field = "min_rate",
      .unit = WEIR_UNIT_BYTES_PER_S,
      NUMBER(0, GIB),
      PRESET(WEIR_DEFAULT_MIN_RATE),
      .help =
          "The lowest rate, over 10 s, of a client that sends a body or has response bytes to "
          "take; 0: no limit. The silence of an endpoint is no low rate: upstreams.*.body_timeout "
          "bounds it." },
    { .field = "idle_timeout",
      DURATION(100, 24 * HOUR),
      PRESET(WEIR_DEFAULT_IDLE_TIMEOUT_MS),
      .help = "How long a client's connection may wait for the next request." },
    { .field = "server_push",
      .preset_text = "true",
      .help =
          "Whether what a response links with rel=preload is requested and pushed to clients of "
          "HTTP/2 that take pushes." },
    { .field = "on_client_close",
      .preset_text = "abort",
      .help = "A client that closes while its response is awaited. abort: its request is given up, "
              "and the endpoint's connection closed; finish: it is served, since it may have shut "
              "down only its sending side." },
    { .field = "max_fields",
      NUMBER(16, WEIR_FIELDS_MAX),
      PRESET(WEIR_DEFAULT_MAX_FIELDS),
      .help = "Header fields of a request or of a response. A request with more gets a 431, a "
              "response with more becomes a 502." },
    { .field = "trace",
      .preset_text = "false",
      .help =
          "Whether TRACE requests are passed on; else they get a 405. With Max-Forwards: 0 weir "
          "responds itself, with the request but for fields that look like credentials." },
    { .field = "early_hints",
      .preset_text = "true",
      .help = "Whether clients of HTTP/2 that take no pushes get a 103 (Early Hints) with what "
              "earlier responses of the same path linked with rel=preload." },
};

static const struct weir_rule tcp_rules[] = {
    { .field = "port", NUMBER(1, 65535), .required = true, .help = "Where clients connect." },
    { .field = "upstream",
      TEXT(WEIR_FORM_ANY, 1, WEIR_TENANT_NAME_MAX),
      .required = true,
      .help = "Name of the upstream that takes over." },
    { .field = "proxy_protocol",
      .preset_text = "off",
      .help = "How the endpoint learns the client's address." },
};

static const struct weir_rule limits_rules[] = {
    { .field = "per_address", .help = "For each client address." },
};

static const struct weir_rule per_address_rules[] = {
    { .field = "requests",
      .unit = WEIR_UNIT_PER_S,
      NUMBER(1, 1000000),
      .preset_text = "no limit",
      .help = "Requests in the long run." },
    { .field = "burst",
      NUMBER(1, 1000000),
      .preset_text = "no limit",
      .help = "Requests at once." },
    { .field = "connections",
      NUMBER(1, 1000000),
      .preset_text = "no limit",
      .help = "Connections at the same time." },
    { .field = "websockets",
      NUMBER(1, 1000000),
      .preset_text = "no limit",
      .help = "WebSockets at the same time." },
};

static const struct weir_rule error_page_rules[] = {
    { .field = "file",
      TEXT(WEIR_FORM_ANY, 1, FILE_MAX),
      .help = "File with the page, relative to this one; weir apply reads it." },
    { .field = "body",
      TEXT(WEIR_FORM_LINES, 0, WEIR_ERROR_PAGE_MAX),
      .help = "The page itself, instead of a file." },
    { .field = "content_type",
      TEXT(WEIR_FORM_MEDIA_TYPE, 1, 255),
      .preset_text = "text/html; charset=utf-8",
      .help = "The page's media type." },
};

static const struct weir_rule node_rules[] = {
    { .field = "name",
      TEXT(WEIR_FORM_NODE_NAME, 1, WEIR_HOST_MAX),
      .preset_text = "the host name",
      .help = "The node's name, one in the cluster." },
    { .field = "data",
      TEXT(WEIR_FORM_FILE, 1, FILE_MAX),
      .preset_text = WEIR_DEFAULT_DATA,
      .help = "Folder of the store and of the node's identity; created if missing." },
    { .field = "listen", .help = "Where clients connect." },
    { .field = "admin", .help = "Where operators connect." },
    { .field = "cluster", NOT_YET, .help = "The other nodes." },
    { .field = "workers",
      TEXT(WEIR_FORM_WORKERS, 1, 4),
      .preset_text = "auto",
      .help = "Threads that serve requests; auto: one per core." },
    { .field = "limits", .help = "What the node may use." },
    { .field = "log", .help = "What is logged where." },
    { .field = "trusted_proxies",
      TEXT(WEIR_FORM_PREFIX, 1, WEIR_ADDR_TEXT_MAX),
      ITEMS(0, PREFIXES_MAX),
      .unique = true,
      .help = "Proxies in front of weir that are believed: X-Request-ID, and in the access log, in "
              "redirects and towards upstreams the client's address and scheme of X-Forwarded-For "
              "and X-Forwarded-Proto, or else of Forwarded (RFC 7239). Where one of the two is "
              "there, Forwarded is not read." },
    { .field = "resolver",
      .help = "How names of endpoints are looked up. /etc/hosts counts first. A name is looked up "
              "again when its TTL has passed (1 s at least, 1 h at most); while that fails, its "
              "last good addresses stay in use." },
    { .field = "clients", .help = "Clients that belong to no tenant yet." },
    { .field = "cdn_id",
      TEXT(WEIR_FORM_TOKEN, 1, 64),
      .preset_text =
          WEIR_DEFAULT_CDN_ID "- and the cluster's name, without a cluster " WEIR_DEFAULT_CDN_ID,
      .help = "What this cluster adds to CDN-Loop (RFC 8586) of each request that it forwards. A "
              "request that has it already gets a 508: an upstream leads back here. All nodes of a "
              "cluster need the same; clusters that stand behind each other need different ones." },
};

static const struct weir_rule resolver_rules[] = {
    { .field = "servers",
      TEXT(WEIR_FORM_NAME_SERVER, 1, WEIR_ADDR_TEXT_MAX),
      ITEMS(0, WEIR_NAME_SERVERS),
      .unique = true,
      .preset_text = "those of /etc/resolv.conf",
      .help = "DNS servers, in the order in which they are tried." },
    { .field = "timeout",
      DURATION(100, MINUTE),
      PRESET(WEIR_DEFAULT_RESOLVER_TIMEOUT_MS),
      .help = "How long one look-up may take, over all servers and tries." },
    { .field = "lookups_per_tenant",
      NUMBER(1, 64),
      PRESET(WEIR_DEFAULT_LOOKUPS_PER_TENANT),
      .help = "Names of one tenant that are looked up at once; its others wait for their turn, "
              "those of other tenants do not." },
};

static const struct weir_rule listen_rules[] = {
    { .field = "http",
      TEXT(WEIR_FORM_LISTEN, 1, WEIR_ADDR_TEXT_MAX),
      ITEMS(0, WEIR_LISTENERS_MAX),
      .help = "Addresses for plain HTTP." },
    { .field = "https",
      TEXT(WEIR_FORM_LISTEN, 1, WEIR_ADDR_TEXT_MAX),
      ITEMS(0, WEIR_LISTENERS_MAX),
      .help = "Addresses for HTTPS: HTTP/1.1 over TLS, and HTTP/2 for tenants that turn it on." },
    { .field = "tcp",
      NOT_YET,
      TEXT(WEIR_FORM_LISTEN, 1, WEIR_ADDR_TEXT_MAX),
      ITEMS(0, WEIR_LISTENERS_MAX),
      .help = "Addresses for the TCP ports of tenants." },
};

static const struct weir_rule admin_rules[] = {
    { .field = "socket",
      TEXT(WEIR_FORM_FILE, 1, SOCKET_MAX),
      .preset_text = WEIR_DEFAULT_SOCKET,
      .help = "Unix socket of the admin API; a user that may open it may do everything." },
    { .field = "listen",
      TEXT(WEIR_FORM_LISTEN, 1, WEIR_ADDR_TEXT_MAX),
      .preset_text = "none",
      .help =
          "Address of the admin API over TLS, for remote clients with tokens (weir token). Also "
          "serves /metrics to tokens that may read, and /healthz and /readyz to everybody." },
    { .field = "socket_ro",
      TEXT(WEIR_FORM_FILE, 0, SOCKET_MAX),
      .preset_text = "none",
      .help = "Unix socket that serves only what reads: the status, the tenants, the metrics. For "
              "monitoring that must not change anything." },
    { .field = "metrics",
      TEXT(WEIR_FORM_LISTEN, 0, WEIR_ADDR_TEXT_MAX),
      .preset_text = "none",
      .help = "Address for /metrics, /healthz and /readyz alone, in plain HTTP, on any address of "
              "this host. Every client that reaches it can read the names of tenants." },
    { .field = "tls",
      .help = "What admin.listen presents. Without it the node makes a certificate and signs it "
              "itself: its fingerprint is in weir status and in the log at the start. A reload "
              "reads the files again." },
};

static const struct weir_rule admin_tls_rules[] = {
    { .field = "certificate",
      TEXT(WEIR_FORM_FILE, 1, FILE_MAX),
      .required = true,
      .help = "File in PEM: the certificate, then those that it leads over to its root." },
    { .field = "key",
      TEXT(WEIR_FORM_FILE, 1, FILE_MAX),
      .required = true,
      .help = "File in PEM: its private key, without a password, and not open to all users." },
};

static const struct weir_rule cluster_rules[] = {
    { .field = "name",
      TEXT(WEIR_FORM_LABEL, 1, 63),
      .required = true,
      .help = "The cluster's name." },
    { .field = "listen",
      TEXT(WEIR_FORM_LISTEN, 1, WEIR_ADDR_TEXT_MAX),
      .required = true,
      .help = "Address for the other nodes." },
    { .field = "advertise",
      TEXT(WEIR_FORM_PEER, 1, WEIR_HOST_MAX + 7),
      .preset_text = "listen",
      .help = "Where the other nodes reach this one." },
    { .field = "join",
      TEXT(WEIR_FORM_PEER, 1, WEIR_HOST_MAX + 7),
      ITEMS(0, 64),
      .unique = true,
      .help = "Nodes to ask first." },
    { .field = "secret_file",
      TEXT(WEIR_FORM_FILE, 1, FILE_MAX),
      .required = true,
      .help = "File with the secret that all nodes share." },
};

static const struct weir_rule node_limits_rules[] = {
    { .field = "connections",
      NUMBER(16, 10000000),
      PRESET(WEIR_DEFAULT_CONNECTIONS),
      .help = "Client connections at the same time." },
    { .field = "memory",
      SIZE(16 * MIB, TIB),
      PRESET(WEIR_DEFAULT_MEMORY),
      .help = "Memory for connections and buffers." },
    { .field = "store",
      SIZE(MIB, TIB),
      PRESET(WEIR_DEFAULT_STORE),
      .help = "Size that the store may grow to." },
};

static const struct weir_rule clients_rules[] = {
    { .field = "head_timeout",
      DURATION(100, 10 * MINUTE),
      PRESET(WEIR_DEFAULT_HEAD_TIMEOUT_MS),
      .help = "From the start of a connection, or a request's first byte, until the Host is known; "
              "then the tenant's http.head_timeout counts." },
    { .field = "idle_timeout",
      DURATION(100, 24 * HOUR),
      PRESET(WEIR_DEFAULT_IDLE_TIMEOUT_MS),
      .help = "How long a connection that has served no tenant's request may wait for the next "
              "one; after that the tenant's http.idle_timeout counts." },
    { .field = "connections_per_address",
      NUMBER(0, WEIR_CONNECTIONS_PER_ADDRESS_MAX),
      PRESET(0),
      .help = "Connections that one address may have to this node at the same time; 0: any "
              "number. One more is closed before a byte of it is read. An IPv6 client counts by "
              "its /64. trusted_proxies are exempt, since each stands for many clients." },
    { .field = "handshake_timeout",
      DURATION(100, 10 * MINUTE),
      PRESET(WEIR_DEFAULT_HANDSHAKE_TIMEOUT_MS),
      .help = "From the start of a connection to listen.https until its TLS handshake is done." },
    { .field = "handshakes_per_address",
      .unit = WEIR_UNIT_PER_S,
      NUMBER(0, 60000),
      PRESET(0),
      .help =
          "TLS handshakes that one address may begin in a second; 0: any number. IPv6 counts by "
          "/64, and trusted_proxies are exempt." },
};

static const struct weir_rule log_rules[] = {
    { .field = "access",
      TEXT(WEIR_FORM_ACCESS, 1, FILE_MAX),
      .preset_text = "stdout",
      .help = "Where the access log goes." },
    { .field = "level",
      TEXT(WEIR_FORM_CHOICE, 1, 8),
      .choices = log_levels,
      .preset_text = "info",
      .help = "The least that is logged to stderr." },
};

#define SET(message, array)                                                                        \
    {                                                                                              \
        &(message), array, WEIR_ARRAY_LEN(array)                                                   \
    }

static const struct weir_rule_set sets[] = {
    SET(weir__v1__tenant__descriptor, tenant_rules),
    SET(weir__v1__tls__descriptor, tls_rules),
    SET(weir__v1__upstream__descriptor, upstream_rules),
    SET(weir__v1__upstream_tls__descriptor, upstream_tls_rules),
    SET(weir__v1__authorities__descriptor, weir_rules_authorities),
    SET(weir__v1__client_certificates__descriptor, weir_rules_client_certificates),
    SET(weir__v1__pool__descriptor, pool_rules),
    SET(weir__v1__endpoint__descriptor, endpoint_rules),
    SET(weir__v1__health__descriptor, health_rules),
    SET(weir__v1__health_attempts__descriptor, attempts_rules),
    SET(weir__v1__route__descriptor, route_rules),
    SET(weir__v1__redirect__descriptor, redirect_rules),
    SET(weir__v1__redirect_to__descriptor, redirect_to_rules),
    SET(weir__v1__headers__descriptor, headers_rules),
    SET(weir__v1__http__descriptor, http_rules),
    SET(weir__v1__tcp_port__descriptor, tcp_rules),
    SET(weir__v1__limits__descriptor, limits_rules),
    SET(weir__v1__per_address__descriptor, per_address_rules),
    SET(weir__v1__error_page__descriptor, error_page_rules),
    SET(weir__v1__node__descriptor, node_rules),
    SET(weir__v1__listen__descriptor, listen_rules),
    SET(weir__v1__admin__descriptor, admin_rules),
    SET(weir__v1__admin_tls__descriptor, admin_tls_rules),
    SET(weir__v1__cluster__descriptor, cluster_rules),
    SET(weir__v1__node_limits__descriptor, node_limits_rules),
    SET(weir__v1__clients__descriptor, clients_rules),
    SET(weir__v1__resolver__descriptor, resolver_rules),
    SET(weir__v1__log__descriptor, log_rules),
    SET(weir__v1__certificate_document__descriptor, weir_rules_certificate),
};

const struct weir_rule_set *weir_rules_all(size_t *ret_num)
{
    *ret_num = WEIR_ARRAY_LEN(sets);
    return sets;
}

const struct weir_rule_set *weir_rules_of(const ProtobufCMessageDescriptor *message)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(sets); i++)
        if (sets[i].message == message)
            return &sets[i];
    return NULL;
}

const struct weir_rule *weir_rules_field(const struct weir_rule_set *set,
                                         const ProtobufCFieldDescriptor *field)
{
    size_t i = (size_t)(field - set->message->fields);

    WEIR_ASSERT(i < set->num);
    return &set->rules[i];
}

const ProtobufCMessageDescriptor *weir_rules_message(enum weir_kind kind)
{
    switch (kind) {
    case WEIR_KIND_TENANT:
        return &weir__v1__tenant__descriptor;
    case WEIR_KIND_NODE:
        return &weir__v1__node__descriptor;
    case WEIR_KIND_CERTIFICATE:
        return &weir__v1__certificate_document__descriptor;
    }
    WEIR_UNREACHABLE();
}

const char *weir_rules_kind_name(enum weir_kind kind)
{
    switch (kind) {
    case WEIR_KIND_TENANT:
        return "Tenant";
    case WEIR_KIND_NODE:
        return "Node";
    case WEIR_KIND_CERTIFICATE:
        return "Certificate";
    }
    WEIR_UNREACHABLE();
}
