"""What TensorBoard sees: embedding sets come in; runs its Projector shows rightly and running boards go out."""
