"""What the steps of a fitted scikit-learn pipeline give, or a single transformer or classifier."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding_lab.embeddings import INPUT_LAYER
from embedding_lab.embeddings.inputs import shape_of
from embedding_lab.embeddings.own_form import FrameRows, OwnForm
from embedding_lab.errors import InputError, LabError, NotFinite, ShapeMismatch
from embedding_lab.extraction.callable import as_vectors
from embedding_lab.extraction.source import (
    GIVING,
    Activations,
    ForwardPass,
    LayerInfo,
    Pooling,
    Scale,
    in_one_line,
    other_input,
    rows_within,
    unknown_layer,
)


class EstimatorSource:
    """A fitted estimator: each step of a pipeline is a layer, by its name; any other is one, by that of its class.

    Args:
        model: the estimator. Where its last step is a classifier with probabilities, they say what it takes the
            samples for.
    """

    several_inputs = False

    def __init__(self, model: Any) -> None:
        steps = model.steps if hasattr(model, "steps") else [(type(model).__name__.lower(), model)]
        self._steps = [(name, step) for name, step in steps if _method(step) is not None]

    @property
    def own_form(self) -> type[OwnForm] | None:
        """A data frame, where the first step was fitted to one: it finds its columns by their names."""
        return FrameRows if self._steps and _columns(self._steps[0][1]) else None

    def layers(self) -> list[LayerInfo]:
        """The steps; shapes are known when they run."""
        return [
            LayerInfo(name=name, kind=type(step).__name__, shape=None, parameters=0, worth_showing=True)
            for name, step in self._steps
        ]

    @contextlib.contextmanager
    def forward_pass(
        self, example: NDArray[Any], names: Sequence[str] | None, pooling: Pooling
    ) -> Iterator[ForwardPass]:
        """Calls the steps with the example to see what they give. See `Source.forward_pass`."""
        found = {name: _plain(values) for name, values in self._given(example).items()}
        chosen = [name for name in found if not _is_sparse(found[name])] if names is None else list(names)
        for name in chosen:
            if name not in found:
                raise unknown_layer(name, [INPUT_LAYER, *found])
        classes = _classes(self._steps[-1][1])
        scale: Scale = "none" if classes is None else "probabilities"

        def run(samples: NDArray[Any]) -> Activations:
            given = self._given(samples)
            vectors = {name: as_vectors(_dense(given[name]), pooling) for name in chosen}
            return vectors, None if classes is None else self._probabilities(samples, given)

        widest = max((4 * int(np.prod(found[name].shape[1:])) for name in chosen), default=1)
        yield ForwardPass(
            layers={name: pooling if found[name].ndim > 2 else None for name in chosen},
            run=run,
            scale=scale,
            batch_size=rows_within(max(widest, example[:1].nbytes)),
            fingerprint=None,
            classes=classes,
        )

    def _given(self, samples: Any) -> dict[str, Any]:
        """What each step gives, shape (b, ...), a data frame where it was told to."""
        values = _as_fitted(samples)
        given = {}
        for name, step in self._steps:
            try:
                values = getattr(step, str(_method(step)))(values)
            except (ValueError, TypeError, AttributeError) as error:
                raise _explained(error, name, step, samples) from error
            if isinstance(values, list):
                raise InputError(f"Step {name!r} answers several questions at once.", expected="one output")
            given[name] = values
        return given

    def _probabilities(self, samples: Any, given: dict[str, Any]) -> NDArray[np.float32]:
        """What the last step takes the samples for, shape (b, classes), also where its layer is another."""
        last, step = self._steps[-1]
        if _method(step) == "predict_proba":
            return np.asarray(given[last], np.float32)
        before = _as_fitted(samples) if len(self._steps) == 1 else given[self._steps[-2][0]]
        return np.asarray(step.predict_proba(before), np.float32)


def _method(step: Any) -> str | None:
    return next((name for name in GIVING if hasattr(step, name)), None)


def _classes(step: Any) -> tuple[str | int, ...] | None:
    """The classes of a classifier with probabilities: whole numbers as numbers, else text. None of any other."""
    if not hasattr(step, "predict_proba") or not hasattr(step, "classes_"):  # a mixture has none that have a name
        return None
    classes = np.asarray(step.classes_).tolist()
    return tuple(
        int(each) if isinstance(each, int | float) and float(each).is_integer() else str(each) for each in classes
    )


def _columns(step: Any) -> list[str]:
    """The names of the columns of the data frame that a step was fitted to; none of any other."""
    return [str(name) for name in getattr(step, "feature_names_in_", ())]


def _as_fitted(samples: Any) -> Any:
    """Samples as scikit-learn wants them: the rows of a frame, or an array, flattened where it has more axes."""
    if isinstance(samples, FrameRows):
        return samples.own
    return samples.reshape(len(samples), -1) if samples.ndim > 2 else samples


def _explained(error: Exception, name: str, step: Any, samples: Any) -> LabError:
    said = in_one_line(error)
    if type(error).__name__ == "NotFittedError":
        return InputError(f"Step {name!r} is not fitted.", got=f"{said:.200}", remedy="Call fit first.")
    if "NaN" in said or "infinity" in said:
        return NotFinite(f"Step {name!r} takes no NaN or infinity.", got=f"{said:.200}")
    columns = _columns(step)
    if columns:
        return ShapeMismatch(
            f"Step {name!r} was fitted to a data frame and does not take these samples.",
            got=f"samples of shape {shape_of(samples)}; it said: {said}",
            expected=f"a data frame with the columns {', '.join(map(repr, columns)):.300}",
            remedy="Hand over the frame itself, with these columns; with labels as "
            "lab.as_dataset(frame, labels=…).",
        )
    wanted = getattr(step, "n_features_in_", None)
    takes = f"samples that step {name!r} takes" if wanted is None else f"{wanted} numbers for step {name!r}"
    return other_input(takes, shape_of(samples), error)


def _is_sparse(values: Any) -> bool:
    return hasattr(values, "toarray")


def _plain(values: Any) -> Any:
    return values.to_numpy() if hasattr(values, "to_numpy") else values


def _dense(values: Any) -> NDArray[Any]:
    return np.asarray(values.toarray() if _is_sparse(values) else _plain(values))
