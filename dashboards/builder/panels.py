"""How a panel becomes Grafana's JSON, through the builders of the Grafana Foundation SDK."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    logs,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models

from .model import Kind, Link, Panel, Query
from .queries import datasource_of, target

__all__ = ["panel"]

# The sentence that says why a panel may be empty; `obskit verify` reads it from the description.
EMPTY = "No data when "


def panel(spec: Panel, position: models.GridPos) -> Any:
    """Build a panel.

    Args:
        spec: What is shown.
        position: Where on the grid.

    Returns:
        The SDK's builder of the panel.
    """
    built = _start(spec).id(spec.id).title(spec.title).description(_description(spec))
    built.datasource(datasource_of(spec.queries[0])).grid_pos(position)
    for letter, query in zip(ascii_uppercase, spec.queries, strict=False):
        built.with_target(target(query, letter))
        if isinstance(query, Query) and query.objective and spec.kind is Kind.TIMESERIES:
            built.override_by_query(letter, _objective_line())
    if spec.unit:
        built.unit(spec.unit)
    if spec.minimum is not None:
        built.min(spec.minimum)
    if spec.maximum is not None:
        built.max(spec.maximum)
    if spec.decimals is not None:
        built.decimals(spec.decimals)
    if spec.values:
        built.mappings([_mapping(spec)])
    if spec.links:
        built.data_links([_data_link(link) for link in spec.links])
    built.thresholds(_thresholds(spec))
    for override in spec.overrides:
        properties = [
            models.DynamicConfigValue(id_val=name, value=value)
            for name, value in override.properties
        ]
        built.override_by_regexp(override.field, properties)
    for name, options in spec.transformations:
        built.with_transformation(models.DataTransformerConfig(id_val=name, options=options))
    return built


def _description(spec: Panel) -> str:
    return (
        f"{spec.description}\n\n{EMPTY}{spec.empty_when}." if spec.empty_when else spec.description
    )


def _start(spec: Panel) -> Any:
    match spec.kind:
        case Kind.TIMESERIES:
            return _timeseries(spec)
        case Kind.STAT:
            return _stat(spec)
        case Kind.TABLE:
            return table.Panel().show_header(True)
        case Kind.LOGS:
            return _logs()
        case Kind.HEATMAP:
            return _heatmap(spec)
        case Kind.BAR_GAUGE:
            return (
                bargauge.Panel()
                .display_mode(common_models.BarGaugeDisplayMode.GRADIENT)
                .orientation(common_models.VizOrientation.HORIZONTAL)
                .reduce_options(common.ReduceDataOptions().calcs([spec.calc]))
            )


def _timeseries(spec: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(70 if spec.bars else 30 if spec.stack else 8)
        .show_points(common_models.VisibilityMode.NEVER)
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.TABLE)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["mean", "max", "lastNotNull"])
        )
    )
    if spec.bars:
        built.draw_style(common_models.GraphDrawStyle.BARS)
    if spec.stack:
        built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    if spec.threshold_lines:
        style = common_models.GraphTresholdsStyleMode.DASHED
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
    return built


def _stat(spec: Panel) -> stat.Panel:
    built = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs([spec.calc]))
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .color_mode(common_models.BigValueColorMode.VALUE)
    )
    if spec.name_only:
        built.text_mode(common_models.BigValueTextMode.NAME)
    if any(isinstance(query, Query) and query.instant for query in spec.queries):
        built.graph_mode(common_models.BigValueGraphMode.NONE)
    return built


def _logs() -> logs.Panel:
    return (
        logs.Panel()
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .prettify_log_message(False)
        .sort_order(common_models.LogsSortOrder.DESCENDING)
        .dedup_strategy(common_models.LogsDedupStrategy.NONE)
    )


def _heatmap(spec: Panel) -> heatmap.Panel:
    color = (
        heatmap.HeatmapColorOptions().scheme("Oranges").fill("dark-orange").exponent(0.5).steps(64)
    )
    return (
        heatmap.Panel()
        .calculate(False)
        .color(color.mode(heatmap_models.HeatmapColorMode.SCHEME))
        .y_axis(heatmap.YAxisConfig().unit(spec.unit))
        .cell_gap(1)
        .show_tooltip()
    )


def _objective_line() -> list[models.DynamicConfigValue]:
    """Draw a limit as a dashed red line that the eye does not take for data."""
    return [
        models.DynamicConfigValue(
            id_val="custom.lineStyle", value={"fill": "dash", "dash": [10, 10]}
        ),
        models.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": "red"}),
        models.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        models.DynamicConfigValue(id_val="custom.lineWidth", value=2),
    ]


def _thresholds(spec: Panel) -> dashboard.ThresholdsConfig:
    chosen = [models.Threshold(value=step.value, color=step.color) for step in spec.thresholds]
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps(chosen or [models.Threshold(value=None, color="blue")])
    )


def _mapping(spec: Panel) -> models.ValueMap:
    options = {
        f"{value:g}": models.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, text, color) in enumerate(spec.values)
    }
    return models.ValueMap(options=options)


def _data_link(link: Link) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(link.title)
        .type(models.DashboardLinkType.LINK)
        .url(link.url)
        .target_blank(link.new_tab)
    )
