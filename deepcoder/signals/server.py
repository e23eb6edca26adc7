"""Scoring with a teacher behind a server that tells how likely it finds a text that it is given.

    scorer = ServerScorer(Endpoint("http://127.0.0.1:8000/v1", "Qwen3-32B"), vocabulary, layout)
    rows = scorer(batch)      # SparseRows, as from a local teacher

Two dialects: `vllm` (`/completions` with `prompt_logprobs`; start the server with
`--max-logprobs` of at least score.k) and `sglang` (`/generate` with `return_logprob`). Texts go out
as token ids, and the ids that come back are compared one by one: a server that adds a begin-of-text
token or has another tokenizer is refused. Without the dense distribution there are no sampled rows,
no entropy, no temperature but 1, and no KL error to report.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from deepcoder.errors import BackendError, ConfigError, DataError, UnavailableError
from deepcoder.losses.names import SparseScheme
from deepcoder.losses.rows import SparseRows
from deepcoder.signals.columns import Layout
from deepcoder.signals.local import Measured
from deepcoder.signals.vocabulary import VocabularyMap
from deepcoder.students.batch import TokenBatch

if TYPE_CHECKING:
    import httpx

__all__ = ["Endpoint", "ServerScorer"]

Scores = list[dict[int, float]]
"""Of each position of a text, natural log of p(token) by token id; empty for the first."""


@dataclass(frozen=True)
class Endpoint:
    """Where and how to ask."""

    url: str
    """Ends in /v1, as for chat."""
    model: str
    dialect: str = "vllm"
    key: str | None = None
    requests: int = 8
    """In flight at a time."""
    timeout: float = 180.0
    """Seconds."""
    attempts: int = 8
    first_wait: float = 0.5
    """Seconds; later waits double."""


class ServerScorer:
    """Raises ConfigError when the server's tokenizer is not, or only in part, the student's."""

    def __init__(self, endpoint: Endpoint, vocabulary: VocabularyMap, layout: Layout) -> None:
        vocabulary.require_same()
        if vocabulary.unshared:
            raise ConfigError(
                f"The teacher {vocabulary.name} and the student differ in "
                f"{len(vocabulary.unshared)} control tokens; taking them out needs the whole "
                "distribution, which a server does not give.",
                fix="use teacher=local with this model, or a teacher of the same tokenizer",
            )
        self.endpoint, self.vocabulary, self.layout = endpoint, vocabulary, layout
        self.measured = Measured()

    def __call__(self, batch: TokenBatch) -> SparseRows:
        """Raises UnavailableError when the server does not answer, DataError for a wrong answer."""
        documents = [
            (row, a, b) for row, spans in enumerate(batch.documents) for a, b in spans if b - a > 1
        ]
        texts = [batch.input_ids[row, a:b].tolist() for row, a, b in documents]
        scored = asyncio.run(score_texts(self.endpoint, texts, self.layout.k))
        width = batch.input_ids.shape[1]
        found: dict[int, dict[int, float]] = {}
        for (row, a, _), scores in zip(documents, scored, strict=True):
            for t in range(1, len(scores)):
                found[row * width + a + t - 1] = scores[t]
        rows = batch.rows.tolist()
        return self._rows([found[place] for place in rows], batch.targets.tolist())

    def _rows(self, scores: Scores, targets: Sequence[int]) -> SparseRows:
        k = self.layout.k
        ids = torch.zeros(len(scores), k, dtype=torch.int64)
        values = torch.full((len(scores), k), -torch.inf)
        target = torch.zeros(len(scores))
        for i, (row, token) in enumerate(zip(scores, targets, strict=True)):
            largest = sorted(row.items(), key=lambda item: (-item[1], item[0]))[:k]
            ids[i] = torch.tensor([token_id for token_id, _ in largest])
            values[i] = torch.tensor([value for _, value in largest])
            target[i] = row[token]
        mass = values.double().exp().sum(-1).clamp(max=1.0)
        tail = torch.log1p(-mass).float() if self.layout.scheme is SparseScheme.tail else None
        return SparseRows(ids, values, self.layout.scheme, log_tail=tail, log_target=target)


async def score_texts(endpoint: Endpoint, texts: Sequence[Sequence[int]], k: int) -> list[Scores]:
    """Log-probabilities of the `k` likeliest tokens and of the text's own, at every position."""
    import httpx

    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    gate = asyncio.Semaphore(endpoint.requests)
    async with httpx.AsyncClient(timeout=endpoint.timeout, headers=headers) as client:

        async def one(ids: Sequence[int]) -> Scores:
            async with gate:
                return await _score(client, endpoint, list(ids), k)

        return await asyncio.gather(*(one(ids) for ids in texts))


async def _score(client: httpx.AsyncClient, endpoint: Endpoint, ids: list[int], k: int) -> Scores:
    read = _read_sglang if endpoint.dialect == "sglang" else _read_vllm
    if endpoint.dialect == "sglang":
        url = endpoint.url.rstrip("/").removesuffix("/v1") + "/generate"
        body: dict[str, Any] = {
            "input_ids": ids,
            "sampling_params": {"max_new_tokens": 1, "temperature": 0},
            "return_logprob": True,
            "logprob_start_len": 0,
            "top_logprobs_num": k,
        }
    else:
        url = endpoint.url.rstrip("/") + "/completions"
        body = {
            "model": endpoint.model,
            "prompt": ids,
            "max_tokens": 1,
            "temperature": 0,
            "prompt_logprobs": k,
            "return_token_ids": True,
        }
    reply = await _post(client, endpoint, url, body)
    try:
        scores = read(reply, ids)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"The answer of {url} has no log-probabilities of the prompt "
            f"({type(error).__name__}: {error}).",
            fix="set teacher.preset=vllm or sglang to what the server is, or update the server",
        ) from error
    _check(scores, ids, k, url)
    return scores


def _read_vllm(reply: Any, ids: list[int]) -> Scores:
    choice = reply["choices"][0]
    if choice.get("prompt_token_ids", ids) != ids:
        raise _other_text("prompt_token_ids")
    listed = choice["prompt_logprobs"]
    if len(listed) != len(ids):
        raise _other_text("prompt_logprobs", len(listed), len(ids))
    return [
        {int(token): float(entry["logprob"]) for token, entry in (position or {}).items()}
        for position in listed
    ]


def _read_sglang(reply: Any, ids: list[int]) -> Scores:
    facts = reply["meta_info"]
    own, top = facts["input_token_logprobs"], facts["input_top_logprobs"]
    if [entry[1] for entry in own] != ids:
        raise _other_text("input_token_logprobs", len(own), len(ids))
    scores: Scores = [{}]
    for (value, token, *_), largest in zip(own[1:], top[1:], strict=True):
        position = {int(entry[1]): float(entry[0]) for entry in largest}
        scores.append(position | {int(token): float(value)})
    return scores


def _check(scores: Scores, ids: list[int], k: int, url: str) -> None:
    """The first position has no log-probabilities; every other has its own token's and k more."""
    for t in range(1, len(ids)):
        if ids[t] not in scores[t]:
            raise _other_text(f"position {t}")
        if len(scores[t]) < k:
            raise DataError(
                f"{url} gave {len(scores[t])} log-probabilities at position {t}, and score.k={k} "
                "were asked for.",
                fix=f"start the server with --max-logprobs {k}, or set score.k={len(scores[t])}",
            )
        if any(math.isnan(value) or value > 1e-3 for value in scores[t].values()):
            raise DataError(
                f"{url} gave NaN or a probability above 1 at position {t}.",
                fix="run the server in bfloat16 or float32",
            )


def _other_text(where: str, got: int | None = None, sent: int | None = None) -> DataError:
    counts = f": {got} tokens for {sent}" if got is not None else ""
    return DataError(
        f"The server read another text than was sent ({where}{counts}): it adds tokens or has "
        "another tokenizer.",
        fix="serve the model that teacher.model names, without a begin-of-text token",
    )


async def _post(client: httpx.AsyncClient, endpoint: Endpoint, url: str, body: Any) -> Any:
    """The parsed answer. Faults that may pass are asked again."""
    import httpx

    wait, said = endpoint.first_wait, ""
    for attempt in range(endpoint.attempts):
        if attempt:
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait *= 2
        try:
            reply = await client.post(url, json=body)
        except httpx.HTTPError as error:
            said = f"{type(error).__name__}: {error}"
            continue
        if reply.status_code in (408, 429) or reply.status_code >= 500:
            said = f"status {reply.status_code}"
            continue
        if reply.status_code != 200:
            raise BackendError(
                f"{url} refused the request with status {reply.status_code}: "
                f"{reply.text.strip()[:200]}",
                fix="read what it says; for too many log-probabilities start the server with "
                "--max-logprobs, or lower score.k",
            )
        try:
            return reply.json()
        except ValueError:
            said = "the answer is no JSON"
    raise UnavailableError(
        f"{url} did not answer after {endpoint.attempts} attempts ({said}); what is scored is "
        "kept.",
        fix="check the server and teacher.base_url, then run the same command again",
    )
