"""Workers: batches of a PyDataset, fetched by several threads or processes in their order."""

import pickle
import signal
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from lamina._core.errors import describe, explain

if TYPE_CHECKING:
    from concurrent import futures

_dataset: Any = None  # in a worker process: what it reads


def in_workers(
    dataset: Any, numbers: Iterable[int], workers: int, processes: bool, ahead: int
) -> Iterator[Any]:
    """Yield `dataset[i]` for all numbers, `ahead` of them at work at a time.

    Closing the iterator ends the workers.

    Raises:
        RuntimeError: a worker process died.
        ValueError: the data set cannot be sent to processes.
    """
    from concurrent import futures

    pool = (
        _processes(dataset, workers)
        if processes
        else futures.ThreadPoolExecutor(workers, "lamina-data")
    )
    fetch = _fetch if processes else dataset.__getitem__
    return _in_order(pool, fetch, iter(numbers), ahead, type(dataset).__name__)


def _in_order(
    pool: "futures.Executor", fetch: Any, numbers: Iterator[int], ahead: int, name: str
) -> Iterator[Any]:
    from concurrent import futures

    waiting: deque[Any] = deque()
    try:
        with warnings.catch_warnings():
            # jax warns of forks; these children run the data set's own code alone.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
            waiting.extend(pool.submit(fetch, i) for i in islice(numbers, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(fetch, i) for i in islice(numbers, 1))
            yield result
    except futures.BrokenExecutor as error:
        raise RuntimeError(
            explain(
                name,
                "expected its worker processes to live",
                "one that died, or could not start",
                "too little memory is the usual cause: use fewer workers, or "
                "use_multiprocessing=False; scripts need `if __name__ == '__main__':`",
            )
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _processes(dataset: Any, workers: int) -> "futures.Executor":
    import multiprocessing
    from concurrent import futures

    context = multiprocessing.get_context()
    if context.get_start_method() != "fork":
        try:
            pickle.dumps(dataset)
        except Exception as error:
            raise ValueError(
                explain(
                    type(dataset).__name__,
                    "expected a data set that can be sent to worker processes",
                    f"{describe(dataset)}: {error}",
                    "define its class in a module and keep open files out of it, or use "
                    "use_multiprocessing=False",
                )
            ) from error
    return futures.ProcessPoolExecutor(workers, context, _start, (dataset,))


def _start(dataset: Any) -> None:
    global _dataset
    _dataset = dataset
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def _fetch(number: int) -> Any:
    return _dataset[number]
