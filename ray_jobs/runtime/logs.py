"""Where the libraries' chatter goes: a file in the store, while the run's own lines stay on the terminal."""

import os
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from w2s.store.store import Store


class RunLog:
    """Sends file descriptors 1 and 2 of this process, and with them what Ray forwards from its workers, to a log file.

    `terminal` is what standard output was before. In a bucket store the log is a temporary file here until the run ends.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = f"logs/{store.run}.log"
        self.url = store.absolute(self.name)
        folder = store.path("logs") if store.is_folder else tempfile.mkdtemp(prefix="w2s-log-")
        self.local = Path(folder) / Path(self.name).name
        self.terminal: TextIO = sys.stdout

    def __enter__(self) -> "RunLog":
        self.local.parent.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = os.dup(1), os.dup(2)
        self.terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        file = os.open(self.local, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for saved, number in zip(self._saved, (1, 2), strict=True):
            os.dup2(saved, number)
            os.close(saved)
        if not self.store.is_folder:
            try:
                self.store.write(self.store.path(self.name), self.local.read_bytes())
            except Exception as error:  # a server that is away: what ended the run matters more
                self.terminal.write(
                    f"the log could not be put into the store ({type(error).__name__}: {error}): it is {self.local}\n"
                )
        self.terminal.close()
