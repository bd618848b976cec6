// Asks the JSON language service of VS Code, which many editors run, what it
// offers at places in files that name their schema as users' do, what it says
// of a word and what it marks as wrong.
// usage: node complete.js DIRECTORY-OF-SCHEMAS
"use strict";
const fs = require("fs");
const path = require("path");
const { pathToFileURL, fileURLToPath } = require("url");
const { getLanguageService, TextDocument } = require("vscode-json-languageservice");

const directory = path.resolve(process.argv[2]);
const service = getLanguageService({
    schemaRequestService: async (uri) => fs.promises.readFile(fileURLToPath(uri), "utf8"),
    workspaceContext: {
        resolveRelativePath: (relative, resource) => new URL(relative, resource).toString(),
    },
});
service.configure({ validate: true });

// Opens a text; a bar says where the cursor is.
function open(schema, text) {
    const whole = `{"$schema": "${schema}.schema.json", ${text}}`;
    const document = TextDocument.create(
        pathToFileURL(`${directory}/it.json`).toString(), "json", 1, whole.replace("|", ""));
    const position = document.positionAt(Math.max(0, whole.indexOf("|")));
    return { document, position, tree: service.parseJSONDocument(document) };
}

const offers = [
    ["scenario", '"engine": {|}', "lease", "checkpoint_window"],
    ["scenario", '"engine": {"journal": |}', '"wal"', '"rollback"'],
    ["scenario", '"faults": [{|}]', "crash", "network"],
    ["scenario", '"faults": [{"crash": "worker", "at": |}]', '"after effect, before report"'],
    ["scenario", '"faults": [{"defect": |}]', '"lease_no_fence"'],
    ["scenario", '"platform": {"profile": |}', '"lambda-2026"', '"local"'],
    ["scenario", '"platform": {"profile": "lambda-2026", |}', "memory", "runtime"],
    ["scenario", '"platform": {"profile": "k8s-default", "overrides": {|}}', "node_cpu"],
    ["scenario", '"expect": {|}', "stuck runs", "fired:disk/write"],
    ["scenario", '"workflow": {"nodes": [{"side_effect": |}]}', '"idempotent"'],
    ["scenario", '"load": {"arrivals": {|}}', "rate", "trace"],
    ["workflow", '"nodes": [{"type": |}]', '"callback"', '"map"'],
    ["limits", '"limits": {|}', "history_ops"],
    ["gate-policy", '"wall": {|}', "level"],
    ["functions", '"functions": {"order": {|}}', "handler", "execution_timeout"],
];
const rest = '"why": "w", "workflow": "w.json", "load": {"arrivals": {"every": "1s"}}';
const marks = [
    ["scenario", `${rest}, "engine": {"lease": "20sec"}`, 1],
    ["scenario", `${rest}, "engine": {"leese": "20s"}`, 1],
    ["scenario", `${rest}, "engine": {"lease": "20s"}`, 0],
    ["gate-policy", '"schema": "perdure.gate-policy/1", "default": 2', 1],
];

function fail(...words) {
    console.error("FAIL", ...words);
    process.exit(1);
}

async function main() {
    for (const [schema, text, ...wanted] of offers) {
        const { document, position, tree } = open(schema, text);
        const found = await service.doComplete(document, position, tree);
        const labels = found.items.map((item) => item.label);
        for (const label of wanted)
            if (!labels.includes(label)) fail(`${text} offers ${labels}, and not ${label}`);
    }
    for (const [schema, text, count] of marks) {
        const { document, tree } = open(schema, text);
        const wrong = await service.doValidation(document, tree);
        if ((wrong.length > 0) !== (count > 0))
            fail(`${text} is marked ${wrong.length} times:`, ...wrong.map((one) => one.message));
    }
    const { document, position, tree } = open("scenario", '"engine": {"le|ase": "20s"}');
    const hover = await service.doHover(document, position, tree);
    if (!JSON.stringify(hover).includes("owns a run without renewing"))
        fail("no description of lease:", JSON.stringify(hover));
    console.log(`editors: ${offers.length} places complete, ${marks.length} files are marked as they are`);
}

main();
