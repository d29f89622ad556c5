"""The learning rate at places where it is known."""

import copy
import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy

from florascope.data.dataset import Dataset
from florascope.errors import TrainingError
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing
from florascope.training.batches import Batch, LabelledPhotos, Transform
from florascope.training.recipes import Finetune
from florascope.training.student import Student, parameter_groups, warm_cosine


def test_it_rises_evenly_then_falls_as_half_a_cosine() -> None:
    shares = [warm_cosine(step, 100, 0.2) for step in range(100)]
    assert shares[:20] == pytest.approx([(n + 1) / 20 for n in range(20)])
    assert shares[20] == 1.0
    assert shares[60] == pytest.approx(0.5)
    assert all(a > b for a, b in pairwise(shares[20:]))
    assert warm_cosine(100, 100, 0.2) == pytest.approx(0.0)


def test_without_warm_up_it_starts_at_the_top() -> None:
    assert warm_cosine(0, 10, 0.0) == 1.0
    assert warm_cosine(0, 1, 0.0) == 1.0


RECIPE = Finetune(backbone="test_resnet", weights="random", epochs=3, ema=0.5)
STEPS = 4
Make = Callable[..., Student]


@pytest.fixture
def classifier(backbone: Backbone, dataset: Dataset) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Classifier(backbone, dataset.classes).eval()


@pytest.fixture
def student(classifier: Classifier) -> Student:
    return Student(classifier, RECIPE, STEPS, Fabric(accelerator="cpu"))


@pytest.fixture
def val(dataset: Dataset) -> LabelledPhotos:
    plain = Transform(Preprocessing(size=32))
    return LabelledPhotos(dataset.photos[:9], dataset.labels[:9], 3, plain, batch_size=4)


def batch(seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    return Batch(torch.randn(6, 3, 32, 32, generator=draw), torch.eye(3).repeat(2, 1))


def test_a_step_is_that_of_adamw_on_the_smoothed_loss(classifier: Classifier) -> None:
    twin = copy.deepcopy(classifier)
    student = Student(classifier, RECIPE, STEPS, Fabric(accelerator="cpu"))
    share = warm_cosine(0, 3 * STEPS, RECIPE.warmup)
    groups = parameter_groups(twin, RECIPE)
    adamw = torch.optim.AdamW([{**g, "lr": share * g["peak"]} for g in groups])
    images, shares = batch()
    loss = cross_entropy(twin(images), shares, label_smoothing=RECIPE.label_smoothing)
    loss.backward()
    adamw.step()
    student.learn(batch())
    for found, expected in zip(classifier.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)
    assert student.met.photos == 6
    assert student.met.loss == pytest.approx(6 * loss.item(), rel=1e-5)


def test_rates_fall_from_stage_to_stage(classifier: Classifier) -> None:
    recipe = Finetune(learning_rate=1.0, head_learning_rate=3.0, layer_decay=0.5, unfreeze=2)
    groups = parameter_groups(classifier, recipe)
    rates = {id(p): g["peak"] for g in groups for p in g["params"]}
    decays = {id(p): g["weight_decay"] for g in groups for p in g["params"]}
    net = classifier.backbone.net
    for name, parameter in net.named_parameters():
        stage = name.split(".")[0]
        assert rates.get(id(parameter)) == {"layer4": 1.0, "layer3": 0.5}.get(stage), name
        assert parameter.requires_grad == (stage in {"layer3", "layer4"})
    assert {rates[id(p)] for p in classifier.head.parameters()} == {3.0}
    assert decays[id(classifier.head.bias)] == 0.0
    assert decays[id(classifier.head.weight)] == recipe.weight_decay


def test_batchnorm_stands_still_unless_it_is_to_learn(classifier: Classifier) -> None:
    before = {k: v.clone() for k, v in classifier.backbone.net.state_dict().items()}
    student = Student(classifier, RECIPE, STEPS, Fabric(accelerator="cpu"))
    student.learn(batch())
    after = classifier.backbone.net.state_dict()
    still = [k for k in before if "running" in k]
    assert all(torch.equal(before[k], after[k]) for k in still)
    moving = Student(classifier, Finetune(train_batchnorm=True), STEPS, Fabric(accelerator="cpu"))
    moving.learn(batch())
    assert not any(torch.equal(before[k], after[k]) for k in still)


def test_the_average_follows_the_weights(student: Student, val: LabelledPhotos) -> None:
    history = [student.network.head.weight.detach().clone()]
    for seed in range(3):
        student.learn(batch(seed))
        history.append(student.network.head.weight.detach().clone())
    # step 1 copies, as timm's average does; each later one halves the distance (ema = 0.5)
    expected = 0.25 * history[1] + 0.25 * history[2] + 0.5 * history[3]
    student.score = (-1.0, 0.0)
    student.judge(val)
    torch.testing.assert_close(student.best["head.weight"], expected)


def test_an_epoch_is_judged_on_validation_and_the_best_is_kept(
    student: Student, val: LabelledPhotos
) -> None:
    student.begin(val)
    logits = student.network(next(iter(val.batches(0))).images)
    assert logits.shape == (4, 3)
    start = student.score
    student.learn(batch())
    student.score = (2.0, 0.0)  # better than any epoch can be
    kept = {k: v.clone() for k, v in student.best.items()}
    student.judge(val)
    assert student.stale == 1
    assert all(torch.equal(kept[k], student.best[k]) for k in kept)
    assert 0 <= start[0] <= 1
    (row,) = student.history
    assert row["epoch"] == 1
    assert row["train_loss"] > 0
    assert (student.epoch, student.step, student.met.photos) == (1, 0, 0)


def test_best_and_last_epoch_are_candidates_where_they_are_two(
    student: Student, val: LabelledPhotos
) -> None:
    student.learn(batch())
    student.judge(val)
    (only,) = student.candidates
    assert all(torch.equal(only[k], student.best[k]) for k in only)
    student.learn(batch(1))
    student.score = (2.0, 0.0)  # better than any epoch can be
    student.judge(val)
    best, last = student.candidates
    assert all(torch.equal(only[k], best[k]) for k in only)
    half = (only["head.weight"] + student.network.head.weight) / 2  # ema = 0.5
    torch.testing.assert_close(last["head.weight"], half)


def test_patience_ends_a_run(student: Student) -> None:
    assert not student.done
    student.stale = RECIPE.patience
    assert student.done


def test_the_measure_is_mean_loss_and_top1_over_all_photos(
    student: Student, val: LabelledPhotos, classifier: Classifier
) -> None:
    student.begin(val)
    whole = next(iter(LabelledPhotos(val.photos, val.targets, 3, val.transform, 99).batches(0)))
    with torch.no_grad():
        logits, truth = classifier(whole.images), whole.shares.argmax(1)
    top1, loss = student.score
    assert top1 == pytest.approx((logits.argmax(1) == truth).float().mean().item())
    assert -loss == pytest.approx(cross_entropy(logits, truth).item(), rel=1e-5)


def test_a_restored_student_goes_on_identically(
    classifier: Classifier, val: LabelledPhotos
) -> None:
    def fresh() -> Student:
        return Student(copy.deepcopy(classifier), RECIPE, STEPS, Fabric(accelerator="cpu"))

    whole, first, second = fresh(), fresh(), fresh()
    for seed in range(STEPS):
        whole.learn(batch(seed))
    whole.judge(val)
    for seed in range(2):
        first.learn(batch(seed))
    tensors = {k: v.clone() for k, v in first.tensors().items()}
    second.restore(tensors, first.progress())
    for seed in range(2, STEPS):
        second.learn(batch(seed))
    second.judge(val)
    assert second.history == whole.history
    wanted = whole.tensors()
    found = second.tensors()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[k], wanted[k]) for k in wanted)


def test_a_loss_that_is_no_number_stops_before_the_weights_change(student: Student) -> None:
    before = student.network.head.weight.detach().clone()
    images, shares = batch()
    with pytest.raises(TrainingError) as caught:
        student.learn(Batch(images * math.nan, shares))
    assert "the loss became nan in epoch 1, step 1, at learning rate 0.0005" in str(caught.value)
    assert "`learning_rate=0.00017`" in str(caught.value)
    assert torch.equal(student.network.head.weight, before)


def test_mixed_precision_changes_little(classifier: Classifier) -> None:
    twin = copy.deepcopy(classifier)
    exact = Student(classifier, RECIPE, STEPS, Fabric(accelerator="cpu"))
    rough = Student(twin, RECIPE, STEPS, Fabric(accelerator="cpu", precision="bf16-mixed"))
    for student in (exact, rough):
        student.learn(batch())
    assert rough.met.loss == pytest.approx(exact.met.loss, rel=0.02)
    assert rough.met.loss != exact.met.loss
