# SPDX-License-Identifier: Apache-2.0
"""support - what the live tests share: a node, clients, upstreams and waiting with deadlines."""
