/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - the weir program: `weir node` runs a node, all else is a client of one.
 */
#include <string.h>

#include "node/base/contract.h"
#include "node/cli/cli.h"
#include "node/ctl/control.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "node") == 0) {
        weir_contract_install_handlers();
        return weir_control_main(argc - 1, argv + 1);
    }
    return weir_cli_main(argc, argv);
}
