/* SPDX-License-Identifier: Apache-2.0
 *
 * render.h - messages for -o json and -o yaml, and the last step of all output.
 * Owner: the main thread.
 */
#ifndef WEIR_NODE_CLI_TEXT_RENDER_H
#define WEIR_NODE_CLI_TEXT_RENDER_H

#include <protobuf-c/protobuf-c.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/cli/command.h"

/**
 * Append JSON as YAML: block style, texts in double quotes as JSON has them.
 *
 * @return WEIR_OK | WEIR_EINVAL (no JSON) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_render_yaml(struct weir_span json, struct weir_strbuf *out);

/** Append a message as the -o of this run wants it, json or yaml (contract), with its line end. */
WEIR_MUST_USE enum weir_err weir_render_message(const struct weir_cli *cli,
                                                const ProtobufCMessage *m, struct weir_strbuf *out);

/** Write a finished text to standard output and free it. @return OK | FAILED: written */
WEIR_MUST_USE enum weir_exit weir_render_out(struct weir_cli *cli, struct weir_strbuf *text);

/** weir_render_message and weir_render_out in one. */
WEIR_MUST_USE enum weir_exit weir_render_response(struct weir_cli *cli, const ProtobufCMessage *m);

#endif
