"""Stands before TensorFlow on the path: TensorBoard then runs as in an environment that has none."""

raise ImportError("not in this test")
