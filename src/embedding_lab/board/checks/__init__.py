"""The doctor's checks: a log directory comes in, findings go out.

A new check is one function in the file of its family and one line in this table. Earlier ones come first where a
later one builds on what they mend: a list that cannot be read, then the files it names, then what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from embedding_lab.board.checks import (
    assets,
    checkpoints,
    environment,
    events,
    graphs,
    hparams,
    lists,
    metadata,
    own_format,
    profiles,
    sprites,
    tensors,
    vectors,
)
from embedding_lab.board.checks.finding import Finding
from embedding_lab.board.checks.logdir import LogDir

Check = Callable[[LogDir], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    events.check_no_runs,
    events.check_renamed,
    events.check_unreadable,
    events.check_damage,
    events.check_run_without_events,
    events.check_without_data,
    events.check_mixed_runs,
    events.check_overwritten_steps,
    events.check_one_step_for_all,
    events.check_not_finite,
    events.check_clock,
    hparams.check_metrics,
    graphs.check_graphs,
    graphs.check_no_graph,
    lists.check_unreadable_list,
    lists.check_shadowed_list,
    lists.check_names,
    lists.check_unlisted,
    checkpoints.check_checkpoints,
    assets.check_assets,
    tensors.check_tensor_form,
    tensors.check_tensor_shape,
    tensors.check_not_finite,
    metadata.check_metadata,
    sprites.check_sprites,
    vectors.check_vectors,
    profiles.check_plugin,
    profiles.check_sessions,
    profiles.check_place,
    profiles.check_trace_without_profile,
    own_format.check_own_files,
    own_format.check_unlisted_maps,
    own_format.check_leftovers,
    environment.check_tensorboard_twice,
    environment.check_requirements,
    environment.check_pkg_resources,
    environment.check_profiler,
    environment.check_torch,
    environment.check_profile_plugin,
    environment.check_boards,
    environment.check_port,
)
