"""Compiled counting: how many words cross an edge of a loop nest, exactly.

Symbols.  A nest is a list of loops, outermost first; loop i has ``kind[i]`` (0 temporal, 1
spatial), ``rank[i]``, ``tile[i]`` (what it hands inside, the last one may be smaller), ``axis[i]``
and ``trips[i]`` (static).  A dimension of a tensor is ``a·p + b·r`` of at most two ranks.

Why this is fast.  What an instance holds is a product over dimensions, and the words that move
between two steps are ``|new| − |new ∩ old|``, a difference of two products.  Summed over all
steps that carry at loop k, every product becomes a product of sums, one factor a dimension and
one for each rank that does not address the tensor.  With sharing, a word of a step is *not* read
if every receiver that holds it now held it before; that set is a product over dimensions too.

A factor is summed over classes of loop indices: a loop of n trips has one class for all trips that
look alike and one for each that differs (the imperfect last ones), so it costs no more than a
few sums however long the loop is.
"""
