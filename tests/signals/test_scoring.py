"""What is stored of a teacher, against the teacher itself: local, behind a server, of another
tokenizer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from rendering.real_tokenizers import tokenizer as real
from signals.logprob_server import LogprobServer
from training_toys import toy_config
from transformers import Qwen2ForCausalLM

from deepcoder.errors import BackendError, ConfigError, DataError, UnavailableError
from deepcoder.losses import ChunkRows, SparseRows, SparseScheme, TeacherRows
from deepcoder.losses.linear import linear_distillation_loss
from deepcoder.score import assemble
from deepcoder.signals.columns import Layout, decode, encode
from deepcoder.signals.crossing import common_stretches, cross
from deepcoder.signals.local import CrossScorer, LocalScorer
from deepcoder.signals.online import OnlineSignal
from deepcoder.signals.reducing import kl_error, reduce, uniform
from deepcoder.signals.server import Endpoint, ServerScorer
from deepcoder.signals.vocabulary import VocabularyMap, compare
from deepcoder.students import load_base, load_tokenizer
from deepcoder.students.batch import head_of, supervised_hidden

VOCAB = 49152
SAME = VocabularyMap("teacher", VOCAB)


@pytest.fixture(scope="module")
def model(teacher_folder):
    return Qwen2ForCausalLM.from_pretrained(teacher_folder).eval()


@pytest.fixture(scope="module")
def student():
    cfg = toy_config("runs")
    return load_base(cfg.student, cfg.paths.cache), load_tokenizer(cfg.student, cfg.paths.cache)


def layout(scheme: str = "tail", **more) -> Layout:
    values = {"k": 8, "values": "float32", **more}
    return Layout(SparseScheme(scheme), VOCAB, **values)


def through_cache(rows: SparseRows, kept: Layout) -> SparseRows:
    back = decode(encode(rows, kept), kept, np.arange(len(rows.ids)))
    assert isinstance(back, SparseRows)
    return back


def test_packing_changes_nothing_that_is_stored(model, packed, alone):
    for kept in (layout(), layout("sampled", k=0, draws=20), layout("renormalised")):
        scorer = LocalScorer(model, SAME, kept, seed=3)
        together = assemble([(packed.signal_rows, scorer(packed))], 0, len(packed.rows))
        apart = assemble([(b.signal_rows, scorer(b)) for b in alone], 0, len(packed.rows))
        assert isinstance(together, SparseRows)
        assert isinstance(apart, SparseRows)
        torch.testing.assert_close(together.log_probs, apart.log_probs, atol=1e-4, rtol=0)
        assert (together.ids == apart.ids).double().mean() > 0.999


@pytest.mark.parametrize("values", ["float32", "float16", "uint8"])
def test_all_tokens_stored_equal_the_online_teacher(model, student, packed, values):
    """Value and gradient, within the rounding of the stored numbers."""
    kept = layout(k=VOCAB, values=values)
    stored = through_cache(LocalScorer(model, SAME, kept)(packed), kept)
    online = OnlineSignal(model, SAME)(packed)
    base, _ = student
    hidden = supervised_hidden(OnlineSignal(base, SAME).model, packed)
    weight, _ = head_of(base)
    results = []
    for signal in (stored, online):
        own = hidden.detach().clone().requires_grad_()
        out = linear_distillation_loss(
            own, weight.detach(), signal, torch.ones(len(own)), targets=packed.targets
        )
        out.loss.backward()
        results.append((out.loss.item(), own.grad))
    (mine, mine_grad), (want, want_grad) = results
    tolerance = {"float32": 1e-5, "float16": 2e-3, "uint8": 2e-2}[values]
    assert mine == pytest.approx(want, rel=tolerance)
    assert (mine_grad - want_grad).norm() < tolerance * want_grad.norm()


def test_mean_of_sampled_gradients_is_dense_and_the_largest_k_are_biased(model, student, packed):
    """Over many seeds; through the scorer's own draws and the file's own form."""
    teacher = OnlineSignal(model, SAME)(packed)
    picked = torch.arange(6)
    z = teacher.hidden[picked] @ teacher.head_weight[:400].T  # a small vocabulary draws faster
    log_p, targets = z.log_softmax(-1), torch.zeros(6, dtype=torch.long)
    g = torch.Generator().manual_seed(0)
    hidden, head = torch.randn(6, 16, generator=g), torch.randn(400, 16, generator=g) / 2

    def gradient(signal, copies=1):
        own = hidden.repeat(copies, 1).requires_grad_()
        ones = torch.ones(len(own))
        linear_distillation_loss(
            own, head, signal, ones, targets=targets.repeat(copies)
        ).loss.backward()
        return own.grad.view(copies, 6, 16)

    dense = gradient(TeacherRows(teacher.hidden[picked], teacher.head_weight[:400]))[0]
    seeds, draws = 1500, 50
    numbers = torch.cat(
        [torch.from_numpy(uniform(np.arange(6), draws, seed)) for seed in range(seeds)]
    )
    kept = Layout(SparseScheme.sampled, 400, draws=draws)
    rows = reduce(log_p.repeat(seeds, 1), targets.repeat(seeds), kept, numbers)
    each = gradient(through_cache(rows, kept), seeds)
    error = each.std(0) / seeds**0.5
    assert ((each.mean(0) - dense).abs() < 5 * error).all()
    assert error.norm() < 0.02 * dense.norm()  # narrow enough to tell
    for scheme in ("tail", "renormalised"):
        biased = gradient(reduce(log_p, targets, Layout(SparseScheme(scheme), 400, k=12)))[0]
        assert (biased - dense).norm() > 5 * error.norm()


def test_kl_error_is_that_of_the_written_out_distribution():
    g = torch.Generator().manual_seed(0)
    log_p = (2 * torch.randn(3, 30, generator=g)).log_softmax(-1)
    targets = torch.zeros(3, dtype=torch.long)
    rows = reduce(log_p, targets, Layout(SparseScheme.tail, 30, k=5))
    p = log_p.exp()
    stands = torch.zeros_like(p)
    for row in range(3):
        stands[row] = (1 - p[row, rows.ids[row]].sum()) / 25
        stands[row, rows.ids[row]] = p[row, rows.ids[row]]
    want = (p * (log_p - stands.log())).sum(-1)
    torch.testing.assert_close(kl_error(log_p, rows), want, atol=1e-5, rtol=1e-4)
    cut = reduce(log_p, targets, Layout(SparseScheme.renormalised, 30, k=5))
    mass = p.gather(1, cut.ids).sum(-1)
    torch.testing.assert_close(kl_error(log_p, cut), -mass.log())


def test_a_teacher_with_nan_logits_stops_with_the_examples(model, packed):
    broken = Qwen2ForCausalLM(model.config)
    with torch.no_grad():
        broken.lm_head.weight[17] = torch.nan
    with pytest.raises(DataError, match=r"NaN or infinity.*example-3") as caught:
        LocalScorer(broken, SAME, layout())(packed)
    assert "teacher.dtype" in str(caught.value)


# ------------------------------------------------------------------- partly the same


def test_tokens_of_one_side_are_in_neither_and_their_targets_fall_back(model, packed):
    lost = int(packed.targets[4])
    other = VocabularyMap("teacher", VOCAB, (lost,), {lost: (11, 12)})
    rows = LocalScorer(model, other, layout())(packed)
    assert not (rows.ids == lost).any()
    assert rows.unknown is not None
    assert torch.equal(rows.unknown, packed.targets == lost)
    online = OnlineSignal(model, other)(packed)
    assert online.mask is not None
    assert online.mask[lost] == -torch.inf
    # what precedes the first lost token is read as before
    plain = LocalScorer(model, SAME, layout())(packed)
    first = int((packed.input_ids[0] == lost).nonzero()[0]) if lost in packed.input_ids[0] else 10
    before = (packed.rows < min(first, packed.documents[0][0][1])) & ~(plain.ids == lost).any(1)
    shift = (rows.log_probs - plain.log_probs)[before]
    assert before.any()
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-4, rtol=0)


# ------------------------------------------------------------------------- a server


def endpoint(server: LogprobServer, dialect: str = "vllm", **more) -> Endpoint:
    return Endpoint(f"{server.url}/v1", "m", dialect=dialect, first_wait=0.01, **more)


def log_probs(model):
    def of(ids):
        with torch.no_grad():
            z = model(input_ids=torch.tensor([ids]), documents=(((0, len(ids)),),)).logits[
                0, :, :VOCAB
            ]
        return z.log_softmax(-1)

    return of


@pytest.mark.parametrize("dialect", ["vllm", "sglang"])
@pytest.mark.parametrize("scheme", ["tail", "renormalised"])
def test_a_server_gives_what_the_model_gives(model, packed, dialect, scheme):
    want = LocalScorer(model, SAME, layout(scheme))(packed)
    with LogprobServer(log_probs(model), fault="busy") as server:
        ask = endpoint(server, dialect, key="sk-secret")
        rows = ServerScorer(ask, SAME, layout(scheme))(packed)
        assert server.headers[-1]["Authorization"] == "Bearer sk-secret"
        assert len(server.bodies) == 5 + 2
    torch.testing.assert_close(rows.log_probs, want.log_probs, atol=1e-4, rtol=0)
    torch.testing.assert_close(rows.log_target, want.log_target, atol=1e-4, rtol=0)
    if scheme == "tail":
        torch.testing.assert_close(rows.log_tail, want.log_tail, atol=1e-3, rtol=0)
    assert (rows.ids == want.ids).double().mean() > 0.999


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("fewer", DataError, "log-probabilities at position 1, and score.k=8 were asked for"),
        ("refuses", BackendError, "exceeds --max-logprobs 4"),
        ("prefix", DataError, "another text than was sent"),
        ("foreign", DataError, "another text than was sent"),
        ("without", DataError, "another text than was sent (prompt_logprobs: 0 tokens"),
        ("nan", DataError, "NaN"),
        ("down", UnavailableError, "did not answer after 2 attempts (status 503)"),
    ],
)
def test_a_wrong_server_is_one_clear_line(model, packed, fault, kind, words):
    most = 4 if fault in ("fewer", "refuses") else 20
    with (
        LogprobServer(log_probs(model), most=most, fault=fault) as server,
        pytest.raises(kind) as caught,
    ):
        ServerScorer(endpoint(server, attempts=2), SAME, layout())(packed)
    assert words in str(caught.value)
    assert caught.value.fix
    assert "\n" not in str(caught.value)


def test_a_server_that_speaks_another_dialect_is_named(model, packed):
    with (
        LogprobServer(log_probs(model)) as server,
        pytest.raises(BackendError, match="status 404"),
    ):
        ServerScorer(replace(endpoint(server), url=f"{server.url}/v2"), SAME, layout())(packed)


def test_taking_tokens_out_needs_the_whole_distribution():
    with pytest.raises(ConfigError, match="1 control tokens"):
        ServerScorer(
            Endpoint("http://x/v1", "m"), VocabularyMap("t", VOCAB, (3,), {3: (1,)}), layout()
        )


# ---------------------------------------------------------------- another tokenizer

TEXT = "def f(x):\n    return x * 2  # naïve 数据 🙂👩‍👩‍👧\n<think>\nadd 1,024 first\n</think>"


@pytest.mark.parametrize("other", ["smollm2", "r1-distill-llama", "qwen3"])
def test_stretches_cover_the_text_and_spell_the_same(other):
    ours, theirs = real("qwen2.5"), real(other)
    ids = ours(TEXT, add_special_tokens=False)["input_ids"]
    crossing = cross(ids, ours, theirs)
    assert crossing.stretches[0][0] == crossing.stretches[0][2] == 0
    assert crossing.stretches[-1][1::2] == (len(ids), len(crossing.teacher_ids))
    for (_, s1, _, t1), (s0, _, t0, _) in zip(
        crossing.stretches, crossing.stretches[1:], strict=False
    ):
        assert (s0, t0) == (s1, t1)
    for s0, s1, t0, t1 in crossing.stretches:
        mine = ours.decode(ids[s0:s1], clean_up_tokenization_spaces=False)
        assert mine == theirs.decode(
            crossing.teacher_ids[t0:t1], clean_up_tokenization_spaces=False
        )
        assert "\ufffd" not in mine
    assert len(crossing.stretches) > 0.4 * len(ids)


def test_a_boundary_inside_a_character_is_none():
    # two tokens share the character [1, 2)
    assert common_stretches([(0, 1), (1, 2), (1, 2)], [(0, 1), (1, 2)]) == [
        (0, 1, 0, 1),
        (1, 3, 1, 2),
    ]
    assert common_stretches([], []) == []


def test_ids_that_are_not_their_own_text_are_refused():
    ours = real("qwen2.5")
    ids = [*ours("ab", add_special_tokens=False)["input_ids"], *ours("c")["input_ids"]]
    with pytest.raises(DataError, match="not those of its own text"):
        cross(ids, ours, real("smollm2"))


@pytest.fixture(scope="module")
def crossed(student):
    """A batch in SmolLM2's tokens, and a teacher in Qwen3's of the same size of vocabulary."""
    from deepcoder.data import Examples, collate
    from deepcoder.data.examples import SAMPLED
    from deepcoder.data.planner import MicroBatch

    _, tokenizer = student
    rows = []
    for number, text in enumerate([TEXT, TEXT[10:], "return x"]):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        kinds = np.full(len(ids), 2)
        kinds[: len(ids) // 4] = 0
        rows.append((f"e{number}", ids, kinds))
    batch = collate(Examples.of(rows), MicroBatch(((0, 1), (2,))), SAMPLED, {})
    config = Qwen2ForCausalLM.config_class(
        vocab_size=151_936,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.4,
    )
    torch.manual_seed(3)
    return batch, Qwen2ForCausalLM(config).eval(), tokenizer, real("qwen3")


def test_likelihood_of_a_stretch_is_the_sum_over_the_teachers_own_tokens(crossed):
    batch, teacher, ours, theirs = crossed
    vocabulary = compare(ours, theirs, "qwen3")
    assert vocabulary.difference is not None
    kept = Layout(SparseScheme.tail, vocabulary.size, chunks=True)
    rows = CrossScorer(LocalScorer(teacher, vocabulary, kept), ours, theirs)(batch)
    assert isinstance(rows, ChunkRows)
    a, b = batch.documents[0][0]
    ids = batch.input_ids[0, a:b].tolist()
    crossing = cross(ids, ours, theirs)
    read = torch.tensor([crossing.teacher_ids])
    logits = teacher(input_ids=read, documents=(((0, read.shape[1]),),)).logits[0]
    log_p = logits.log_softmax(-1)
    found = 0
    at = {int(place): i for i, place in enumerate(batch.rows) if place < b}
    for s0, s1, t0, t1 in crossing.stretches:
        mine = [at.get(s - 1) for s in range(s0, s1)]
        if s0 == 0 or None in mine:
            continue
        want = sum(log_p[t - 1, crossing.teacher_ids[t]].item() for t in range(t0, t1))
        number = int(rows.chunks[mine[0]])
        assert (rows.chunks[mine] == number).all()
        assert rows.log_probs[number].item() == pytest.approx(want, abs=1e-3)
        found += 1
    assert found > 10
    stored = assemble([(batch.signal_rows, rows)], 0, len(batch.rows))
    back = decode(encode(stored, kept), kept, batch.signal_rows.numpy())
    assert isinstance(back, ChunkRows)
    covered = rows.chunks >= 0
    assert torch.equal(back.chunks >= 0, covered)
    torch.testing.assert_close(
        back.log_probs[back.chunks[covered]], rows.log_probs[rows.chunks[covered]]
    )


def test_sorted_probabilities_stand_at_the_beginning_of_stretches(crossed):
    batch, teacher, ours, theirs = crossed
    vocabulary = compare(ours, theirs, "qwen3")
    kept = Layout(SparseScheme.sorted, vocabulary.size, k=8)
    rows = CrossScorer(LocalScorer(teacher, vocabulary, kept), ours, theirs)(batch)
    assert isinstance(rows, SparseRows)
    assert rows.unknown is not None
    known = ~rows.unknown
    assert 0.3 < known.double().mean() < 1
    assert (rows.log_probs[known].diff(dim=1) <= 0).all()
    assert rows.log_tail is not None
    total = rows.log_probs[known].exp().sum(1) + rows.log_tail[known].exp()
    torch.testing.assert_close(total, torch.ones(len(total)))
