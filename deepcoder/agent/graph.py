"""The graph of an episode: model → tool → model … → finish, with limits at every turn.

Three nodes over an explicit `StateGraph`. `model` asks for the next step and reads it; `tool`
carries the step out, or says why it cannot be; `finish` takes the answer. Two more stand in it when
they are configured: `think` asks for a first thought, `vote` chooses among samples of a step. There
is no prebuilt agent and no checkpointer: an episode is short, its trajectory is the record, and a
checkpointer in memory grows for ever. Alternative: a plain loop is ten times as fast, and no part
of a bulk run notices; the graph is what makes the branches visible.

Example::

    graph = build_graph(Nodes(model, protocol, system_prompt, limits))
    state = await graph.ainvoke(start(), config={"recursion_limit": 20}, context=episode)
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from deepcoder.agent import first_thought
from deepcoder.agent.asking import Asked, Ended, ask
from deepcoder.agent.state import Episode, EpisodeState
from deepcoder.agent.tools import FINISH, Trial, cut, unfenced
from deepcoder.agent.voting import choose
from deepcoder.chat_models import ChatModel
from deepcoder.rendering import AgentProtocol, Salvage, conversation, messages
from deepcoder.types import (
    Message,
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
    samples: int = 1
    """Samples of each step; `max_tokens` holds for each of them."""
    max_usd: float | None = None

    @property
    def tokens(self) -> int:
        """Tokens that an episode may write over all samples."""
        return self.max_tokens * self.samples

    @property
    def supersteps(self) -> int:
        """LangGraph's `recursion_limit`: three nodes a turn, with room for start and finish."""
        return 3 * self.max_turns + 5


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
        first_thought: bool = False,
    ) -> None:
        self.chat_model = model
        self.thinks_first = first_thought
        self.protocol = protocol
        self.system_prompt = system_prompt
        self.limits = limits
        self.tools = tuple(tools)
        self.keep_thinking = keep_thinking

    # ------------------------------------------------------------------------------------- nodes

    async def think(self, state: EpisodeState, runtime: Runtime[Episode]) -> dict[str, Any]:
        """Ask for a first thought, without tools and format."""
        episode = runtime.context
        asked = await self._ask(first_thought.question(episode.task), state, episode, samples=1)
        if isinstance(asked, Ended):
            return asked.update
        thought = first_thought.thought_of(asked.completions[0])
        stop = self._limit(0, asked.usage, 0, episode)
        return {"thought": thought, "usage": asked.usage, "stop": stop}

    async def model(self, state: EpisodeState, runtime: Runtime[Episode]) -> dict[str, Any]:
        """Ask for the next step. An error of the model ends the episode and is kept.

        Raises BackendError when the episode is to be played again instead.
        """
        episode = runtime.context
        turns = conversation(
            self.protocol,
            self.system_prompt,
            episode.task,
            state["steps"],
            keep_thinking=self.keep_thinking,
        )
        shown = messages(turns)
        begins = bool(state["thought"]) and all(step.action is None for step in state["steps"])
        if begins:  # after system prompt and task
            shown[2:2] = first_thought.hint(state["thought"])
        asked = await self._ask(shown, state, episode, samples=self.limits.samples)
        if isinstance(asked, Ended):
            return asked.update
        steps = [self.protocol.parse(completion) for completion in asked.completions]
        if begins:
            steps = [self._begun(step, state["thought"]) for step in steps]
        if self.limits.samples > 1:
            return {"candidates": tuple(steps), "usage": asked.usage}
        return {"steps": (*state["steps"], *steps), "usage": asked.usage}

    async def vote(self, state: EpisodeState, runtime: Runtime[Episode]) -> dict[str, Any]:
        """Choose among the samples of a step by what their actions come to."""
        episode, candidates = runtime.context, state["candidates"]
        try:
            async with asyncio.timeout(episode.seconds_left()) as clock:
                chosen = await choose(candidates, episode.tools, episode.probe)
        except TimeoutError:
            if not clock.expired():
                raise
            return {"steps": (*state["steps"], candidates[0]), "stop": StopReason.MAX_SECONDS}
        return {"steps": (*state["steps"], chosen.step), "candidates": (), "trial": chosen.trial}

    async def tool(self, state: EpisodeState, runtime: Runtime[Episode]) -> dict[str, Any]:
        """Carry out the last step and look at the limits."""
        step = state["steps"][-1]
        observation = await self._observe(step, runtime.context, state["trial"])
        if observation is None:
            return {"stop": StopReason.MAX_SECONDS}
        invalid = observation.status in (ObservationStatus.FORMAT_ERROR, ObservationStatus.REFUSED)
        observed = step.model_copy(
            update={"observation": cut(observation, self.limits.observation_chars)}
        )
        steps = (*state["steps"][:-1], observed)
        in_a_row = state["invalid"] + 1 if invalid else 0
        stop = self._limit(len(steps), state["usage"], in_a_row, runtime.context)
        return {"steps": steps, "trial": None, "invalid": in_a_row, "stop": stop}

    async def finish(self, state: EpisodeState) -> dict[str, Any]:
        """Take the answer."""
        step = state["steps"][-1]
        assert step.action is not None  # the route to this node has looked
        written = str(step.action.arguments.get("answer", ""))
        answer = unfenced(written)
        ended = {"stop": StopReason.FINISHED, "answer": answer}
        if answer == written:
            return ended
        salvaged = step.model_copy(update={"salvaged": (*step.salvaged, Salvage.FENCED_ANSWER)})
        return {**ended, "steps": (*state["steps"][:-1], salvaged)}

    # ------------------------------------------------------------------------------------ routes

    def after_model(self, state: EpisodeState) -> Literal["vote", "finish", "tool", "end"]:
        if state["stop"] is not None:
            return "end"
        if state["candidates"]:
            return "vote"
        action = state["steps"][-1].action
        return "finish" if action is not None and action.tool == FINISH else "tool"

    def after_tool(self, state: EpisodeState) -> Literal["model", "end"]:
        return "model" if state["stop"] is None else "end"

    # --------------------------------------------------------------------------------- their parts

    async def _ask(
        self, shown: Sequence[Message], state: EpisodeState, episode: Episode, *, samples: int
    ) -> Asked | Ended:
        return await ask(
            self.chat_model,
            shown,
            episode,
            used=state["usage"],
            budget=self.limits.tokens,
            samples=samples,
        )

    def _begun(self, step: Step, thought: str) -> Step:
        if step.action is None:
            return step
        return first_thought.begin_with(thought, step, self.protocol)

    async def _observe(
        self, step: Step, episode: Episode, trial: Trial | None
    ) -> Observation | None:
        """What the environment answers; None when the episode's time is over."""
        if trial is not None:
            return trial.accept()
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
                return (await tool.trial(step.action.arguments)).accept()
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
        if usage.completion_tokens >= self.limits.tokens:
            return StopReason.MAX_TOKENS
        if self.limits.max_usd is not None and usage.usd >= self.limits.max_usd:
            return StopReason.MAX_USD
        if episode.seconds_left() <= 0:
            return StopReason.MAX_SECONDS
        return None


def build_graph(nodes: Nodes) -> CompiledStateGraph[EpisodeState, Episode, Any, Any]:
    """The compiled graph; one serves any number of episodes at once."""
    graph = StateGraph(EpisodeState, context_schema=Episode)
    graph.add_node("model", nodes.model)
    graph.add_node("tool", nodes.tool)
    graph.add_node("finish", nodes.finish)
    chosen: dict[Hashable, str] = {"finish": "finish", "tool": "tool", "end": END}
    if nodes.thinks_first:
        graph.add_node("think", nodes.think)
        graph.add_edge(START, "think")
        graph.add_conditional_edges("think", nodes.after_tool, {"model": "model", "end": END})
    else:
        graph.add_edge(START, "model")
    if nodes.limits.samples > 1:
        graph.add_node("vote", nodes.vote)
        graph.add_conditional_edges("model", nodes.after_model, {"vote": "vote", "end": END})
        graph.add_conditional_edges("vote", nodes.after_model, chosen)
    else:
        graph.add_conditional_edges("model", nodes.after_model, chosen)
    graph.add_conditional_edges("tool", nodes.after_tool, {"model": "model", "end": END})
    graph.add_edge("finish", END)
    return graph.compile()
