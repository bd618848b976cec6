// Reads OTLP JSON lines with OpenTelemetry's own protobuf classes, brings them
// through the binary form and back, and holds them against the report of the
// same run. usage: node read_otlp.js TRACES.otlp.jsonl REPORT.json
"use strict";
const fs = require("fs");
const assert = require("assert");
const { TracesData } = require(
    "@opentelemetry/otlp-transformer/build/src/generated/root.js")
    .opentelemetry.proto.trace.v1;

const IDS = new Set(["traceId", "spanId", "parentSpanId"]);
// The JSON form has ids in hexadecimal where protobuf's own has base64.
const map = (value, change) => Array.isArray(value)
    ? value.map((each) => map(each, change))
    : value && typeof value === "object"
        ? Object.fromEntries(Object.entries(value).map(([name, each]) =>
            [name, IDS.has(name) ? change(each) : map(each, change)]))
        : value;
const toBytes = (hex) => {
    assert.match(hex, /^([0-9a-f]{16}|[0-9a-f]{32})$/);
    assert.doesNotMatch(hex, /^0+$/);
    return Buffer.from(hex, "hex");
};

const report = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const text = fs.readFileSync(process.argv[2], "utf8");
assert.ok(text.endsWith("\n"));
const traces = new Set();
const latencies = [];
let spans = 0;

for (const line of text.slice(0, -1).split("\n")) {
    const written = JSON.parse(line);
    const plain = map(written, toBytes);
    const message = TracesData.fromObject(plain);
    assert.strictEqual(TracesData.verify(message), null);
    const bytes = TracesData.encode(message).finish();
    const back = TracesData.toObject(TracesData.decode(bytes),
        { longs: String });
    // Nothing may have been dropped as unknown, nor changed.
    assert.deepStrictEqual(
        map(back, (id) => Buffer.from(id).toString("hex")), written);

    const [resource] = back.resourceSpans;
    const names = resource.resource.attributes.map((each) => each.key);
    assert.ok(names.includes("service.name"));
    const own = new Map(written.resourceSpans[0].scopeSpans[0].spans.map(
        (span) => [span.spanId, span]));
    const all = written.resourceSpans[0].scopeSpans[0].spans;
    assert.strictEqual(own.size, all.length, "two spans with one id");
    assert.ok(!traces.has(all[0].traceId), "two runs with one trace");
    traces.add(all[0].traceId);
    for (const [place, span] of all.entries()) {
        assert.strictEqual(span.traceId, all[0].traceId);
        assert.strictEqual(place > 0, own.has(span.parentSpanId));
        for (const link of span.links ?? [])
            assert.ok(own.has(link.spanId));
        assert.ok(BigInt(span.startTimeUnixNano) <=
                  BigInt(span.endTimeUnixNano));
    }
    const attribute = (name) => all[0].attributes.find(
        (each) => each.key === name).value;
    const number = BigInt(attribute("perdure.run").intValue);
    if (attribute("perdure.end").stringValue !== "open" && number < 1n << 39n)
        latencies.push(Number(BigInt(all[0].endTimeUnixNano) -
                              BigInt(all[0].startTimeUnixNano)));
    spans += all.length;
}
assert.strictEqual(latencies.length, report.latency.run.count);
if (latencies.length > 0) {
    assert.strictEqual(Math.max(...latencies), report.latency.run.max_ns);
    assert.strictEqual(Math.min(...latencies), report.latency.run.min_ns);
}
console.log(`${traces.size} traces with ${spans} spans read back`);
