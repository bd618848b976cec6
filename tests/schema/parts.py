"""The parts of scenarios/scenario.schema.json that are lists of what the program
knows (points, defects, classes of errors, limits, parameters of platforms), as
it says them itself, and the form in which the file is written."""
import json, subprocess, textwrap

KINDS = {"count": None, "count or none": None, "money": None, "choice": None, "name": None,
         "duration": "duration", "size": "size", "memory": "size", "share": "share",
         "rate": "rate", "distribution": "distribution"}
PLAIN = ("stuck runs", "blocked runs", "failed runs", "succeeded runs", "cancelled runs",
         "stopped runs", "timed-out runs", "drain after faults", "takeovers", "fenced writes",
         "throttled", "killed", "warned places", "shortest notice")


def ask(program, *arguments):
    done = subprocess.run([program, *arguments, "--json"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def names(of, title):
    """An editor shows it beside the description of the key; a description would replace that."""
    return {"title": title, "enum": of}


def limit(row):
    unit = ref("duration") if row["unit"] == "s" else ref("size") if row["unit"] == "bytes" else \
        {"type": "integer", "minimum": 0, "maximum": 9007199254740991}
    return {"description": row["note"] or row["name"].replace("_", " "),
            "anyOf": [unit, {"enum": ["none"]}]}


def value(row):
    """What a parameter of a platform may be."""
    takes = row["takes"]
    number = {"type": "integer", "minimum": 0, "maximum": 9007199254740991}
    written = {"type": "string", "pattern": f"^[0-9]+ {row['unit']}$"}
    if takes == "count":
        return {"anyOf": [number, written]}
    if takes == "count or none":
        return {"anyOf": [number, written, {"enum": ["none"]}]}
    if takes == "money":
        return {"type": "string", "pattern": f"^[0-9]+(\\.[0-9]+)? {row['unit']}$"}
    if takes == "choice":
        return {"enum": row["choices"]}
    if takes == "name":
        return {"type": "string", "minLength": 1, "maxLength": 63}
    if takes == "distribution" and row["choices"]:
        return {"anyOf": [ref("distribution"), {"enum": row["choices"][:1]}]}
    return ref(KINDS[takes])


def kind(rows):
    """The keys of platforms of a kind: some beside "profile", all in "overrides"."""
    every = {row["name"]: {"description": row["about"] or row["note"] or row["name"], **value(row)}
             for row in rows if "takes" in row}
    beside = [row["name"] for row in rows if row.get("beside_profile")]
    keys = ["profile", "overrides", "credentials", *beside]
    return {"properties": {**{name: {"$ref": ""} for name in beside},
                           "overrides": {"description": "All parameters of the profile.",
                                         "properties": every, "additionalProperties": False}},
            "propertyNames": {"enum": keys}}


def platforms(program):
    """$defs of each kind of platform, and which profiles are of it."""
    profiles, found, defs = ask(program, "profiles"), {}, {}
    for profile in profiles:
        found.setdefault(profile["kind"], []).append(profile["name"])
    for name, of in found.items():
        part = kind(ask(program, "profiles", of[0])["parameters"])
        for key, schema in part["properties"].items():
            if key != "overrides":
                schema["$ref"] = f"#/$defs/platform_{name}/properties/overrides/properties/{key}"
        defs[f"platform_{name}"] = {"description": f"A platform with a profile of the kind {name}.",
                                    **part}
    rules = [{"if": {"properties": {"profile": {"enum": of}}, "required": ["profile"]},
              "then": ref(f"platform_{name}")} for name, of in found.items()]
    return defs, rules, [profile["name"] for profile in profiles]


def write_parts(schema, program):
    """The schema with its lists made anew."""
    defs = {key: part for key, part in schema["$defs"].items()
            if not key.startswith(("known_", "platform_"))}
    points = [point["name"] for point in ask(program, "points")]
    classes = [row["code"] for row in ask(program, "errors")]
    kinds, rules, profiles = platforms(program)
    defs["platform"]["allOf"] = rules
    defs.update(kinds)
    defs["known_profile"] = names(profiles, "A profile that comes with perdure: `perdure profiles`.")
    defs["known_defect"] = names([row["name"] for row in ask(program, "defects")],
                                 "A seeded defect: `perdure defects`.")
    for owner, prefixes in (("worker", ("worker/",)), ("coordinator", ("coordinator/",)),
                            ("store", ("store/", "disk/"))):
        defs[f"known_point_of_{owner}"] = names(
            [point for point in points if point.startswith(prefixes)],
            f"A point of a {owner}: `perdure points`.")
    counts = [*(f"fired:{point}" for point in points), *(f"errors:{name}" for name in classes),
              *(f"given up:{name}" for name in classes)]
    defs["known_expectation"] = names([*PLAIN, *counts], "What a report can be held to.")
    defs["known_counts"] = {"description": "The counts among them, for editors to complete.",
                            "properties": {name: ref("count") for name in counts}}
    defs["known_limits"] = {"title": "Limits of runs: `perdure limits`.", "type": "object",
                            "properties": {row["name"]: limit(row) for row in ask(program, "limits")},
                            "additionalProperties": False}
    schema["$defs"] = defs
    return schema


def show(value, indent=0, lead=0, width=96):
    """JSON as people write it: on a line what fits, else a member a line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or indent + lead + len(line) + 1 <= width:
        return line
    pad = " " * (indent + 4)
    if isinstance(value, list) and len(value) > 16:  # many words: as many on a line as fit
        words = [json.dumps(part, ensure_ascii=False) for part in value]
        return "[\n" + textwrap.fill(", ".join(word.replace(" ", "\0") for word in words), width,
                                     initial_indent=pad, subsequent_indent=pad,
                                     break_long_words=False, break_on_hyphens=False
                                     ).replace("\0", " ") + f"\n{' ' * indent}]"
    rows = [(json.dumps(key, ensure_ascii=False) + ": ", part) for key, part in value.items()] \
        if isinstance(value, dict) else [("", part) for part in value]
    body = ",\n".join(pad + key + show(part, indent + 4, len(key), width) for key, part in rows)
    ends = "{}" if isinstance(value, dict) else "[]"
    return f"{ends[0]}\n{body}\n{' ' * indent}{ends[1]}"
