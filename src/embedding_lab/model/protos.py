"""What TensorBoard's tabs read, as messages: numbers, histograms, pictures, texts and hyper-parameters."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_STRING
from tensorboard.plugins.histogram.metadata import create_summary_metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.image.metadata import create_summary_metadata as image_metadata
from tensorboard.plugins.scalar.metadata import create_summary_metadata as scalar_metadata
from tensorboard.plugins.text.summary_v2 import text_pb

_SCALAR = scalar_metadata("", "")
_HISTOGRAM = histogram_metadata("", "")


def scalar(tag: str, number: float) -> Any:
    """A point of a curve, for the Scalars tab."""
    return Summary.Value(tag=tag, metadata=_SCALAR, tensor=TensorProto(dtype=DT_FLOAT, float_val=[number]))


def histogram(tag: str, low: float, high: float, counts: NDArray[np.int32]) -> Any:
    """A distribution at a step, for the Histograms and Distributions tabs.

    Args:
        tag: its name.
        low: the least value.
        high: the greatest value; where both are equal, all values lie in one bucket in the middle.
        counts: how many values lie in each of the equal parts between them, shape (buckets,).
    """
    if low == high:
        middle = np.zeros_like(counts)
        middle[len(counts) // 2] = counts.sum()
        low, high, counts = low - 0.5, high + 0.5, middle
    edges = np.linspace(low, high, len(counts) + 1)
    rows = np.stack([edges[:-1], edges[1:], counts], axis=1)  # (buckets, 3), float64
    tensor = TensorProto(dtype=DT_DOUBLE, tensor_shape=_shape(rows.shape), tensor_content=rows.tobytes())
    return Summary.Value(tag=tag, metadata=_HISTOGRAM, tensor=tensor)


def pictures(tag: str, images: Sequence[Image.Image], description: str) -> Any:
    """Pictures of one size, for the Images tab."""
    width, height = images[0].size
    values = [str(width).encode(), str(height).encode(), *map(_png, images)]
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=_shape((len(values),)), string_val=values)
    return Summary.Value(tag=tag, metadata=image_metadata("", description), tensor=tensor)


def text(tag: str, markdown: str) -> Any:
    """A text, for the Text tab."""
    return text_pb(tag, markdown).value[0]


def hparams_start(hparams: Mapping[str, Any], metrics: Sequence[tuple[str, str]]) -> list[Any]:
    """What the HParams tab shows of a training: its hyper-parameters and, of (group, tag), the metrics to list."""
    experiment = api_pb2.Experiment(
        hparam_infos=[_hparam_info(name, value) for name, value in hparams.items()],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(group=group, tag=tag), display_name=f"{group} {tag}")
            for group, tag in metrics
        ],
    )
    config = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    return [_hparams_value(hparams_metadata.EXPERIMENT_TAG, config), hparams_pb(dict(hparams)).value[0]]


def hparams_end(time_seconds: float) -> Any:
    """Says in the HParams tab that a training is complete."""
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time_seconds)
    return _hparams_value(
        hparams_metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end)
    )


def _hparam_info(name: str, value: Any) -> Any:
    kinds = {bool: api_pb2.DATA_TYPE_BOOL, str: api_pb2.DATA_TYPE_STRING}
    return api_pb2.HParamInfo(name=name, type=kinds.get(type(value), api_pb2.DATA_TYPE_FLOAT64))


def _hparams_value(tag: str, data: Any) -> Any:
    return Summary.Value(
        tag=tag, metadata=hparams_metadata.create_summary_metadata(data), tensor=hparams_metadata.NULL_TENSOR
    )


def _shape(sizes: Sequence[int]) -> Any:
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()
