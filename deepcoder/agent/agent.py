"""`Agent`: plays one problem through the graph and hands over the trajectory.

The trajectory is complete whatever happened: a limit, an unreadable answer or an error of the model
ends the episode and is recorded. It is not judged here: see `deepcoder.trajectories.verification`.

Example::

    agent = Agent(model, cfg.agent, pool)
    trajectory = await agent.run(problem, sampling=Sampling(temperature=0.7, seed=1), sample=0)
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from deepcoder import __version__
from deepcoder.agent.first_thought import VERSION as FIRST_THOUGHT
from deepcoder.agent.graph import Limits, Nodes, build_graph
from deepcoder.agent.prompting import render_prompt
from deepcoder.agent.state import Episode, EpisodeState, start
from deepcoder.agent.tools import RETRIEVE, RetrieveTool, check_tools, open_tools
from deepcoder.agent.voting import AnswerProbe
from deepcoder.chat_models import ChatModel
from deepcoder.errors import ConfigError
from deepcoder.problems.show import task_text
from deepcoder.rendering import get_protocol
from deepcoder.sandbox import SandboxPool
from deepcoder.types import Outcome, Problem, Provenance, Sampling, StopReason, Trajectory

if TYPE_CHECKING:
    from deepcoder.config import AgentConfig

__all__ = ["Agent"]


class Agent:
    """A chat model with tools and limits. Episodes may run side by side.

    `keep_thinking` says whether the model is shown the reasoning of its earlier turns, and must be
    the same in training (`data.keep_thinking`). `retrieve` is what the tool of that name does (see
    `deepcoder.agent.corpus`). Raises ConfigError for an unknown protocol, prompt or tool, and for
    `retrieve` among the tools without something to search.
    """

    def __init__(
        self,
        model: ChatModel,
        cfg: AgentConfig,
        pool: SandboxPool,
        *,
        keep_thinking: bool = True,
        retrieve: RetrieveTool | None = None,
    ) -> None:
        self._cfg = cfg
        self._pool = pool
        self._model = model
        self._tools = tuple(cfg.tools)
        check_tools(self._tools)
        if RETRIEVE in self._tools and retrieve is None:
            raise ConfigError(
                "agent.tools has `retrieve`, and this agent was given nothing to search.",
                fix="take `retrieve` out of agent.tools, or pass `retrieve=retrieve_tool(cfg)`",
            )
        self._retrieve = retrieve if RETRIEVE in self._tools else None
        protocol = get_protocol(cfg.protocol)
        self.system_prompt = render_prompt(cfg.prompt, protocol, self._tools)
        self._limits = Limits(
            max_turns=cfg.max_turns,
            max_tokens=cfg.max_tokens,
            max_usd=cfg.max_usd,
            max_invalid=cfg.max_invalid,
            observation_chars=cfg.observation_chars,
            samples=cfg.action_samples,
        )
        self._prompt_version = cfg.prompt
        if cfg.first_thought:
            self._prompt_version += f"+{FIRST_THOUGHT}"
        self._graph = build_graph(
            Nodes(
                model,
                protocol,
                self.system_prompt,
                self._limits,
                self._tools,
                keep_thinking=keep_thinking,
                first_thought=cfg.first_thought,
            )
        )

    def episode_id(self, problem: Problem, *, seed: int = 0, sample: int = 0) -> str:
        """The id that the trajectory of these arguments will have: `problem#sample-digest`.

        The digest covers the problem's content, the teacher, the prompt, the corpus, and the seed,
        so the same command makes the same ids, and other settings never take them.
        """
        content = json.dumps(
            [
                problem.model_dump(mode="json"),
                self._model.fingerprint.model_dump(mode="json"),
                self._cfg.protocol,
                self.system_prompt,
                self._tools,
                seed,
            ],
            sort_keys=True,
        )
        if self._cfg.first_thought:
            content += FIRST_THOUGHT
        if self._cfg.action_samples > 1:
            content += f"|best of {self._cfg.action_samples}"
        if self._retrieve is not None:
            content += self._retrieve.digest
        digest = hashlib.sha256(content.encode()).hexdigest()[:10]
        return f"{problem.id}#{sample}-{digest}"

    async def run(
        self,
        problem: Problem,
        *,
        sampling: Sampling,
        seed: int = 0,
        sample: int = 0,
        source: str = "agent",
        config_hash: str | None = None,
    ) -> Trajectory:
        """Play one episode. `seed` and `sample` name it; `sampling.seed` makes it repeatable.

        `usage.seconds` is the wall clock of the whole episode, tools included. After an error of
        the model `outcome` holds the error, otherwise it is None until somebody verifies.
        """
        began = time.monotonic()
        async with open_tools(self._tools, self._pool, problem, self._retrieve) as tools:
            episode = Episode(
                task=task_text(problem),
                sampling=sampling,
                tools=tools,
                deadline=began + self._cfg.max_seconds,
                probe=AnswerProbe(self._pool, problem),
            )
            ended = await self._graph.ainvoke(
                start(), config={"recursion_limit": self._limits.supersteps}, context=episode
            )
        state = cast(EpisodeState, ended)
        usage = state["usage"].model_copy(update={"seconds": round(time.monotonic() - began, 3)})
        fingerprint = self._model.fingerprint
        return Trajectory(
            id=self.episode_id(problem, seed=seed, sample=sample),
            problem_id=problem.id,
            protocol=self._cfg.protocol,
            prompt_version=self._prompt_version,
            system_prompt=self.system_prompt,
            task=episode.task,
            tools=self._tools,
            steps=state["steps"],
            first_thought=_begun_with(state),
            answer=state["answer"],
            stop=state["stop"] or StopReason.MAX_TURNS,
            teacher=fingerprint,
            outcome=_error_outcome(problem, state),
            usage=usage,
            provenance=Provenance(
                source=source,
                config_hash=config_hash,
                code_version=__version__,
                seed=seed,
                sample=sample,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            ),
            tags=("oracle",) if fingerprint.kind == "oracle" else (),
        )


def _begun_with(state: EpisodeState) -> str | None:
    """The first thought, when an episode has a step that begins with it."""
    thought = state["thought"]
    used = any(step.action and step.reason.startswith(thought) for step in state["steps"])
    return thought if thought and used else None


def _error_outcome(problem: Problem, state: EpisodeState) -> Outcome | None:
    if state["error"] is None:
        return None
    return Outcome(
        passed=0, total=len(problem.hidden), status="model_error", detail=state["error"][:2000]
    )
