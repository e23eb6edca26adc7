"""The graph of an episode: model → tool → model … → finish, with limits at every turn.

Three nodes over an explicit `StateGraph`. `model` asks for the next step and reads it; `tool`
carries the step out, or says why it cannot be; `finish` takes the answer. There is no prebuilt
agent and no checkpointer: an episode is short, its trajectory is the record, and a checkpointer in
memory grows for ever. Alternative: a plain loop is ten times as fast, and no part of a bulk run
notices; the graph is what makes branches (retrieval, voting) visible.

Example::

    graph = build_graph(Nodes(model, protocol, system_prompt, limits))
    state = await graph.ainvoke(start(), config={"recursion_limit": 20}, context=episode)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from deepcoder.agent.state import Episode, EpisodeState
from deepcoder.agent.tools import FINISH, cut
from deepcoder.chat_models import ChatModel
from deepcoder.errors import BackendError
from deepcoder.rendering import AgentProtocol, conversation, messages
from deepcoder.types import (
    Completion,
    Observation,
    ObservationStatus,
    Step,
    StopReason,
    Usage,
)

__all__ = ["Limits", "Nodes", "build_graph"]


@dataclass(frozen=True)
class Limits:
    """When an episode ends without an answer. Units as in `config.AgentConfig`."""

    max_turns: int
    max_tokens: int
    max_invalid: int
    observation_chars: int

    @property
    def supersteps(self) -> int:
        """LangGraph's `recursion_limit`: two nodes a turn, with room for start and finish."""
        return 2 * self.max_turns + 4


class Nodes:
    """The work of each node. Shared by all episodes: it holds nothing of any of them."""

    def __init__(
        self,
        model: ChatModel,
        protocol: AgentProtocol,
        system_prompt: str,
        limits: Limits,
        tools: Sequence[str],
        *,
        keep_thinking: bool = True,
    ) -> None:
        self.chat_model = model
        self.protocol = protocol
        self.system_prompt = system_prompt
        self.limits = limits
        self.tools = tuple(tools)
        self.keep_thinking = keep_thinking

    # ------------------------------------------------------------------------------------- nodes

    async def model(self, state: EpisodeState, runtime: Runtime[Episode]) -> dict[str, Any]:
        """Ask for the next step. An error of the model ends the episode and is kept.

        Raises BackendError when the episode is to be played again instead.
        """
        episode = runtime.context
        left = self.limits.max_tokens - state["usage"].completion_tokens
        sampling = episode.sampling.model_copy(
            update={"max_tokens": min(episode.sampling.max_tokens, left)}
        )
        turns = conversation(
            self.protocol,
            self.system_prompt,
            episode.task,
            state["steps"],
            keep_thinking=self.keep_thinking,
        )
        # A model that bounds its own requests may stand in a provider's queue for long: only the
        # seconds in which it was being answered count against the episode.
        keeps_time = getattr(self.chat_model, "keeps_time", False)
        began = time.monotonic()
        try:
            async with asyncio.timeout(None if keeps_time else episode.seconds_left()) as clock:
                completion = await self.chat_model.complete(messages(turns), sampling)
        except BackendError:
            raise  # not the model's doing: the episode is not over
        except Exception as error:
            if clock.expired():
                return {"stop": StopReason.MAX_SECONDS}
            described = f"{type(error).__name__}: {error}"
            return {"stop": StopReason.MODEL_ERROR, "error": described}
        if keeps_time:
            waited = time.monotonic() - began - completion.usage.seconds
            episode.waited.append(max(0.0, waited))
        step = self.protocol.parse(completion)
        return {"steps": (*state["steps"], step), "usage": state["usage"] + _counted(completion)}

    async def tool(self, state: EpisodeState, runtime: Runtime[Episode]) -> dict[str, Any]:
        """Carry out the last step and look at the limits."""
        step = state["steps"][-1]
        observation = await self._observe(step, runtime.context)
        if observation is None:
            return {"stop": StopReason.MAX_SECONDS}
        invalid = observation.status in (ObservationStatus.FORMAT_ERROR, ObservationStatus.REFUSED)
        observed = step.model_copy(
            update={"observation": cut(observation, self.limits.observation_chars)}
        )
        steps = (*state["steps"][:-1], observed)
        in_a_row = state["invalid"] + 1 if invalid else 0
        stop = self._limit(len(steps), state["usage"], in_a_row, runtime.context)
        return {"steps": steps, "invalid": in_a_row, "stop": stop}

    async def finish(self, state: EpisodeState) -> dict[str, Any]:
        """Take the answer."""
        action = state["steps"][-1].action
        assert action is not None  # the route to this node has looked
        return {"stop": StopReason.FINISHED, "answer": str(action.arguments.get("answer", ""))}

    # ------------------------------------------------------------------------------------ routes

    def after_model(self, state: EpisodeState) -> Literal["finish", "tool", "end"]:
        if state["stop"] is not None:
            return "end"
        action = state["steps"][-1].action
        return "finish" if action is not None and action.tool == FINISH else "tool"

    def after_tool(self, state: EpisodeState) -> Literal["model", "end"]:
        return "model" if state["stop"] is None else "end"

    # --------------------------------------------------------------------------------- their parts

    async def _observe(self, step: Step, episode: Episode) -> Observation | None:
        """What the environment answers; None when the episode's time is over."""
        if step.action is None:
            return self._unreadable()
        tool = episode.tools.get(step.action.tool)
        if tool is None:
            return Observation(
                content=f"There is no tool {step.action.tool[:40]!r}. "
                f"Tools: {', '.join(self.tools)}.",
                status=ObservationStatus.REFUSED,
            )
        try:
            async with asyncio.timeout(episode.seconds_left()) as clock:
                return await tool.call(step.action.arguments)
        except TimeoutError:
            if clock.expired():
                return None
            raise

    def _unreadable(self) -> Observation:
        return Observation(
            content="Your message could not be read as an action. "
            "Write your reasoning, then exactly one action in the given format.",
            status=ObservationStatus.FORMAT_ERROR,
        )

    def _limit(self, turns: int, usage: Usage, invalid: int, episode: Episode) -> StopReason | None:
        if invalid >= self.limits.max_invalid:
            return StopReason.MAX_INVALID
        if turns >= self.limits.max_turns:
            return StopReason.MAX_TURNS
        if usage.completion_tokens >= self.limits.max_tokens:
            return StopReason.MAX_TOKENS
        if episode.seconds_left() <= 0:
            return StopReason.MAX_SECONDS
        return None


def build_graph(nodes: Nodes) -> CompiledStateGraph[EpisodeState, Episode, Any, Any]:
    """The compiled graph; one serves any number of episodes at once."""
    graph = StateGraph(EpisodeState, context_schema=Episode)
    graph.add_node("model", nodes.model)
    graph.add_node("tool", nodes.tool)
    graph.add_node("finish", nodes.finish)
    graph.add_edge(START, "model")
    graph.add_conditional_edges(
        "model", nodes.after_model, {"finish": "finish", "tool": "tool", "end": END}
    )
    graph.add_conditional_edges("tool", nodes.after_tool, {"model": "model", "end": END})
    graph.add_edge("finish", END)
    return graph.compile()


def _counted(completion: Completion) -> Usage:
    """A completion's usage; a backend that does not count its requests made one."""
    usage = completion.usage
    return usage if usage.requests else usage.model_copy(update={"requests": 1})
