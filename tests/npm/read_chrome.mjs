// Reads a trace with the trace engine of Chromium's developer tools and holds
// what it found against the file and the report of the same run.
// usage: node read_chrome.mjs MODULES TRACE.json REPORT.json
import assert from "node:assert";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

// It draws nothing here, but wants to know what a rectangle is.
globalThis.DOMRect ??= class {};

const [modules, file, reportFile] = process.argv.slice(2);
const { TraceModel, Helpers } = await import(pathToFileURL(path.resolve(
    modules, "@paulirish/trace_engine/models/trace/trace.js")));
const trace = JSON.parse(fs.readFileSync(file, "utf8"));
const report = JSON.parse(fs.readFileSync(reportFile, "utf8"));
const of = (phase) => trace.traceEvents.filter((each) => each.ph === phase);

const model = TraceModel.Model.createWithAllHandlers();
await model.parse(structuredClone(trace.traceEvents), {});
const { data } = model.parsedTrace();
assert.strictEqual(data.Flows.flows.length, of("s").length);
for (const [before, after] of data.Flows.flows) {
    assert.strictEqual(before.args.run, after.args.run);
    // Code that was interrupted may run again as the same attempt.
    assert.ok(before.args.attempt <= after.args.attempt);
    assert.ok(before.ts < after.ts);
}
const names = of("M").filter((each) => each.name === "process_name");
assert.strictEqual(data.Meta.processNames.size, names.length);

// Each pair of asynchronous events is one, whatever else goes on meanwhile.
const begun = of("b");
const pairs = Helpers.Trace.createMatchedSortedSyntheticEvents(
    trace.traceEvents.filter((each) => each.ph === "b" || each.ph === "e"));
assert.strictEqual(pairs.length, begun.length);
assert.strictEqual(new Set(begun.map((each) => each.id)).size, begun.length);
for (const pair of pairs)
    assert.ok(pair.dur >= 0);

// What a thread shows must nest; here it is one after another.
const ends = new Map();
for (const each of of("X")) {
    const thread = `${each.pid}/${each.tid}`;
    // The file is exact to the nanosecond, a sum of two doubles is not.
    assert.ok((ends.get(thread) ?? 0) <= each.ts + 0.0005, thread);
    ends.set(thread, each.ts + each.dur);
}

const runs = begun.filter((each) => each.cat === "run");
assert.strictEqual(runs.length, trace.otherData.runs);
const most = Math.max(0, ...pairs.filter((each) => each.cat === "run" &&
    each.args.data.beginEvent.args.end !== "open" &&
    each.args.data.beginEvent.args.run < 2 ** 39).map((each) => each.dur));
assert.ok(Math.abs(most * 1000 - report.latency.run.max_ns) < 1000);
console.log(`${pairs.length} activities, ${of("X").length} pieces of code and ` +
    `${data.Flows.flows.length} arrows read back`);
