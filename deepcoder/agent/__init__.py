"""The agent: a LangGraph graph that lets a chat model work with tools until it answers.

The same graph, protocol and tools run the teacher, the student in evaluation, and the student that
is served. `agent.Agent` is the entrance, `graph` holds the nodes, `tools` what the model may call,
`prompts` the versioned system prompts.

Example::

    async with SandboxPool(cfg.sandbox) as pool:
        trajectory = await Agent(model, cfg.agent, pool).run(problem, sampling=Sampling())
"""
