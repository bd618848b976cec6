"""A real browser, asked over a pipe: the DevTools protocol of a headless
Chromium, which is JSON objects that end with a zero byte on its descriptors 3
and 4. Nothing but the standard library.

    with Browser("chromium", profile) as browser:
        page = browser.open(url, width=1200, dark=False, scripts=True)
        page.evaluate("document.title")
        page.close()
"""
import base64
import json
import os
import shutil
import subprocess

WAIT_MS = 20000


class Browser:
    def __init__(self, program, profile):
        self.next_id = 1
        self.events = []
        self.rest = b""
        to_browser, self.out = os.pipe()
        self.input, from_browser = os.pipe()
        shutil.rmtree(profile, ignore_errors=True)
        arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu",
            "--remote-debugging-pipe", "--user-data-dir=" + profile,
            "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb",
            "--disable-background-networking", "--disable-component-update",
            "--disable-dev-shm-usage", "--mute-audio",
            # Nothing outside of this machine has an address.
            "--host-resolver-rules=MAP * ~NOTFOUND", "about:blank"]

        def descriptors():
            # Above 4 first, so that neither overwrites the other.
            a = os.dup2(to_browser, 50)
            b = os.dup2(from_browser, 51)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            arguments, preexec_fn=descriptors, pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
        except (OSError, EOFError):
            pass
        self.process.wait(timeout=20)
        os.close(self.out)
        os.close(self.input)

    def read(self):
        """The next object that the browser sends."""
        while b"\0" not in self.rest:
            block = os.read(self.input, 1 << 20)
            if not block:
                raise EOFError("the browser has gone")
            self.rest += block
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, session=None, **parameters):
        request = {"id": self.next_id, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        self.next_id += 1
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.read()
            if answer.get("id") != request["id"]:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(method + ": " + answer["error"]["message"])
            else:
                return answer["result"]

    def wait(self, session, method):
        while True:
            for event in self.events:
                if event.get("sessionId") == session and \
                        event.get("method") == method:
                    self.events.remove(event)
                    return event
            self.events.append(self.read())

    def open(self, url, **options):
        return Page(self, url, **options)


class Page:
    """A tab; what it says and asks for is kept from its first moment on."""

    def __init__(self, browser, url, width=1200, dark=False, scripts=True):
        self.browser = browser
        self.url = url
        target = browser.call("Target.createTarget", url="about:blank")
        self.target = target["targetId"]
        self.session = browser.call("Target.attachToTarget", flatten=True,
                                    targetId=self.target)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=900, deviceScaleFactor=1, mobile=False)
        self.media("screen", dark)
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url=url)
        browser.wait(self.session, "Page.loadEventFired")

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def media(self, kind, dark):
        self.call("Emulation.setEmulatedMedia", media=kind,
                  features=[{"name": "prefers-color-scheme",
                             "value": "dark" if dark else "light"}])

    def evaluate(self, expression):
        """The value of a JavaScript expression; ours, not the page's."""
        answer = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True,
                           timeout=WAIT_MS)
        if "exceptionDetails" in answer:
            raise RuntimeError(expression + ": " +
                               json.dumps(answer["exceptionDetails"])[:400])
        return answer["result"].get("value")

    def said(self):
        """Every message of the console, of the log and every exception."""
        self.evaluate("1")
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            body = event.get("params", {})
            if event["method"] == "Runtime.consoleAPICalled":
                found.append("console." + body["type"] + " " + " ".join(
                    str(a.get("value", a.get("description")))
                    for a in body["args"]))
            elif event["method"] == "Runtime.exceptionThrown":
                details = body["exceptionDetails"]
                found.append("exception " + details.get("exception", {}).get(
                    "description", details["text"]))
            elif event["method"] == "Log.entryAdded":
                found.append(body["entry"]["level"] + " " +
                             body["entry"]["text"])
        return found

    def asked_for(self):
        """Every address that was asked for, but that of the page itself."""
        self.evaluate("1")
        return [event["params"]["request"]["url"]
                for event in self.browser.events
                if event.get("sessionId") == self.session and
                event["method"] == "Network.requestWillBeSent" and
                event["params"]["request"]["url"] != self.url]

    def picture(self, path, height_max=0):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        height = size["height"]
        if height_max:
            height = min(height, height_max)
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"],
                               "height": height, "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))

    def paper(self, path):
        data = self.call("Page.printToPDF", printBackground=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.events = [e for e in self.browser.events
                               if e.get("sessionId") != self.session]
