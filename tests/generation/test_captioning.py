from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.captioning import open_captioner
from generation.config import BlipCaptions, ClassTemplateCaptions, SourceCaptions
from generation.requests import CaptionRequest
from manifests.errors import ModelError, RejectedItem
from manifests.records import Caption, Reason

Pictures = list[NDArray[np.uint8]]
BLACK = np.zeros((8, 8, 3), dtype=np.uint8)


def requests(pictures: Pictures) -> list[CaptionRequest]:
    return [CaptionRequest(f"{number:016x}-scene", pixels) for number, pixels in enumerate(pictures)]


def blip(models: Path, **more: object) -> BlipCaptions:
    return BlipCaptions.model_validate({"model": str(models / "blip"), "max_new_tokens": 8, "batch_size": 2} | more)


def texts(answers: list[Caption | RejectedItem]) -> list[str]:
    return [answer.text for answer in answers if isinstance(answer, Caption)]


def test_the_sources_own_captions_are_cleaned():
    captioner = open_captioner(SourceCaptions(), "cpu")
    asked = [CaptionRequest("a-scene", BLACK, source_caption=text) for text in (" A Red\ncube ", "  ")]
    kept, dropped = captioner.caption(asked)
    assert kept == Caption(text=" A Red\ncube ", cleaned="a red cube", model="source")
    assert isinstance(dropped, RejectedItem)
    assert dropped.reason is Reason.EMPTY_CAPTION


def test_a_class_is_written_into_the_template():
    captioner = open_captioner(ClassTemplateCaptions(templates=("A photo of a {label}",)), "cpu")
    kept, dropped = captioner.caption(
        [CaptionRequest("a-scene", BLACK, class_label=label) for label in ("{x} Cat", "")]
    )
    assert kept == Caption(text="A photo of a {x} Cat", cleaned="a photo of a {x} cat", model="class-template")
    assert isinstance(dropped, RejectedItem)
    assert dropped.reason is Reason.EMPTY_CAPTION


def test_one_of_several_templates_is_drawn_by_the_pair():
    templates = ("a photo of a {label}", "a snapshot of a {label}", "a {label} outdoors")
    asked = [CaptionRequest(f"{number}-scene", BLACK, class_label="cat") for number in range(300)]

    def drawn(items: list[CaptionRequest]) -> list[str]:
        return texts(open_captioner(ClassTemplateCaptions(templates=templates), "cpu").caption(items))

    counts = [drawn(asked).count(template.replace("{label}", "cat")) for template in templates]
    assert sum(counts) == len(asked)
    assert min(counts) > 70
    assert drawn(asked[::-1]) == drawn(asked)[::-1]


def test_blip_captions_what_it_is_shown_and_says_how(models: Path, pictures: Pictures):
    answers = open_captioner(blip(models), "cpu").caption(requests(pictures))
    assert len(set(texts(answers))) > 1
    last = answers[-1]
    assert isinstance(last, Caption)
    assert last.model == "blip"
    assert len(last.revision) == 16
    assert last.decoding == {
        "prefix": "",
        "max_new_tokens": 8,
        "num_beams": 1,
        "do_sample": False,
        "dtype": "float32",
        "batch_size": 1,
        "numerics": "exact",
    }


@pytest.mark.parametrize("num_beams", [1, 3])
def test_blip_says_the_same_twice_and_in_any_chunk(models: Path, pictures: Pictures, num_beams: int):
    captioner = open_captioner(blip(models, num_beams=num_beams), "cpu")
    once = captioner.caption(requests(pictures))
    other = captioner.caption(requests(pictures[2:]))
    assert texts(once[2:]) == texts(other)
    assert open_captioner(blip(models, num_beams=num_beams), "cpu").caption(requests(pictures)) == once


def test_blip_agrees_with_the_library_asked_directly(models: Path, pictures: Pictures):
    from transformers import BlipForConditionalGeneration, BlipProcessor

    model = BlipForConditionalGeneration.from_pretrained(models / "blip").eval()
    processor = BlipProcessor.from_pretrained(models / "blip")
    expected = []
    for picture in pictures:
        tokens = model.generate(**processor(images=picture, return_tensors="pt"), max_new_tokens=8, do_sample=False)
        expected.append(processor.decode(tokens[0], skip_special_tokens=True).removeprefix("[DEC]").strip())
    assert [text.strip() for text in texts(open_captioner(blip(models), "cpu").caption(requests(pictures)))] == expected


def test_blip_can_be_given_the_first_words(models: Path, pictures: Pictures):
    answers = open_captioner(blip(models, prefix="a photo of"), "cpu").caption(requests(pictures))
    assert all(text.startswith("a photo of") for text in texts(answers))


def test_blip_without_weights_is_an_error_that_names_them(models: Path, tmp_path: Path):
    (tmp_path / "config.json").write_bytes((models / "blip" / "config.json").read_bytes())
    with pytest.raises(ModelError, match=r"has no weights: expected model\.safetensors"):
        open_captioner(BlipCaptions(model=str(tmp_path)), "cpu")


def test_blip_prints_nothing(models: Path, pictures: Pictures, capfd: pytest.CaptureFixture[str]):
    open_captioner(blip(models), "cpu").caption(requests(pictures))
    assert capfd.readouterr() == ("", "")


def test_out_of_memory_captions_in_halves_and_says_so(models: Path, pictures: Pictures):
    import torch
    from transformers import BlipForConditionalGeneration, BlipProcessor

    from generation.batches import BatchRunner
    from generation.blip import Reader

    model = BlipForConditionalGeneration.from_pretrained(models / "blip").eval()
    reader = Reader(model, BlipProcessor.from_pretrained(models / "blip"), blip(models))

    def full(_: object, _arguments: object, given: dict[str, torch.Tensor]) -> None:
        if len(given["pixel_values"]) > 2:
            raise torch.OutOfMemoryError("out of memory")

    model.vision_model.register_forward_pre_hook(full, with_kwargs=True)
    rows = BatchRunner(reader.read, batch_size=4).rows(reader.prepare(requests(pictures[:4])))
    assert [(row.batch_size, row.degraded) for row in rows] == [(2, True)] * 4
    whole = open_captioner(blip(models, batch_size=2), "cpu").caption(requests(pictures[:4]))
    assert [row.result for row in rows] == texts(whole)
