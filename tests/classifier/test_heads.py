import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from classifier.config import ClassifierConfig
from classifier.heads import logit, one_sided
from classifier.network import new_network


def test_two_outputs_say_what_their_difference_says_smoothing_included():
    outputs = torch.randn(64, 2, dtype=torch.float64)
    labels = torch.randint(0, 2, (64,))
    assert torch.allclose(torch.sigmoid(logit(outputs)), torch.softmax(outputs, 1)[:, 1])
    smoothed = labels * (1 - 0.05) + 0.05 / 2
    binary = binary_cross_entropy_with_logits(logit(outputs), smoothed.double())
    assert torch.allclose(binary, cross_entropy(outputs, labels, label_smoothing=0.05))


def test_a_two_sided_head_is_read_as_one_sided():
    features, weight, bias = torch.randn(5, 8), torch.randn(2, 8), torch.randn(2)
    outputs = features @ weight.T + bias
    state = one_sided({"fc.weight": weight, "fc.bias": bias, "conv.weight": weight}, "fc.", 0)
    own = features @ state["fc.weight"].T + state["fc.bias"]
    assert torch.allclose(torch.sigmoid(own[:, 0]), torch.softmax(outputs, 1)[:, 0], atol=1e-6)
    assert torch.equal(state["conv.weight"], weight)


def test_any_backbone_that_ends_in_a_linear_layer_takes_the_perceptron():
    for backbone in ("test_resnet", "test_convnext2", "test_efficientnet"):
        network = new_network(ClassifierConfig(backbone=backbone, head="mlp"), 32).eval()
        images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
        with torch.inference_mode():
            assert network(images).shape == (3,)
