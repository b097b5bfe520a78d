//! The routes that are no operations of the table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{GatewayOptions, refusals, request_id};

type Names = BTreeMap<&'static str, Value>;

/// Each path with its methods.
pub(super) fn paths(names: &Names, options: &GatewayOptions) -> Map<String, Value> {
    let mut paths = Map::new();
    let mut add = |path: &str, methods: Value| paths.insert(path.to_owned(), methods);
    add("/v1/health", json!({ "get": health(names) }));
    add("/v1/openapi.json", json!({ "get": openapi() }));
    add("/v1/events", json!({ "get": events(names) }));
    add("/v1/runs/{id}/events", json!({ "get": run_events(names) }));
    add(
        "/v1/media/{asset}/{role}",
        json!({ "get": media(names, true), "head": media(names, false) }),
    );
    add("/v1/media-url", json!({ "post": media_url(names) }));
    if options.uploads.is_some() {
        add("/v1/uploads", json!({ "post": create(names), "options": capabilities(false) }));
        add(
            "/v1/uploads/{id}",
            json!({
                "head": tell(),
                "patch": append(),
                "delete": end(),
                "options": capabilities(true),
            }),
        );
    }
    paths
}

/// A route with its answers: the good ones and the statuses of its problems.
fn route(id: &str, tag: &str, summary: &str, good: Value, problems: &[u16]) -> Value {
    let mut responses = refusals(problems);
    // What the first layers refuse.
    responses.append(&mut refusals(&[400, 401, 403, 421]));
    if let Value::Object(good) = good {
        responses.extend(good);
    }
    json!({ "operationId": id, "tags": [tag], "summary": summary, "responses": responses })
}

fn with(mut route: Value, field: &str, value: Value) -> Value {
    route[field] = value;
    route
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": schema } },
        "headers": request_id(),
    })
}

fn parameter(name: &str, place: &str, required: bool, schema: Value, words: &str) -> Value {
    json!({
        "name": name, "in": place, "required": required, "schema": schema, "description": words,
    })
}

fn header(name: &str, required: bool, schema: Value, words: &str) -> Value {
    parameter(name, "header", required, schema, words)
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn count() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0 })
}

fn health(names: &Names) -> Value {
    let good = json!({ "200": answer("It serves.", &names["health"]) });
    let route = route("gateway.health", "gateway", "Tells how the gateway is.", good, &[]);
    with(route, "security", json!([]))
}

fn openapi() -> Value {
    let good = json!({ "200": answer("The document.", &json!({ "type": "object" })) });
    route("gateway.openapi", "gateway", "Gives this document.", good, &[])
}

fn stream(description: String) -> Value {
    json!({ "200": {
        "description": description,
        "content": { "text/event-stream": { "schema": { "type": "string" } } },
        "headers": request_id(),
    } })
}

fn events(names: &Names) -> Value {
    let good = stream(format!(
        "Server-sent events without end: `id` is the event's number, `event` its topic, `data` the \
         record `{}`. Clients without them ask `events.list` with `wait_ms`.",
        record(&names["event"])
    ));
    let route = route("events.stream", "events", "Follows the event log.", good, &[409]);
    let words = "Begins after this event; 0 begins with the first.";
    let after = parameter("after", "query", false, count(), words);
    let resume = header("Last-Event-ID", false, count(), "As `after`, and goes before it.");
    with(route, "parameters", json!([after, resume]))
}

fn run_events(names: &Names) -> Value {
    let good = stream(format!(
        "Server-sent events: `progress` with its record as data, and at last `end` with the `{}`.",
        record(&names["run"])
    ));
    let route = route("runs.stream", "runs", "Follows a run to its end.", good, &[404, 409]);
    with(route, "parameters", json!([parameter("id", "path", true, uuid(), "The run.")]))
}

fn record(reference: &Value) -> &str {
    reference["$ref"].as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default()
}

fn media(names: &Names, is_get: bool) -> Value {
    let text = json!({ "type": "string" });
    let headers = json!({
        "ETag": { "description": "Names these bytes for ever.", "schema": text },
        "Accept-Ranges": { "description": "`bytes`.", "schema": text },
        "Content-Disposition": { "description": "The name of the file.", "schema": text },
    });
    let bytes = |description: &str| match is_get {
        // Of any type: a type of its own for each file.
        true => json!({ "description": description, "content": { "*/*": {} }, "headers": headers }),
        false => json!({ "description": description, "headers": headers }),
    };
    let mut good = json!({ "200": bytes("All of the file.") });
    good["304"] = json!({ "description": "The client has these bytes.", "headers": headers });
    let mut problems = vec![404, 409, 422];
    if is_get {
        good["206"] = bytes("The bytes asked for.");
        problems.push(416);
    }
    let id = if is_get { "media.read" } else { "media.look" };
    let route = route(id, "media", "Reads a file of an asset.", good, &problems);
    let mut parameters = vec![
        parameter("asset", "path", true, uuid(), "The asset."),
        parameter("role", "path", true, names["role"].clone(), "What the rendition is for."),
        parameter(
            "part",
            "query",
            false,
            json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            "The file of it, from 0.",
        ),
        parameter("exp", "query", false, text.clone(), "Of a signed address: until when."),
        parameter("sig", "query", false, text.clone(), "Of a signed address: the signature."),
        header("If-None-Match", false, text.clone(), "ETags of bytes that are there already."),
    ];
    if is_get {
        parameters.push(header("Range", false, text.clone(), "One range of bytes."));
        parameters.push(header("If-Range", false, text, "The ETag the range is of."));
    }
    with(route, "parameters", parameters.into())
}

fn media_url(names: &Names) -> Value {
    let good = json!({ "200": answer("The address.", &names["signed"]) });
    let summary = "Signs an address of media, for players that send no token.";
    let route = route("media.sign", "media", summary, good, &[404, 408, 409, 413, 415]);
    let content = json!({ "application/json": { "schema": names["media_url"] } });
    with(route, "requestBody", json!({ "required": true, "content": content }))
}

fn tus_version() -> Value {
    header("Tus-Resumable", true, json!({ "const": "1.0.0" }), "The version of tus.")
}

fn checksum() -> Value {
    let words = "`sha1`, `sha256` or `md5`, a blank, and the sum of the bytes in Base64.";
    header("Upload-Checksum", false, json!({ "type": "string" }), words)
}

fn told() -> Value {
    let of =
        |description: &str, schema: Value| json!({ "description": description, "schema": schema });
    json!({
        "Tus-Resumable": of("`1.0.0`.", json!({ "type": "string" })),
        "Upload-Offset": of("The bytes that are safe.", count()),
        "Upload-Expires": of("When it is forgotten.", json!({ "type": "string" })),
        "Emam-Run": of("The ingest, once all bytes have come.", uuid()),
        "Emam-Asset": of("The asset, once all bytes have come.", uuid()),
    })
}

fn chunk(required: bool) -> Value {
    let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
    json!({ "required": required, "content": { "application/offset+octet-stream": bytes } })
}

fn create(names: &Names) -> Value {
    let mut created = answer("It has begun.", &names["upload"]);
    created["headers"] = told();
    created["headers"]["Location"] =
        json!({ "description": "Where the bytes go.", "schema": { "type": "string" } });
    let good = json!({ "201": created });
    let summary = "Begins an upload (tus 1.0.0), with its first bytes or without.";
    let problems = [404, 408, 409, 412, 413, 415, 422, 423, 429, 460];
    let route = route("uploads.create", "uploads", summary, good, &problems);
    let words = "`filename` and, if wanted, `options`: those of assets.ingest in JSON. Each as a \
        key, a blank and the value in Base64, with commas between.";
    let parameters = json!([
        tus_version(),
        header("Upload-Length", true, count(), "The bytes it will have."),
        header("Upload-Metadata", true, json!({ "type": "string" }), words),
        checksum(),
    ]);
    with(with(route, "parameters", parameters), "requestBody", chunk(false))
}

fn upload_id() -> Value {
    parameter("id", "path", true, uuid(), "The upload.")
}

fn tell() -> Value {
    let good = json!({ "200": { "description": "So far it is.", "headers": told() } });
    let summary = "Tells how much of an upload has come.";
    let route = route("uploads.tell", "uploads", summary, good, &[404, 410, 412, 422]);
    with(route, "parameters", json!([tus_version(), upload_id()]))
}

fn append() -> Value {
    let good = json!({ "204": { "description": "The bytes are safe.", "headers": told() } });
    let summary = "Sends the next bytes of an upload. With the last, the file is ingested.";
    let problems = [404, 408, 409, 410, 412, 413, 415, 422, 423, 460];
    let route = route("uploads.append", "uploads", summary, good, &problems);
    let offset = header("Upload-Offset", true, count(), "Where these bytes begin.");
    let parameters = json!([tus_version(), upload_id(), offset, checksum()]);
    with(with(route, "parameters", parameters), "requestBody", chunk(true))
}

fn end() -> Value {
    let good = json!({ "204": { "description": "It is forgotten." } });
    let problems = [404, 409, 410, 412, 422, 423];
    let route = route("uploads.end", "uploads", "Gives an upload up.", good, &problems);
    with(route, "parameters", json!([tus_version(), upload_id()]))
}

fn capabilities(of_one: bool) -> Value {
    let headers = json!({
        "Tus-Version": { "description": "`1.0.0`.", "schema": { "type": "string" } },
        "Tus-Extension": { "description": "What it can.", "schema": { "type": "string" } },
        "Tus-Max-Size": { "description": "The most bytes of an upload.", "schema": count() },
    });
    let good = json!({ "204": { "description": "What it can.", "headers": headers } });
    let id = if of_one { "uploads.capabilities_of_one" } else { "uploads.capabilities" };
    let route = route(id, "uploads", "Tells what uploads can do.", good, &[404, 422]);
    match of_one {
        true => with(route, "parameters", json!([upload_id()])),
        false => route,
    }
}
