"""The sections of the configuration on which detection rests."""

from dataclasses import dataclass

from changedetect.config.detection import EvidenceSection, PatchesSection, PixelsSection
from changedetect.stages import classify, patches, pixels
from changedetect.stages.evidence import borders
from changedetect.stages.evidence import pair as pair_evidence


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections of the configuration on which detection rests."""

    pixels: PixelsSection
    evidence: EvidenceSection
    patches: PatchesSection

    @property
    def halo_px(self) -> int:
        """What a tile must read beyond its core so that cuts leave no trace. [px]"""
        return int(
            pixels.halo_px(self.pixels, self.evidence)
            + pair_evidence.reach_px(self.evidence)
            - self.evidence.guide_reach_px
            + patches.halo_px(self.patches)
            + borders.REACH_PX
            + classify.HALO_PX
        )

    def clear_halo_px(self, reach_px: int, shift_px: int) -> int:
        """Return what is enough of a halo where no cloud is near.

        Parameters
        ----------
        reach_px, shift_px
            How far evidence, and a comparable pixel, reach with the models of a pair. [px]
        """
        beside = patches.halo_px(self.patches) + borders.REACH_PX
        return shift_px + max(beside + reach_px, classify.HALO_PX)
