"""Opens pages in a real browser and says what is wrong with them: messages of
the console, requests to anywhere, charts that are not drawn, links that lead
nowhere, text that became an element, tables without heads, pages wider than
the screen, colours too faint to read. Keeps pictures of what it saw.

usage: look.py CHROMIUM DIRECTORY NAME=PAGE[:WORD] ..
       look.py CHROMIUM DIRECTORY --self-test
A WORD (svg, hostile, canvas) asks for what the page must have.
"""
import os
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser  # noqa: E402

NARROW = 360
WIDE = 1200
PICTURE_MAX = 4000

# What every page must be, whether its scripts run or not. A list of what it
# is not.
FAULTS = r"""(() => {
    const wrong = [];
    const all = (s) => Array.from(document.querySelectorAll(s));
    const short = (e) => e.outerHTML.slice(0, 120);
    const ids = new Set();
    for (const e of all("[id]")) {
        if (ids.has(e.id)) wrong.push("two elements have the id " + e.id);
        ids.add(e.id);
    }
    for (const a of all("a[href]")) {
        const to = a.getAttribute("href");
        if (to.startsWith("#") && !ids.has(to.slice(1)))
            wrong.push("a link leads nowhere: " + to);
        if (/^(https?:)?\/\//.test(to))
            wrong.push("a link leads outside: " + to);
    }
    for (const e of all("img,iframe,object,embed,link,video,audio,base,form"))
        wrong.push("an element that no page has: " + short(e));
    for (const e of all("*"))
        for (const a of e.attributes)
            if (/^on/i.test(a.name))
                wrong.push("an attribute that runs: " + short(e));
    for (const e of all("th"))
        if (!e.scope) wrong.push("a head without a scope: " + short(e));
    for (const e of all("table"))
        if (!e.querySelector("th"))
            wrong.push("a table without a head: " + short(e));
    for (const e of all("svg")) {
        const hidden = e.getAttribute("aria-hidden") === "true";
        if (!hidden && !(e.getAttribute("role") === "img" &&
                         e.getAttribute("aria-label")))
            wrong.push("a chart that is not described: " + short(e));
        if (!e.querySelector("path,rect,circle,line,polyline,polygon"))
            wrong.push("a chart that is empty: " + short(e));
    }
    if (!document.documentElement.lang) wrong.push("no language");
    if (!document.title) wrong.push("no title");
    if (all("h1").length !== 1) wrong.push(all("h1").length + " titles");
    if (!document.querySelector(
            "meta[http-equiv=Content-Security-Policy][content*=\"default-src 'none'\"]"))
        wrong.push("no policy");
    const page = document.documentElement.scrollWidth;
    if (page > innerWidth)
        wrong.push("the page is " + page + " wide, the screen " + innerWidth);
    return wrong;
})()"""

# Contrast of text against what is behind it, below 4.5 to 1 (WCAG AA).
FAINT = r"""(() => {
    const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
    const light = (c) => {
        const [r, g, b] = c.slice(0, 3).map((v) => {
            v /= 255;
            return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
        for (; e; e = e.parentElement) {
            const c = rgb(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] > 0.99) return c;
        }
        return [255, 255, 255];
    };
    const seen = new Set();
    const wrong = [];
    for (const e of document.querySelectorAll(
            "p,td,th,dt,dd,h1,h2,h3,code,a,strong,summary,li,span")) {
        const ink = getComputedStyle(e).color;
        const paper = behind(e);
        const pair = ink + " on " + paper;
        if (seen.has(pair) || !e.textContent.trim()) continue;
        seen.add(pair);
        const a = light(rgb(ink));
        const b = light(paper);
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5)
            wrong.push("too faint, " + ratio.toFixed(1) + ": " + pair + " (" +
                       e.textContent.trim().slice(0, 30) + ")");
    }
    return wrong;
})()"""

CHARTS = r"""Array.from(document.querySelectorAll("svg[role=img]")).filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 100 && box.height > 20;
}).length"""

# Canvases with a pixel that is not as empty as a new one.
CANVASES = r"""Array.from(document.querySelectorAll("canvas")).filter((c) => {
    if (c.width < 50 || c.height < 20) return false;
    const at = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    return at.some((v) => v !== 0);
}).length"""

HOSTILE = r"""(() => {
    const text = document.body.textContent;
    return ["</script><img src=x onerror=alert(1)>",
            "<img src=x onerror=alert(2)>"].filter((t) => !text.includes(t))
        .map((t) => "not shown as text: " + t);
})()"""

# Rows of closed details have no height, unless the paper wants them.
ON_PAPER = r"""(() => {
    const rows = Array.from(document.querySelectorAll("details tbody tr"));
    const flat = rows.filter((r) => r.getBoundingClientRect().height < 1);
    return flat.length ? [flat.length + " of " + rows.length +
                          " rows are not on paper"] : [];
})()"""

# What no page may be able to do, even if something got into it.
BROKEN_OUT = r"""new Promise((done) => {
    const script = document.createElement("script");
    script.textContent = "window.ran = 1";
    document.body.append(script);
    const image = document.createElement("img");
    image.onload = () => done(["its policy lets images in"]);
    image.onerror = () => done(window.ran ? ["its policy lets scripts in"] : []);
    image.src = "http://127.0.0.1:9/x.png";
})"""


def prefix(name, found):
    return [name + ": " + text for text in found]


def look_at(browser, url, words, keep):
    """Everything that is wrong with one page; pictures go to keep*."""
    wrong = []
    page = browser.open(url, width=WIDE)
    wrong += page.evaluate(FAULTS) + page.evaluate(FAINT)
    charts = page.evaluate(CHARTS)
    canvases = page.evaluate(CANVASES)
    if "svg" in words and charts + canvases == 0:
        wrong.append("no chart is drawn")
    if "canvas" in words and canvases == 0:
        wrong.append("no chart can be zoomed")
    if "hostile" in words:
        wrong += page.evaluate(HOSTILE)
    wrong += page.said()
    wrong += ["it asked for " + address for address in page.asked_for()]
    page.picture(keep + "light.png", PICTURE_MAX)
    page.media("print", False)
    wrong += prefix("on paper", page.evaluate(ON_PAPER))
    page.paper(keep + "print.pdf")
    page.media("screen", True)
    wrong += prefix("dark", page.evaluate(FAINT))
    page.picture(keep + "dark.png", 1200)
    wrong += page.evaluate(BROKEN_OUT)
    page.close()

    # Nothing runs, on a telephone: what C has drawn must be enough.
    page = browser.open(url, width=NARROW, scripts=False)
    wrong += prefix("narrow", page.evaluate(FAULTS))
    if "svg" in words and page.evaluate(CHARTS) == 0:
        wrong.append("without scripts no chart is drawn")
    if "hostile" in words:
        wrong += prefix("without scripts", page.evaluate(HOSTILE))
    wrong += page.said()
    wrong += ["it asked for " + address for address in page.asked_for()]
    page.picture(keep + "narrow.png", 1800)
    page.close()
    with open(keep + "print.pdf", "rb") as paper:
        if paper.read(5) != b"%PDF-":
            wrong.append("what is printed is no PDF")
    return wrong, charts, canvases


# A page with one of everything that must be found, and what is said of it.
BAD = """<!DOCTYPE html><html><head><title></title><style>p{color:#ccc}
details table td{height:20px}</style></head><body>
<h1>a</h1><h1>b</h1><p id="x" onclick="f()">faint</p><p id="x">b</p>
<a href="#no">a</a><a href="https://example.org/">b</a>
<img src="http://example.invalid/a.png" alt="">
<table><tr><td>c</td></tr></table><table><tr><th>d</th></tr></table>
<svg width="300" height="100"></svg><div style="width:2000px">wide</div>
<details><table><tbody><tr><th scope="row">e</th></tr></tbody></table></details>
<script>console.error("said"); undefined_function();</script></body></html>"""
BAD_FOUND = [
    "two elements have the id x", "leads nowhere: #no", "leads outside",
    "an element that no page has", "an attribute that runs",
    "a head without a scope", "a table without a head", "is not described",
    "a chart that is empty", "no language", "no title", "2 titles",
    "no policy", "too faint", "no chart is drawn", "no chart can be zoomed",
    "not shown as text", "console.error said", "undefined_function",
    "it asked for http://example.invalid/a.png", "narrow: the page is 20",
    "rows are not on paper", "its policy lets scripts in",
    "without scripts no chart is drawn"]


def self_test(browser, out):
    bad = pathlib.Path(out, "bad.html")
    bad.write_text(BAD, encoding="utf-8")
    wrong, _, _ = look_at(browser, bad.resolve().as_uri(),
                          ["svg", "canvas", "hostile"],
                          os.path.join(out, "bad."))
    missed = [text for text in BAD_FOUND
              if not any(text in found for found in wrong)]
    for text in missed:
        print("look.py: a bad page passes: %s" % text)
    print("look.py: %d of %d faults of a bad page are found" %
          (len(BAD_FOUND) - len(missed), len(BAD_FOUND)))
    return missed


def main():
    program, out, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    profile = os.path.abspath(os.path.join(out, "profile"))
    os.makedirs(out, exist_ok=True)
    bad = False
    with Browser(program, profile) as browser:
        if arguments == ["--self-test"]:
            bad = bool(self_test(browser, out))
            arguments = []
        for argument in arguments:
            name, _, rest = argument.partition("=")
            path, *words = rest.split(":")
            url = pathlib.Path(path).resolve().as_uri()
            wrong, charts, canvases = look_at(
                browser, url, words, os.path.join(out, name + "."))
            for text in wrong:
                print("%s: %s" % (path, text))
            bad = bad or bool(wrong)
            print("%s: %d charts, %d of them can be zoomed, %d KB" %
                  (name, charts, canvases, os.path.getsize(path) // 1000))
    shutil.rmtree(profile, ignore_errors=True)
    sys.exit(1 if bad else 0)


main()
