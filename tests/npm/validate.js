// Judges files by a JSON Schema (2020-12) with ajv, which was not written
// here. Names of files come on stdin, one a line; for each goes one line of
// JSON out: {"file": .., "valid": true|false, "why": ..}.
// usage: node validate.js SCHEMA [SCHEMA-IT-REFERS-TO...] <NAMES
"use strict";
const fs = require("fs");
const Ajv = require("ajv/dist/2020").default;

const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const [main, ...others] = process.argv.slice(2);
const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, strictTuples: false, allowMatchingProperties: true });
for (const other of others) ajv.addSchema(read(other), other.split("/").pop());
const validate = ajv.compile(read(main));

function judge(file) {
    let value;
    try {
        value = read(file);
    } catch (error) {
        return { file, valid: false, why: error.message };
    }
    const valid = validate(value);
    const first = valid ? undefined : validate.errors[validate.errors.length - 1];
    return { file, valid, why: first && `${first.instancePath} ${first.message}` };
}

for (const file of fs.readFileSync(0, "utf8").split("\n").filter(Boolean))
    console.log(JSON.stringify(judge(file)));
