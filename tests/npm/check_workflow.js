// Reads workflows of GitHub with a validator that was not written here, and
// proves that it would have seen something: each is refused once a key that
// it needs is misspelt.
// usage: node check_workflow.js FILE...
"use strict";
const fs = require("fs");
const { validateWorkflow } = require("@action-validator/core");

for (const file of process.argv.slice(2)) {
    const text = fs.readFileSync(file, "utf8");
    const { errors } = validateWorkflow(text);
    if (errors.length > 0) {
        console.error(`${file}: ${JSON.stringify(errors, null, 1)}`);
        process.exit(1);
    }
    for (const key of ["runs-on:", "steps:", "uses:"]) {
        const broken = text.replace(key, `x-${key}`);
        if (broken === text || validateWorkflow(broken).errors.length === 0) {
            console.error(`${file}: without "${key}" it is still a workflow`);
            process.exit(1);
        }
    }
}
