"""RemoteMonitor: the logs of every epoch, sent to a server."""

import json
import warnings
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from lamina._core.errors import describe, explain
from lamina.callbacks._callback import Callback

TIMEOUT = 10.0  # seconds; a server that is silent must not hold up training for longer


class RemoteMonitor(Callback):
    """Sends the logs of every epoch to a server, by HTTP POST.

    A server that cannot be reached is told in a warning; training goes on.

    Args:
        root: address of the server.
        path: path on it.
        field: name of the form's field that has the JSON, unless `send_as_json`.
        headers: dictionary of further HTTP headers.
        send_as_json: whether the body is the JSON itself instead of a form.

    Example:
        >>> monitor = RemoteMonitor("http://localhost:9000", send_as_json=True)
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not str(root).startswith(("http://", "https://")):
            expected = "expected an address that begins with http:// or https:// as `root`"
            raise ValueError(explain("RemoteMonitor", expected, describe(root)))
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        text = json.dumps({"epoch": epoch, **{k: _plain(v) for k, v in (logs or {}).items()}})
        kind = "application/json"
        if not self.send_as_json:
            text, kind = urlencode({self.field: text}), "application/x-www-form-urlencoded"
        request = Request(
            self.root + self.path, text.encode(), {"Content-Type": kind, **(self.headers or {})}
        )
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:
                answer.read()
        except HTTPError as error:  # it was reached: what it makes of it is its business
            error.close()
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            warnings.warn(f"RemoteMonitor: {self.root} cannot be reached: {reason}", stacklevel=2)


def _plain(value: Any) -> Any:
    return np.asarray(value).tolist() if hasattr(value, "dtype") else value
