// --- The whole line --------------------------------------------------------------------------

// Readers stop at different depths, and some of them for good: this is where all of ours stop.
function tooDeep(line) {
  if (line.length <= LIMITS.nesting || line.split("{").length + line.split("[").length <= LIMITS.nesting) { return false; }
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
  if (typeof value !== "string" || (field.allowed !== null && field.allowed.indexOf(value) >= 0)) { return value; }
  var upper = value.replace(AROUND, "").toUpperCase();
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

  var candidates = candidatesOf(doc);
  for (var i = 0; i < FIELDS.length; i++) {
    var field = FIELDS[i];
    var found = candidates[i] === undefined ? null : find(doc, field, candidates[i]);
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
