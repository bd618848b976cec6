"""Runs the steps of the CI kit as their servers would, in a clean clone."""
import glob, json, os, re, shutil, subprocess, sys, tempfile
import xml.etree.ElementTree as ElementTree
import yaml

TREE = os.getcwd()
KIT = "ci/kit"
HOLDS = "scenarios/small/order.json"
BREAKS = "scenarios/defects/claim_no_fence.json"  # holds without its defect
DEFECT = "--defect claim_no_fence"
SET = f"{HOLDS} {BREAKS}"
count = 0


def check(truth, what):
    global count
    count += 1
    if not truth:
        sys.exit(f"kit: FAILED: {what}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def clone():
    """What a server checks out, with what is not committed yet."""
    place = tempfile.mkdtemp(prefix="perdure-kit-")
    tree = os.path.join(place, "tree")
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", TREE, tree], check=True)
    changed = subprocess.run(["git", "ls-files", "-zmo", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout
    for name in filter(None, changed.split("\0")):
        if os.path.exists(name):
            os.makedirs(os.path.dirname(os.path.join(tree, name)) or tree, exist_ok=True)
            shutil.copy2(name, os.path.join(tree, name))
    return place, tree


class Result:
    def __init__(self, code, output):
        self.code, self.output = code, output


def run(script, env, tree, shell):
    done = subprocess.run([*shell, "-c", script], cwd=tree, env=env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return Result(done.returncode, done.stdout)


def environment(tree, **more):
    keep = {k: os.environ[k] for k in ("PATH", "HOME", "LANG") if k in os.environ}
    return {**keep, "CI": "true", **{k: str(v) for k, v in more.items() if v is not None}}


# GitHub -------------------------------------------------------------------

class GitHub:
    """Steps with `run`, as its runner does them: bash -e, a file for variables."""

    def __init__(self, tree):
        self.tree = tree
        self.file = yaml.safe_load(read(os.path.join(tree, KIT, "github.yml")))
        self.job = self.file["jobs"]["scenarios"]

    def look(self):
        check(True in self.file, "github.yml says when (on:)")
        check(self.file["permissions"] == {"contents": "read"}, "github.yml may read only")
        check(self.job["timeout-minutes"] <= 60, "github.yml ends in time")
        uses = [step["uses"] for step in self.job["steps"] if "uses" in step]
        check([u.split("@")[0] for u in uses] == ["actions/checkout", "actions/upload-artifact"],
              f"github.yml uses {uses}")
        check(all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", u) for u in uses), f"pinned: {uses}")
        for step in self.job["steps"]:
            check(("run" in step) != ("uses" in step), f"a step runs or uses: {step}")
            check(set(step) <= {"name", "run", "uses", "with", "if", "env"}, f"keys of {step}")

    def go(self, **more):
        """The job: the first exit code that is not 0, all output, what came of the page."""
        extra = tempfile.mkdtemp(dir=os.path.dirname(self.tree))
        names = {n: os.path.join(extra, n) for n in ("GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        for path in names.values():
            open(path, "w").close()
        env = environment(self.tree, **{**self.file["env"], **more}, **names,
                          GITHUB_ACTIONS="true")
        total = Result(0, "")
        for step in self.job["steps"]:
            always = step.get("if") == "always()"
            if "run" in step and (total.code == 0 or always):
                done = run(step["run"], env, self.tree, ["bash", "-e"])
                total = Result(total.code or done.code, total.output + done.output)
                for line in read(names["GITHUB_ENV"]).splitlines():
                    name, value = line.split("=", 1)
                    env[name] = value
            elif step.get("with", {}).get("path"):
                check(always, "reports are kept also of a job that fails")
                total.kept = os.path.join(self.tree, step["with"]["path"])
        total.summary = read(names["GITHUB_STEP_SUMMARY"])
        return total


def annotations(output):
    return re.findall(r"^::(?:error|warning|notice) ", output, re.M)


# GitLab -------------------------------------------------------------------

class GitLab:
    def __init__(self, tree):
        self.tree = tree
        self.file = yaml.safe_load(read(os.path.join(tree, KIT, "gitlab.yml")))
        self.job = self.file["perdure"]

    def look(self):
        check(all(isinstance(v, str) for v in self.file["variables"].values()),
              "variables of GitLab are text")
        check(self.job["artifacts"]["when"] == "always", "reports are kept also of a failure")
        check(set(self.job["artifacts"]["reports"]) == {"junit", "metrics"}, "its reports")

    def go(self, **more):
        """Its lines are one script, in the shell that the image has."""
        env = environment(self.tree, **{**self.file["variables"], **more}, GITLAB_CI="true")
        return run("\n".join(self.job["script"]), env, self.tree, ["sh", "-e"])

    def look_at_reports(self):
        reports = self.job["artifacts"]["reports"]
        files = glob.glob(os.path.join(self.tree, reports["junit"]))
        check(len(files) == 2, f"a JUnit file for each scenario: {files}")
        for file in files:
            root = ElementTree.parse(file).getroot()
            check(root.tag == "testsuites" and root.findall(".//testcase"), f"cases in {file}")
        lines = read(os.path.join(self.tree, reports["metrics"])).splitlines()
        series = [line.rsplit(" ", 1)[0] for line in lines]
        check(len(lines) > 50 and len(set(series)) == len(series), "metrics, each once")
        check(all(re.fullmatch(r"[a-z_]+\{.*\} [-+.\de]+", line) for line in lines),
              "metrics without comments")


# The cases ----------------------------------------------------------------

def write(tree, name, text):
    with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
        file.write(text)


def slower(tree):
    """The same scenarios with steps that take longer."""
    path = os.path.join(tree, BREAKS)
    text = read(path)
    check(text.count('"duration": "25s"') == 1, f"{BREAKS} has a step of 25 s")
    write(tree, BREAKS, text.replace('"duration": "25s"', '"duration": "29s"'))
    return text


def cases(github, gitlab, tree, program):
    base = {"PERDURE": program, "PERDURE_SCENARIOS": SET}
    for kit in (github, gitlab):
        name = type(kit).__name__
        shutil.rmtree(os.path.join(tree, "perdure-baseline"), ignore_errors=True)

        done = kit.go(**base)
        check(done.code == 5 and "there is no baseline" in done.output,
              f"{name}: without a baseline: {done.code}\n{done.output}")
        check(kit.go(**base, PERDURE_ALLOW="5").code == 0, f"{name}: PERDURE_ALLOW")
        check(kit.go(**base, PERDURE_BASELINE="").code == 0, f"{name}: no baseline is wanted")
        done = kit.go(**base, PERDURE_ACCEPT=1)
        check(done.code == 0 and len(os.listdir(os.path.join(tree, "perdure-baseline"))) == 2,
              f"{name}: accepts a baseline: {done.output}")

        held = kit.go(**base)
        check(held.code == 0 and "PASS  2 scenarios, 2 matched" in held.output,
              f"{name}: holds: {held.code}\n{held.output}")

        broken = kit.go(**base, PERDURE_OPTIONS=DEFECT)
        check(broken.code == 3 and "S2" in broken.output,
              f"{name}: a defect: {broken.code}\n{broken.output}")

        text = slower(tree)
        write(tree, "policy.json", '{"schema": "perdure.gate-policy/1", "changed": "compare"}')
        check(kit.go(**base).code == 5, f"{name}: a changed scenario says nothing")
        slow = kit.go(**base, PERDURE_POLICY="policy.json")
        check(slow.code == 4 and "latency.run.p50_ns" in slow.output,
              f"{name}: slower: {slow.code}\n{slow.output}")

        write(tree, BREAKS, '{"why": "not whole"')
        wrong = kit.go(**base)
        check(wrong.code == 2 and BREAKS in wrong.output, f"{name}: a wrong scenario: "
              f"{wrong.code}\n{wrong.output}")
        write(tree, BREAKS, text)
        none = kit.go(**{**base, "PERDURE_SCENARIOS": "nowhere"})
        check(none.code == 2 and "nowhere" in none.output, f"{name}: no scenarios")
        mine = kit.go(**base, PERDURE_OUT="docs")
        check(mine.code == 2 and os.path.exists(os.path.join(tree, "docs/gate.md")),
              f"{name}: never empties a directory of someone else's")
        yield kit, held, broken


def look_at_page(held, broken):
    check("PASS  2 scenarios" in held.summary and not annotations(held.output),
          "the page of a job that holds")
    check("S2" in broken.summary and len(broken.summary.encode()) < 1 << 20,
          "the page of a job that fails")
    check(1 <= len(annotations(broken.output)) <= 5, f"annotations: {broken.output}")
    check(os.path.isdir(broken.kept), "reports that are kept")


def pre_commit(tree, program):
    config = yaml.safe_load(read(os.path.join(tree, KIT, "pre-commit-config.yaml")))
    hook = config["repos"][0]["hooks"][0]
    check(hook["language"] == "script" and os.access(os.path.join(tree, hook["entry"]), os.X_OK),
          "the hook is a program")
    check(re.search(hook["files"], BREAKS), "the hook is called for scenarios")
    env = environment(tree, PERDURE=program, PERDURE_SCENARIOS=SET)
    check(run(hook["entry"], env, tree, ["sh"]).code == 0, "the hook holds")
    # The same as a hook of git, by the line that the file gives.
    text = read(os.path.join(tree, KIT, "pre-commit-config.yaml"))
    line = re.search(r"^#\s+(ln -s .*)$", text, re.M).group(1)
    check(run(line, env, tree, ["sh"]).code == 0, line)
    commit = "git -c user.name=t -c user.email=t@t commit -q --allow-empty -m"
    done = run(f"{commit} held", env, tree, ["sh"])
    check(done.code == 0, f"a commit that holds: {done.output}")
    env["PERDURE_OPTIONS"] = DEFECT
    check(run(f"{commit} broken", env, tree, ["sh"]).code != 0, "a commit that does not")
    log = run("git log -1 --format=%s", env, tree, ["sh"]).output.strip()
    check(log == "held", f"it is not there: {log}")


def build(github, tree):
    """The step that builds; unless KIT_BUILD, with objects that are there already."""
    if not os.environ.get("KIT_BUILD"):
        shutil.copytree("build/release", os.path.join(tree, "build/release"),
                        ignore=shutil.ignore_patterns("tests", "bench", "fidelity", "fuzz*"))
        for name in ("perdure", "libperdure.a"):
            shutil.copy(f"build/{name}", os.path.join(tree, "build", name))
        # Objects are newer than what they were made of.
        run("find . -path ./build -prune -o -type f -exec touch -d 2000-01-01 {} +",
            environment(tree), tree, ["sh"])
    done = github.go(PERDURE_SCENARIOS=SET)
    check(done.code == 0 and "PASS  2 scenarios" in done.output,
          f"builds and holds: {done.code}\n{done.output[-3000:]}")


# The Dockerfile -----------------------------------------------------------

def instructions(text):
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    text = re.sub(r"\\\n", " ", text)
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def linked_packages(program):
    """Packages of the libraries that the program is linked with itself."""
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(
        ["readelf", "-d", program], check=True, capture_output=True, text=True).stdout)
    where = dict(re.findall(r"^\s*(\S+) => (\S+)", subprocess.run(
        ["ldd", program], check=True, capture_output=True, text=True).stdout, re.M))
    found = set()
    for name in needed:
        owner = subprocess.run(["dpkg", "-S", os.path.realpath(where.get(name, name))],
                               capture_output=True, text=True).stdout
        found.add(owner.split(":")[0] or name)
    return found - {"libc6", "libc.so.6", "libm.so.6"}


def dockerfile(program):
    lines = instructions(read("Dockerfile"))
    kinds = [kind for kind, _ in lines]
    check(all(k in ("FROM", "RUN", "COPY", "WORKDIR", "USER", "ENTRYPOINT", "CMD")
              for k in kinds), f"instructions: {kinds}")
    stages = [rest for kind, rest in lines if kind == "FROM"]
    check(stages == ["debian:12-slim AS build", "debian:12-slim"], f"stages: {stages}")
    users = [rest for kind, rest in lines if kind == "USER"]
    check(users and users[-1].isdigit() and int(users[-1]) > 0, f"not root: {users}")
    check(kinds.index("USER") > len(kinds) - 1 - kinds[::-1].index("RUN"), "USER after RUN")
    check(json.loads(dict(lines)["ENTRYPOINT"]) == ["perdure"], "the entry is perdure")
    runs = [rest for kind, rest in lines if kind == "RUN"]
    for rest in runs:
        check(run(f"set -n; {rest}", environment("."), ".", ["sh"]).code == 0, rest)
        check("apt-get" not in rest or "rm -rf /var/lib/apt/lists/*" in rest, rest)
    for kind, rest in lines:
        if kind == "COPY" and not rest.startswith("--from"):
            check(os.path.exists(rest.split()[0]), f"COPY {rest}")
    release = read("/etc/os-release")
    if "VERSION_CODENAME=bookworm" not in release:
        print("kit: Dockerfile: SKIPPED its packages: this is not Debian 12")
        return
    named = set(re.findall(r"\blib[\w.-]+", " ".join(r for r in runs if "apt-get install" in r)))
    check(named == linked_packages(program), f"packages of the image {sorted(named)}, of the "
          f"program {sorted(linked_packages(program))}")


# The pages ----------------------------------------------------------------

def settings():
    """Every setting of the script is in its head and in the guide, and no other."""
    text = read(f"{KIT}/perdure-check.sh")
    head = set(re.findall(r"^#\s+(PERDURE\w*)", text, re.M))
    used = set(re.findall(r"\bPERDURE\w*", text.split("set -eu")[1]))
    check(head == used, f"settings in the head {sorted(head)}, used {sorted(used)}")
    guide = read("docs/ci.md")
    check(head <= set(re.findall(r"`(PERDURE\w*)`", guide)), "docs/ci.md has all settings")
    for name, shown in re.findall(r"<!-- same as: (\S+) -->\n+```\w*\n(.*?)^```$", guide,
                                  re.S | re.M):
        check(shown == read(name), f"docs/ci.md shows {name} as it is")
    check(guide.count("<!-- same as:") == 3, "docs/ci.md shows three files")


def main():
    program = os.path.join(TREE, "build/perdure")
    place, tree = clone()
    try:
        github, gitlab = GitHub(tree), GitLab(tree)
        github.look()
        gitlab.look()
        for kit, held, broken in cases(github, gitlab, tree, program):
            if kit is github:
                look_at_page(held, broken)
        check(gitlab.go(PERDURE=program, PERDURE_SCENARIOS=SET).code == 0, "GitLab holds")
        gitlab.look_at_reports()
        pre_commit(tree, program)
        build(github, tree)
    finally:
        shutil.rmtree(place)
    dockerfile(program)
    settings()
    print(f"kit: {count} checks: what servers run of it, run here")


main()
