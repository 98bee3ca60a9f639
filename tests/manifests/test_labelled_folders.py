"""What the names of folders say about the images in them."""

from hypothesis import given
from hypothesis import strategies as st

from manifests.labelled_folders import Parts, find_labels, genimage_folders, is_genimage, plain_folders
from manifests.labels import FAKE, REAL

NAMES = st.sampled_from(
    ["real", "fake", "nature", "ai", "train", "val", "sdxl", "cat", "human", "n01440764", "imagenet_x"]
)
FOLDERS = st.sets(st.lists(NAMES, max_size=4).map(tuple), max_size=12)


def read(*folders: str, **given_labels: int) -> dict[str, tuple[int, str, str, str]]:
    """Label, generator, split and class of each folder that has a label."""
    labels = find_labels([tuple(folder.split("/")) for folder in folders], given_labels)
    return {
        "/".join(place.parts): (place.label, place.generator, place.split, place.class_label)
        for place in plain_folders(labels)
    }


def test_a_class_below_a_label_is_no_label():
    assert read("fake/human", "fake/cat", "real/human", "real/cat") == {
        "fake/human": (FAKE, "", "", "human"),
        "fake/cat": (FAKE, "", "", "cat"),
        "real/human": (REAL, "", "", "human"),
        "real/cat": (REAL, "", "", "cat"),
    }


def test_generators_stand_above_or_below_the_label():
    assert read("test/sdxl/1_fake", "test/sdxl/0_real") == {
        "test/sdxl/1_fake": (FAKE, "sdxl", "test", ""),
        "test/sdxl/0_real": (REAL, "", "test", ""),
    }
    assert read("fake/sdxl", "fake/flux", "real")["fake/flux"] == (FAKE, "flux", "", "")


def test_given_labels_go_before_what_names_mean():
    assert read("real", "Photos", real=FAKE, Photos=REAL) == {"real": (FAKE, "", "", ""), "Photos": (REAL, "", "", "")}


def test_the_root_names_the_generator_only_where_it_holds_one_set():
    one = find_labels([("imagenet_x", "train", "ai"), ("imagenet_x", "train", "nature")])
    assert [place.generator for place in genimage_folders(one, "Midjourney")] == ["Midjourney", ""]
    two = find_labels([("imagenet_ai_0419_vqdm", "val", "ai"), ("imagenet_glide", "val", "ai")])
    assert [place.generator for place in genimage_folders(two, "tiny-genimage")] == ["vqdm", "glide"]


@given(FOLDERS)
def test_every_labelled_folder_is_read_once_and_all_others_are_left_out(folders: set[Parts]):
    labels = find_labels(folders)
    assert set(labels) <= folders
    read_folders = [plain_folders(labels)]
    if labels and is_genimage(labels):
        read_folders.append(genimage_folders(labels, "root"))
    for places in read_folders:
        assert [place.parts for place in places] == list(labels)
        assert all(place.label in (REAL, FAKE) for place in places)
        assert not any(place.generator for place in places if place.label == REAL)
