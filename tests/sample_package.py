"""A hand-made county month: six cases of every kind, and an excused unit without a case."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize

from changedetect.codes import LandGroup, case_number, land_group
from changedetect.config.deliver import DeliverSection
from changedetect.grid import Grid, Window
from changedetect.io.chips import Outline, case_chips, render_chip
from changedetect.measure import area_m2, area_sd_m2, perimeter_m
from changedetect.records import (
    ApprovalOverlap,
    Band,
    Case,
    Finding,
    LandPiece,
    LayerManifest,
    Scene,
    TimeCode,
    Unit,
    UnitAreas,
    UnobservedArea,
    Verdict,
)
from changedetect.stages.deliver import (
    PackageInput,
    RuleRow,
    chip_paths,
    chip_window,
    outline_px,
    overlay_surfaces,
    stretch_pair,
)

CRS = "EPSG:4547"
DISTRICT, NAME, MONTH = "430991", "云溪县", "2025-06"
WEST, SOUTH = 500_000.0, 3_100_000.0
COUNTY = shapely.Polygon(
    [(WEST, SOUTH), (WEST + 5200, SOUTH + 300), (WEST + 6000, SOUTH + 3100), (WEST + 3900, SOUTH + 4600),
     (WEST + 900, SOUTH + 4100), (WEST - 300, SOUTH + 1900)]
)  # fmt: skip
YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


def place(x, y, *rings):
    """A shape whose lower left corner is x, y metres from the county's corner."""
    polygon = shapely.Polygon(*rings) if len(rings) == 1 else shapely.Polygon(rings[0], rings[1:])
    return shapely.transform(polygon, lambda points: points + np.array([WEST + x, SOUTH + y]))


def box(x, y, width, height):
    return shapely.box(WEST + x, SOUTH + y, WEST + x + width, SOUTH + y + height)


def piece(unit_id, geometry, land_class, *, basic=NO, red=NO, town=NO, settlement=""):
    group = land_group(land_class) if land_class else LandGroup.UNKNOWN
    area = area_m2(geometry, CRS)
    return LandPiece(unit_id, land_class, settlement, group, basic, red, town, area, geometry)


def sums(pieces, total, approved=None, union=0.0, **changes):
    def of(test):
        return sum(part.area_m2 for part in pieces if test(part))

    def zone(name, want):
        if any(getattr(part, name) is UNKNOWN for part in pieces):
            return None
        return of(lambda part: getattr(part, name) is want)

    areas = UnitAreas(
        total=total,
        cropland=of(lambda part: part.group is LandGroup.CROPLAND),
        paddy=of(lambda part: part.land_class == "0101"),
        other_agricultural=of(lambda part: part.group is LandGroup.OTHER_AGRICULTURAL),
        construction=of(lambda part: part.group is LandGroup.CONSTRUCTION),
        unused=of(lambda part: part.group is LandGroup.UNUSED),
        unknown=of(lambda part: part.group is LandGroup.UNKNOWN),
        basic_farmland=zone("basic_farmland", YES),
        red_line=zone("red_line", YES),
        outside_town=zone("in_town_boundary", NO),
        village=of(lambda part: part.settlement == "203"),
        approved=approved or {},
        approved_union=union,
        unapproved=total - union,
        unapproved_cropland=of(lambda part: part.group is LandGroup.CROPLAND) * (1 - union / total),
        unapproved_basic_farmland=zone("basic_farmland", YES),
    )
    return replace(areas, **changes)


def unit(number, geometry, pieces, family="building", **changes):
    total, length = area_m2(geometry, CRS), perimeter_m(geometry, CRS)
    values = {
        "unit_id": number,
        "patch_id": number.split("-")[0],
        "district": DISTRICT,
        "district_name": NAME,
        "town": "430991101",
        "town_name": "青石镇",
        "village": "430991101203",
        "village_name": "枫林村",
        "siblings": (),
        "geometry": geometry,
        "area_m2": total,
        "perimeter_m": length,
        "area_sd_m2": area_sd_m2(length, 2.0),
        "before_date": date(2025, 4, 28),
        "after_date": date(2025, 6, 14),
        "before_scene": "GF1D_20250428",
        "after_scene": "GF1D_20250614",
        "before_gsd_m": 2.0,
        "after_gsd_m": 2.0,
        "sources": ("optical",),
        "family": family,
        "family_probability": 0.9,
        "change_probability": 0.943,
        "areas": sums(pieces, total),
        "pieces": tuple(pieces),
        "approvals": (),
        "remainder": geometry,
        "time_code": TimeCode.NONE,
        "findings": (),
    }
    return Unit(**{**values, **changes})


def finding(
    unit_id, theme, verdict, suggestion, severity=3, *, below=False, reasons=(), missing=()
):
    return Finding(
        unit_id, theme, verdict, suggestion, severity, below, reasons, (f"R{theme}-1",), missing
    )


def case(sequence, about, **changes):
    first = about.findings[0]
    number = case_number(DISTRICT, first.theme, MONTH, sequence)
    values = {
        "number": number,
        "unit_id": about.unit_id,
        "district": DISTRICT,
        "themes": tuple(found.theme for found in about.findings),
        "main_theme": first.theme,
        "suggestion": first.suggestion,
        "severity": first.severity,
        "state": "10",
        "month": MONTH,
        "first_found": date(2025, 6, 14),
        "last_confirmed": date(2025, 6, 14),
        "county_due": date(2025, 7, 20),
        "clear_due": date(2025, 7, 31),
        "geometry": about.geometry,
        "area_m2": about.area_m2,
        "reasons": first.reasons,
        "rule_ids": first.rule_ids,
        "missing": first.missing,
        "pooled": first.below_minimum,
    }
    return Case(**{**values, **changes})


def illegal():
    outline = place(800, 900, [(0, 0), (92, 0), (92, 40), (58, 40), (58, 74), (0, 74)])
    paddy, dry = (
        outline.intersection(part) for part in (box(800, 900, 60, 100), box(860, 900, 60, 100))
    )
    pieces = [piece("P000900000800", paddy, "0101", basic=YES), piece("P000900000800", dry, "0103")]
    found = (
        finding(
            "P000900000800", "02", YES, "21", 4,
            reasons=("变化后为建构筑物", "占永久基本农田", "变化前无任何有效审批"),
        ),
        finding("P000900000800", "03", YES, "21", 3, reasons=("耕地转为建设用地",)),
    )  # fmt: skip
    return unit("P000900000800", outline, pieces, findings=found, sources=("optical", "radar"))


def legal():
    outline = box(2600, 2100, 70, 55)
    pieces = [piece("P002100002600", outline, "0103", town=YES)]
    total = area_m2(outline, CRS)
    overlap = ApprovalOverlap(
        "P002100002600", "NZY", "NZY-7", "湘自然资发〔2024〕118号", "省自然资源厅", date(2024, 9, 2), None,
        "云溪县产业园一期", "云溪城投", total * 3, total, 1.0, TimeCode.BEFORE, "2025Q1", True, "变化前已批准",
    )  # fmt: skip
    return unit(
        "P002100002600",
        outline,
        pieces,
        family="hard_surface",
        areas=sums(pieces, total, {"NZY": total}, total),
        approvals=(overlap,),
        remainder=shapely.Polygon(),
        time_code=TimeCode.BEFORE,
        findings=(
            finding("P002100002600", "02", NO, "12", 1, reasons=("农转用审批完全覆盖",)),
            finding("P002100002600", "01", YES, "38", 1, reasons=("地表有变化",)),
        ),
    )


def unknown():
    outline = box(4200, 1500, 48, 61)
    pieces = [piece("P001500004200", outline, "0102", basic=UNKNOWN)]
    found = finding(
        "P001500004200", "02", UNKNOWN, "01", 2,
        reasons=("采矿权图层缺失、增减挂钩图层未声明覆盖本县，不能认定未批",), missing=("采矿权(CK)", "增减挂钩(ZJG)"),
    )  # fmt: skip
    return unit(
        "P001500004200",
        outline,
        pieces,
        "earthwork",
        time_code=TimeCode.LAYER_MISSING,
        findings=(found,),
    )


def pooled():
    outline = box(1700, 3100, 14, 10)
    pieces = [piece("P003100001700", outline, "0103")]
    found = finding("P003100001700", "02", YES, "21", 2, below=True, reasons=("面积小于200㎡",))
    return unit("P003100001700", outline, pieces, findings=(found,))


def split_child():
    outline = box(5100, 1000, 120, 30)
    name = "P001000005100-430991"
    known, bare = (
        outline.intersection(box(5100, 1000, 90, 30)),
        outline.intersection(box(5190, 1000, 30, 30)),
    )
    pieces = [piece(name, known, "0307"), piece(name, bare, "")]
    found = finding(name, "02", YES, "23", 3, reasons=("超出临时用地批准范围",))
    total = area_m2(outline, CRS)
    inside = outline.intersection(box(5100, 1000, 40, 30))
    area = area_m2(inside, CRS)
    overlap = ApprovalOverlap(
        name, "LS", "LS-3", "云自然资临〔2025〕9号", "云溪县自然资源局", date(2025, 3, 1), date(2027, 2, 28),
        "高速弃土场", "路桥公司", area, area, area / total, TimeCode.BEYOND, "2025-05", True, "超出批准范围",
    )  # fmt: skip
    return unit(
        name,
        outline,
        pieces,
        "road",
        siblings=("P001000005100-430992",),
        areas=sums(pieces, total, {"LS": area}, area),
        approvals=(overlap,),
        remainder=outline.difference(inside),
        time_code=TimeCode.BEYOND,
        findings=(found,),
    )


def red_line():
    outline = place(
        3300,
        3500,
        [(0, 0), (150, 10), (170, 120), (60, 160), (-10, 90)],
        [(60, 60), (90, 60), (90, 90), (60, 90)],
    )
    pieces = [piece("P003500003300", outline, "0301", red=YES)]
    found = (
        finding(
            "P003500003300", "07", YES, "28", 5, reasons=("位于生态保护红线内", "林地转为采矿用地")
        ),
        finding("P003500003300", "02", YES, "21", 4, reasons=("无有效审批",)),
    )
    return unit("P003500003300", outline, pieces, "mining", findings=found)


def excused():
    outline = box(3000, 800, 40, 40)
    pieces = [piece("P000800003000", outline, "0103")]
    found = finding("P000800003000", "02", NO, "16", 1, reasons=("设施农业备案",))
    return unit("P000800003000", outline, pieces, "greenhouse", findings=(found,))


def scene(name, day):
    grid = Grid(CRS, (2.0, 0.0, WEST - 400, 0.0, -2.0, SOUTH + 4800), 3400, 2500)
    bands = tuple(
        Band(role, index, 1e-4, 0.0)
        for index, role in enumerate(("blue", "green", "red", "nir"), 1)
    )
    return Scene(
        name, "gf1-pms", "optical", datetime(2025, day[0], day[1], 3, 12, tzinfo=UTC), f"scenes/{name}.tif",
        grid, bands, "uint16", 0, 2.0, ("ab" if day[0] == 4 else "cd") * 32, off_nadir_deg=7.5, sun_elevation_deg=62.1,
    )  # fmt: skip


def manifests():
    everywhere = (DISTRICT,)
    known = [
        LayerManifest(
            name, "2025Q1", date(2025, 3, 31), 120, everywhere, name[:1].encode().hex() * 32
        )
        for name in ("DLTB", "STBHHX", "CZKFBJ", "XZQ", "NZY", "GY", "SS", "ZJD", "DJ", "LS")
    ]
    return (
        *known,
        LayerManifest("YJJBNTBHTB", "2024", date(2024, 12, 31), 80, everywhere, "ef" * 32),
        LayerManifest("ZJG", "2025-05", date(2025, 5, 31), 9, (), "aa" * 32, note="未声明覆盖范围"),
        LayerManifest("CK", None, None, 0, (), "", "missing", "没有提供文件"),
    )


RULES = (
    RuleRow(
        "R02-1",
        "2025.1",
        "非建设用地变为建设用地，且变化前无有效审批",
        "themes/02.yaml；自然资发〔2023〕258号",
    ),
    RuleRow("R03-1", "2025.1", "耕地转为其他地类", "themes/03.yaml"),
    RuleRow("R07-1", "2025.1", "生态保护红线内新增建设、采矿、耕地、道路", "themes/07.yaml"),
)


def unobserved():
    cloud = COUNTY.intersection(
        shapely.Point(WEST + 4600, SOUTH + 2600)
        .buffer(420, quad_segs=6)
        .union(box(4500, 2700, 700, 350))
    )
    gap = COUNTY.intersection(box(-400, 1500, 500, 900))
    return (
        UnobservedArea("cloud", Window(0, 0, 512, 512), cloud, area_m2(cloud, CRS)),
        UnobservedArea("no_image", Window(0, 512, 512, 512), gap, area_m2(gap, CRS)),
    )


def make_package(**changes):
    """The sample package; keyword arguments replace its parts."""
    units = (illegal(), legal(), unknown(), pooled(), split_child(), red_line(), excused())
    cases = tuple(
        case(number, about, record_only=about.unit_id == legal().unit_id)
        for number, about in enumerate(units[:6], 1)
    )
    areas = unobserved()
    hidden = sum(area.area_m2 for area in areas)
    values = {
        "district": DISTRICT,
        "district_name": NAME,
        "month": MONTH,
        "crs": CRS,
        "units": units,
        "cases": cases,
        "scenes": (scene("GF1D_20250614", (6, 14)), scene("GF1D_20250428", (4, 28))),
        "unobserved": areas,
        "manifests": manifests(),
        "rules": RULES,
        "district_geometry": COUNTY,
        "examined_m2": area_m2(COUNTY, CRS) - hidden,
        "unobserved_m2": hidden,
        "digest": "0123456789abcdef" * 4,
        "chips": frozenset(entry.number for entry in cases if not entry.pooled),
        "sizes_mu": (0.5, 2.0, 10.0, 50.0),
        "dispatched_on": date(2025, 7, 5),
    }
    return PackageInput(**{**values, **changes})


def empty_package():
    """The same county in a month without any finding."""
    return make_package(units=(), cases=(), chips=frozenset())


def fields_image(seed, patch=None, size=256):
    """A made-up picture of fields, float reflectance ``(3, y, x)``; a bright patch if wanted."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size]
    plots = (
        np.sin((rows + 3 * columns) // 37 * 1.7) + np.cos((2 * rows - columns) // 53 * 2.3)
    ) / 4
    base = np.array([0.07, 0.10, 0.06])[:, None, None] * (1.4 + plots)
    noise = np.random.default_rng(1).normal(0, 0.006, (3, size, size))
    image = base + noise + random.normal(0, 0.002, (3, size, size))
    if patch is not None:
        image[:, patch] = np.array([0.28, 0.27, 0.25])[:, None] + random.normal(
            0, 0.01, (3, patch.sum())
        )
    return image.astype(np.float32)


def sample_chips(package, side_px=512):
    """Pictures of every case that has some: relative path -> JPEG bytes."""
    config = DeliverSection()
    grid = Grid(CRS, (2.0, 0.0, WEST - 400, 0.0, -2.0, SOUTH + 4800), 3400, 2500)
    result = {}
    for number, entry in enumerate(package.cases):
        if entry.number not in package.chips:
            continue
        window = chip_window(entry.geometry, grid, config)
        view = grid.sub(window)
        built = rasterize(
            [entry.geometry], (view.height, view.width), transform=Affine(*view.transform)
        )
        size = view.height
        before, after = fields_image(number, size=size), fields_image(number + 50, built == 1, size)
        before, after = stretch_pair(before, after, config)
        about = next(unit for unit in package.units if unit.unit_id == entry.unit_id)
        drawn = [Outline(outline_px(entry.geometry, view).rings, label="图斑")]
        for surface in overlay_surfaces(about):
            rings = outline_px(surface.geometry, view).rings
            drawn.append(Outline(rings, surface.colour, 0, 110, surface.label))
        chips = case_chips(
            (before, "2025-04-28", "GF1-PMS"), (after, "2025-06-14", "GF1-PMS"), drawn, 2.0
        )
        for path, chip in zip(chip_paths(entry.number), chips, strict=True):
            result[path] = render_chip(chip, side_px)
    return result
