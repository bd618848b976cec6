"""Reads what `perdure run --export` wrote with readers written elsewhere, and
compares it with the run's report.json. usage: read.py DIR"""
import json
import re
import shlex
import sys
import xml.etree.ElementTree

out = sys.argv[1]
golden = "tests/golden"


def text(name):
    with open(f"{out}/{name}", encoding="utf-8") as file:
        return file.read()


report = json.loads(text("report.json"))
cases = report["properties"] + report["expectations"]

suite = xml.etree.ElementTree.fromstring(text("junit.xml")).find("testsuite")
found = suite.findall("testcase")
assert len(found) == len(cases) + 1 == int(suite.get("tests")), len(found)
failed = [case for case in found if case.find("failure") is not None]
assert len(failed) == int(suite.get("failures"))
expected = sum(case["verdict"] == "fail" for case in cases)
assert len(failed) == expected + (report["verdict"] == "fail"), len(failed)
assert all(report["replay"] in case.find("failure").text for case in failed)
print(f"junit: {len(found)} cases, {len(failed)} failed")

tree = xml.etree.ElementTree.parse(f"{golden}/export-junit-hostile.xml")
names = {case.get("classname") for case in tree.iter("testcase")}
assert len(names) == 1 and "<script>&|" in names.pop()

bmf = json.loads(text("bmf.json"))
run = report["latency"]["run"]
assert bmf[report["scenario"]]["latency"]["value"] == run["p50_ns"]
for measures in bmf.values():
    for value in measures.values():
        assert set(value) <= {"value", "lower_value", "upper_value"}
        assert all(isinstance(each, int) for each in value.values())
print(f"bmf: {len(bmf)} benchmarks")

summary = text("summary.md").encode()
assert len(summary) < 900 * 1024
for match in re.finditer(rb"(?m)^\|[^\n]*", summary):
    assert match.group().endswith(b"|"), match.group()
assert len(text("annotations.txt").splitlines()) <= 5

rows = [line.split() for line in text("latency.hgrm").splitlines()
        if line and line[0] not in "#" and "Value" not in line]
assert float(rows[-1][0]) == run["max_ns"] / 1e6 and float(rows[-1][1]) == 1
assert int(rows[-1][2]) == run["count"]
median = next(row for row in rows if float(row[1]) == 0.5)
assert float(median[0]) == run["p50_ns"] / 1e6, median
print(f"hgrm: {len(rows)} lines")



def read_as_gitlab(lines):
    """A line is what is before a #, split as a shell would: name, value."""
    found = {}
    for line in lines:
        words = shlex.split(re.sub("#.*$", "", line))
        if not words:
            continue
        name, value = words
        assert re.fullmatch(r"perdure_\w+\{.*\}", name), name
        assert name not in found, name
        found[name] = float(value)
    return found


mine = read_as_gitlab(text("metrics.txt").splitlines())
with open(f"{golden}/export-metrics-hostile.txt", encoding="utf-8") as file:
    read_as_gitlab(file.read().splitlines())
key = f"perdure_runs_started{{scenario={report['scenario']}}}"
assert mine[key] == report["runs"]["started"]
print(f"gitlab: {len(mine)} metrics")

try:
    from prometheus_client.openmetrics import parser
except ImportError:
    print("openmetrics: SKIPPED: no python3-prometheus-client")
    sys.exit(0)
with open(f"{golden}/export-metrics-hostile.txt", encoding="utf-8") as file:
    for family in parser.text_string_to_metric_families(file.read()):
        for sample in family.samples:
            assert sample.labels["scenario"].startswith("a\"b'<script>&|`x`\\ ")
families = list(parser.text_string_to_metric_families(text("metrics.txt")))
values = {}
for family in families:
    for sample in family.samples:
        values.setdefault(sample.name, []).append(sample)
states = values["perdure_runs"]
assert sum(sample.value for sample in states) == report["runs"]["started"]
label = states[0].labels["scenario"]
assert label == report["scenario"], label
print(f"openmetrics: {len(families)} families")
