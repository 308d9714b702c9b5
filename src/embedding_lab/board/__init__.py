"""What TensorBoard sees: embedding sets come in, runs its Projector shows rightly and a running TensorBoard go out."""
