"""A headless Chromium, driven over a pipe by the Chrome DevTools protocol: no further library."""

import base64
import contextlib
import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds in which everything must have happened."""


class Chromium:
    """The browser's process. `page` opens what a device of its own would see."""

    def __init__(self, program: str, profile: Path) -> None:
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        script = 'exec "$0" "$@" 3<&"$CHROMIUM_IN" 4>&"$CHROMIUM_OUT"'
        options = (
            "--headless=new",
            "--no-sandbox",  # as root there is none
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--no-proxy-server",
            "--host-resolver-rules=MAP computer.local 127.0.0.1",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        )
        self.process = subprocess.Popen(
            ["bash", "-c", script, program, *options],
            pass_fds=(theirs_in, theirs_out),
            env={**os.environ, "CHROMIUM_IN": str(theirs_in), "CHROMIUM_OUT": str(theirs_out)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._from = os.fdopen(ours_in, "rb")
        self._to = os.fdopen(ours_out, "wb", buffering=0)
        self._number = 0
        self._lock = threading.Lock()
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._reader = threading.Thread(target=self._read, name="chromium", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE)
        self._to.close()
        self._from.close()

    def call(self, method: str, session: str = "", /, **values: Any) -> dict[str, Any]:
        """What the browser answers to a command of the protocol."""
        answer: queue.Queue[dict[str, Any]] = queue.Queue()
        with self._lock:
            self._number += 1
            number = self._number
            self._answers[number] = answer
            message: dict[str, Any] = {"id": number, "method": method, "params": values}
            if session:
                message["sessionId"] = session
            self._to.write(json.dumps(message).encode() + b"\0")
        found = answer.get(timeout=PATIENCE)
        assert "error" not in found, (method, found["error"])
        result: dict[str, Any] = found["result"]
        return result

    @contextlib.contextmanager
    def page(
        self,
        width: int = 1280,
        height: int = 800,
        *,
        theme: str = "dark",
        language: str = "en-GB",
        phone: bool = False,
    ) -> "Iterator[Page]":
        """A tab of a device of its own: no cookies, no storage, no cache of another's."""
        device = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=device)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], device)
        self._pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        if phone:
            page.call("Emulation.setTouchEmulationEnabled", enabled=True)
        page.set_theme(theme)
        page.call("Emulation.setLocaleOverride", locale=language.replace("-", "_"))
        agent = self.call("Browser.getVersion")["userAgent"]
        page.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        try:
            yield page
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=device)

    def _read(self) -> None:
        rest = b""
        while piece := os.read(self._from.fileno(), 1 << 16):
            *whole, rest = (rest + piece).split(b"\0")
            for text in whole:
                message = json.loads(text)
                if "id" in message:
                    self._answers.pop(message["id"]).put(message)
                elif page := self._pages.get(message.get("sessionId", "")):
                    page.note(message["method"], message["params"])


class Page:
    """A tab: asked in JavaScript, and listened to for everything that goes wrong in it."""

    def __init__(self, browser: Chromium, session: str, device: str) -> None:
        self._browser = browser
        self._session = session
        self.device = device
        self.problems: list[str] = []
        """Errors of scripts, refusals of the policy, what the console warns of."""
        self.asked: list[str] = []
        """Addresses that were asked for."""

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """A command of the protocol to this tab."""
        return self._browser.call(method, self._session, **values)

    def note(self, method: str, told: dict[str, Any]) -> None:
        """Take up what the browser tells."""
        match method:
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                text = details.get("exception", {}).get("description", details["text"])
                self.problems.append(f"exception: {text}")
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                entry = told["entry"]
                self.problems.append(f"log: {entry['text']} {entry.get('url', '')}")
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                self.problems.append(f"console: {told['args']}")
            case "Audits.issueAdded" if told["issue"]["code"] == "ContentSecurityPolicyIssue":
                self.problems.append(f"policy: {told['issue']['details']}")
            case "Network.requestWillBeSent":
                self.asked.append(told["request"]["url"])

    def go(self, address: str) -> None:
        """Open an address; a wait for what is to be seen there must follow."""
        self.call("Page.navigate", url=address)

    def set_theme(self, theme: str) -> None:
        """What the system prefers: "dark" or "light"."""
        preferred = [{"name": "prefers-color-scheme", "value": theme}]
        self.call("Emulation.setEmulatedMedia", features=preferred)

    def ask(self, script: str, *, await_it: bool = False) -> Any:
        """What an expression says."""
        answer = self.call(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=await_it,
            allowUnsafeEvalBlockedByCSP=False,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> Any:
        """What `condition`, an expression, says as soon as it is true; looks at each frame."""
        return self.ask(
            "new Promise((resolve, reject) => {"
            f" const end = performance.now() + {PATIENCE * 900};"
            " const look = () => {"
            f"  const ask = () => {{ try {{ return {condition}; }} catch {{ return false; }} }};"
            "  const found = ask();"
            "  if (found) resolve(found);"
            "  else if (performance.now() > end)"
            f"   reject(new Error({json.dumps(condition)} + ' in ' + document.body.innerText));"
            "  else setTimeout(look, 20);"
            " }; look(); })",
            await_it=True,
        )

    def text(self, selector: str = "body") -> str:
        """What is to be read in an element."""
        return str(self.ask(f"document.querySelector({json.dumps(selector)}).innerText"))

    def click(self, selector: str) -> None:
        """Press the middle of an element, as a mouse does."""
        quoted = json.dumps(selector)
        place = self.wait(
            f"(() => {{ const e = document.querySelector({quoted});"
            " if (!e || e.disabled || document.getAnimations().length) return null;"
            " e.scrollIntoView({ block: 'nearest' });"
            " const b = e.getBoundingClientRect();"
            " return b.width ? { x: b.x + b.width / 2, y: b.y + b.height / 2 } : null; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def write(self, selector: str, text: str) -> None:
        """Have the keyboard in a field and type."""
        self.click(selector)
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key that has no character."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **(text if kind == "keyDown" else {}),
            )

    def picture(self, path: Path) -> None:
        """Save what is to be seen as PNG."""
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))
