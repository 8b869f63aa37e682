"""The report as one HTML page that fetches nothing, so that it can be mailed and archived.

Its figures are those of the report document. Its one script is this folder's script.js, which the page's policy names
by its hash; no other script runs, whatever a name or a text holds.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from w2s.report.page.course import course, losses
from w2s.report.page.examples import examples
from w2s.report.page.flow import flow
from w2s.report.page.parts import section
from w2s.report.page.results import first_words, levels, promises, results
from w2s.report.page.selection import selection
from w2s.report.page.sources import counts, sources


def html(report: Mapping[str, Any]) -> str:
    """The page; every value is escaped, for names, questions and completions may hold anything."""
    style, script = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'"
    title = escape(str(report["experiment"]))
    method = "The method, with this run's numbers"
    body = {
        "sources": ("Where this comes from", sources(report)),
        "method": (method, section("method", method, flow(report)) if report["graph"] else ""),
        "results": ("Accuracy and PGR", results(report)),
        "promises": ("What the method promises", promises(report)),
        "levels": ("Accuracy by level", levels(report)),
        "losses": ("Losses", losses(report)),
        "selection": ("What was kept", selection(report)),
        "course": ("How the run went", course(report)),
        "examples": ("Examples", examples(report)),
        "counts": ("All counts", counts(report)),
    }
    links = "".join(f'<li><a href="#{key}">{escape(name)}</a></li>' for key, (name, part) in body.items() if part)
    return "\n".join([
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f'<title>{title}</title><meta http-equiv="Content-Security-Policy" content="{policy}">',
        f"<style>{style}</style></head>",
        f'<body><a class="skip" href="#sources">Skip to the report</a><header><h1>{title}</h1>',
        f"<p>{escape(str(report['description']))}</p>",
        first_words(report),
        f'</header><nav aria-label="Contents"><ul>{links}</ul></nav><main>',
        *(part for _, part in body.values() if part),
        f"</main><script>{script}</script></body></html>",
        "",
    ])  # fmt: skip
