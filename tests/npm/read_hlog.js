// Reads a HdrHistogram log with hdr-histogram-js and compares what it holds
// with the report of the same run. usage: node read_hlog.js LOG REPORT.json
"use strict";
const fs = require("fs");
const hdr = require("hdr-histogram-js");

const report = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const reader = new hdr.HistogramLogReader(
    fs.readFileSync(process.argv[2], "utf8"));
const encode = (text) => Array.from(Buffer.from(text), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9._-]/.test(letter)
        ? letter : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
}).join("");

const expected = new Map([[undefined, report.latency.run]]);
for (const step of report.latency.steps)
    for (const part of ["total", "dispatch", "code"])
        if (step[part].count > 0)
            expected.set(
                `${encode(step.workflow)}/${encode(step.step)}/${part}`,
                step[part]);

let read = 0;
let due = 0;
let before = -1;
const fail = (text) => {
    console.error(`read_hlog: ${text}`);
    process.exit(1);
};
// The report's percentiles are the tops of buckets, never above the maximum.
const same = (tag, what, found, wanted, max) => {
    if (found !== wanted && !(wanted === max && found >= max &&
                              found <= max * 1.04))
        fail(`${tag}: ${what} is ${found}, expected ${wanted}`);
};

for (let h; (h = reader.nextIntervalHistogram()) != null; read++) {
    const tag = h.tag === "NO TAG" ? undefined : h.tag;
    if (tag === "due") {
        if (h.startTimeStampMsec <= before)
            fail(`interval at ${h.startTimeStampMsec} ms after ${before} ms`);
        before = h.startTimeStampMsec;
        due += h.totalCount;
        read--;
        continue;
    }
    const wanted = expected.get(tag);
    if (!wanted)
        fail(`tag ${tag} is not expected`);
    if (h.totalCount !== wanted.count)
        fail(`${tag}: ${h.totalCount} values, expected ${wanted.count}`);
    same(tag, "p50", h.getValueAtPercentile(50), wanted.p50_ns, wanted.max_ns);
    same(tag, "p90", h.getValueAtPercentile(90), wanted.p90_ns, wanted.max_ns);
    same(tag, "p99", h.getValueAtPercentile(99), wanted.p99_ns, wanted.max_ns);
    same(tag, "max", h.maxValue, wanted.max_ns, wanted.max_ns);
}
if (read !== expected.size)
    fail(`read ${read} histograms, expected ${expected.size}`);
if (due !== report.latency.run.count)
    fail(`${due} values in intervals, expected ${report.latency.run.count}`);
console.log(`${read} histograms read back`);
