"""Holds the JSON Schemas against the program: usage in ci/schemas."""
import glob, json, os, re, subprocess, sys

import corpus
import mutate
import parts

program = os.environ.get("PERDURE", "build/perdure")
npm = os.environ.get("NPM", "")
here, out = "tests/schema", "build/check/schemas"
golden = f"{here}/messages.txt"
main = "scenarios/scenario.schema.json"
schemas = {"scenario": main, "workflow": "scenarios/workflow.schema.json",
           "limits": "scenarios/limits.schema.json",
           "gate-policy": "scenarios/gate-policy.schema.json",
           "functions": "scenarios/functions.schema.json"}

# Why the program refuses what a schema lets through, by directory of
# tests/schema/beyond, and how it says so.
beyond = {
    "names": r"found (node|output|input|step|step with an effect|workflow|platform|profile|point|"
             r"class of error|part|runtime|trace|coordinator|worker|store) \".*\", allowed "
             r"|which is a (wait|callback), allowed steps|for \"start\" of \d+ values, allowed "
             r"|a built-in profile's name|allowed only where a step has an effect",
    "files": r"found no file \"",
    "twice": r"found a second (node|branch|step|swarm)|two rules are named"
             r"|here and in \"overrides\"|twice, allowed each once",
    "amounts": r", allowed \"[^\"]+\" to \"[^\"]+\"$|longer than 292 years|finer than a|of a million"
               r"|not a whole number of bytes|that is out of range|digits? after the point"
               r"|decimal digits up to|above 2\^53|found \d+ [\w-]+, allowed \d+ to \d+$"
               r"|found the (moment|schedule) |of nothing, allowed more|more digits than can be kept",
    "together": r"found skew_bound|found request_timeout|found inline_max|found inputs of"
                r"|found a delay above max_delay|of a step that is irreversible|at_least_once of an"
                r"|exactly_once needs|no_retry allows one|only a reversible step|must be (at most|below)"
                r"|an effect of a step that is read_only|a key without an effect|in a graph that the"
                r"|a node that a graph does not have|\"needs\" of a graph|\"capacity\" with workflow"
                r"|\"platform\" of a step in a handler|branches, allowed at most as many"
                r"|found both \"nth\" and|cannot be carried out: (the|jitter|two|worker|store|coord|disk)"
                r"|ends before it starts|a lognormal that cannot be|quantiles out of order"
                r"|a time before the one|found a memory of|found a timeout (of|above)"
                r"|of a function that is not durable",
    "graphs": r"closes a cycle|found a second edge|no run can reach|that the engine refuses",
    "texts": r"again, allowed once|without point and exponent|out of range, allowed integers",
}


def fail(*words):
    sys.exit("FAIL " + " ".join(words))


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def store(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def by_program(files):
    """What `perdure validate` says: None, or the message, by file."""
    done = subprocess.run([program, "validate", *files], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode not in (0, 2):
        fail(f"perdure validate exits with {done.returncode}: {done.stderr[-500:]}")
    valid = {line[:-len(": valid")] for line in done.stdout.splitlines()}
    messages = iter(done.stderr.splitlines())
    said = {file: None if file in valid else next(messages) for file in files}
    if left := list(messages):
        fail("perdure validate says more than a line for a file:", *left[:3])
    return said


def by_schema(name, files):
    """What ajv says: None, or why, by file."""
    others = [main] if schemas[name] != main else []
    done = subprocess.run(["node", "tests/npm/validate.js", schemas[name], *others],
                          input="\n".join(files), stdout=subprocess.PIPE, encoding="utf-8",
                          env=dict(os.environ, NODE_PATH=f"{npm}/node_modules"), check=True)
    said = map(json.loads, done.stdout.splitlines())
    return {row["file"]: None if row["valid"] else row["why"] for row in said}


def described(node, path, found):
    """Collects the keys of a schema that no description explains."""
    if isinstance(node, list):
        for part in node:
            described(part, path, found)
    elif isinstance(node, dict):
        # Others only say more of keys that are described elsewhere.
        own = {"additionalProperties", "description", "title"} & set(node)
        for kind in ("properties", "patternProperties") if own else ():
            for key, part in node.get(kind, {}).items():
                if isinstance(part, dict) and "description" not in part and "$ref" not in part:
                    found.append(f"{path}/{key}")
        for key, part in node.items():
            if key not in ("examples", "default", "enum", "const"):
                described(part, f"{path}/{key}", found)
    return found


def check_schemas(write):
    whole = parts.show(parts.write_parts(json.loads(text_of(main)), program)) + "\n"
    if write:
        store(main, whole)
    elif whole != text_of(main):
        fail(f"{main} does not list what the program knows: ci/schemas --write")
    for path in schemas.values():
        if missing := described(json.loads(text_of(path)), path, []):
            fail("keys without a description:", *missing[:9])


def check_corpus(write):
    """The files are those of corpus.py. Returns the schema of each."""
    wanted = {f"{here}/{path}": (schema, text) for path, schema, text in corpus.files(parts.show)}
    there = {path for part in ("valid", "invalid", "beyond")
             for path in glob.glob(f"{here}/{part}/**/*.json", recursive=True)}
    if write:
        for path in there - set(wanted):
            os.remove(path)
        for path, (_, text) in wanted.items():
            store(path, text)
    for path, (_, text) in wanted.items():
        if not os.path.exists(path) or text_of(path) != text:
            fail(f"{path} is not as corpus.py has it: ci/schemas --write")
    if extra := there - set(wanted):
        if not write:
            fail("corpus.py does not know:", *sorted(extra)[:9])
    return {path: schema for path, (schema, _) in wanted.items()}


def reason_holds(path, message):
    reason = path.split("/")[3]
    return re.search(beyond[reason], message) is not None


def check_messages(said, write):
    """Each refused file has one line that begins with its place; all are kept."""
    lines = []
    for path, message in sorted(said.items()):
        if message is None:
            continue
        if not re.match(re.escape(path) + r":\d+:\d+: \S", message):
            fail(f"no file:line:col in the message of {path}: {message}")
        lines.append(message[len(here) + 1:])
    text = "\n".join(lines) + "\n"
    if write:
        store(golden, text)
    elif text != text_of(golden):
        store(f"{out}/messages.txt", text)
        fail(f"messages have changed: diff {golden} {out}/messages.txt; ci/schemas --write")


def check_verdicts(said, schema_of):
    """Both judge as the directory says."""
    judged = {}
    for name in schemas if npm else ():
        judged.update(by_schema(name, [path for path in said if schema_of[path] == name]))
    for path, message in said.items():
        kind = path.split("/")[2]
        if (message is None) != (kind == "valid"):
            fail(f"perdure judges {path} otherwise: {message or 'valid'}")
        if kind == "beyond" and not reason_holds(path, message):
            fail(f"{path} is refused for another reason: {message}")
        if npm and (judged[path] is None) != (kind != "invalid"):
            fail(f"the schema judges {path} otherwise: {judged[path] or 'valid'}")


def committed(of):
    done = subprocess.run(["git", "ls-files", *of], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return [path for path in done.stdout.splitlines() if path.endswith(".json")]


def kinds_of_files():
    """The committed files of users' kinds, by schema."""
    found = {name: [] for name in schemas}
    for path in committed(["scenarios", "tests/regress", "tests/bench", "tests/run/data"]):
        document = json.loads(text_of(path))
        if not isinstance(document, dict) or path.endswith(".schema.json"):
            continue
        if "why" in document and ("load" in document or "extends" in document) \
                and "limits" not in document:
            found["scenario"].append(path)
        elif "nodes" in document:
            found["workflow"].append(path)
        elif "functions" in document:
            found["functions"].append(path)
        elif "limits" in document and "profile" in document:
            found["limits"].append(path)
    return found


def check_committed():
    """What is in the tree is valid in both, but for what shows a refusal."""
    count = 0
    for name, files in kinds_of_files().items():
        if not files:
            continue
        said = by_program(files)
        judged = by_schema(name, files) if npm else {}
        for path in files:
            refused = json.loads(text_of(path)).get("exit") == 2
            if refused != (said[path] is not None):
                fail(f"{path}: {said[path] or 'valid, but its exit code is to be 2'}")
            if not refused and judged.get(path) is not None:
                fail(f"{path}: valid, but the schema says:{judged[path]}")
        count += len(files)
    return count


def documents(tree):
    """Valid scenarios to be edited: small, their workflow in them."""
    others = kinds_of_files()["scenario"] if tree else []
    for path in others + sorted(glob.glob(f"{here}/valid/*.json")):
        document = json.loads(text_of(path))
        if "limits" in document or not {"load", "extends"} & set(document):
            continue
        name = document.get("workflow")
        for place in (os.path.dirname(path), "scenarios"):
            if isinstance(name, str) and os.path.exists(f"{place}/{name}"):
                document["workflow"] = json.loads(text_of(f"{place}/{name}"))
                break
        if len(json.dumps(document)) < 12000:
            yield document


def bases_of(schema, tree):
    """What is edited: scenarios that stand alone, or the files of another kind."""
    found = list(documents(tree)) if schema == "scenario" else [
        value for name, value in corpus.OTHERS[schema].items() if name.startswith("valid/")]
    files = [f"{out}/base-{i}.json" for i in range(len(found))]
    for path, document in zip(files, found):
        store(path, json.dumps(document, ensure_ascii=False))
    said = by_program(files)  # elsewhere some do not find the files they name
    return [document for path, document in zip(files, found) if said[path] is None]


def kept_apart(schema, document):
    """What makes another kind of file of it is not edited."""
    marks = {"workflow": "nodes", "limits": "limits", "gate-policy": "schema",
             "functions": "functions"}
    return schema == "scenario" or (marks[schema] in document and "load" not in document
                                    and not set(marks.values()) - {marks[schema]} & set(document))


def check_mutants(seed, count, schema="scenario", tree=False):
    """Random edits are judged alike, or what a schema cannot see is the reason."""
    files = []
    for number, document in enumerate(mutate.mutants(bases_of(schema, tree), seed, count)):
        if kept_apart(schema, document):
            files.append(f"{out}/{schema}-{seed}-{number}.json")
            store(files[-1], json.dumps(document, indent=1, ensure_ascii=False))
    said, judged = by_program(files), by_schema(schema, files)
    any_reason = re.compile("|".join(beyond.values()))
    wrong, apart = [], 0  # what a file has that another extends, its schema cannot see
    for path in files:
        message, why = said[path], judged[path]
        if message is None and why is not None:
            wrong.append(f"{path}: valid, but the schema says:{why}")
        elif message is not None and why is None:
            apart += 1
            if '"extends"' not in text_of(path) and not any_reason.search(re.sub(r"^\S+?:\d+:\d+: ", "", message)):
                wrong.append(f"the schema takes {message}")
    if wrong:
        fail(f"{len(wrong)} of {count} edits are judged otherwise:\n" + "\n".join(wrong[:25]))
    valid = sum(message is None for message in said.values())
    return f"{count} random edits ({valid} valid, {apart} refused by perdure alone)"


def run(arguments):
    write = arguments[:1] == ["--write"]
    os.makedirs(out, exist_ok=True)
    if arguments[:1] == ["--mutants"]:
        for schema in arguments[3:] or schemas:
            print(f"{schema}: {check_mutants(int(arguments[1]), int(arguments[2]), schema, True)}")
        return
    check_schemas(write)
    schema_of = check_corpus(write)
    said = by_program(list(schema_of))
    check_messages(said, write)
    check_verdicts(said, schema_of)
    count = check_committed()
    edits = "no ajv: only perdure has judged"
    if npm:
        for schema in schemas:
            edits = check_mutants(1, 300, schema) if schema != "scenario" else edits
        edits = check_mutants(1, 1000)
    print(f"schemas: {len(said)} files of the corpus, {count} of the tree, {edits}")


run(sys.argv[1:])
