"""The beats of a run as `w2s status` reads them."""

from pathlib import Path

from tests.conftest import wait_for
from w2s.store import layout
from w2s.store.lease.leases import Leases
from w2s.store.lease.run_record import RunState
from w2s.store.store import Store


def test_a_run_says_at_once_what_it_has_planned(tmp_path: Path) -> None:
    objects = Store.at(str(tmp_path)).objects
    place = objects.path(layout.heartbeat("run"))
    with Leases(objects, "run", print) as leases:
        assert b"quickstart" not in objects.read(place)
        leases.show(lambda: RunState(experiment="quickstart", total=30))
        wait_for(lambda: b"quickstart" in objects.read(place), 5, "a beat that knows the experiment")
    assert not Path(place).exists()
