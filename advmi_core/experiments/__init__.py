"""Experiments on disk: artefacts found again by their spec, parts computed once, and who computes them.

It knows no attack, no model and no page. A study is a spec, a generator over ``compute`` or ``compute_one``,
and a result.
"""
