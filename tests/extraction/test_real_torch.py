"""Models as people have them, with random weights: a ResNet, transformers, an LSTM and a U-Net of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedding_lab.extraction import extract

torch = pytest.importorskip("torch", reason='no PyTorch: pip install "embedding-lab[torch]"')
nn = torch.nn

TOKENS = np.random.default_rng(0).integers(0, 50, (9, 12))
PICTURES = np.random.default_rng(1).normal(size=(5, 3, 32, 32)).astype(np.float32)


@pytest.fixture(autouse=True)
def _the_same_weights() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def transformers() -> Any:
    return pytest.importorskip("transformers", reason="no transformers: pip install transformers")


def test_a_resnet_of_transformers(transformers: Any) -> None:
    settings = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24], depths=[1, 2, 1], num_labels=10
    )
    model = transformers.ResNetForImageClassification(settings)
    names = [f"resnet.encoder.stages.{number}" for number in range(3)]
    sets = extract(model, PICTURES, [*names, "classifier", "output[logits]"], batch_size=2)
    model.eval()
    with torch.no_grad():
        expected = model(torch.tensor(PICTURES), output_hidden_states=True)
    for name, values in zip(names, expected.hidden_states[1:], strict=True):
        np.testing.assert_allclose(sets[name].vectors, values.mean((2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets["output[logits]"].vectors, expected.logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(sets["classifier"].vectors, sets["output[logits]"].vectors)


def test_a_bert_of_transformers_whose_inputs_are_named(transformers: Any) -> None:
    settings = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    model = transformers.BertModel(settings)
    given = {"input_ids": TOKENS, "attention_mask": (np.arange(12) < np.arange(3, 12)[:, None]).astype(np.int64)}
    names = ["embeddings", "encoder.layer.0", "encoder.layer.2", "output[pooler_output]"]
    sets = extract(model, given, names, batch_size=4)
    model.eval()
    with torch.no_grad():
        expected = model(**{name: torch.tensor(each) for name, each in given.items()}, output_hidden_states=True)
    for name, values in zip(names, [expected.hidden_states[place] for place in (0, 1, 3)], strict=False):
        np.testing.assert_allclose(sets[name].vectors, values.mean(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets[names[-1]].vectors, expected.pooler_output, rtol=1e-4, atol=1e-5)


def test_a_classifier_of_transformers_on_what_a_collator_gives(transformers: Any) -> None:
    settings = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    model = transformers.BertForSequenceClassification(settings)
    labels = [place % 2 for place in range(len(TOKENS))]
    rows = [
        {"input_ids": list(row), "attention_mask": [1] * 12, "label": label}
        for row, label in zip(TOKENS, labels, strict=True)
    ]
    loader = torch.utils.data.DataLoader(rows, batch_size=4, collate_fn=transformers.default_data_collator)
    given = extract(model, loader, "output[logits]")["output[logits]"]
    model.eval()
    with torch.no_grad():
        expected = model(torch.tensor(TOKENS)).logits
    np.testing.assert_allclose(given.vectors, expected, rtol=1e-4, atol=1e-5)
    assert given.dataset.labels.tolist() == labels


def test_a_transformer_encoder() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(50, 16)
            layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 3)
            self.said = nn.Linear(16, 3)

        def forward(self, tokens: Any) -> Any:
            return self.said(self.encoder(self.words(tokens)).mean(1))

    model = Model()
    sets = extract(
        model, TOKENS, ["words", "encoder.layers.0", "encoder.layers.2", "encoder", "said"], batch_size=4
    )
    model.eval()
    with torch.no_grad():
        words = hidden = model.words(torch.tensor(TOKENS))
        for number, layer in enumerate(model.encoder.layers):
            hidden = layer(hidden)
            if number == 0:
                first = hidden
        said = model.said(hidden.mean(1))
    expected = {"words": words, "encoder.layers.0": first, "encoder.layers.2": hidden, "encoder": hidden}
    for name, values in expected.items():
        np.testing.assert_allclose(sets[name].vectors, values.mean(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets["said"].vectors, said, rtol=1e-4, atol=1e-5)


def test_an_lstm() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(50, 8)
            self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
            self.said = nn.Linear(12, 3)

        def forward(self, tokens: Any) -> Any:
            return self.said(self.lstm(self.words(tokens))[0][:, -1])

    model = Model().eval()
    sets = extract(model, TOKENS, ["words", "lstm[0]", "lstm[1][0]", "lstm[1][1]", "said"], batch_size=4)
    with torch.no_grad():
        steps, (state, cell) = model.lstm(model.words(torch.tensor(TOKENS)))
    np.testing.assert_allclose(sets["lstm[0]"].vectors, steps.mean(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets["lstm[1][0]"].vectors, state.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets["lstm[1][1]"].vectors, cell.mean(0), rtol=1e-4, atol=1e-5)


def test_a_u_net() -> None:
    def block(before: int, after: int) -> Any:
        return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.ModuleDict({"wide": block(3, 4), "middle": block(4, 8)})
            self.bottom = block(8, 16)
            self.smaller = nn.MaxPool2d(2)
            self.up = nn.ModuleList([nn.ConvTranspose2d(16, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)])
            self.back = nn.ModuleList([block(16, 8), block(8, 4)])
            self.mask = nn.Conv2d(4, 1, 1)

        def forward(self, pictures: Any) -> Any:
            wide = self.down["wide"](pictures)
            middle = self.down["middle"](self.smaller(wide))
            given = self.bottom(self.smaller(middle))
            for up, back, beside in zip(self.up, self.back, (middle, wide), strict=True):
                given = back(torch.cat([up(given), beside], 1))
            return {"mask": self.mask(given), "code": given.amax((2, 3))}

    model = UNet().eval()
    names = ["down.wide", "smaller#2", "bottom", "up.0", "back.1", "output[mask]", "output[code]"]
    sets = extract(model, PICTURES, names, batch_size=2)
    with torch.no_grad():
        given = torch.tensor(PICTURES)
        wide = model.down["wide"](given)
        middle = model.down["middle"](model.smaller(wide))
        smaller = model.smaller(middle)
        bottom = model.bottom(smaller)
        up = model.up[0](bottom)
        out = model(given)
    expected = {"down.wide": wide, "smaller#2": smaller, "bottom": bottom, "up.0": up, "output[mask]": out["mask"]}
    for name, values in expected.items():
        np.testing.assert_allclose(sets[name].vectors, values.mean((2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sets["output[code]"].vectors, out["code"], rtol=1e-4, atol=1e-5)
