"""Probes of a store's server: may we read and write, are its creates exclusive, what time is it.

Each probe writes a small object under a name of its own and removes it.
"""

from dataclasses import replace

from w2s.errors import first_line
from w2s.graph.directory import STEPS
from w2s.store import layout
from w2s.store.objects.objects import NOT_IMPLEMENTED, Objects, error_code


def check_writable(objects: Objects) -> Objects:
    """Create a small object twice and remove it; returns `objects` with `exclusive` set to what the server does.

    Raises ValueError, naming the store and the cause, if the store cannot be written or listed.
    """
    try:
        probe = objects.path(layout.new_probe())
        try:
            objects.create_exclusively(probe, b"first")
            exclusive = not objects.create_exclusively(probe, b"second")
        except OSError as error:
            if error_code(error) not in NOT_IMPLEMENTED:
                raise
            objects.write(probe, b"first")
            exclusive = False
        objects.remove([probe])
        objects.names(objects.path(STEPS))  # a policy may allow writing and forbid listing
    except Exception as error:  # every file system raises its own types here, and all mean the same to the user
        raise ValueError(
            f"the store {objects.url} cannot be written ({first_line(error)}): choose another --store"
        ) from error
    return replace(objects, exclusive=exclusive)


def check_readable(objects: Objects) -> None:
    """List the folder of steps, which need not exist.

    Raises ValueError, naming the store and the cause, if the store cannot be listed.
    """
    try:
        objects.names(objects.path(STEPS))
    except Exception as error:  # as in check_writable
        raise ValueError(
            f"the store {objects.url} cannot be read ({first_line(error)}): choose another --store"
        ) from error


def server_time(objects: Objects) -> float:
    """The server's clock in Unix seconds, from the modification time of a probe object."""
    path = objects.path(layout.new_probe())
    objects.write(path, b"now")
    modified = objects.modified(path)
    objects.remove([path])
    return modified
