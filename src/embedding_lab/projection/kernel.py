"""The map's kernel: how alike two points are that lie a distance r apart, and how hard they pull and push.

With t = (1 + r²/ν)^-1 two points are alike by w = t^(ν+1)/2; Z is the sum of w over all ordered pairs and q
= w / Z. The gradient of the divergence Σ p log(p / q) by a point y_i is 2(ν+1)/ν times

    Σ_j (p_ij - q_ij) t_ij (y_i - y_j)        weighting "gradient"

In two dimensions ν = 1 and t = w, so that the same could be written, and in the paper is written, as

    Σ_j (p_ij - q_ij) w_ij (y_i - y_j)        weighting "neighbours"

In three dimensions ν = 2 and the two part ways. The second is no longer a gradient, but it too comes to
rest where p and q agree, and where they cannot agree it cares more for near pairs: at equal iterations it
keeps more neighbours and flings fewer points out, at a higher divergence. It is what scikit-learn computes
in 3-D.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from embedding_lab.errors import one_of

Weighting = Literal["neighbours", "gradient"]


class Kernel(NamedTuple):
    """Powers of t = (1 + r²/ν)^-1.

    Attributes:
        dof: ν, the degrees of freedom: 1 in two dimensions, 2 in three (van der Maaten 2009).
        likeness: two points are alike by t^likeness.
        push: they push each other by t^push / Z per unit of distance, and pull by p t^(push - likeness).
    """

    dof: int
    likeness: float
    push: float

    @property
    def potential(self) -> float:
        """The push is a gradient: `slope` times that of the sum of t^potential."""
        return self.push - 1

    @property
    def slope(self) -> float:
        """What the gradient of the potential is multiplied with to give the push."""
        return -self.dof / (2 * self.potential)

    @property
    def steep(self) -> bool:
        """Whether misfits are weighted by likeness, as against t."""
        return self.push == 2 * self.likeness


def kernel_for(dims: int, weighting: Weighting = "neighbours") -> Kernel:
    """The kernel of a map of so many dimensions, 2 or 3.

    Raises:
        UnknownName: the weighting does not exist.
    """
    if weighting not in get_args(Weighting):
        raise one_of("Weighting", weighting, get_args(Weighting))
    dof = max(dims - 1, 1)
    likeness = (dof + 1) / 2
    return Kernel(dof, likeness, 2 * likeness if weighting == "neighbours" else likeness + 1)
