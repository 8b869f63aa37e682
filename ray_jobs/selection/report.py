"""The report job: report.json and report.html from the scores, the summaries, the audit and all manifests upstream."""

from ray_jobs.runtime.context import Context
from w2s.graph.recipes import Report
from w2s.graph.step import Step, with_upstream
from w2s.method.outcomes import listed
from w2s.records import Score
from w2s.report.document import build
from w2s.report.page import html
from w2s.store.attempt import Attempt


def report(step: Step, attempt: Attempt, context: Context) -> str:
    """Write the report document and its page."""
    assert isinstance(step.recipe, Report)
    store, upstream = context.store, with_upstream([step])[:-1]
    manifests = {name: manifest for name, manifest in store.manifests(upstream).items() if manifest is not None}
    document = build(
        step.recipe,
        store.inputs(step, "scores", Score),
        [above.report_name for above in upstream if above.report_name],
        {role: store.document(table) for role, table in step.inputs if table.name == "summary"},
        store.document(dict(step.inputs)["audit"]),
        {name: manifest.counts for name, manifest in manifests.items()},
        {name: manifest.seconds for name, manifest in manifests.items()},
    )
    attempt.write_document("report", document)
    attempt.add("html", f"{attempt.name}/report.html", html(document).encode())
    return listed({"models": len(document["models"])})
