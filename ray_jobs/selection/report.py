"""The report job: report.json and report.html from the scores, the summaries, the audit and all steps upstream.

It may read every table upstream, for no step reads the report.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray_jobs.cost.rates import load_rates
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.context import Context
from w2s.graph.contents import record_of
from w2s.graph.recipes import Report
from w2s.graph.step import Step, Table, with_upstream
from w2s.method.outcomes import listed
from w2s.records import Score
from w2s.report.document import build
from w2s.report.document.details import counts, details
from w2s.report.document.finished import Finished
from w2s.report.page import html
from w2s.store.attempt import Attempt
from w2s.store.shards import rows_of_problems
from w2s.store.store import Store


def report(step: Step, attempt: Attempt, context: Context) -> str:
    """Write the report document and its page."""
    document = report_document(step, context.store, context.resources)
    attempt.write_document("report", document)
    attempt.add("html", f"{attempt.name}/report.html", html(document).encode())
    return listed({"models": len(document["models"])})


def report_document(step: Step, store: Store, resources: Resources | None) -> dict[str, Any]:
    """The document of a report step: of what is finished, if its inputs are not.

    With resources on GPUs it has a cost, at the prices of `w2s plan`.
    """
    assert isinstance(step.recipe, Report)
    steps = with_upstream([step])[:-1]
    manifests = store.manifests(steps)
    source = StoredTables(store, {name: manifest for name, manifest in manifests.items() if manifest is not None})
    inputs = {role: table for role, table in step.inputs if table.step.name in source.finished}
    graded, audited = inputs.get("scores"), inputs.get("audit")
    dollars = load_rates(resources, []).dollars if resources and resources.gpus_per_engine else None
    return build(
        step.recipe,
        source.each(graded) if graded else (),
        [above.report_name for above in steps if above.report_name] if graded else [],
        {role: store.document(table) for role, table in inputs.items() if table.name == "summary"},
        store.document(audited) if audited else {},
        counts(source),
        details(steps, source, dollars),
    )


@dataclass(frozen=True)
class StoredTables:
    """What a report reads of a store (w2s/report/document/finished.py)."""

    store: Store
    finished: Mapping[str, Finished]
    _scores: dict[str, Sequence[Score]] = field(default_factory=dict[str, Sequence[Score]])
    """Rows that are read twice, by directory."""

    def document(self, table: Table) -> Any:
        """A JSON document."""
        return self.store.document(table)

    def each(self, table: Table) -> Iterator[Any]:
        """The rows of a table, with one file in memory; all scores at once, for they are compared."""
        record: Any = record_of(table)
        if record is not Score:
            return self.store.each_record(table, record)
        if table.step.directory not in self._scores:
            self._scores[table.step.directory] = self.store.records(table, Score)
        return iter(self._scores[table.step.directory])

    def of_problems(self, table: Table, problem_ids: Collection[str]) -> dict[str, list[Any]]:
        """The rows of some problems by id."""
        record: Any = record_of(table)
        return rows_of_problems(self.store, table, problem_ids, record)
