"""What a package rests on: unobserved ground, images, reference layers, rules, log, code lists."""

import pandas as pd
import shapely

from changedetect.casepackage import CODE_LISTS, FORMS
from changedetect.casepackage.lists import UNOBSERVED
from changedetect.codes import APPROVAL_KINDS
from changedetect.measure import to_mu
from changedetect.records import LayerManifest, Scene
from changedetect.stages.deliver.package import PackageInput
from changedetect.stages.deliver.tables import Row, as_multi, make_table

_LAYER_TITLES = {
    "DLTB": "地类图斑",
    "YJJBNTBHTB": "永久基本农田",
    "STBHHX": "生态保护红线",
    "CZKFBJ": "城镇开发边界",
    "XZQ": "行政区",
    "GDBHMB": "耕地保护目标",
    "YXWG": "监测网格",
    "TZ": "田长责任区",
    "WGY": "网格员责任区",
}

_STATES = {"missing": "3", "unreadable": "4", "undated": "5", "empty": "6"}

_REASON_CODES = {meaning: code for code, meaning in UNOBSERVED.items()}

_EDGE_PIECES = 8
"""A footprint's edge is bent in another system; it is carried over in this many pieces."""


def register_tables(package: PackageInput) -> dict[str, pd.DataFrame]:
    """Return WJCQ, YXQD, SJQD, GZQD, LZRZ, DMB."""
    scenes = sorted(package.scenes, key=lambda scene: (scene.time, scene.scene_id))
    manifests = sorted(package.manifests, key=lambda manifest: manifest.name)
    rules = sorted(package.rules, key=lambda rule: (rule.rule_id, rule.version))
    return {
        "WJCQ": make_table(FORMS["WJCQ"], _unobserved_rows(package)),
        "YXQD": make_table(FORMS["YXQD"], [_scene_row(package, scene) for scene in scenes]),
        "SJQD": make_table(FORMS["SJQD"], [_layer_row(package, entry) for entry in manifests]),
        "GZQD": make_table(
            FORMS["GZQD"],
            [
                {"GZBH": rule.rule_id, "BB": rule.version, "GZNR": rule.text, "LY": rule.source}
                for rule in rules
            ],
        ),
        "LZRZ": make_table(FORMS["LZRZ"], _log_rows(package)),
        "DMB": make_table(FORMS["DMB"], code_rows(package)),
    }


def _unobserved_rows(package: PackageInput) -> list[Row]:
    ordered = sorted(
        package.unobserved, key=lambda area: (area.window, area.reason, area.geometry.bounds)
    )
    return [
        {
            "WJBH": f"W{number:05d}",
            "XZQDM": package.district,
            "JCZQ": package.period,
            "YYDM": area.reason if area.reason in UNOBSERVED else _REASON_CODES.get(area.reason),
            "YY": UNOBSERVED.get(area.reason, area.reason),
            "MJ": area.area_m2,
            "MJM": to_mu(area.area_m2),
            "geometry": as_multi(area.geometry, package.crs),
        }
        for number, area in enumerate(ordered, 1)
    ]


def _scene_row(package: PackageInput, scene: Scene) -> Row:
    outline = shapely.box(*scene.grid.bounds)
    pieces = shapely.segmentize(outline, outline.length / (_EDGE_PIECES * 2 * 2))
    return {
        "YXBH": scene.scene_id,
        "CGQ": scene.sensor,
        "LX": {"optical": "光学", "radar": "雷达", "rgb": "三波段"}[scene.kind],
        "FBL": float(scene.gsd_m),
        "PSSJ": f"{scene.time:%Y-%m-%dT%H:%M:%SZ}",
        "PSRQ": scene.day,
        "CSJ": scene.off_nadir_deg,
        "TYGDJ": scene.sun_elevation_deg,
        "PZZWC": dict(package.registration_px).get(scene.scene_id),
        "SHA256": scene.sha256,
        "geometry": as_multi(pieces, scene.grid.crs),
    }


def _layer_row(package: PackageInput, manifest: LayerManifest) -> Row:
    covered = "1" if manifest.covers_district(package.district) else "2"
    title = _LAYER_TITLES.get(manifest.name) or APPROVAL_KINDS.get(manifest.name)
    return {
        "TCMC": manifest.name,
        "TCSM": title,
        "XZQDM": package.district,
        "BB": manifest.version,
        "SJRQ": manifest.as_of,
        "LY": manifest.source or None,
        "HS": None if manifest.state in ("missing", "unreadable") else manifest.rows,
        "BXHS": dict(manifest.found).get(package.district, 0) if manifest.found else None,
        "ZZRQ": manifest.first_date,
        "ZWRQ": manifest.last_date,
        "FGZT": _STATES.get(manifest.state, covered),
        "SHA256": manifest.sha256,
        "BZ": manifest.note,
    }


def _log_rows(package: PackageInput) -> list[Row]:
    return [
        {
            "AJBH": entry.case,
            "SJ": f"{entry.time:%Y-%m-%dT%H:%M:%SZ}",
            "CZR": entry.actor,
            "SJLX": entry.event,
            "YZT": entry.from_state,
            "XZT": entry.to_state,
            "YY": entry.reason,
            "LYHX": entry.source_sha256,
        }
        for entry in package.entries
    ]


def code_rows(package: PackageInput) -> list[Row]:
    """Return every code list as rows of DMB, the job's own themes among them."""
    return [
        {"DMLX": codes.name, "LXMC": codes.title, "XH": number, "DM": code, "HY": meaning}
        for codes in CODE_LISTS.values()
        for number, (code, meaning) in enumerate(package.meanings(codes.name).items(), 1)
    ]
