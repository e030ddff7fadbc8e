/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.h - static tracepoints (USDT) of provider "weir", for bpftrace, perf and systemtap. A probe
 * without a tracer is one nop; its arguments must cost nothing to get. `readelf -n weir` lists
 * them. Built without <sys/sdt.h> (Debian: systemtap-sdt-dev) there are none. The probes and what
 * arg0 to arg3 are:
 *
 *   accept    weir_downstream, descriptor, weir_addr of the client
 *   request   weir_exchange, bytes of the head, their number, request id (NUL-terminated)
 *   dial      weir_origin_conn, descriptor, weir_addr of the endpoint
 *   response  weir_exchange, status (0: none was sent), body bytes sent, request id
 *   commit    LMDB's result (0: durable), the store's sequence number, microseconds
 */
#ifndef WEIR_NODE_BASE_PROBE_H
#define WEIR_NODE_BASE_PROBE_H

#if defined(__has_include) && __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define WEIR_PROBE1(name, a)          DTRACE_PROBE1(weir, name, a)
#define WEIR_PROBE2(name, a, b)       DTRACE_PROBE2(weir, name, a, b)
#define WEIR_PROBE3(name, a, b, c)    DTRACE_PROBE3(weir, name, a, b, c)
#define WEIR_PROBE4(name, a, b, c, d) DTRACE_PROBE4(weir, name, a, b, c, d)
#else
#define WEIR_PROBE1(name, a)          ((void)(a))
#define WEIR_PROBE2(name, a, b)       ((void)(a), (void)(b))
#define WEIR_PROBE3(name, a, b, c)    ((void)(a), (void)(b), (void)(c))
#define WEIR_PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

#endif
