"""Settings of the audit."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class AuditConfig(BaseModel):
    """What the audit looks at and where its limits lie. Headers are compared in every pair, always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_pairs: int = Field(
        default=2000,
        ge=100,
        description="pairs whose pixels are looked at, chosen by the hash of their ids; of unpaired images so many of each "
        "label, shared out evenly among generators",
    )
    pixel_probe: bool = Field(
        default=True, description="tell reals from fakes by pixel statistics: reported, never a gate"
    )
    null_control: bool | None = Field(
        default=None,
        description="ask whether the recipe's own alignment leaks; when not said, in datasets of more than 500 pairs",
    )
    null_control_pairs: int = Field(default=2000, ge=100, description="pairs of the null control, for each view")
    null_control_limit: float = Field(default=0.03, gt=0, lt=0.5, description="largest |AUC - 0.5| of the null control")
    permutation_draws: int = Field(default=200, ge=50, description="draws of swapped labels")
    permutation_limit: float = Field(default=0.01, gt=0, lt=0.5, description="largest |mean AUC - 0.5| over the draws")
    folds: int = Field(default=5, ge=2, description="folds of the cross-validation")
    bootstrap_draws: int = Field(default=200, ge=50, description="draws of the bootstrap over pairs")
    match_model: str = Field(
        default="",
        description="a CLIP model, as a folder or Hub id, that measures how alike the members of a pair are; "
        "empty for a plain comparison of thumbnails and colours",
    )
    recaption_pairs: int = Field(
        default=300,
        ge=0,
        description="pairs of each view whose members the recipe's captioner is shown again, chosen by the hash of "
        "their ids; 0: none",
    )
    seed: int = Field(default=0, ge=0, description="of folds, draws and swaps")

    @model_validator(mode="after")
    def _folds_fit(self) -> Self:
        if self.folds * 10 > self.max_pairs:
            raise ValueError(f"folds = {self.folds} needs max_pairs of at least {self.folds * 10}")
        return self
