"""Maps of a transformer that answers from its class token: are they true?

    python benchmarks/explanations/tokens.py

A small vision transformer (class token, 14 x 14 patches) is trained on photos of the garden, whose
masks are exact, and every method that exists for it is audited on photos of another garden. The
class token's mean attention, which knows no class, stands beside. Some minutes on two cores. Writes
results/tokens.md beside this file.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tables import BEHAVIOUR, FAITHFUL, QUALITY, measures, orders, sanity, verdicts
from torch import Tensor

from florascope.audit.audit import audit
from florascope.audit.faithfulness import Perturbation
from florascope.audit.localisation import own_mask
from florascope.audit.photos import prepare_photos
from florascope.audit.report import AuditReport, AuditSettings
from florascope.data.dataset import Dataset
from florascope.explanation.attribution import Attribution, fitting_methods
from florascope.explanation.cam import spread
from florascope.explanation.explanation import explainer
from florascope.files import write_text
from florascope.garden import garden
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.token_stream import token_stream
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, progress_bars, track

SIZE, PATCH = 112, 8
PER_CLASS, EPOCHS, BATCH = 80, 24, 32
AUDITED = 8  # photos a class, of another seed


@dataclass(frozen=True)
class Attention:
    """Mean attention of the first token over layers and heads: the same for any class."""

    name: str = "attention"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        """Spread it over the pixels; see `Explainer`."""
        stream = token_stream(classifier.backbone.net, images)
        rows = torch.stack([block.attention.mean(1) for block in stream.blocks]).mean(0)
        maps = classifier.backbone.as_map(rows[..., None])[:, 0]
        values = spread(maps, (images.shape[2], images.shape[3]), maps.sum((1, 2)))
        return Attribution(self.name, values, torch.zeros(len(targets)), complete=False)


def pixels(dataset: Dataset, contract: Preprocessing) -> Tensor:
    """Read every photo as the network takes it."""
    crops = np.stack([contract.crop(photo.read()) for photo in dataset.photos])
    return torch.from_numpy(contract.normalise(crops))


def trained(progress: Progress) -> Classifier:
    """Train from scratch: AdamW, cosine, mirrored and shifted photos."""
    torch.manual_seed(0)
    shape = {"img_size": SIZE, "patch_size": PATCH}
    backbone = Backbone("test_vit", Preprocessing(size=SIZE), shape)
    dataset = garden(PER_CLASS, size=SIZE)
    classifier = Classifier(backbone, dataset.classes).train()
    images, labels = pixels(dataset, backbone.preprocessing), torch.from_numpy(dataset.labels)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=EPOCHS * -(-len(images) // BATCH)
    )
    for _ in track(range(EPOCHS), EPOCHS, "Training", progress):
        for rows in torch.randperm(len(images)).split(BATCH):
            batch = images[rows].roll(tuple(torch.randint(-12, 13, (2,)).tolist()), (2, 3))
            flipped = batch.flip(3) if torch.rand(()) < 0.5 else batch
            loss = torch.nn.functional.cross_entropy(classifier(flipped), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return classifier.eval()


def audited(classifier: Classifier, progress: Progress) -> tuple[AuditReport, float]:
    """Audit all methods on photos of another garden; also return how many are answered right."""
    dataset = garden(AUDITED, seed=1, size=SIZE)
    photos = prepare_photos(classifier, dataset.photos, own_mask, progress)
    how = AuditSettings(Perturbation.of(SIZE))
    methods = [explainer(name) for name in fitting_methods(classifier.backbone)]
    report = audit(classifier, photos, [*methods, Attention()], how, progress)
    return report, float((photos.targets == dataset.labels).mean())


def main() -> None:
    """Train, audit and write the page."""
    with progress_bars() as told:
        classifier = trained(told)
        report, right = audited(classifier, told)
    reports = {"garden vit": [report]}
    parts = [
        "# Maps of a transformer that answers from its class token",
        "Made by `benchmarks/explanations/tokens.py`: a vision transformer of 6 blocks with 2"
        f" heads, trained from scratch on {PER_CLASS} drawn photos a species; it names {right:.0%}"
        f" of the {len(report.targets)} audited ones rightly. `attention`, `random` and `centre`"
        " know no class.",
        measures(reports, QUALITY),
        measures(reports, FAITHFUL),
        orders(reports),
        measures(reports, BEHAVIOUR),
        "## Weights shuffled from the top downwards: rank correlation with the trained map",
        sanity(reports),
        "## Verdict",
        verdicts("garden vit", report),
    ]
    write_text(Path(__file__).parent / "results" / "tokens.md", "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
