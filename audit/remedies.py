"""What to change when a probe finds something: by probe, and by the feature that gave the label away."""

from audit.report import Kind

_PAIRED = {
    "headers": 'set alignment.mode = "aligned", and give every member the same final encode',
    "borders": "leave a larger margin round the window (views.margin), and cut it off after the last JPEG pass",
    "duplicates": "raise the radius of the grouping in the recipe's split, so that near-duplicates stay in one split",
    "null-control": "make the frame or the final size of this view smaller, so that more of the reals' history is lost",
    "permutation": "this is a fault of the audit itself, not of the dataset: please report it",
    "grid": 'set alignment.mode = "aligned", so that the fake has the JPEG history of its real',
    "quantisation": "change no contrast or level after the pixels are whole numbers, or do it to both members",
}
_UNPAIRED = {
    "headers": "encode all images alike: one size, one format, one set of JPEG tables, and no metadata",
    "borders": "cut the same margin off all images before they are encoded",
    "duplicates": "group near-duplicates before the splits are drawn, and drop those of validation and test",
    "permutation": _PAIRED["permutation"],
    "unreadable": "store all images as JPEG, PNG or WebP in 8-bit RGB, of at least 32 pixels a side",
    "grid": "give fakes the compression and resampling history of the reals before one shared final encode",
    "size": "encode all images alike; else a file's size alone tells its label",
    "quantisation": _PAIRED["quantisation"],
    "photometric": "draw reals and fakes of the same classes and captions, or match their exposure",
    "thumbnail": "draw reals and fakes of the same classes and captions: their layouts tell them apart",
    "text": "take the captions of both classes from the same captioner and prompt, or leave them out",
}
# what a feature whose name begins like this asks for, whatever the probe
_BY_FEATURE = {
    "grid_": "cut every window at a multiple of the JPEG's blocks (8 or 16 pixels), with the same offset on both sides",
    "parity_": "give both sides the same chroma subsampling, at the same stage and on the same grid",
    "dct_period_": "give the fake the quantisation tables of its real, at the same stage and on the same 8 x 8 grid",
    "resampling_": "bring both sides to their final size with the same kernel and ratio, and never enlarge a real",
    "comb_": "change no contrast or level after the pixels are whole numbers, or do it to both members",
    "spike_": "clip neither side: round and limit both in the same way",
}


# an aligned fake may still show the grid of its generator's upsampling, or its way of rounding
_OWN_TRACE = (
    '; where alignment.mode is "aligned" and the null control is ok, this is the generator\'s own trace and may stay'
)
_MAY_BE_OWN = ("grid", "quantisation")


def remedy(probe: str, feature: str, kind: Kind) -> str:
    """What to change, in words; empty where nothing is known to help.

    Args:
        probe: the probe's name.
        feature: the feature that told most; may be empty.
        kind: of set.
    """
    own = next((text for prefix, text in _BY_FEATURE.items() if feature.startswith(prefix)), "")
    found = own or (_PAIRED if kind == "paired" else _UNPAIRED).get(probe, "")
    return found + _OWN_TRACE if kind == "paired" and probe in _MAY_BE_OWN else found
