"""Section about radar evidence."""

from pydantic import Field

from changedetect.config.base import Section


class RadarSection(Section):
    """Signed log-ratio of two multi-date means, filtered twice under a guide."""

    guide_radius_px: int = Field(3, ge=1, description="radius of the guided filter [px]")
    guide_epsilon: float = Field(0.2, gt=0, description="smoothing of the guided filter [neper²]")
    guide_passes: int = Field(2, ge=1, le=4, description="how often the ratio is filtered")
    floor_db: float = Field(-25.0, description="weaker echoes (open water) count as this [dB]")
    soften_frac: float = Field(
        0.05, ge=0, description="part of the median amplitude added to amplitudes"
    )
    looks_block_px: int = Field(7, ge=3, description="side of the blocks that tell the looks [px]")
    surface_sd_neper: float = Field(
        0.55, ge=0, description="change of a surface between dates, at most and if unknown [neper]"
    )
    surface_least_neper: float = Field(
        0.25, ge=0, description="change of a surface between dates, at least [neper]"
    )
    change_sd_neper: float = Field(2.0, gt=0, description="spread of true changes [neper]")
    prior_llr: float = Field(
        2.6, ge=0, description="a pair's alarm: change is rarer than its absence"
    )
    clip_llr: float = Field(30.0, gt=0, description="evidence is cut here, either way")
    course_least_dates: int = Field(
        6, ge=3, description="with so many dates before, each kind's usual course is learnt [date]"
    )
    course_spans: tuple[int, ...] = Field(
        (2, 4, 6),
        description="dates before are averaged in spans of so many, newest first; then the rest",
    )
    course_season_days: int = Field(
        18, ge=0, le=60, description="… and those of last year, so near the dates after [day]"
    )
    course_endings: int = Field(
        3, ge=1, description="change may lie before any of so many of the last dates [date]"
    )
    course_radius_px: int = Field(2, ge=1, description="radius of the courses' filter [px]")
    course_epsilon: float = Field(0.02, gt=0, description="smoothing of that filter [neper²]")
    course_passes: int = Field(2, ge=1, le=4, description="how often images are filtered")
    course_smooth_px: int = Field(
        1, ge=0, description="radius over which residuals from a course are averaged [px]"
    )
    course_kinds: int = Field(12, ge=1, description="kinds of ground, at most")
    course_least_pixels: int = Field(150, ge=20, description="a kind has at least so many samples")
    course_steps: int = Field(12, ge=1, description="rounds of grouping into kinds")
    course_start_frac: float = Field(
        0.6, gt=0.3, le=1, description="share of a kind's samples that the first round sees"
    )
    course_trim_rate: float = Field(
        0.02, gt=0, lt=0.5, description="later rounds leave out what chance exceeds so rarely"
    )
    course_trim_steps: int = Field(6, ge=1, description="rounds of trimming")
    course_ridge: float = Field(1e-3, ge=0, description="ridge of the regressions [neper²]")
    course_floor_neper: float = Field(
        0.02, gt=0, description="least spread of a kind around its course [neper]"
    )
    null_shape: float = Field(1.7, gt=0, description="form of the tail of the courses' distances")
    pair_null_shape: float = Field(
        1.95, gt=0, description="form of the tail of a pair's log-ratios"
    )
    least_stated_rate: float = Field(
        1e-4, ge=0, description="no lower false-alarm rate is stated of a pair: too few pixels tell"
    )
    null_steps: int = Field(12, ge=1, description="rounds in which the changed share is estimated")
    null_span: float = Field(
        3.0, gt=0, description="changes lie anywhere in so many times e above the usual distance"
    )
    false_alarm_rate: float = Field(
        0.01, gt=0, lt=0.5, description="share of unchanged pixels that courses may alarm"
    )
    sequence_looks: float = Field(
        20.0, ge=1, description="the sequential test averages images to at least so many looks"
    )
    sequence_alarm_rate: float = Field(
        1e-3, gt=0, lt=0.5, description="share of unchanged pixels that a date may alarm in it"
    )
    least_incidence_deg: float = Field(
        15.0, ge=0, lt=90, description="steeper local incidence: layover or nearly [degree]"
    )
    most_incidence_deg: float = Field(
        80.0, gt=0, le=90, description="flatter local incidence: shadow or nearly [degree]"
    )
    mixed_kinds: int = Field(3, ge=1, description="kinds of ground in a pair of different sensors")
    mixed_radius_px: int = Field(
        2, ge=0, description="radius over which both images are averaged there [px]"
    )
    mixed_smooth_px: int = Field(
        5, ge=1, description="radius of the guided filter of its distances [px]"
    )
    mixed_epsilon: float = Field(0.5, gt=0, description="smoothing of that filter [image spread²]")
    mixed_passes: int = Field(2, ge=1, le=4, description="how often the distances are filtered")
    mixed_null_shape: float = Field(1.5, gt=0, description="form of the tail of its distances")
    mixed_false_alarm_rate: float = Field(
        0.005, gt=0, lt=0.5, description="share of unchanged pixels that it may alarm"
    )
