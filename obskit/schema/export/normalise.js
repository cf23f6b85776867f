// ---------------------------------------------------------------------------------------------
// The engine. It knows no field by name but those that the design itself names: `timestamp`,
// `level` with `severity_text`, `trace_id` with `span_id`, `host`, `environment`, `version` and
// `attributes`. Everything else is in the tables above. ECMAScript 5.1 only: Filebeat runs it in
// goja, without modules, promises or template strings.
//
// normalise(line, shipper) is pure: text in, {document} or {reasons, document} out.
// process(event) is what Filebeat calls; it alone touches the event.
// ---------------------------------------------------------------------------------------------

var hasOwn = Object.prototype.hasOwnProperty;

function has(object, key) { return hasOwn.call(object, key); }

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isEmpty(object) {
  for (var key in object) { if (has(object, key)) { return false; } }
  return true;
}

// An ordinary assignment of "__proto__" would change the object's prototype and lose the value.
function put(object, key, value) {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value: value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

// --- Text ------------------------------------------------------------------------------------

// An escaped half of a surrogate pair without its other half is no character. The parsers differ
// in what they make of it (Logstash cuts the text there), so such a line goes to the quarantine.
function hasLoneSurrogate(line) {
  if (!/\\u[dD][89a-fA-F]/.test(line)) { return false; }
  var escape = /\\(?:u([0-9a-fA-F]{4})|.)/g;
  var awaited = -1; // where the second half has to stand
  for (var match = escape.exec(line); match !== null; match = escape.exec(line)) {
    var unit = match[1] ? parseInt(match[1], 16) : 0;
    var second = unit >= 0xdc00 && unit <= 0xdfff;
    if (second !== (awaited === match.index)) { return true; }
    if (awaited >= 0 && !second) { return true; }
    awaited = unit >= 0xd800 && unit <= 0xdbff ? match.index + 6 : -1;
  }
  return awaited >= 0;
}

// Characters as people and the schema count them: a surrogate pair is one.
function characters(text) {
  var count = text.length;
  for (var i = 0; i < text.length; i++) {
    var unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) { count--; i++; }
  }
  return count;
}

// The longest start of the text that takes at most `limit` bytes of UTF-8.
function firstBytes(text, limit) {
  if (text.length * 3 <= limit) { return text; }
  var bytes = 0;
  for (var i = 0; i < text.length; i++) {
    var unit = text.charCodeAt(i);
    var pair = unit >= 0xd800 && unit <= 0xdbff;
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3;
    if (bytes > limit) { return text.substring(0, i); }
    if (pair) { i++; }
  }
  return text;
}

// --- Reading a line --------------------------------------------------------------------------

// Numbers are doubles here. A whole number that a double cannot hold would arrive changed, so it is
// kept as text; the parser sees it in quotes. The first alternative steps over strings.
var TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function keepBigNumbers(line) {
  if (!/\d{16}|\d[eE]\+?\d{2}/.test(line)) { return line; }
  return line.replace(TOKENS, function (token) {
    if (token.charAt(0) === '"') { return token; }
    var number = Number(token);
    var exact = /^-?\d+$/.test(token) ? Math.abs(number) <= 9007199254740991 : isFinite(number);
    return exact ? token : '"' + token + '"';
  });
}

// --- Taking values out of the parsed line ----------------------------------------------------

// The value at a name: as a key that contains the dots, else as nested objects.
function locate(doc, name) {
  if (has(doc, name)) { return { parents: [], holder: doc, key: name, value: doc[name] }; }
  if (name.indexOf(".") < 0) { return null; }
  var path = name.split(".");
  var holder = doc;
  var parents = [];
  for (var i = 0; i < path.length - 1; i++) {
    if (!has(holder, path[i]) || !isObject(holder[path[i]])) { return null; }
    parents.push({ holder: holder, key: path[i] });
    holder = holder[path[i]];
  }
  var key = path[path.length - 1];
  return has(holder, key) ? { parents: parents, holder: holder, key: key, value: holder[key] } : null;
}

// Removes what was located, and the parents that it leaves empty.
function take(found) {
  delete found.holder[found.key];
  for (var i = found.parents.length - 1; i >= 0; i--) {
    var parent = found.parents[i];
    if (!isEmpty(parent.holder[parent.key])) { return; }
    delete parent.holder[parent.key];
  }
}

// The canonical name beats every alias, and aliases count in listed order. An object is no value of
// a plain field: {"host": {"name": "a"}} has its host at the alias host.name.
function find(doc, field) {
  var fallback = null;
  for (var i = 0; i < field.names.length; i++) {
    var found = locate(doc, field.names[i]);
    if (found === null) { continue; }
    found.name = field.names[i];
    if (field.type === "flattened" || !isObject(found.value)) { return found; }
    if (i === 0) { fallback = found; }
  }
  return fallback;
}

// --- Values by type --------------------------------------------------------------------------
// Each returns {value: …} or {reason: "…"}.

// Looser than the schema's own pattern, where the instant is certain all the same.
var DATE = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))? ?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)$/;
var LAST_INSTANT = 253402300799999; // the end of the year 9999, in milliseconds

function asDate(field, value) {
  var millis = typeof value === "string" ? (/^\d{10,19}$/.test(value) ? ofEpoch(+value) : ofText(value)) :
    typeof value === "number" ? ofEpoch(value) : NaN;
  if (!(millis >= 0 && millis <= LAST_INSTANT)) { return { reason: "no date and time with a zone" }; }
  var date = new Date(millis);
  return { date: date, value: date.toISOString() };
}

// Seconds, milliseconds, microseconds or nanoseconds: the size of the number tells.
function ofEpoch(number) {
  if (number < 0) { return NaN; }
  return Math.floor((number < 1e11 ? number * 1000 : number < 1e14 ? number : number < 1e17 ? number / 1000 :
    number / 1000000) + 0.5);
}

function ofText(text) {
  var part = DATE.exec(text);
  if (part === null) { return NaN; }
  var year = +part[1], month = +part[2], day = +part[3];
  var leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  var days = [0, 31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  var offset = part[8] ? +part[9] * 60 + +(part[10] || 0) : 0;
  if (year < 1970 || month > 12 || day < 1 || !(day <= days[month]) || +part[4] > 23 || +part[5] > 59 ||
      +part[6] > 59 || offset > 18 * 60 || +(part[10] || 0) > 59) { return NaN; }
  var millis = +((part[7] || "") + "000").substring(0, 3);
  return Date.UTC(year, month - 1, day, +part[4], +part[5], +part[6], millis) -
    (part[8] === "-" ? -offset : offset) * 60000;
}

function asText(field, value) {
  if (typeof value !== "string") { return { reason: "not text" }; }
  var length = characters(value);
  if (length < field.minLength || (field.minLength > 0 && /^\s*$/.test(value))) { return { reason: "empty" }; }
  if (field.maxLength > 0 && length > field.maxLength) {
    return { reason: "longer than " + field.maxLength + " characters" };
  }
  if (field.pattern !== null && !field.pattern.test(value)) { return { reason: "not of the form of the field" }; }
  if (field.allowed !== null && field.allowed.indexOf(value) < 0) {
    return { reason: "not one of " + field.allowed.join(" ") };
  }
  return { value: value };
}

function asNumber(field, value) {
  if (typeof value !== "number" || !isFinite(value)) { return { reason: "not a number" }; }
  if (field.type === "long" && Math.floor(value) !== value) { return { reason: "not a whole number" }; }
  if (field.minimum !== null && value < field.minimum) { return { reason: "below " + field.minimum }; }
  if (field.maximum !== null && value > field.maximum) { return { reason: "above " + field.maximum }; }
  return { value: value };
}

var IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

function isIPv6(text) {
  var last = text.lastIndexOf(":");
  if (last < 0) { return false; }
  var tail = text.substring(last + 1);
  if (tail.indexOf(".") >= 0) { // the last 32 bits in the form of IPv4 stand for two groups
    if (!IPV4.test(tail)) { return false; }
    text = text.substring(0, last + 1) + "0:0";
  }
  var halves = text.split("::");
  if (halves.length > 2) { return false; }
  var count = 0;
  for (var i = 0; i < halves.length; i++) {
    if (halves[i] === "") { continue; }
    var groups = halves[i].split(":");
    for (var j = 0; j < groups.length; j++) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(groups[j])) { return false; }
    }
    count += groups.length;
  }
  return halves.length === 2 ? count <= 7 : count === 8;
}

function asAddress(field, value) {
  if (typeof value === "string" && (IPV4.test(value) || isIPv6(value))) { return { value: value }; }
  return { reason: "not an IP address" };
}

function asBoolean(field, value) {
  return typeof value === "boolean" ? { value: value } : { reason: "not true or false" };
}

function asFlattened(field, value) {
  if (!isObject(value)) { return { reason: "not an object" }; }
  var cut = [];
  var kept = bounded(value, 1, "", cut);
  return cut.length === 0 ? { value: kept } : { reason: "more than the index takes at " + cut.join(", ") };
}

var READERS = {
  date: asDate, keyword: asText, text: asText, ip: asAddress, long: asNumber, double: asNumber, boolean: asBoolean,
  flattened: asFlattened
};

// --- Attributes ------------------------------------------------------------------------------

// A flattened field refuses more than 20 levels, and silently leaves out of its index every leaf above
// `ignore_above`. Both are cut here, and their paths listed, so that nothing is lost unseen.
function bounded(value, depth, path, cut) {
  if (typeof value === "string") {
    var kept = firstBytes(value, LIMITS.leafBytes);
    if (kept.length < value.length) { cut.push(path); }
    return kept;
  }
  if (value === null || typeof value !== "object") { return value; }
  if (depth > LIMITS.depth) {
    cut.push(path);
    return firstBytes(JSON.stringify(value), LIMITS.leafBytes);
  }
  var i, key, copy;
  if (Array.isArray(value)) {
    copy = [];
    for (i = 0; i < value.length; i++) { copy.push(bounded(value[i], depth + 1, path, cut)); }
    return copy;
  }
  copy = {};
  for (key in value) {
    if (!has(value, key)) { continue; }
    // Elasticsearch refuses the whole document for a NUL in a key.
    var name = key.indexOf("\u0000") < 0 ? key : key.split("\u0000").join("\ufffd");
    name = firstBytes(name, LIMITS.keyBytes);
    var below = path === "" ? name : path + "." + name;
    if (name.length < key.length) { cut.push(below); }
    put(copy, name, bounded(value[key], depth + 1, below, cut));
  }
  return copy;
}

// What the service put below `attributes` stays as it is; every other key that is left joins it. A key
// that is taken gets underscores: neither value is lost.
function collect(doc, declared) {
  var extra = {};
  var key;
  for (key in declared) { if (has(declared, key)) { put(extra, key, declared[key]); } }
  for (key in doc) {
    if (!has(doc, key)) { continue; }
    var name = key;
    while (has(extra, name)) { name += "_"; }
    put(extra, name, doc[key]);
  }
  return extra;
}

// --- The whole line --------------------------------------------------------------------------

// Readers stop at different depths, and some of them for good: this is where all of ours stop.
function tooDeep(line) {
  var brackets = line.match(/[\[{]/g);
  if (brackets === null || brackets.length <= LIMITS.nesting) { return false; }
  var depth = 0;
  var token = /"(?:[^"\\]|\\.)*"|[\[\]{}]/g;
  for (var found = token.exec(line); found !== null; found = token.exec(line)) {
    if (found[0] === "[" || found[0] === "{") { depth++; }
    if (found[0] === "]" || found[0] === "}") { depth--; }
    if (depth > LIMITS.nesting) { return true; }
  }
  return false;
}

function parse(line) {
  if (tooDeep(line)) { return { reason: "json: more than " + LIMITS.nesting + " levels of nesting" }; }
  if (hasLoneSurrogate(line)) { return { reason: "json: half a surrogate pair" }; }
  if (line.charCodeAt(0) === 0xfeff) { line = line.substring(1); } // a byte order mark
  var doc;
  try {
    doc = JSON.parse(keepBigNumbers(line));
  } catch (error) {
    return { reason: "json: not valid" };
  }
  if (!isObject(doc)) { return { reason: "json: not an object" }; }
  return { doc: doc };
}

function setPath(document, path, value) {
  var holder = document;
  for (var i = 0; i < path.length - 1; i++) {
    if (!has(holder, path[i])) { holder[path[i]] = {}; }
    holder = holder[path[i]];
  }
  holder[path[path.length - 1]] = value;
}

// WARNING is WARN and critical is ERROR; what the source said stays beside it unless only its case differs.
function levelOf(field, value, document) {
  if (typeof value !== "string") { return value; }
  var upper = value.replace(/^\s+|\s+$/g, "").toUpperCase();
  if (field.allowed !== null && field.allowed.indexOf(upper) >= 0) { return upper; }
  if (!has(field.synonyms, upper)) { return value; }
  if (field.name === "level" && !has(document, "severity_text")) { document.severity_text = value; }
  return field.synonyms[upper];
}

// https://www.w3.org/TR/trace-context/#traceparent-header: version-trace-parent-flags, by position.
var TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

function normalise(line, shipper) {
  // Lines of another format than JSON come with a reader of their own, in front of this engine.
  var read = typeof readLine === "function" ? readLine(line) : parse(line);
  if (read.reason) { return { reasons: [read.reason], document: {} }; }
  var doc = read.doc, document = {}, reasons = [], declared = {}, spanId, time;

  for (var i = 0; i < FIELDS.length; i++) {
    var field = FIELDS[i];
    var found = find(doc, field);
    if (found === null) {
      if (field.required) { reasons.push(field.name + ": missing"); }
      continue;
    }
    if (field.name === ATTRIBUTES) {
      take(found);
      if (isObject(found.value)) { declared = found.value; }
      else if (found.value !== null) { declared[ATTRIBUTES] = found.value; }
      continue;
    }
    var value = found.value;
    if (value === null) {
      take(found);
      if (!field.nullable) { reasons.push(field.name + ": null"); }
      else if (field.required) { setPath(document, field.path, null); }
      continue;
    }
    if (found.name === "traceparent") {
      var parts = typeof value === "string" ? TRACEPARENT.exec(value) : null;
      if (parts !== null) { value = parts[1]; spanId = parts[2]; }
    }
    if (field.synonyms !== null) { value = levelOf(field, value, document); }
    var result = READERS[field.type](field, value);
    if (result.reason) {
      reasons.push(field.name + ": " + result.reason);
      continue;
    }
    take(found);
    if (result.date && field.name === "timestamp") { time = result.date; }
    setPath(document, field.path, result.value);
  }
  if (spanId !== undefined && !has(document, "span_id")) { document.span_id = spanId; }
  enrich(document, shipper);

  var extra = collect(doc, declared);
  var contradicted = contradictions(document, shipper);
  if (!isEmpty(contradicted)) { extra.shipper = contradicted; }
  if (!isEmpty(extra)) {
    var cut = [];
    extra = bounded(extra, 1, "", cut);
    if (cut.length > 0) { extra[CUT] = cut; }
    document[ATTRIBUTES] = extra;
  }
  return reasons.length > 0 ? { reasons: reasons, document: document } : { document: document, time: time };
}

// `host`, `environment` and `version` come from the shipper and obskit.yml where the event is silent.
function enrich(document, shipper) {
  for (var name in shipper) {
    if (has(shipper, name) && shipper[name] && !has(document, name)) { document[name] = shipper[name]; }
  }
}

// The event's own value wins; what obskit.yml says otherwise is kept beside it, as the mark.
function contradictions(document, shipper) {
  var marks = {};
  for (var name in shipper) {
    if (name !== "host" && has(shipper, name) && shipper[name] && document[name] !== shipper[name]) {
      marks[name] = shipper[name];
    }
  }
  return marks;
}

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
  if (typeof line === "string" && /^\s*$/.test(line)) { event.Cancel(); return event; }
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
