"""The log file of a run: the output of all libraries goes there, so that the terminal shows only the run's own
lines."""

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from w2s.errors import first_line
from w2s.store import layout
from w2s.store.store import Store


class RunLog:
    """Redirects file descriptors 1 and 2 of this process to a log file, and with them the output that Ray forwards from
    workers.

    `terminal` is the former standard output, `lines` the log itself, for the run's own lines. For a store in a bucket,
    the log is a local temporary file until the run ends.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = layout.log(store.run)
        self.url = store.objects.absolute(self.name)
        folder = store.objects.path("logs") if store.objects.is_folder else tempfile.mkdtemp(prefix="w2s-log-")
        self.local = Path(folder) / Path(self.name).name
        self.terminal: TextIO = sys.stdout
        self.lines: TextIO = sys.stdout

    def __enter__(self) -> "RunLog":
        self.local.parent.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = os.dup(1), os.dup(2)
        self.terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        file = os.open(self.local, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        self.lines = os.fdopen(file, "w", encoding="utf-8", errors="replace")
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.lines.close()
        for saved, number in zip(self._saved, (1, 2), strict=True):
            os.dup2(saved, number)
            os.close(saved)
        if not self.store.objects.is_folder:
            try:
                self.store.objects.write(self.store.objects.path(self.name), self.local.read_bytes())
            except Exception as error:  # the server may be gone, and the error that ended the run matters more
                why = f"the log could not be copied to the store ({first_line(error)})"
                with suppress(BrokenPipeError):
                    self.terminal.write(f"{why}: it is {self.local}\n")
            else:
                shutil.rmtree(self.local.parent)
        with suppress(BrokenPipeError):  # `w2s run ... | head` has no reader any more
            self.terminal.close()
