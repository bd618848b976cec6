"""Writes a scenario whose every name is an attack on the page that shows it.
usage: hostile.py DIRECTORY     (prints the file's name)
"""
import json
import os
import sys

TEXT = "</script><img src=x onerror=alert(1)>"
FILE = "<img src=x onerror=alert(2)>.json"  # a name has no slash


def main():
    step = {"side_effect": "idempotent", "timeout": "30s",
            "run": {"duration": "50ms", "effect": True, "output": "200B"}}
    workflow = {"name": TEXT,
                "nodes": [dict(step, name=TEXT + str(i)) for i in range(3)],
                "edges": [[TEXT + "%d.out" % i, TEXT + "%d.in" % (i + 1)]
                          for i in range(2)]}
    scenario = {
        "why": TEXT + " --> ]]> '\"`${alert(3)} \u202egnp.exe",
        "workflow": workflow,
        "engine": {"store": "sqlite", "coordinators": 2, "lease": "20s"},
        "platform": {"profile": "local", "workers": 4},
        "load": {"arrivals": {"rate": "5/s"}, "runs": 40, "input": "100B"},
        "faults": [{"crash": "worker", "at": "after effect, before report",
                    "of": TEXT + "1", "every": 5}],
        "expect": {"stuck runs": 0, "effects:" + TEXT + "1": "exactly once"},
        "limit": "2h"}
    path = os.path.join(sys.argv[1], FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(scenario, file, indent=2)
    print(path)


main()
