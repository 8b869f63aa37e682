"""How blocks reach engines that live on: an actor that holds the requests of all groups, and the dataset's open source.

The source is one task of Ray Data that yields a row a request and waits for more until the channel is closed. The
requests are kept by index, so the rows are the same where Ray runs the task again. Actor and source stay on the
driver's node, because nothing samples without the driver.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ray
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from ray_jobs.runtime.local_ray import driver_node
from ray_jobs.sampling.pool.held import Held
from ray_jobs.sampling.results import COLUMN

if TYPE_CHECKING:  # the source's process needs no model libraries
    from ray_jobs.sampling.inputs import Task


class Channel:
    """The driver's, the source's and the engines' end of the actor."""

    def __init__(self) -> None:
        held: Any = ray.remote(num_cpus=0, label_selector=driver_node())(Held)
        self.actor = held.remote()

    def append(self, tasks: "Mapping[str, Task]", rows: Sequence[bytes]) -> None:
        """Offer the requests of another group to the engines, in this order."""
        ray.get(self.actor.append.remote({step: ray.put(task) for step, task in tasks.items()}, rows))

    def drop(self, steps: Sequence[str]) -> None:
        """Let the engines give up all blocks of these steps."""
        ray.get(self.actor.drop.remote(steps))

    def close(self) -> None:
        """Let the engines end after the last request."""
        ray.get(self.actor.close.remote())

    def rows(self) -> Iterator[bytes]:
        """All requests, from the first on, until the channel is closed."""
        index = 0
        while rows := self._rows_from(index):
            yield from rows
            index += len(rows)

    def _rows_from(self, index: int) -> list[bytes]:
        return ray.get(self.actor.rows_from.remote(index))

    async def task(self, step: str) -> "Task":
        """The task of the step with this directory."""
        return await (await self.actor.task.remote(step))

    async def dropped(self, known: int) -> list[str]:
        """All steps that were dropped, in their order, once there are more than the `known`."""
        return await self.actor.dropped.remote(known)


class Requests(Datasource):
    """Ray Data's source of the requests in a channel, each row in a block of its own."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown, because groups join."""
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        """The one task that reads the channel."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, exec_stats=None, input_files=None)
        return [ReadTask(_reader(self.channel), unknown)]


def open_dataset(channel: Channel) -> Any:
    """A dataset of all requests of the channel; each reaches a worker of its own as soon as it is there."""
    requests = ray.data.read_datasource(
        Requests(channel), override_num_blocks=1, num_cpus=0, label_selector=driver_node()
    )
    requests.context.target_max_block_size = 1  # byte: else Ray Data waits for 128 MiB of rows
    # Engines that have no work wait for more; Ray Data would end all but `min_size` of them.
    requests.context.autoscaling_config.actor_pool_util_downscaling_threshold = -1.0
    return requests


def _reader(channel: Channel) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        import pyarrow as pa

        for row in channel.rows():
            yield pa.table({COLUMN: [row]})

    return read
