"""The report on record layers as one page that opens without a network."""

import base64
from collections.abc import Sequence

from jinja2 import Environment

from changedetect.io.layer_report import STATE_NAMES, LayerReport

_TEMPLATE = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>底数核查 {{ job }}</title>
<style>
body{font-family:sans-serif;margin:1rem auto;max-width:70rem;color:#222}
table{border-collapse:collapse;margin:.4rem 0 1rem}td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:left}
.fail{background:#fdd}.warn{background:#ffecc2}.pass{background:#e3f4e3}.skip{background:#eee}
img{max-width:100%;border:1px solid #ccc}h2{border-top:2px solid #888;padding-top:.5rem}
</style></head><body>
<h1>底数核查报告：{{ job }}</h1>
<p>核查的是图层本身是否可用，不作任何合法性结论。</p>
<table><tr><th>图层</th><th>结果</th><th>行数</th><th>版本</th><th>数据日期</th><th>来源</th></tr>
{% for one, _ in layers %}<tr class="{{ one.state }}"><td>{{ one.manifest.name }} {{ one.title }}</td>
<td>{{ names[one.state] }}</td><td>{{ one.manifest.rows }}</td><td>{{ one.manifest.version or "未写" }}</td>
<td>{{ one.manifest.as_of or "未写" }}</td><td>{{ one.manifest.source or "未写" }}</td></tr>
{% endfor %}</table>
{% for one, picture in layers %}<h2>{{ one.manifest.name }} {{ one.title }}</h2>
<p>SHA-256 {{ one.manifest.sha256 or "无" }}；坐标系 {{ one.crs or "不明" }}；{{ one.manifest.note }}</p>
<table><tr><th>检查</th><th>结果</th><th>说明</th><th>行</th></tr>
{% for check in one.checks %}<tr class="{{ check.state }}"><td>{{ check.title }}</td><td>{{ names[check.state] }}</td>
<td>{{ check.text }}</td><td>{{ check.rows | join("、") }}{% if check.count > check.rows | length %} …{% endif %}</td></tr>
{% endfor %}</table>
{% if one.coverage %}<table><tr><th>县</th><th>声明覆盖</th><th>行数</th><th>最早</th><th>最晚</th><th>占县域</th></tr>
{% for c in one.coverage %}<tr><td>{{ c.county }}</td><td>{{ "是" if c.declared else "否" }}</td><td>{{ c.rows }}</td>
<td>{{ c.first_date or "" }}</td><td>{{ c.last_date or "" }}</td>
<td>{{ "%.1f%%" | format(c.share * 100) if c.share is not none else "" }}</td></tr>
{% endfor %}</table>{% endif %}
{% if picture %}<img alt="{{ one.manifest.name }}" src="data:image/png;base64,{{ picture }}">{% endif %}
{% endfor %}</body></html>
"""


def record_page(job: str, layers: Sequence[tuple[LayerReport, bytes | None]]) -> bytes:
    """Write the page; texts of the files are escaped, nothing in it is loaded or run."""
    shown = [
        (report, base64.b64encode(picture).decode() if picture else "")
        for report, picture in layers
    ]
    template = Environment(autoescape=True, trim_blocks=False).from_string(_TEMPLATE)
    return template.render(job=job, layers=shown, names=STATE_NAMES).encode()
