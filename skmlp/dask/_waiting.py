"""Waiting for tasks on a Dask cluster."""

from typing import Any

from skmlp._extras import import_extra


def wait_for_any(futures: list[Any], seconds: float) -> None:
    """Wait until one of the tasks has ended, failed or was cancelled, for `seconds` at most."""
    distributed = import_extra("distributed", "dask", "skmlp.dask")
    try:
        distributed.wait(futures, timeout=seconds, return_when="FIRST_COMPLETED")
    except (TimeoutError, distributed.TimeoutError, distributed.client.FutureCancelledError):
        return
