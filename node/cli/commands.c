/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.c - the table of subcommands with the texts of their help pages.
 */
#include <string.h>

#include "node/cli/command.h"

#define EXIT_USAGE "2  the command line is wrong\n"
#define EXIT_REACH "1  the node cannot be reached, or refused\n" EXIT_USAGE
#define EXIT_TIME  "5  no response in time\n"

#define FLAGS_READ  (WEIR_FLAGS_NODE | WEIR_FLAGS_OUTPUT)
#define FLAGS_WRITE (WEIR_FLAGS_NODE | WEIR_FLAGS_OUTPUT | WEIR_FLAGS_WRITE)

static const struct weir_command commands[] = {
    {
        .name = "apply",
        .usage = "-f FILE|DIR|- ...",
        .summary = "create or change what files describe",
        .description =
            "Reads all documents, checks them completely, and sends them to the node. When one of "
            "them is wrong, all errors of all files are written and nothing is sent. A document "
            "that is there already, word for word, is reported as unchanged and gets no new "
            "revision.\n\nFiles of error pages are read from the folder of their document and "
            "below it, and from folders that --allow-files names; a link that leads elsewhere is "
            "refused. A document from standard input reads none without --allow-files, and its "
            "names start from the current folder.\n\nA write is acknowledged when it is durable on "
            "the node and live on its workers. With more than "
            "20 documents only their number is reported; -o wide reports each of them.\n\nA host "
            "that lies below another tenant's wildcard, or a wildcard over another tenant's hosts, "
            "is refused: the more specific name gets the requests. --allow-overlap takes it all "
            "the same, and so does an entry in allow_overlap of the tenant that has the wildcard. "
            "What a tenant has already stays.",
        .examples = "weir apply -f shop.yaml\n"
                    "weir apply -f tenants/ --dry-run\n"
                    "weir get tenant shop -o yaml | sed s/old/new/ | weir apply -f -\n"
                    "weir apply -f shop.yaml --if-revision 3\n",
        .exits = "1  a document is wrong or was refused, or the node cannot be reached\n" EXIT_USAGE
                 "3  the node is too busy or is stopping, or --wait is not satisfied\n"
                 "4  the revision is not the one of --if-revision\n" EXIT_TIME,
        .flags = FLAGS_WRITE | WEIR_FLAGS_SOURCE | WEIR_FLAG_BIT(WEIR_FLAG_ALLOW_OVERLAP),
        .run = weir_cmd_apply,
    },
    {
        .name = "diff",
        .usage = "-f FILE|DIR|- ...",
        .summary = "show what apply would change",
        .description =
            "Compares each document with the node's, both in their canonical form, and prints the "
            "difference as diff -u does. When a comparison fails, for example since the node "
            "cannot be reached, the last line on standard error states that it is incomplete.",
        .examples = "weir diff -f shop.yaml\n"
                    "weir diff -f tenants/ || weir apply -f tenants/\n",
        .exits = "1  something differs or is wrong, or the node cannot be reached\n" EXIT_USAGE
            EXIT_TIME,
        .flags = WEIR_FLAGS_NODE | WEIR_FLAGS_SOURCE,
        .run = weir_cmd_diff,
    },
    {
        .name = "validate",
        .usage = "-f FILE|DIR|- ...",
        .summary = "check files completely, without a node",
        .description =
            "Checks documents of tenants and of nodes as apply and weir node would, and writes "
            "all errors of all files: file, line, column, field, value, allowed range.",
        .examples = "weir validate -f shop.yaml\n"
                    "git diff --name-only main -- '*.yaml' | xargs -I% weir validate -f %\n",
        .exits = "1  a document is wrong\n" EXIT_USAGE,
        .flags = WEIR_FLAGS_SOURCE,
        .run = weir_cmd_validate,
    },
    {
        .name = "fmt",
        .usage = "[-w] FILE|- ...",
        .summary = "bring files into their canonical form",
        .description =
            "Prints documents with their fields in the order of the schema and values in their "
            "shortest unit. With -w the file is replaced, and its name printed, when its form "
            "changes. The canonical form has no comments: a file with comments is only replaced "
            "with --drop-comments.",
        .examples = "weir fmt shop.yaml\n"
                    "weir fmt -w tenants/*.yaml\n",
        .exits = "1  a file is wrong, cannot be read or written, or has comments\n" EXIT_USAGE,
        .flags = WEIR_FLAG_BIT(WEIR_FLAG_WRITE) | WEIR_FLAG_BIT(WEIR_FLAG_DROP_COMMENTS),
        .num_args_min = 1,
        .num_args_max = WEIR_CLI_ARGS_ANY,
        .run = weir_cmd_fmt,
    },
    {
        .name = "get",
        .usage = "[tenant [NAME...]]\ntenant/NAME...\n-f FILE ...",
        .summary = "list tenants, show some, or watch them",
        .description =
            "Without a name: all tenants in the order of their names, or of --sort. With names, "
            "or with -f those of the documents in a file: these tenants; -o yaml and -o json then "
            "give documents that can be applied again.\n\nWith --watch: what there is, and from "
            "then on a line for each tenant that is created, changed or deleted, until an "
            "interrupt ends it with exit code 0. The node is asked once a second; -o json gives an "
            "object a line. --limit reports on standard error when more tenants follow.",
        .examples = "weir get tenant\n"
                    "weir get tenant --prefix shop- -o wide\n"
                    "weir get tenant --sort -applied --limit 10\n"
                    "weir get tenant shop -o yaml > shop.yaml\n"
                    "weir get tenant/shop tenant/blog\n"
                    "weir get -w -o json | jq -r .tenant.name\n",
        .exits = "1  there is no such tenant, or the node cannot be reached\n" EXIT_USAGE EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_PREFIX) | WEIR_FLAG_BIT(WEIR_FLAG_FILE) |
                 WEIR_FLAG_BIT(WEIR_FLAG_WATCH) | WEIR_FLAG_BIT(WEIR_FLAG_SORT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_LIMIT),
        .num_args_max = WEIR_CLI_ARGS_ANY,
        .run = weir_cmd_get,
    },
    {
        .name = "edit",
        .usage = "tenant NAME\ntenant/NAME",
        .summary = "change a tenant in your editor",
        .description =
            "Opens the tenant's document in $VISUAL, else $EDITOR, else vi, and applies what is "
            "saved. When something is wrong with it, the editor opens again with the errors on "
            "top; when the text stays wrong, they are on standard error as well. A text that is "
            "left as it was, or empty, or whose file is removed, changes nothing (exit code "
            "0).\n\nIt is applied only "
            "to the revision that it began from: when somebody else changed the tenant meanwhile, "
            "nothing is written and the exit code is 4. A text that could not be applied stays in "
            "a file, whose name is printed.\n\nError pages may name files only in folders that "
            "--allow-files names.",
        .examples = "weir edit tenant shop\n"
                    "VISUAL='code --wait' weir edit tenant/shop\n"
                    "EDITOR='sed -i s/10.0.0.1/10.0.0.2/' weir edit tenant shop\n",
        .exits =
            "1  the text was wrong and left so, the editor failed, or the node is away\n" EXIT_USAGE
            "3  the node is too busy or is stopping, or --wait is not satisfied\n"
            "4  the tenant was changed meanwhile\n" EXIT_TIME,
        .flags = WEIR_FLAGS_NODE | WEIR_FLAGS_OUTPUT | WEIR_FLAG_BIT(WEIR_FLAG_WAIT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_DRY_RUN) | WEIR_FLAG_BIT(WEIR_FLAG_ALLOW_FILES),
        .num_args_min = 1,
        .num_args_max = 2,
        .run = weir_cmd_edit,
    },
    {
        .name = "delete",
        .usage = "tenant NAME...\ntenant/NAME...\n-f FILE ...\n--prefix TEXT [--yes]",
        .summary = "delete tenants",
        .description =
            "Requests for their hosts are unknown from then on, or go to the tenant that claimed "
            "them later. The last revisions stay: weir rollback brings a tenant back.\n\nAll "
            "names are checked before the first tenant is deleted; a tenant that cannot be deleted "
            "is reported and does not stop the others. With -f: the tenants of the documents in a "
            "file. With --prefix: all whose name begins so; their number must be typed on the "
            "terminal, or --yes be given.",
        .examples = "weir delete tenant shop\n"
                    "weir delete tenant/shop tenant/blog\n"
                    "weir get -o name --prefix old- | xargs weir delete\n"
                    "weir delete --prefix old- --dry-run\n"
                    "weir delete tenant shop --if-revision 7\n",
        .exits = "1  a tenant could not be deleted, or the node cannot be reached\n" EXIT_USAGE
                 "3  the node is too busy or is stopping, or --wait is not satisfied\n"
                 "4  the revision is not the one of --if-revision\n" EXIT_TIME,
        .flags = FLAGS_WRITE | WEIR_FLAG_BIT(WEIR_FLAG_FILE) | WEIR_FLAG_BIT(WEIR_FLAG_PREFIX) |
                 WEIR_FLAG_BIT(WEIR_FLAG_YES),
        .num_args_max = WEIR_CLI_ARGS_ANY,
        .run = weir_cmd_delete,
    },
    {
        .name = "history",
        .usage = "tenant NAME\ntenant/NAME",
        .summary = "the last revisions of a tenant",
        .description =
            "When each was applied, by whom, and which fields it changed; the newest first, at "
            "most 16. A deletion is a row of its own, with the revision that was deleted: weir "
            "rollback brings that revision back.",
        .examples = "weir history tenant shop\n"
                    "weir history tenant shop -o json\n",
        .exits = "1  there is no such tenant, or the node cannot be reached\n" EXIT_USAGE EXIT_TIME,
        .flags = FLAGS_READ,
        .num_args_min = 1,
        .num_args_max = 2,
        .run = weir_cmd_history,
    },
    {
        .name = "rollback",
        .usage = "tenant NAME REVISION\ntenant/NAME REVISION",
        .summary = "apply an old revision as a new one",
        .description =
            "The old document is checked by today's rules and gets a new revision; the history "
            "keeps both. Brings back a deleted tenant as well.",
        .examples = "weir rollback tenant shop 3\n"
                    "weir rollback tenant shop 3 --dry-run\n",
        .exits =
            "1  there is no such tenant or revision, or the node cannot be reached\n" EXIT_USAGE
            "3  the node is too busy or is stopping, or --wait is not satisfied\n"
            "4  the revision is not the one of --if-revision\n" EXIT_TIME,
        .flags = FLAGS_WRITE | WEIR_FLAG_BIT(WEIR_FLAG_ALLOW_OVERLAP),
        .num_args_min = 2,
        .num_args_max = 3,
        .run = weir_cmd_rollback,
    },
    {
        .name = "export",
        .usage = "[FOLDER|FILE|-] [-o yaml|json] [--with-keys | --digest]",
        .summary = "all documents of a node: the backup",
        .description =
            "Writes every document, of all kinds, in the order of their names, in the form that "
            "apply and import take: into an empty or new folder one file each, or into one file, "
            "or to standard output. A file is YAML, or one JSON object a line when its name ends "
            "in .json, .jsonl or .ndjson, or with -o json. It has its name only when it is whole "
            "and on the disk.\n\nThe node goes on taking writes: a document that is written "
            "meanwhile is there as it was before or as it is after. The export does not contain "
            "histories, revision numbers, the user and time of each change, and which of two "
            "tenants that claim the same name was first.\n\nCertificates are written with their "
            "keys "
            "sealed: such a backup can be imported where the same secret is, and nowhere else, so "
            "keep a copy of the file `secret` of the node's data folder, or of the cluster's. With "
            "--with-keys they are in clear: guard that file.\n\nThe digest is made of the "
            "documents "
            "alone, so that two nodes "
            "with equal documents have equal digests. --digest writes the digest and nothing else. "
            "It finds differences, and is no proof against forgery.",
        .examples = "weir export backup/\n"
                    "weir export weir-$(date +%F).jsonl\n"
                    "weir export | weir --node unix:/run/other/admin.sock import -\n"
                    "weir export --with-keys weir-with-keys.yaml\n"
                    "weir export --digest\n",
        .exits = "1  the export is not whole, or the node cannot be reached\n" EXIT_USAGE EXIT_TIME,
        .flags = WEIR_FLAGS_NODE | WEIR_FLAG_BIT(WEIR_FLAG_OUTPUT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_DIGEST) | WEIR_FLAG_BIT(WEIR_FLAG_WITH_KEYS),
        .num_args_max = 1,
        .run = weir_cmd_export,
    },
    {
        .name = "import",
        .usage = "[FOLDER|FILE|-]",
        .summary = "take in what export wrote, or any documents",
        .description =
            "Reads documents, YAML or JSON, any number of them, of a folder and the folders below "
            "it, of a file, or from standard input, and sends them in batches while it reads. A "
            "document that is wrong or refused is reported with its file and line and left out; "
            "the others go in. Nothing is deleted.\n\nIt can be run again at any time, also after "
            "it was cut: what is on the node already is reported as unchanged. Of a name that is "
            "described twice the later document wins.\n\nNames that overlap those of another "
            "tenant are refused as by apply. A backup of a node that has such names needs "
            "--allow-overlap.",
        .examples = "weir import backup/\n"
                    "weir import backup.jsonl --dry-run\n"
                    "zcat backup.yaml.gz | weir import -\n",
        .exits = "1  a document was wrong or refused, or the node cannot be reached\n" EXIT_USAGE
                 "3  the node takes no writes now, or --wait is not satisfied\n" EXIT_TIME,
        .flags = WEIR_FLAGS_NODE | WEIR_FLAG_BIT(WEIR_FLAG_OUTPUT) | WEIR_FLAG_BIT(WEIR_FLAG_WAIT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_DRY_RUN) | WEIR_FLAG_BIT(WEIR_FLAG_ALLOW_OVERLAP),
        .num_args_max = 1,
        .run = weir_cmd_import,
    },
    {
        .name = "route",
        .usage = "test URL",
        .summary = "what would happen to a request, and by which rule",
        .description =
            "Asks the node, by the same code that serves requests: which tenant, which redirect "
            "or route, with the rule as the tenant's document has it, which upstream, and what it "
            "knows of each endpoint: \"marked out\" after failed connections, or \"not checked\", "
            "since this version has no health checks. An https URL is refused by a node without a "
            "TLS listener.",
        .examples = "weir route test http://shop.example.com/api/cart\n"
                    "weir route test http://shop.example.com/ --client 198.51.100.7\n",
        .exits = "1  nothing serves the URL, or the node cannot be reached\n" EXIT_USAGE EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_METHOD) | WEIR_FLAG_BIT(WEIR_FLAG_CLIENT),
        .num_args_min = 2,
        .num_args_max = 2,
        .run = weir_cmd_route,
    },
    {
        .name = "redirect",
        .usage = "test URL --tenant NAME",
        .summary = "which redirect of a tenant applies to a URL",
        .description =
            "Tries the redirects of one tenant alone, whichever tenant serves the URL's host now.",
        .examples = "weir redirect test http://shop.example.com/old/page --tenant shop\n",
        .exits = EXIT_REACH EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_TENANT),
        .num_args_min = 2,
        .num_args_max = 2,
        .run = weir_cmd_redirect,
    },
    {
        .name = "status",
        .usage = "[--watch]",
        .summary = "the nodes: state, load, conflicts, warnings",
        .description =
            "One line for each node, and the warnings below. -o wide shows the store, memory and "
            "what a node has of the others. -o name prints node/NAME for scripts that log or count "
            "nodes: `weir get` takes tenants only. --watch shows it anew every two seconds, until "
            "an interrupt ends it with exit code 0.",
        .examples = "weir status\n"
                    "weir status --watch -o wide\n"
                    "weir status -o json | jq '.nodes[].state'\n",
        .exits = EXIT_REACH "3  a node does not serve, or nodes hold different things\n" EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_WATCH),
        .run = weir_cmd_status,
    },
    {
        .name = "doctor",
        .usage = "",
        .summary = "find what will become trouble, and show what to do",
        .description =
            "Clock, descriptors, use of the store, readers, ports, endpoints that cannot be "
            "reached.",
        .examples = "weir doctor\n"
                    "weir doctor -o json\n",
        .exits = "1  a check failed, or the node cannot be reached\n" EXIT_USAGE EXIT_TIME,
        .flags = FLAGS_READ,
        .run = weir_cmd_doctor,
    },
    {
        .name = "drain",
        .usage = "[--deadline D] [--wait]",
        .summary = "let a node finish its work and end",
        .description =
            "The node takes no new connections, finishes the requests that it has begun, and ends "
            "when that is done or the deadline has passed; what still runs then is cut. The "
            "response states the deadline that is in force.\n\nA second drain moves the deadline, "
            "earlier or later. Until the drain is over, weir undrain takes it back. weir status "
            "shows a node that drains.\n\nReturns at once; with --wait it shows how many "
            "connections and requests are left, and returns with the outcome.",
        .examples = "weir drain\n"
                    "weir drain --deadline 5m --wait\n"
                    "weir drain --deadline 0s\n",
        .exits =
            EXIT_REACH "5  no response in time; --wait: connections were cut at the deadline\n",
        .flags = WEIR_FLAGS_NODE | WEIR_FLAG_BIT(WEIR_FLAG_DEADLINE) |
                 WEIR_FLAG_BIT(WEIR_FLAG_WAIT_DONE),
        .run = weir_cmd_drain,
    },
    {
        .name = "undrain",
        .usage = "",
        .summary = "take a drain back: the node serves again",
        .description =
            "The node listens again on the same addresses and is ready for traffic. Connections "
            "that the drain has closed stay closed. A node whose drain is over ends, and cannot "
            "be held back. A node that does not drain goes on as it is.",
        .examples = "weir drain --deadline 1h\n"
                    "weir undrain\n",
        .exits =
            "1  the node is ending already, cannot listen again, or cannot be reached\n" EXIT_USAGE
            "3  the node is busy with the change before: try again\n" EXIT_TIME,
        .flags = WEIR_FLAGS_NODE,
        .run = weir_cmd_undrain,
    },
    {
        .name = "reload",
        .usage = "",
        .summary = "read the node file again, and take over what can change",
        .description =
            "Takes over listen.http, admin.metrics, admin.tls (whose files are read again), "
            "limits.connections, limits.memory, "
            "limits.store (up to four times that of the start), log.access, "
            "log.level, clients and trusted_proxies, all or nothing: a file with a fault, or an "
            "address "
            "that cannot be listened on, changes nothing, and every fault is written. Connections "
            "of a listener that goes live on; a lower limit closes nothing.\n\nEach other key "
            "that differs is named in a warning: it needs a restart, and the exit code is 0 all "
            "the same. The access log is opened anew, as logrotate wants it. SIGHUP does all of "
            "this, with its outcome in the log. weir node --check checks the file first, beside "
            "the running node.",
        .examples = "weir node --check --config /etc/weir/node.yaml && weir reload\n"
                    "kill -HUP $(pidof weir)\n",
        .exits = "1  the file has a fault, nothing was changed; or the node cannot be "
                 "reached\n" EXIT_USAGE
                 "3  another reload runs, or the node drains: try again\n" EXIT_TIME,
        .flags = WEIR_FLAGS_NODE,
        .run = weir_cmd_reload,
    },
    {
        .name = "log-level",
        .usage = "[LEVEL] [--tenant NAME | --address PREFIX] [--reset]",
        .summary = "how much a node logs, for all or for one tenant",
        .description =
            "Without a level it shows what is in force. LEVEL is error, warn, info, debug or "
            "trace: debug logs the life of a connection in a few lines, trace each move of its "
            "state. With --tenant or --address the level holds for the lines about that tenant or "
            "these clients, in addition to the general level; at most 16 of them.\n\nIt lasts "
            "until --reset or the end of the node. --reset alone goes back to log.level of the "
            "node file and removes all others; with --tenant or --address it removes that one.",
        .examples = "weir log-level\n"
                    "weir log-level debug --tenant shop\n"
                    "weir log-level trace --address 198.51.100.7\n"
                    "weir log-level --reset\n",
        .exits = "1  there is no such tenant or level, or the node cannot be reached\n" EXIT_USAGE
            EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_TENANT) | WEIR_FLAG_BIT(WEIR_FLAG_ADDRESS) |
                 WEIR_FLAG_BIT(WEIR_FLAG_RESET),
        .num_args_max = 1,
        .run = weir_cmd_log_level,
    },
    {
        .name = "logs",
        .usage = "[-f] [--tenant NAME] [--tail N] [--since D]",
        .summary = "the last access records, and those to come",
        .description =
            "One JSON object a line, in the order of time over all workers. Without -f: the "
            "records "
            "that the node still has in memory, up to 1 MiB. With log.access off a node has none; "
            "-f shows those to come all the same, each about a second after it was made.\n\nWhen "
            "the node ends, -f writes what is left and a note, and ends with 0. A tenant that the "
            "node never had is an error.",
        .examples = "weir logs\n"
                    "weir logs --tail 20\n"
                    "weir logs --since 15m --tenant shop\n"
                    "weir logs -f --tenant shop | jq 'select(.status >= 500)'\n",
        .exits = EXIT_REACH EXIT_TIME,
        .flags = WEIR_FLAGS_NODE | WEIR_FLAG_BIT(WEIR_FLAG_FOLLOW) |
                 WEIR_FLAG_BIT(WEIR_FLAG_TENANT) | WEIR_FLAG_BIT(WEIR_FLAG_TAIL) |
                 WEIR_FLAG_BIT(WEIR_FLAG_SINCE),
        .run = weir_cmd_logs,
    },
    {
        .name = "cert",
        .usage =
            "add --tenant NAME --cert FILE [--key FILE] [--chain FILE] [--password-file FILE]\n"
            "add --tenant NAME --dir DIR [--password-file FILE]\nlist [--tenant NAME]\n"
            "show ID...\ndelete ID...\nlink HOST ID [--remove]\nlink --default ID [--remove]",
        .summary = "certificates of tenants",
        .description =
            "add takes PEM, DER (CER, CRT), P7B and P12 (PFX), recognised by content and not by "
            "name, with the certificates in any order; keys in PKCS #8, encrypted or not, PKCS #1 "
            "and SEC 1. It checks that key and certificate belong together, that the chain links, "
            "names, dates, the size of the key and the signatures, and writes all that is wrong at "
            "once. With --dir: every certificate below a folder whose key is in it, too, however "
            "the files are called; what fails is listed, the rest is added.\n\nThe node stores the "
            "key sealed under its secret, and never shows it. A certificate serves the names in "
            "it: the exact name before a wildcard, ECDSA before RSA where the client takes both, "
            "the newest of several. link gives a host another one, whatever its names are; "
            "link --default is for clients that name no host. One that has expired is served on "
            "while there is no better one: weir status warns from 14 days before.\n\nAn ID may be "
            "cut to its begin, and TENANT/ID stands for the certificate of one tenant. show "
            "-o wide has the chain as PEM.",
        .examples = "weir cert add --tenant shop --cert shop.crt --key shop.key --chain ca.crt\n"
                    "weir cert add --tenant shop --cert shop.pfx --password-file pass.txt\n"
                    "weir cert add --tenant shop --dir /etc/letsencrypt/live\n"
                    "weir cert list --tenant shop\n"
                    "weir cert link www.shop.example 3f9a\n"
                    "weir cert delete 3f9ac07be42d\n",
        .exits = "1  a certificate was refused, or there is none of that ID, or the node cannot be "
                 "reached\n" EXIT_USAGE EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_WAIT) | WEIR_FLAG_BIT(WEIR_FLAG_DRY_RUN) |
                 WEIR_FLAG_BIT(WEIR_FLAG_TENANT) | WEIR_FLAG_BIT(WEIR_FLAG_CERT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_KEY) | WEIR_FLAG_BIT(WEIR_FLAG_CHAIN) |
                 WEIR_FLAG_BIT(WEIR_FLAG_DIR) | WEIR_FLAG_BIT(WEIR_FLAG_PASSWORD_FILE) |
                 WEIR_FLAG_BIT(WEIR_FLAG_FORCE) | WEIR_FLAG_BIT(WEIR_FLAG_DEFAULT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_REMOVE),
        .num_args_min = 1,
        .num_args_max = WEIR_CLI_ARGS_ANY,
        .run = weir_cmd_cert,
    },
    {
        .name = "token",
        .usage = "create [--scope SCOPE] [--comment TEXT] [--ttl D]\nlist\nrevoke ID...",
        .summary = "who may use a node's admin API from elsewhere",
        .description =
            "A client over TCP (admin.listen of the node file) sends a token with each request. "
            "The local socket needs none. create prints a new token, and this once only: nodes "
            "have its hash. list shows what there is, revoke ends one by its id; both hold for "
            "open connections, too.\n\nScopes: admin may do everything; read may look at "
            "everything but tokens, and change nothing; tenant:NAME may read and change that one "
            "tenant, and read its access records, and nothing of the node or of others. Several "
            "wrong tokens from one address make it wait.",
        .examples = "weir token create --comment 'ops laptop' --ttl 720h\n"
                    "weir token create --scope tenant:shop --comment 'shop pipeline'\n"
                    "weir token list\n"
                    "weir token revoke 1f3a9c07be42\n",
        .exits = "1  the node cannot be reached or refused, or there is no such token\n" EXIT_USAGE
            EXIT_TIME,
        .flags = FLAGS_READ | WEIR_FLAG_BIT(WEIR_FLAG_SCOPE) | WEIR_FLAG_BIT(WEIR_FLAG_COMMENT) |
                 WEIR_FLAG_BIT(WEIR_FLAG_TTL),
        .num_args_min = 1,
        .num_args_max = WEIR_CLI_ARGS_ANY,
        .run = weir_cmd_token,
    },
    {
        .name = "completion",
        .usage = "bash|zsh",
        .summary = "completions for a shell",
        .description =
            "Prints a script that completes commands, flags, the values of flags, and the names of "
            "tenants of the node that the command line, $WEIR_NODE or the default names. In zsh it "
            "is either sourced, or a file _weir in a folder of $fpath.",
        .examples = "weir completion bash > /etc/bash_completion.d/weir\n"
                    "source <(weir completion bash)\n"
                    "weir completion zsh > \"${fpath[1]}/_weir\"\n"
                    "echo 'source <(weir completion zsh)' >> ~/.zshrc\n",
        .exits = EXIT_USAGE,
        .num_args_min = 1,
        .num_args_max = 1,
        .run = weir_cmd_completion,
    },
    {
        .name = "version",
        .usage = "",
        .summary = "the version of this program",
        .description = "weir status shows the version of the node.",
        .examples = "weir version\n",
        .exits = EXIT_USAGE,
        .run = weir_cmd_version,
    },
    {
        .name = "help",
        .usage = "[COMMAND]\ntenant[.FIELD...]\nnode[.FIELD...]",
        .summary = "the page of a command, or the reference of a document",
        .description =
            "weir help tenant and weir help node explain every field of these documents: its "
            "type, unit, range, default and meaning. Behind a dot: one field and all that is below "
            "it.",
        .examples = "weir help apply\n"
                    "weir help tenant | less\n"
                    "weir help tenant.routes\n"
                    "weir help tenant.upstreams.health\n",
        .exits = EXIT_USAGE,
        .num_args_max = 1,
        .run = weir_cmd_help,
    },
};

/* Words of the whole interface whose features come later. */
static const char *const planned[] = { "blacklist",  "whitelist", "ip",       "health", "node-id",
                                       "join-token", "upgrade",   "firewall", "top" };

const struct weir_command *weir_command_all(size_t *ret_num)
{
    *ret_num = WEIR_ARRAY_LEN(commands);
    return commands;
}

const struct weir_command *weir_command_find(const char *name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

bool weir_command_is_planned(const char *name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(planned); i++)
        if (strcmp(planned[i], name) == 0)
            return true;
    return false;
}
