"""What each block of a vision transformer writes into the token that its head reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn

from florascope.nets.extractor import (
    After,
    FeatureExtractor,
    Images,
    close,
    evaluating,
    hooked,
)

Token = Float[Tensor, "b c"]


@dataclass(frozen=True, eq=False)
class Written:
    """What one block adds to the first token.

    Attributes:
        attention: (b, heads, n) how much the first token attends to each token.
        values: (b, heads, n, d) what each token offers.
        onto: (heads, d, c) brings offers into the stream.
        attended: (b, c) what attention adds: the offers, weighted, and a constant.
        processed: (b, c) what the block's MLP adds.
    """

    attention: Float[Tensor, "b heads n"]
    values: Float[Tensor, "b heads n d"]
    onto: Float[Tensor, "heads d c"]
    attended: Token
    processed: Token


@dataclass(frozen=True, eq=False)
class TokenStream:
    """The first token's way through a transformer: a sum.

        end = start + sum over blocks of (attended + processed),
        features = gamma (end - mean of end) / sigma + beta

    Attributes:
        start: (b, c) the token as it enters the first block, the same for every image.
        blocks: what each adds.
        sigma: (b,) deviation of the end, which the last LayerNorm divides by.
        gamma: (c,) that norm's weight.
        beta: (c,) that norm's bias.
    """

    start: Token
    blocks: tuple[Written, ...]
    sigma: Float[Tensor, " b"]
    gamma: Float[Tensor, " c"]
    beta: Float[Tensor, " c"]

    @property
    def end(self) -> Token:
        """The token as it leaves the last block, (b, c)."""
        return self.start + sum(block.attended + block.processed for block in self.blocks)

    @property
    def features(self) -> Token:
        """What the head reads, (b, c)."""
        end = self.end
        centred = (end - end.mean(1, keepdim=True)) / self.sigma[:, None]
        return self.gamma * centred + self.beta


def token_stream(net: Any, images: Images) -> TokenStream:  # noqa: ANN401 (timm's VisionTransformer)
    """Watch a timm VisionTransformer write into its first token; no gradients.

    Its blocks must each add attention and then an MLP to the stream, after a LayerNorm each (ViT,
    DeiT, DINOv2, CLIP): see `writes_a_token`, which measures that they do.
    """
    with torch.no_grad(), evaluating(net), _noted(net) as noted:
        net.forward_features(images)
    norm = last_norm(net)
    end = noted["end"][0]
    sigma = (end.var(1, unbiased=False) + norm.eps).sqrt()
    parts = zip(net.blocks, noted["normed"], noted["attended"], noted["processed"], strict=True)
    blocks = tuple(
        Written(*_attention(block.attn, normed), _onto(block), attended, processed)
        for block, normed, attended, processed in parts
    )
    return TokenStream(noted["start"][0], blocks, sigma, norm.weight.detach(), norm.bias.detach())


_WRITERS: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


def writes_a_token(backbone: FeatureExtractor) -> bool:
    """Whether a network's features are its first token, and that a sum as in `TokenStream`.

    Measured once a network, on noise: that the parts add up to the features, and that each block's
    attention adds its tokens' offers and a constant.
    """
    net = backbone.net
    if net not in _WRITERS:
        _WRITERS[net] = not backbone.reads_map and hasattr(net, "blocks") and _adds_up(backbone)
    return _WRITERS[net]


def _adds_up(backbone: FeatureExtractor) -> bool:
    images = backbone.example(2)
    try:
        stream = token_stream(backbone.net, images)
        with torch.no_grad(), evaluating(backbone.net):
            truth = backbone(images).features
        constants = [block.attended - offered(block).sum((1, 2)) for block in stream.blocks]
    except (AttributeError, RuntimeError, ValueError, TypeError, KeyError, IndexError):
        return False  # a transformer of another build
    even = all(close(constant[0], constant[1]) for constant in constants)
    return even and close(stream.features, truth)


def offered(block: Written) -> Float[Tensor, "b heads n c"]:
    """What each head of a block brings from each token into the first one."""
    return block.attention[..., None] * (block.values @ block.onto)


def read_along(block: Written, direction: Token) -> Float[Tensor, "b heads n"]:
    """What each head would bring from each token along a direction, were it attended to alone."""
    reading = torch.einsum("hdc,bc->bhd", block.onto, direction)
    return torch.einsum("bhnd,bhd->bhn", block.values, reading)


@contextmanager
def _noted(net: Any) -> Iterator[dict[str, list[Tensor]]]:  # noqa: ANN401
    """Note the first token before, within and after the blocks, while the network looks."""
    noted: dict[str, list[Tensor]] = {
        name: [] for name in ("start", "normed", "attended", "processed", "end")
    }

    def keep(name: str) -> After:
        return noted[name].append

    def keep_first(name: str) -> After:
        return lambda gave: noted[name].append(gave[:, 0])

    after: dict[nn.Module, After] = {net.blocks[-1]: keep_first("end")}
    for block in net.blocks:
        after |= {block.norm1: keep("normed")}
        after |= {block.ls1: keep_first("attended"), block.ls2: keep_first("processed")}
    with hooked({net.blocks[0]: lambda given: noted["start"].append(given[0][:, 0])}, after):
        yield noted


def _attention(attn: Any, normed: Float[Tensor, "b n c"]) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Return the first token's attention (b, heads, n) and all tokens' offers (b, heads, n, d)."""
    b, n, _ = normed.shape
    with torch.no_grad():
        parts = attn.qkv(normed).reshape(b, n, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys = attn.q_norm(parts[0][:, :, :1]), attn.k_norm(parts[1])
        scores = (queries * attn.scale) @ keys.transpose(-2, -1)
    return scores.softmax(-1)[:, :, 0], parts[2]


def _onto(block: Any) -> Float[Tensor, "heads d c"]:  # noqa: ANN401
    """The block's output projection, with its LayerScale, one matrix a head."""
    weight = block.attn.proj.weight.detach()  # (c, heads * d)
    scale = getattr(block.ls1, "gamma", None)
    scaled = weight if scale is None else scale.detach()[:, None] * weight
    return scaled.T.reshape(block.attn.num_heads, -1, len(weight))


def last_norm(net: Any) -> nn.LayerNorm:  # noqa: ANN401 (timm's VisionTransformer)
    """The norm between the last block and the head."""
    return next(n for n in (net.norm, net.fc_norm) if isinstance(n, nn.LayerNorm))
