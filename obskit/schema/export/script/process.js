// --- Filebeat ---------------------------------------------------------------------------------

// What Kubernetes and Docker metadata processors know of the place the line came from.
var ORIGIN = [
  ["cluster", "orchestrator.cluster.name"], ["namespace", "kubernetes.namespace"], ["pod", "kubernetes.pod.name"],
  ["node", "kubernetes.node.name"], ["container", "kubernetes.container.name"], ["container", "container.name"],
  ["unit", "systemd.unit"]
];

function originOf(event) {
  var origin = {};
  for (var i = 0; i < ORIGIN.length; i++) {
    var value = event.Get(ORIGIN[i][1]);
    if (typeof value === "string" && value !== "" && !has(origin, ORIGIN[i][0])) { origin[ORIGIN[i][0]] = value; }
  }
  return origin;
}

function datasetOf(service) {
  // A pair of surrogates is one character, and becomes one underscore.
  var dataset = service.toLowerCase().replace(/[\ud800-\udbff][\udc00-\udfff]|[^a-z0-9_]/g, "_");
  // `invalid` is the quarantine's; characters beyond the limit would make a name that is refused.
  if (dataset === QUARANTINE) { dataset += "_"; }
  return dataset.substring(0, SERVICE_LENGTH);
}

function process(event) {
  var line = event.Get("message");
  if (typeof line === "string" && /^[ \t-\r]*$/.test(line)) { event.Cancel(); return event; }
  var host = event.Get("host.hostname") || event.Get("host.name");
  var shipper = { host: host, environment: SETTINGS.environment, version: SETTINGS.version };
  var result;
  try {
    if (typeof line !== "string") {
      result = { reasons: ["line: missing"], document: {} };
    } else if (line.indexOf("\ufffd") >= 0 && !event.Get("obskit.replacement")) {
      // Bytes that are no UTF-8 have become U+FFFD on the way here; a line that really has one is marked.
      result = { reasons: ["line: not UTF-8"], document: {} };
    } else {
      result = normalise(line, shipper);
    }
  } catch (error) { // never lose a line to a mistake of ours
    result = { reasons: ["filter: " + error], document: {} };
  }
  var origin = originOf(event), dataset = QUARANTINE;
  var document = result.reasons ? quarantined(line, result, event) : result.document;

  // What shippers add (agent, ecs, input, log, host as an object) would collide with our fields.
  var keys = Object.keys(event.Get());
  for (var i = 0; i < keys.length; i++) { event.Delete(keys[i]); }

  if (!isEmpty(origin) && !result.reasons) {
    if (!has(document, ATTRIBUTES)) { document[ATTRIBUTES] = {}; }
    if (!isObject(document[ATTRIBUTES].shipper)) { document[ATTRIBUTES].shipper = {}; }
    for (var name in origin) { document[ATTRIBUTES].shipper[name] = origin[name]; }
  }
  for (var key in document) {
    if (has(document, key)) { event.Put(key, document[key]); }
  }
  if (!result.reasons) {
    dataset = datasetOf(document.service);
    if (result.time) { event.Put("@timestamp", result.time); }
  }
  event.Put("data_stream", { type: "logs", dataset: PREFIX + dataset, namespace: SETTINGS.namespace });
  event.Put("@metadata.raw_index", "logs-" + PREFIX + dataset + "-" + SETTINGS.namespace);
  return event;
}

// The quarantine keeps the time of arrival: an event that breaks the schema may have none of its own.
function quarantined(line, result, event) {
  var document = {
    message: typeof line === "string" ? line : JSON.stringify(event.Get()),
    reasons: result.reasons,
    error: { type: "schema", message: result.reasons.join("; ") }
  };
  if (typeof result.document.service === "string") { document.service = result.document.service; }
  return document;
}
