"""Distillation: a student learns what calibrated teachers answer, beside the labels themselves.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), for two classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from classifier.distillation_config import DistillConfig
from classifier.network import Network


@dataclass(frozen=True)
class Teacher:
    """A trained network, and what its logits are divided by to be calibrated.

    Attributes:
        network: in evaluation mode.
        temperature: fitted on validation images; above 0.
        image_size: side of the window that it was trained on, pixels.
    """

    network: Network
    temperature: float
    image_size: int

    def logits(self, images: Tensor) -> Tensor:
        """Calibrated logits of "fake", (n,) float32, judged by the central windows of (n, 3, S, S) uint8 images."""
        side = images.shape[-1]
        # where `Preprocessing` cuts the central window, by which the teacher was calibrated
        margin = (side - self.image_size + 1) // 2
        window = images[..., margin : margin + self.image_size, margin : margin + self.image_size]
        logits: Tensor = self.network(window)
        return logits / self.temperature


@dataclass(frozen=True)
class Teachers:
    """Several teachers as one.

    Attributes:
        members: the teachers.
        config: how their answers are combined, softened and weighed against the labels.
    """

    members: Sequence[Teacher]
    config: DistillConfig

    def logits(self, images: Tensor) -> Tensor:
        """The combined logits of "fake", (n,), of images (n, 3, S, S) uint8; on the images' device."""
        with torch.no_grad():
            answers = torch.stack([self._on(teacher, images).logits(images) for teacher in self.members])
        return answers.amax(dim=0) if self.config.combine == "max" else answers.mean(dim=0)

    def blended(self, losses: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        """The training loss of each image: the labels' and the teachers' parts, weighed by `alpha`.

        Args:
            losses: (n,): what the labels say.
            logits: (n,): the student's.
            images: (n, 3, S, S) uint8, as the student sees them.
        """
        soft = soft_loss(logits, self.logits(images), self.config.temperature)
        return self.config.alpha * soft + (1 - self.config.alpha) * losses

    @staticmethod
    def _on(teacher: Teacher, images: Tensor) -> Teacher:
        """The teacher on the images' device; a module moves in place, and only once."""
        teacher.network.to(images.device)
        return teacher


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of the student's answer from the teacher's, both softened, times the squared temperature.

    The factor keeps the gradient's size, which softening divides by the squared temperature (Hinton et al., section 2).

    Args:
        student: (n,) logits of "fake".
        teacher: (n,) likewise.
        temperature: what both are divided by.

    Returns:
        (n,), never below 0 but for rounding.
    """
    own, taught = student / temperature, teacher / temperature
    fake = torch.sigmoid(taught)
    divergence = fake * (logsigmoid(taught) - logsigmoid(own)) + (1 - fake) * (logsigmoid(-taught) - logsigmoid(-own))
    return divergence * temperature**2
