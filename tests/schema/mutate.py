"""Random edits of valid scenarios, by a seed: what `perdure validate` and the
schema should judge alike."""
import copy, json, random

ODD = [None, True, False, 0, -1, 1, 5, 1.5, 5.0, 1e3, 9007199254740992, 1e300, "", "x", "5",
       "5s", "-5s", "0s", "1.5s", "5 s", "5S", "5sec", "10%", "200%", "0%", "10", "16KiB", "16kb",
       "0B", "1/s", "10/0s", "0/s", "±5s", "5ms", "400d", "+200ppm", "< 3", "<3", "> 1h", "1-3",
       "3-1", "every 10th", [], {}, ["5s"], [5], {"x": 1}, "none", "all", ".", "a.b", "99999999d"]


def places(value, at=()):
    """All places below a value: (parent, key)."""
    found = []
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            found += places(value[key], at + (key,))
    return found


def misspell(draw, word):
    if len(word) < 2:
        return word + "x"
    at = draw.randrange(len(word) - 1)
    return draw.choice([word[:at] + word[at + 1] + word[at] + word[at + 2:],
                        word[:at] + word[at + 1:], word + "s", word.upper(), word[:at] + word[at:] * 1 + " "])


def edit_text(draw, text):
    return draw.choice([misspell(draw, text), text + "x", "-" + text, " " + text, text[:-1],
                        text.replace("s", "m", 1), text.replace("1", "0"), "0" + text, text * 2])


def rename(draw, parent, key):
    members = list(parent.items())
    parent.clear()
    for name, value in members:
        parent[misspell(draw, name) if name == key else name] = value


def edit(draw, document, pool):
    """One edit in place."""
    parent, key = draw.choice(places(document))
    way = draw.randrange(8)
    if way == 0:
        del parent[key]
    elif way == 1 and isinstance(parent, dict):
        rename(draw, parent, key)
    elif way == 2:
        parent[key] = copy.deepcopy(draw.choice(ODD))
    elif way == 3 and isinstance(parent[key], str):
        parent[key] = edit_text(draw, parent[key])
    elif way == 4 and isinstance(parent[key], (int, float)) and not isinstance(parent[key], bool):
        parent[key] = draw.choice([-parent[key], parent[key] + 0.5, parent[key] * 1000000, str(parent[key]), 0])
    elif way == 5 and isinstance(parent, dict):  # as another file has it
        parent[key] = copy.deepcopy(draw.choice(pool.get(key, [None])))
    elif way == 6 and isinstance(parent, dict):  # what another section has
        name = draw.choice(sorted(pool))
        parent[name] = copy.deepcopy(draw.choice(pool[name]))
    elif isinstance(parent[key], list):
        parent[key] = draw.choice([[], parent[key] * 2, parent[key] + [draw.choice(ODD)]])
    else:
        parent[key] = [parent[key]]


def values_by_key(documents):
    pool = {}
    for document in documents:
        for parent, key in places(document):
            if isinstance(key, str):
                pool.setdefault(key, []).append(parent[key])
    return pool


def mutants(documents, seed, count):
    """`count` documents, each one valid one with one to three edits."""
    draw = random.Random(seed)
    pool = values_by_key(documents)
    for _ in range(count):
        document = copy.deepcopy(draw.choice(documents))
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            if document:
                edit(draw, document, pool)
        yield document
