//! Measurements as metrics.
//!
//! | name | what | attributes |
//! |---|---|---|
//! | `browser.web_vital.lcp`, `.fcp`, `.ttfb`, `.inp` | histogram, s: the last value of each document, when it ends | `tabtape.site`, `tabtape.page` |
//! | `browser.web_vital.cls` | histogram, without unit, likewise | as above |
//! | `http.client.request.duration` | histogram, s | `http.request.method`, `http.response.status_code`, `error.type`, `tabtape.site` |
//! | `tabtape.errors` | sum | `error.type`, `tabtape.site` |
//! | `tabtape_recorder_*` as in `/metrics` | gauges: the newest `system.health` | |
//! | the names of `/metrics` | cumulative sums and gauges of this process | |
//!
//! The first four have delta temporality. One session is one resource, named by `service.instance.id`. A page is its
//! path with each segment that looks like an id as `*`. Beyond [`MAX_POINTS`] sets of attributes in one export, values
//! are counted under `otel.metric.overflow`, as the SDKs of OpenTelemetry do
//! (<https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute>).

use super::SCHEMA_URL;
use super::attributes::{attribute, int, resource, scope, text};
use super::life::{Life, Request};
use super::walk::Record;
use crate::app::{Figure, FigureKind, RECORDER_FIGURES, recorder_figure};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric::Data, number_data_point,
};
use reqwest::Url;
use serde_json::Value;
use std::collections::BTreeMap;

/// Sets of attributes of one metric in one export.
const MAX_POINTS: usize = 200;
const ERRORS: &str = "tabtape.errors";
const REQUESTS: &str = "http.client.request.duration";
const CLS: &str = "browser.web_vital.cls";
/// As the conventions for `http.client.request.duration`
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>).
const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Contains the limits of good and poor values (<https://web.dev/articles/defining-core-web-vitals-thresholds>).
const VITAL_SECONDS: &[f64] = &[0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.8, 2.5, 3.0, 4.0, 6.0, 10.0];
const SHIFTS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0];

type Attributes = BTreeMap<&'static str, String>;
type ByAttributes = BTreeMap<Attributes, Vec<f64>>;

/// One value of one metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    pub(super) metric: &'static str,
    pub(super) attributes: Attributes,
    pub(super) value: f64,
    pub(super) session: String,
}

impl Measure {
    fn new(session: &str, metric: &'static str, attributes: Attributes, value: f64) -> Self {
        Self {
            metric,
            attributes,
            value,
            session: session.to_owned(),
        }
    }

    pub(super) fn error(record: &Record<'_>) -> Self {
        let type_ = record.data["error"]["$"].as_str().unwrap_or(record.type_);
        let attributes = [
            ("error.type", type_.to_owned()),
            ("tabtape.site", site(record.url)),
        ];
        Self::new(record.session, ERRORS, attributes.into(), 1.0)
    }

    /// Returns the figures of a recorder's health.
    pub(super) fn health(record: &Record<'_>) -> Vec<Self> {
        let of = |(metric, _)| {
            let value = recorder_figure(metric, record.data)?;
            Some(Self::new(record.session, metric, Attributes::new(), value))
        };
        RECORDER_FIGURES.into_iter().filter_map(of).collect()
    }

    /// Returns the duration of a request that has ended; `site` is that of its document.
    pub(super) fn request(
        session: &str,
        request: &Request,
        data: &Value,
        seconds: f64,
        life: Option<&Life>,
    ) -> Self {
        let method = request.method.as_deref().unwrap_or("HTTP");
        let mut attributes = BTreeMap::from([
            ("http.request.method", method.to_owned()),
            ("tabtape.site", site(life.map_or(&request.url, |life| &life.url))),
        ]);
        let status = request.status(data).map(|status| status.to_string());
        attributes.extend(status.map(|status| ("http.response.status_code", status)));
        let error = request.error_type(data);
        attributes.extend(error.map(|error| ("error.type", error)));
        Self::new(session, REQUESTS, attributes, seconds)
    }

    /// Returns the last values of a document's vitals.
    pub(super) fn vitals(session: &str, life: &Life) -> Vec<Self> {
        let attributes = BTreeMap::from([
            ("tabtape.site", site(&life.url)),
            ("tabtape.page", page(&life.url)),
        ]);
        let of = |(type_, value): (&String, &f64)| {
            let metric = match type_.as_str() {
                "page.lcp" => "browser.web_vital.lcp",
                "page.fcp" => "browser.web_vital.fcp",
                "page.ttfb" => "browser.web_vital.ttfb",
                "page.inp" => "browser.web_vital.inp",
                _ => CLS,
            };
            Self::new(session, metric, attributes.clone(), *value)
        };
        life.vitals.iter().map(of).collect()
    }
}

/// A data point, with what it needs to be sent alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    session: String,
    metric: &'static str,
    attributes: Attributes,
    values: Vec<f64>,
    /// The interval, in Unix nanoseconds.
    interval: (u64, u64),
}

/// Sums measurements up, by session, metric and attributes.
pub(super) fn points(measures: Vec<Measure>, (from_micros, to_micros): (u64, u64)) -> Vec<Point> {
    let mut sums: BTreeMap<(String, &'static str), ByAttributes> = BTreeMap::new();
    for measure in measures {
        let of_metric = sums.entry((measure.session, measure.metric)).or_default();
        let mut attributes = measure.attributes;
        if of_metric.len() >= MAX_POINTS && !of_metric.contains_key(&attributes) {
            attributes = BTreeMap::from([("otel.metric.overflow", "true".to_owned())]);
        }
        of_metric.entry(attributes).or_default().push(measure.value);
    }
    let mut points = Vec::new();
    for ((session, metric), of_metric) in sums {
        points.extend(of_metric.into_iter().map(|(attributes, values)| Point {
            session: session.clone(),
            metric,
            attributes,
            values,
            interval: (from_micros * 1000, to_micros * 1000),
        }));
    }
    points
}

/// Returns a request that carries these points.
pub(super) fn export(points: &[Point]) -> ExportMetricsServiceRequest {
    let mut sessions: BTreeMap<&str, BTreeMap<&str, Vec<&Point>>> = BTreeMap::new();
    for point in points {
        let metrics = sessions.entry(&point.session).or_default();
        metrics.entry(point.metric).or_default().push(point);
    }
    let resource_metrics = sessions.into_iter().map(|(session, metrics)| {
        let mut resource = resource();
        resource.attributes.push(text("service.instance.id", session));
        let metrics = metrics
            .into_iter()
            .map(|(name, points)| metric(name, &points))
            .collect();
        of_resource(resource, metrics)
    });
    ExportMetricsServiceRequest {
        resource_metrics: resource_metrics.collect(),
    }
}

fn of_resource(
    resource: opentelemetry_proto::tonic::resource::v1::Resource,
    metrics: Vec<Metric>,
) -> ResourceMetrics {
    ResourceMetrics {
        resource: Some(resource),
        scope_metrics: vec![ScopeMetrics {
            scope: Some(scope()),
            metrics,
            schema_url: SCHEMA_URL.into(),
        }],
        schema_url: SCHEMA_URL.into(),
    }
}

fn metric(name: &str, points: &[&Point]) -> Metric {
    let temporality = AggregationTemporality::Delta.into();
    let (unit, data) = if name == ERRORS {
        let data_points = points.iter().map(|point| NumberDataPoint {
            attributes: attributes(point),
            start_time_unix_nano: point.interval.0,
            time_unix_nano: point.interval.1,
            value: Some(number_data_point::Value::AsInt(
                i64::try_from(point.values.len()).unwrap_or(i64::MAX),
            )),
            ..NumberDataPoint::default()
        });
        let sum = Sum {
            data_points: data_points.collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        };
        ("{error}", Data::Sum(sum))
    } else if RECORDER_FIGURES.iter().any(|(figure, _)| *figure == name) {
        let data_points = points.iter().map(|point| NumberDataPoint {
            time_unix_nano: point.interval.1,
            value: point
                .values
                .last()
                .copied()
                .map(number_data_point::Value::AsDouble),
            ..NumberDataPoint::default()
        });
        let gauge = Gauge {
            data_points: data_points.collect(),
        };
        ("", Data::Gauge(gauge))
    } else {
        let (unit, bounds) = match name {
            CLS => ("1", SHIFTS),
            REQUESTS => ("s", SECONDS),
            _ => ("s", VITAL_SECONDS),
        };
        let histogram = Histogram {
            data_points: points
                .iter()
                .map(|point| histogram_point(point, bounds))
                .collect(),
            aggregation_temporality: temporality,
        };
        (unit, Data::Histogram(histogram))
    };
    Metric {
        name: name.into(),
        unit: unit.into(),
        data: Some(data),
        ..Metric::default()
    }
}

fn histogram_point(point: &Point, bounds: &[f64]) -> HistogramDataPoint {
    let mut bucket_counts = vec![0; bounds.len() + 1];
    for value in &point.values {
        bucket_counts[bounds.partition_point(|bound| bound < value)] += 1;
    }
    HistogramDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: point.interval.0,
        time_unix_nano: point.interval.1,
        count: point.values.len() as u64,
        sum: Some(point.values.iter().sum()),
        bucket_counts,
        explicit_bounds: bounds.to_vec(),
        min: point.values.iter().copied().reduce(f64::min),
        max: point.values.iter().copied().reduce(f64::max),
        ..HistogramDataPoint::default()
    }
}

fn attributes(point: &Point) -> Vec<KeyValue> {
    let of = |(key, value): (&&'static str, &String)| match (*key, value.parse()) {
        ("http.response.status_code", Ok(status)) => int(key, status),
        ("otel.metric.overflow", _) => attribute(key, Any::BoolValue(true)),
        _ => text(key, value),
    };
    point.attributes.iter().map(of).collect()
}

/// Returns a request that carries the figures of this process, which began at `start_micros`.
pub(super) fn figures(figures: &[Figure], start_micros: u64, now_micros: u64) -> ExportMetricsServiceRequest {
    let metrics = figures.iter().map(|figure| {
        let point = NumberDataPoint {
            attributes: figure
                .signal
                .map(|signal| text("signal", signal))
                .into_iter()
                .collect(),
            start_time_unix_nano: start_micros * 1000,
            time_unix_nano: now_micros * 1000,
            value: Some(number_data_point::Value::AsInt(
                i64::try_from(figure.value).unwrap_or(i64::MAX),
            )),
            ..NumberDataPoint::default()
        };
        let data = match figure.kind {
            FigureKind::Counter => Data::Sum(Sum {
                data_points: vec![point],
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            FigureKind::Gauge => Data::Gauge(Gauge {
                data_points: vec![point],
            }),
        };
        Metric {
            name: figure.name.into(),
            description: figure.help.into(),
            data: Some(data),
            ..Metric::default()
        }
    });
    ExportMetricsServiceRequest {
        resource_metrics: vec![of_resource(resource(), metrics.collect())],
    }
}

/// Returns the site of an address: its host, and its port if it is not the scheme's own.
fn site(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return String::new();
    };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

/// Returns the path of an address without query, with `*` in the place of segments that look like ids.
fn page(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return String::new();
    };
    let is_id = |segment: &str| {
        let digits = segment.bytes().filter(u8::is_ascii_digit).count();
        segment.len() > 40 || digits > 3 || (digits > 0 && digits == segment.len())
    };
    let segments = url
        .path()
        .split('/')
        .map(|segment| if is_id(segment) { "*" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{page, site};

    #[test]
    fn a_page_is_a_path_without_query_and_ids() {
        for (url, expected) in [
            ("https://a.test/cart?x=1#y", ("a.test", "/cart")),
            (
                "http://a.test:8080/orders/42/edit",
                ("a.test:8080", "/orders/*/edit"),
            ),
            (
                "https://a.test/u/5f2b9c7e-1d2a-4a55-9f0e-000000000001",
                ("a.test", "/u/*"),
            ),
            ("https://a.test/v2/", ("a.test", "/v2/")),
            ("about:blank", ("about", "blank")),
            ("", ("", "")),
        ] {
            assert_eq!((site(url).as_str(), page(url).as_str()), expected, "{url}");
        }
    }
}
