"""A server on loopback that tells how likely its model finds a prompt, in two dialects.

    with LogprobServer(log_probs) as server:
        Endpoint(server.url + "/v1", "m")

`log_probs(ids)` gives [positions, vocabulary]. `fault` changes what comes out, as broken or
differently configured servers do.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from torch import Tensor


class LogprobServer:
    def __init__(
        self, log_probs: Callable[[list[int]], Tensor], *, most: int = 20, fault: str = ""
    ) -> None:
        """`most`: vLLM's --max-logprobs."""
        self.log_probs, self.most, self.fault = log_probs, most, fault
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refusals = 2 if fault == "busy" else 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                outer.headers.append(dict(self.headers))
                status, reply = outer.answer(self.path, body)
                raw = json.dumps(reply).encode()
                with contextlib.suppress(OSError):  # a client that has seen enough hangs up
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(raw)))
                    self.end_headers()
                    self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LogprobServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.refusals or self.fault == "down":
            self.refusals -= 1
            return 503, {"error": "busy"}
        if path == "/v1/completions":
            return self._vllm(body)
        if path == "/generate":
            return self._sglang(body)
        return 404, {"error": path}

    def _vllm(self, body: dict[str, Any]) -> tuple[int, Any]:
        ids, k = list(body["prompt"]), body["prompt_logprobs"]
        if k > self.most and self.fault != "fewer":
            return 400, {"message": f"prompt_logprobs {k} exceeds --max-logprobs {self.most}"}
        if self.fault == "prefix":
            ids = [1, *ids]
        listed: list[Any] = [None]
        for t, position in self._positions(ids, min(k, self.most)):
            listed.append(
                {
                    str(token): {"logprob": value, "rank": rank, "decoded_token": f"<{token}>"}
                    for rank, (token, value) in enumerate(position, 1)
                }
            )
            if self.fault == "foreign":
                listed[-1].pop(str(ids[t]))
        if self.fault == "without":
            listed = []
        return 200, {"choices": [{"text": "x", "prompt_logprobs": listed}]}

    def _sglang(self, body: dict[str, Any]) -> tuple[int, Any]:
        ids, k = list(body["input_ids"]), body["top_logprobs_num"]
        own: list[Any] = [[None, ids[0], None]]
        top: list[Any] = [None]
        for t, position in self._positions(ids, k):
            values = dict(position)
            own.append([values[ids[t]], ids[t], None])
            top.append([[value, token, None] for token, value in position[:k]])
        return 200, {
            "text": "x",
            "meta_info": {"input_token_logprobs": own, "input_top_logprobs": top},
        }

    def _positions(self, ids: list[int], k: int) -> list[tuple[int, list[tuple[int, float]]]]:
        log_p = self.log_probs(ids)
        found = []
        for t in range(1, len(ids)):
            values, tokens = log_p[t - 1].topk(k)
            position = list(zip(tokens.tolist(), values.tolist(), strict=True))
            if ids[t] not in tokens.tolist():
                position.append((ids[t], log_p[t - 1, ids[t]].item()))
            if self.fault == "nan":
                position[0] = (position[0][0], float("nan"))
            found.append((t, position))
        return found
