"""inspect-ai (https://inspect.aisi.org.uk): our models as a provider, our agent as a solver.

The provider answers single messages, without inspect's tools; the solver plays the whole episode
through our graph, protocol and sandbox, and hands over the final answer:

    inspect eval task.py --model deepcoder/student -M run=runs/train/sad-…
    inspect eval task.py --model deepcoder/base -M overrides="student=smollm2"

    Task(dataset=…, solver=deepcoder_agent(), scorer=…)      # with a model of ours

Both are found by inspect through an entry point of this package. Needs `deepcoder[inspect]`.
"""

from __future__ import annotations

from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolChoice, ToolInfo

from deepcoder.errors import ConfigError
from deepcoder.evaluation.interchange.opening import configured
from deepcoder.evaluation.models import Models
from deepcoder.evaluation.settings import agent_settings
from deepcoder.types import Completion, Message, Problem, ProblemForm, Role, Sampling

__all__ = ["DeepcoderAPI", "deepcoder", "deepcoder_agent"]

_ROLES = {"system": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT, "tool": Role.USER}


class DeepcoderAPI(ModelAPI):
    """A model of `benchmark.models` by its name: `base`, `student`, `teacher`, `…+constrained`.

    `run` is a train run folder; `overrides` are Hydra overrides, separated by `;`.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008, inspect's own signature
        run: str | None = None,
        overrides: str = "",
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        changes = [*overrides.split(";"), *([f"run={run}"] if run else [])]
        self.cfg, under_test = configured(model_name, changes)
        self.chat = Models(self.cfg, ()).open(under_test)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """The next message. Raises ConfigError for tools: the solver has ours."""
        if tools:
            raise ConfigError(
                "deepcoder's provider answers without inspect's tools.",
                fix="use the solver deepcoder_agent(), which has its own",
            )
        sampling = self.sampling(config)
        messages = [Message(role=_ROLES[m.role], content=m.text) for m in input]
        return self.output(await self.chat.complete(messages, sampling))

    def sampling(self, config: GenerateConfig) -> Sampling:
        """inspect's settings; what is not set comes from `benchmark`."""
        benchmark = self.cfg.benchmark
        temperature, top_p = config.temperature, config.top_p
        return Sampling(
            max_tokens=config.max_tokens or benchmark.max_tokens,
            temperature=benchmark.temperature if temperature is None else temperature,
            top_p=benchmark.top_p if top_p is None else top_p,
            stop=tuple(config.stop_seqs or ()),
            seed=config.seed,
        )

    def output(self, completion: Completion) -> ModelOutput:
        """A completion in inspect's form."""
        reason: Any = "max_tokens" if completion.finish == "length" else "stop"
        made = ModelOutput.from_content(self.model_name, completion.text, stop_reason=reason)
        used = completion.usage
        made.usage = ModelUsage(
            input_tokens=used.prompt_tokens,
            output_tokens=used.completion_tokens,
            total_tokens=used.prompt_tokens + used.completion_tokens,
        )
        return made

    async def aclose(self) -> None:
        await self.chat.aclose()


@modelapi(name="deepcoder")
def deepcoder() -> type[ModelAPI]:
    """The provider under its name; the class stays a class, so that the solver can tell it."""
    return DeepcoderAPI


@solver
def deepcoder_agent(overrides: str = "") -> Solver:
    """Plays the sample as an episode of our agent, with one of our models, in our sandbox.

    The sample's input is the task; the answer becomes the output, and every step a message.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        from deepcoder.agent.agent import Agent
        from deepcoder.sandbox import SandboxPool

        api = get_model().api
        if not isinstance(api, DeepcoderAPI):
            raise ConfigError(
                "deepcoder_agent() plays models of deepcoder.",
                fix="use --model deepcoder/base or deepcoder/student",
            )
        cfg = configured(api.model_name, overrides)[0] if overrides else api.cfg
        # The form only says that nothing is shown but the text: inspect's scorer judges.
        problem = Problem(
            id=str(state.sample_id),
            prompt=state.input_text,
            form=ProblemForm.ASSERTS,
            test_code="pass",
        )
        async with SandboxPool(cfg.sandbox) as pool:
            agent = Agent(api.chat, agent_settings(cfg), pool, keep_thinking=cfg.data.keep_thinking)
            episode = await agent.run(
                problem,
                sampling=api.sampling(GenerateConfig(seed=state.epoch)),
                sample=state.epoch,
                source="inspect",
            )
        for step in episode.steps:
            state.messages.append(ChatMessageAssistant(content=step.raw or step.reason))
        state.output = ModelOutput.from_content(api.model_name, episode.answer or "")
        state.metadata["deepcoder"] = episode.model_dump(mode="json")
        state.completed = True
        return state

    return solve
